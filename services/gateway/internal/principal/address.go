package principal

import (
	"context"
	"net/netip"
)

type addressKey struct{}

// WithAddress says where a request comes from, as far as proxies that are trusted say: who signs in is nobody until then, and comes from somewhere.
func WithAddress(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Network is what one client has, for those who count clients: an address, or of IPv6 the /64 that whoever has one address of it
// has whole. Where addresses name tenants the log says the same of them (storelog.Naming), under names of its own.
func Network(address netip.Addr) string {
	if network, err := address.Prefix(64); err == nil && address.Is6() {
		return network.String()
	}
	return address.String()
}

// Site is what one customer of a network may have, where that is more than a client's Network: of IPv6 the /48, with 65,536 of those. Empty of IPv4.
func Site(address netip.Addr) string {
	if site, err := address.Prefix(48); err == nil && address.Is6() {
		return site.String()
	}
	return ""
}

// AddressIn is where a request comes from; invalid where no door has said.
func AddressIn(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(addressKey{}).(netip.Addr)
	return address
}
