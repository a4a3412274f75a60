package door

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// errNoAddress: whatever this is isn't TCP. All clients would be one.
var errNoAddress = errors.New("the connection has no address")

// caller is where a request comes from.
type caller struct {
	address netip.Addr
	// here: it is this machine's own, and nobody has spoken for anybody else on the way.
	here bool
}

// forwarding is what a request says of the proxies that it came by.
type forwarding struct {
	// told: one of them has left any mark at all.
	told bool
	// hops are the elements of all lines of X-Forwarded-For, as they came: who asked the last proxy stands last.
	hops []string
}

// callerOf finds the caller. A proxy appends to X-Forwarded-For who it was asked by, so the list is read from its end
// for as long as the one who wrote it is trusted; anything further left may be invented.
//
// What a trusted proxy wrote and can't be read is refused: who is given the proxy's own address instead is one client
// with all others whom that happened to. The same becomes of who comes through a proxy of this machine that isn't
// trusted, which would make them the machine's own. Other proxies that aren't trusted may be the client's, such as a
// company's way out: they stay who they are, whatever they say.
func callerOf(peer netip.Addr, by forwarding, trusted []netip.Prefix) (caller, error) {
	peer = plain(peer)
	switch believed := within(peer, trusted); {
	case !peer.IsValid():
		return caller{}, errNoAddress
	case !by.told:
		return caller{peer, peer.IsLoopback()}, nil
	case !believed && peer.IsLoopback():
		return caller{}, problem.New(problem.ProxyNotTrusted, "A proxy on the gateway's own machine has forwarded this, and all its "+
			"clients would look alike. Name the proxy's address in TRUST_PROXY, and have it send X-Forwarded-For.")
	case !believed:
		return caller{peer, false}, nil
	case len(by.hops) == 0:
		return caller{}, problem.New(problem.ForwardedUnreadable,
			"A proxy that is trusted has forwarded this without saying for whom, in X-Forwarded-For.")
	}
	client, wrote := peer, peer
	for i := len(by.hops) - 1; i >= 0 && within(wrote, trusted); i-- {
		hop, err := readHop(by.hops[i])
		if err != nil {
			return caller{}, problem.New(problem.ForwardedUnreadable, fmt.Sprintf(
				"A proxy that is trusted has written %q into X-Forwarded-For, which is no client's address.", by.hops[i]))
		}
		// A loopback address is of the machine of who wrote it, not of this one.
		if !hop.IsLoopback() {
			client = hop
		}
		wrote = hop
	}
	return caller{client, false}, nil
}

// readHop takes an address as proxies write it: alone or with the port that the client had, IPv6 in brackets or not.
func readHop(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	address, err := netip.ParseAddr(text)
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed && strings.HasSuffix(inner, "]") {
		address, err = netip.ParseAddr(strings.TrimSuffix(inner, "]"))
	} else if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(text)
		address = with.Addr()
	}
	if err == nil && (address.Unmap().IsUnspecified() || address.Unmap().IsMulticast()) {
		err = fmt.Errorf("%s is nobody's address", address)
	}
	return plain(address), err
}

// plain is the address without what networks can't be compared with: IPv4 written as IPv6, and an interface of the
// machine that wrote it.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }
