package chaos

import (
	"context"
	"net/http"
	"sync"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// What clients ask for that is no verb of a store.
const (
	readVerb   = "get"
	changeVerb = "change"
	cancelVerb = "cancel"
)

// wishes are what a client may draw for a store that it has, and in how many of a hundred draws. The deletion comes
// last, as shortOfDelete says.
var wishes = []struct {
	weight int
	verb   string
	// schema is the write level of a log in which it can be asked for.
	schema int
}{
	{4, string(store.Retry), 1},
	{4, changeVerb, 4},
	{4, string(store.Suspend), 4},
	{5, string(store.Resume), 4},
	{3, cancelVerb, 4},
	{15, string(store.Delete), 1},
}

// drawnWish is the one that a number below their weights' sum falls on.
func drawnWish(n int) (verb string, schema int) {
	for _, w := range wishes {
		if n < w.weight {
			return w.verb, w.schema
		}
		n -= w.weight
	}
	return "", 0
}

// changeWish is what a client may want changed. The larger plan is refused where volumes can't grow, so it is a wish
// that fails.
func changeWish(n uint64, name string) map[string]any {
	currencies := []string{"EUR", "USD", "GBP", "CHF"}
	switch n % 8 {
	case 0, 1:
		return map[string]any{"name": "Shop renamed of " + name}
	case 2:
		return map[string]any{"ttl": "72h"}
	case 3:
		return map[string]any{"ttl": nil, "options": map[string]any{"tagline": "For ever"}}
	case 4:
		return map[string]any{"plan": "large"}
	case 5:
		return map[string]any{"options": map[string]any{"tagline": nil, "sampleProducts": 1 + n/8%12}}
	}
	return map[string]any{"options": map[string]any{"currency": currencies[n/8%4]}}
}

// wish asks for something about a store until the answer is final.
func (c *client) wish(ctx context.Context, id store.ID, verb string, change map[string]any) record.Request {
	method, path, r := http.MethodPost, "/stores/"+string(id), record.Request{Verb: verb, Store: id}
	switch verb {
	case string(store.Delete):
		method = http.MethodDelete
	case changeVerb:
		method, r.Wish = http.MethodPatch, change
		return c.insist(ctx, r, method, path, change)
	default:
		path += "/" + verb
	}
	return c.insist(ctx, r, method, path, nil)
}

// command asks for one, also twice at the same time as an impatient user does.
func (c *client) command(ctx context.Context, s *owned, verb string, change map[string]any, twice bool) {
	var both sync.WaitGroup
	var answer record.Request
	both.Go(func() { answer = c.wish(ctx, s.id, verb, change) })
	if twice {
		both.Go(func() { c.wish(ctx, s.id, verb, change) })
	}
	both.Wait()
	if answer.HTTP == http.StatusAccepted {
		s.status = answer.Status
	}
}
