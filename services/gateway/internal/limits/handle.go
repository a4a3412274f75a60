package limits

import (
	"context"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/door"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Handle counts a request before anything else is done for it, and has every counted answer say how the buckets stand that
// it was paid from. It comes behind the door, which has said whose it is and has refused more cheaply what it refuses.
func (b *Buckets) Handle(c *fiber.Ctx) error {
	// Before anybody is asked who it is.
	if isFree(c.Path()) {
		return c.Next()
	}
	who := principal.In(c.UserContext())
	if who.Unmetered() {
		return c.Next()
	}
	n := &note{}
	ctx := context.WithValue(c.UserContext(), noteKey{}, n)
	c.SetUserContext(ctx)
	// Also on the answer to a panic.
	defer n.tell(c)
	if err := b.Take(ctx, payer(who, door.Caller(c)), 1); err != nil {
		return err
	}
	return c.Next()
}

// isFree says whether an answer is nobody's to pay for: probes and Prometheus, who ask whatever else is going on, and what is
// the same bytes for everybody.
func isFree(path string) bool {
	switch path {
	case "/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics":
		return true
	}
	return strings.HasPrefix(path, "/assets/")
}

// payer is whose bucket a request is paid from. Who has no tenant is their address, of IPv6 what one customer of a network
// has: they could take another address for each request.
func payer(who principal.Principal, from netip.Addr) string {
	if tenant := who.Tenant(); tenant != "" {
		return tenant
	}
	if network, err := from.Prefix(64); err == nil && from.Is6() {
		return network.String()
	}
	return from.String()
}
