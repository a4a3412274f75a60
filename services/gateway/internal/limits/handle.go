package limits

import (
	"cmp"
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/reason"
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
	n := &note{}
	ctx := context.WithValue(c.UserContext(), noteKey{}, n)
	c.SetUserContext(ctx)
	// Also on the answer to a panic.
	defer n.tell(c)
	network := principal.Network(door.Caller(c))
	strange := principal.Strange(ctx)
	if strange {
		// Tokens and sessions are invented for nothing, and each costs the broker a question. Where they come from pays before it is asked; who was
		// found by the same before doesn't, so that nobody's flood keeps those out who share its address. Of IPv6 a whole site pays, too, which has
		// 65,536 networks.
		for _, payer := range []string{network, principal.Site(door.Caller(c))} {
			if payer == "" {
				continue
			}
			if err := b.Take(ctx, payer, 1); err != nil {
				return err
			}
		}
	}
	who := principal.In(ctx)
	if who.Unmetered() {
		n.standings = nil
		return c.Next()
	}
	// Who has no tenant is their account, and who has none their network: they could take another address for each request.
	payer := cmp.Or(who.Tenant(), who.Account(), network)
	if strange && payer == network {
		return c.Next()
	}
	if err := b.Take(ctx, payer, 1); err != nil {
		return err
	}
	return c.Next()
}

// isFree says whether an answer is nobody's to pay for: probes and Prometheus, who ask whatever else is going on, and what is
// the same bytes for everybody.
func isFree(path string) bool {
	switch path {
	case "/", "/docs", reason.Page, "/openapi.json", "/healthz", "/readyz", "/metrics":
		return true
	}
	return strings.HasPrefix(path, "/assets/")
}
