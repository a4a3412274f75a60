package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// courses are how many clients take a store of theirs through everything that can be asked for: so often each verb comes,
// whatever the others draw.
const courses = 10

// sleepers are how many of them leave it suspended and not deleted, for who judges.
const sleepers = 2

// wanted is what stands in the log at least so often after a turn in which the courses were taken. Nobody asks for a refresh:
// see Refit.
func wanted() []store.Type {
	types := []store.Type{store.Renamed, store.LifetimeChanged, calledOff}
	for verb := range store.Verbs {
		if verb != store.Refresh {
			types = append(types, store.Type(verb))
		}
	}
	return types
}

// courses are taken until each has ended, by clients beside the turn's, with stores of the same tenants.
func (t *turn) courses(ctx context.Context, asking *sync.WaitGroup) (closers []io.Closer, err error) {
	var takers [courses]*client
	for n := range takers {
		if takers[n], err = t.clientOf("course", n); err != nil {
			return closers, err
		}
		closers = append(closers, takers[n].records)
	}
	for n, c := range takers {
		asking.Go(func() {
			if err := c.course(ctx, n < sleepers); err != nil && ctx.Err() == nil {
				t.complain("a course: %v", err)
			}
		})
	}
	return closers, nil
}

// stage is one of a course.
type stage struct {
	name string
	// so says that it is done, next what to ask for while it isn't.
	so   func(store.State) bool
	next func(store.State)
}

// course takes one store through all verbs, each when the log says that the one before is done. It goes on when the troubles
// are over, until there is nothing more to ask for.
func (c *client) course(ctx context.Context, sleeps bool) error {
	defer c.http.CloseIdleConnections()
	id := store.DeriveID(c.tenant, c.name)
	suspend := c.asks(ctx, id, string(store.Suspend), nil)
	stages := append([]stage{{"made", open, c.makes(ctx)}}, c.changes(ctx, id)...)
	stages = append(stages, []stage{
		{"mended", c.after(id, store.MendCommand, open), c.damage(ctx)},
		{"called off and retried", c.after(id, calledOff, c.after(id, store.RetryCommand, open)), c.falter(ctx)},
		{"suspended", asleep, suspend},
		{"updated in its sleep", c.with("currency", "CHF"), c.asks(ctx, id, changeVerb, map[string]any{"options": map[string]any{"currency": "CHF"}})},
		{"resumed", open, c.asks(ctx, id, string(store.Resume), nil)},
	}...)
	if sleeps {
		stages = append(stages, stage{"suspended again", asleep, suspend})
	} else {
		stages = append(stages, stage{"deleted", c.told(id, store.DeleteCommand), c.asks(ctx, id, string(store.Delete), nil)})
	}
	return c.take(ctx, id, stages)
}

// makes asks for the store that has the client's name for a key.
func (c *client) makes(ctx context.Context) func(store.State) {
	return func(store.State) { c.insistWith(ctx, func() record.Request { return c.make(ctx) }) }
}

// make asks for it once.
func (c *client) make(ctx context.Context) record.Request {
	wish := record.Request{Verb: string(store.Create), Key: c.name}
	return c.once(ctx, wish, http.MethodPost, "/stores", map[string]any{"name": "Shop " + c.name, "engine": "sample"})
}

// stand has the turn's n-th client make a store, and waits until it is Ready.
func (t *turn) stand(ctx context.Context, n int) (store.ID, error) {
	c, err := t.newClient(n)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.records.Close() }()
	made := c.insistWith(ctx, func() record.Request { return c.make(ctx) })
	if made.HTTP != http.StatusAccepted {
		return "", fmt.Errorf("make a store: %d %s %s", made.HTTP, made.Code, made.Error)
	}
	return made.Store, waittest.Until(ctx, func() error { return t.is(made.Store, store.Create, store.Ready) })
}

// changes are what a change may be about.
func (c *client) changes(ctx context.Context, id store.ID) []stage {
	return []stage{
		{"renamed", c.told(id, store.Renamed), c.asks(ctx, id, changeVerb, map[string]any{"name": "Renamed " + c.name})},
		{"given an end", c.told(id, store.LifetimeChanged), c.asks(ctx, id, changeVerb, map[string]any{"ttl": "72h"})},
		{"updated", c.with("currency", "USD"), c.asks(ctx, id, changeVerb, map[string]any{"options": map[string]any{"currency": "USD"}})},
	}
}

// take takes a store through stages.
func (c *client) take(ctx context.Context, id store.ID, stages []stage) error {
	for _, stage := range stages {
		if err := c.bring(ctx, id, stage.so, stage.next); err != nil {
			return fmt.Errorf("store %s is to be %s: %w", id, stage.name, err)
		}
	}
	return nil
}

func open(s store.State) bool   { return s.Standing == store.Up && !s.InFlight() }
func asleep(s store.State) bool { return s.Standing == store.SuspendedStanding && !s.InFlight() }

func (c *client) told(id store.ID, t store.Type) func(store.State) bool {
	return func(store.State) bool { return c.lab.follower.heard(id, t) > 0 }
}

func (c *client) after(id store.ID, t store.Type, so func(store.State) bool) func(store.State) bool {
	return func(s store.State) bool { return c.lab.follower.heard(id, t) > 0 && so(s) }
}

func (c *client) with(option, value string) func(store.State) bool {
	return func(s store.State) bool {
		return s.Running != nil && s.Running.Options[option] == value && !s.InFlight()
	}
}

func (c *client) asks(ctx context.Context, id store.ID, verb string, change map[string]any) func(store.State) {
	return func(store.State) { c.wish(ctx, id, verb, change) }
}

// damage removes what a store runs, as somebody might by hand, and once more where the store has said something since.
func (c *client) damage(ctx context.Context) func(store.State) {
	removed := uint64(0)
	return func(s store.State) {
		if s.Version == removed || !open(s) {
			return
		}
		path := "/apis/apps/v1/namespaces/" + s.ID.Namespace() + "/deployments/store"
		if _, err := c.lab.api.Do(ctx, http.MethodDelete, path, nil, nil); err == nil {
			removed = s.Version
		}
	}
}

// falter wants one update after the other and calls it off at once, until one wasn't done by then; and that it wants again.
func (c *client) falter(ctx context.Context) func(store.State) {
	products := 0
	return func(s store.State) {
		if len(s.Failures) > 0 {
			c.wish(ctx, s.ID, string(store.Retry), nil)
			return
		}
		products++
		change := map[string]any{"options": map[string]any{"sampleProducts": 1 + products%12}}
		if answer := c.wish(ctx, s.ID, changeVerb, change); answer.HTTP == http.StatusAccepted {
			c.wish(ctx, s.ID, cancelVerb, nil)
		}
	}
}

// bring asks until the log says that it is so. What is under way is waited for; what has failed for good on the way, as it
// may when everything is broken five times, is tried again.
func (c *client) bring(ctx context.Context, id store.ID, so func(store.State) bool, next func(store.State)) error {
	return waittest.Until(ctx, func() error {
		s, _ := c.lab.follower.state(id)
		switch {
		case so(s):
			return nil
		case s.InFlight() && s.Verb != store.Mend:
		case len(s.Failures) > 0 && s.Outcome == store.Unsuccessful:
			c.wish(ctx, id, string(store.Retry), nil)
		default:
			next(s)
		}
		return fmt.Errorf("at %d it is %s, %s attempt %d: %s %s", s.Version, s.Status, s.Doing(), s.Attempt, s.Why().Reason, s.Why().Message)
	})
}
