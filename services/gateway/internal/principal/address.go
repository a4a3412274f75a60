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

// AddressIn is where a request comes from; invalid where no door has said.
func AddressIn(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(addressKey{}).(netip.Addr)
	return address
}
