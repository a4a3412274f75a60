package door

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// way is how a request comes to the gateway: by proxies that are trusted, each of which writes down who asked it.
type way struct {
	trusted []netip.Prefix
	// proxies stand in the order that the request passes them; the last one connects to the gateway.
	proxies []netip.Addr
}

func (w way) peer() netip.Addr { return w.proxies[len(w.proxies)-1] }

// hops are what the proxies write when client asks the first of them with these hops already in its request.
func (w way) hops(t *rapid.T, invented []string, client netip.Addr) []string {
	hops := append(slices.Clone(invented), written(t, client))
	for _, proxy := range w.proxies[:len(w.proxies)-1] {
		hops = append(hops, written(t, proxy))
	}
	return hops
}

func drawWay(t *rapid.T) way {
	var w way
	for range rapid.IntRange(1, 3).Draw(t, "networks") {
		address := drawAddress(t)
		network, err := ParseNetworks([]string{fmt.Sprintf("%s/%d", address, rapid.IntRange(1, address.BitLen()).Draw(t, "bits"))})
		if err != nil {
			t.Fatal(err)
		}
		w.trusted = append(w.trusted, network...)
	}
	if rapid.Bool().Draw(t, "trust this machine") {
		w.trusted = append(w.trusted, netip.MustParsePrefix("127.0.0.0/8"))
	}
	for range rapid.IntRange(1, 4).Draw(t, "proxies") {
		network := rapid.SampledFrom(w.trusted).Draw(t, "network of a proxy")
		w.proxies = append(w.proxies, drawIn(t, network))
	}
	return w
}

// drawNaming draws a log's: one that was made with a key, or without.
func drawNaming(t *rapid.T) storelog.Naming {
	if rapid.Bool().Draw(t, "in clear") {
		return storelog.NamingOf(nil)
	}
	key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
	return storelog.NamingOf(map[string]string{"store-platform.io/tenant-key": base64.StdEncoding.EncodeToString(key)})
}

// drawIn draws an address of the network.
func drawIn(t *rapid.T, network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < network.Addr().BitLen(); bit++ {
		if rapid.Bool().Draw(t, "bit") {
			bytes[bit/8] |= 0x80 >> (bit % 8)
		}
	}
	address, _ := netip.AddrFromSlice(bytes)
	// One that nobody could have, or that is another machine's name for itself, is no proxy's.
	if nobodys(address) || address.IsLoopback() && !network.Addr().IsLoopback() {
		t.Skip("drew an address that no proxy has")
	}
	return address
}

func drawAddress(t *rapid.T) netip.Addr {
	length := rapid.SampledFrom([]int{4, 16}).Draw(t, "length")
	bytes := rapid.SliceOfN(rapid.Byte(), length, length).Draw(t, "address")
	if length == 16 && rapid.Bool().Draw(t, "near others") {
		copy(bytes, netip.MustParseAddr("2001:db8::").AsSlice()[:7])
	}
	address, _ := netip.AddrFromSlice(bytes)
	return address.Unmap()
}

func nobodys(address netip.Addr) bool {
	return address.IsUnspecified() || address.IsMulticast() || address.Is4In6()
}

// drawClient draws who is no proxy, and of another machine.
func drawClient(t *rapid.T, w way) netip.Addr {
	client := drawAddress(t)
	if nobodys(client) || client.IsLoopback() || within(client, w.trusted) {
		t.Skip("drew no client")
	}
	return client
}

// written is an address as one proxy or another writes it.
func written(t *rapid.T, address netip.Addr) string {
	port := rapid.Uint16().Draw(t, "port")
	ways := []string{address.String(), netip.AddrPortFrom(address, port).String()}
	if address.Is4() {
		mapped := netip.AddrFrom16(address.As16())
		ways = append(ways, mapped.String(), "["+mapped.String()+"]", netip.AddrPortFrom(mapped, port).String())
	} else {
		zoned := address.WithZone("eth0")
		ways = append(ways, "["+address.String()+"]", address.StringExpanded(), strings.ToUpper(address.String()),
			zoned.String(), netip.AddrPortFrom(zoned, port).String())
	}
	around := rapid.SampledFrom([]string{"", " ", "\t"})
	return around.Draw(t, "before") + rapid.SampledFrom(ways).Draw(t, "written") + around.Draw(t, "behind")
}

// invention is anything a client may claim, unreadable or somebody's very address.
func invention(t *rapid.T, somebody netip.Addr) []string {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"", "unknown", "127.0.0.1", "::1", "10.0.0.1", "0.0.0.0", somebody.String()}), rapid.String(),
	), 0, 4).Draw(t, "invented")
}

// whose is a client's own machine or network, told without the code under test.
func whose(address netip.Addr) string {
	if address.Is6() {
		bytes := address.As16()
		return string(bytes[:8])
	}
	return string(address.AsSlice())
}

func TestClientsBehindTheSameProxiesAreToldApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, naming := drawWay(t), drawNaming(t)
		one, other := drawClient(t, w), drawClient(t, w)
		if rapid.Bool().Draw(t, "neighbours") {
			other = one.Next()
			if !other.IsValid() || nobodys(other) || other.IsLoopback() || within(other, w.trusted) {
				t.Skip("drew no neighbour")
			}
		}
		tenants := map[netip.Addr]string{}
		for _, client := range []netip.Addr{one, other} {
			for _, invented := range [][]string{nil, invention(t, one), invention(t, other)} {
				by := forwarding{told: true, hops: w.hops(t, invented, client)}
				found, err := callerOf(w.peer(), by, w.trusted)
				if err != nil {
					t.Fatalf("%s by %q is refused: %v", client, by.hops, err)
				}
				if found.here {
					t.Fatalf("%s by %q is at the machine", client, by.hops)
				}
				tenant := naming.Tenant(found.address)
				if before, known := tenants[client]; known && before != tenant {
					t.Fatalf("%s by %q is %s, and was %s", client, by.hops, tenant, before)
				}
				tenants[client] = tenant
			}
		}
		if same := whose(one) == whose(other); same != (tenants[one] == tenants[other]) {
			t.Fatalf("%s is %s, and %s is %s", one, tenants[one], other, tenants[other])
		}
		if tenants[one] == storelog.LoopbackTenant {
			t.Fatalf("%s is this machine's", one)
		}
	})
}

// Whoever speaks for somebody is never at the machine, whatever the addresses and whoever is trusted.
func TestNobodyForwardedIsAtTheMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWay(t)
		local := rapid.SampledFrom([]string{"127.0.0.1", "127.0.0.6", "::1", "::ffff:127.0.0.1"})
		peers := append(slices.Clone(w.proxies), drawAddress(t), netip.MustParseAddr(local.Draw(t, "local")))
		by := forwarding{told: true, hops: invention(t, netip.MustParseAddr(local.Draw(t, "forwarded")))}
		peer := rapid.SampledFrom(peers).Draw(t, "peer")
		found, err := callerOf(peer, by, w.trusted)
		if found.here {
			t.Fatalf("%s with %q is at the machine", peer, by.hops)
		}
		// A proxy's word that its own machine asked is not about this one, and only a proxy's of this one counts.
		peer = plain(peer)
		ours := peer.IsLoopback() && within(peer, w.trusted)
		if err == nil && drawNaming(t).Tenant(found.address) == storelog.LoopbackTenant && !ours {
			t.Fatalf("%s with %q is this machine's", peer, by.hops)
		}
	})
}

func TestWhatATrustedProxyWroteAndCannotBeReadIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWay(t)
		hops := w.hops(t, invention(t, w.peer()), drawClient(t, w))
		reached := len(w.proxies)
		wrong := rapid.SampledFrom([]string{
			"", " ", "unknown", "_hidden", "203.0.113.7:", "203.0.113.7:http", "203.0.113.7:65536", "203.0.113.700", "[2001:db8::7", "2001:db8::7]",
			"[203.0.113.7", "[]", "[]:80", "0.0.0.0", "::", "[::]:80", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "ff02::1%eth0", "1", "203.0.113.7 203.0.113.8",
		}).Draw(t, "wrong")
		hops[len(hops)-rapid.IntRange(1, reached).Draw(t, "which")] = wrong
		_, err := callerOf(w.peer(), forwarding{told: true, hops: hops}, w.trusted)
		var refused *problem.Problem
		if !errors.As(err, &refused) || refused.Code != problem.ForwardedUnreadable || !strings.Contains(refused.Detail, "X-Forwarded-For") {
			t.Fatalf("%q: %v", hops, err)
		}
	})
}
