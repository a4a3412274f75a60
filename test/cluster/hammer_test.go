package cluster_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// Places where an unfinished shop would let a stranger take it over, whatever the engine.
var takeovers = []string{"/", "/wp-admin/install.php", "/wp-admin/setup-config.php", "/wp-login.php", "/app", "/admin/users"}

// installer are words of a page that sets a shop up, and of a redirect to one.
var installer = []string{"install.php", "setup-config.php", "language-chooser", "wp-core-ui language", "weblog_title"}

// hammer asks for a store's pages again and again from now on, before there is anything of it. No answer may be an
// installer's, and the first one that passes the engine's probe must come from a shop that sells: an order is placed at
// once. stop ends it and answers that order.
func (c *conformance) hammer(s query.Store) (stop func() []string) {
	c.Helper()
	s.URL = "http://" + s.ID.Namespace() + "." + c.Base
	at := shops.At{Platform: c.Platform, Store: s}
	ctx, cancel := context.WithCancel(c.Context())
	var hammering sync.WaitGroup
	var orders []string
	asked := 0
	hammering.Go(func() {
		// Without a pause between rounds the shop would have no time to set itself up on a small machine.
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			for _, path := range takeovers {
				asked++
				c.expectNoInstaller(ctx, at, path)
			}
			if len(orders) == 0 && at.Probe(ctx, c.pack.Probe) == nil {
				order, err := c.door.Buy(c.Context(), at)
				if err != nil {
					c.Errorf("the probe passes and the shop doesn't sell: %v", err)
				}
				orders = append(orders, order)
			}
			<-tick.C
		}
	})
	return func() []string {
		cancel()
		hammering.Wait()
		if asked < len(takeovers) {
			c.Errorf("the store was settled before all the pages were asked for, after %d", asked)
		}
		return orders
	}
}

func (c *conformance) expectNoInstaller(ctx context.Context, at shops.At, path string) {
	_, to, body, err := at.Look(ctx, path)
	if err != nil {
		return
	}
	for _, words := range installer {
		if strings.Contains(to, words) || strings.Contains(string(body), words) {
			c.Errorf("GET %s answers an installer: to %q, %.200s", path, to, body)
		}
	}
}
