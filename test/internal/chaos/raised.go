package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// heir is a client who has a store that the release before made, and one that only this release knows.
type heir struct {
	*client
	former, later store.ID
}

// raise ends the upgrade, as an operator does when no process of the release before runs any more: what is new is refused until
// then, and can be had from then on, also of a store of that release's.
func (l *Lab) raise(ctx context.Context, former store.ID) error {
	t, err := l.begin(ctx, "raised", suiteSeed)
	if err != nil {
		return err
	}
	began := time.Now()
	hush, err := t.hear(ctx, mixClients, mixClients/2)
	if err != nil {
		return err
	}
	defer func() { _ = hush() }()
	if err := l.become(ctx, mixture{true, true, true, true}); err != nil {
		return err
	}
	h, err := t.heirOf(former)
	if err != nil {
		return err
	}
	err = t.upgraded(ctx, h)
	raised := time.Since(began)
	if err == nil {
		err = t.overstay(ctx, h)
	}
	if err := errors.Join(err, h.records.Close(), hush()); err != nil {
		return err
	}
	fmt.Fprintf(l.out, "%s: new verbs had after %s, with some of the release before at rest and listed after %s\n",
		t.name, brief(raised), brief(time.Since(began)))
	writeCounts(l.out, "logged: ", t.logged())
	return t.judge(ctx)
}

// heirOf is whose the store is. It asks gateways of this release only.
func (t *turn) heirOf(former store.ID) (*heir, error) {
	c, err := t.clientOf("heir", 0)
	if err != nil {
		return nil, err
	}
	s, _ := t.follower.state(former)
	c.tenant, c.address, c.gateways = s.Tenant, strings.TrimPrefix(s.Tenant, "ip:"), t.gateways[overstaying+1:]
	return &heir{client: c, former: former, later: store.DeriveID(s.Tenant, c.name)}, nil
}

// upgraded asks for what is new before the level is raised, and after it.
func (t *turn) upgraded(ctx context.Context, h *heir) error {
	for _, verb := range []string{changeVerb, string(store.Suspend)} {
		answer := h.wish(ctx, h.former, verb, map[string]any{"name": "Too early"})
		if answer.HTTP != http.StatusConflict || answer.Code != "upgrading" {
			return fmt.Errorf("%s before the level is raised is answered with %d %s %s", verb, answer.HTTP, answer.Code, answer.Error)
		}
	}
	if err := t.raiseLevel(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return h.take(ctx, h.former, append(h.changes(ctx, h.former),
			stage{"suspended", asleep, h.asks(ctx, h.former, string(store.Suspend), nil)},
			stage{"resumed", open, h.asks(ctx, h.former, string(store.Resume), nil)}))
	})
	group.Go(func() error { return h.take(ctx, h.later, []stage{{"made", open, h.makes(ctx)}}) })
	return group.Wait()
}

// raiseLevel is the operator's, who sits at the gateways' machine and is forwarded by nobody. Every gateway hears of it.
func (t *turn) raiseLevel(ctx context.Context) error {
	for n, gateway := range t.gateways {
		operator, method, path := asker{gateway: gateway}, http.MethodPost, "/log/raise"
		if n > 0 {
			method, path = http.MethodGet, "/log"
		}
		if err := operator.findsLevel(ctx, method, path); err != nil {
			return err
		}
	}
	return nil
}

// findsLevel fails unless the log's level is this release's.
func (a asker) findsLevel(ctx context.Context, method, path string) error {
	var said struct {
		WriteLevel int `json:"writeLevel"`
	}
	status, _, err := a.insist(ctx, method, path, &said)
	if err != nil || status != http.StatusOK || said.WriteLevel != store.Schema {
		return fmt.Errorf("%s %s is answered with %d and the level %d: %w", method, path, status, said.WriteLevel, err)
	}
	return nil
}

// overstaying is which replica of each service is of the release before though the level was raised.
const overstaying = 0

// overstay has processes of the release before beside those of this one, and then alone.
func (t *turn) overstay(ctx context.Context, h *heir) error {
	err := t.asking(ctx, func() error {
		group, rolling := errgroup.WithContext(ctx)
		for _, service := range upgraded {
			r := t.one(service, overstaying)
			r.become(true)
			group.Go(func() error { return r.Roll(rolling) })
		}
		return errors.Join(group.Wait(), t.atWork(ctx))
	})
	if err != nil {
		return err
	}
	start, err := t.haltNewer(ctx)
	if err == nil {
		err = t.alone(ctx, h)
	}
	if err := errors.Join(err, start()); err != nil {
		return err
	}
	if err := t.endOverstay(ctx); err != nil {
		return err
	}
	// What the older ones have left is there for others.
	if err := h.take(ctx, h.former, []stage{{"suspended", asleep, func(store.State) {}}}); err != nil {
		return err
	}
	gone := func(s store.State) bool { return s.Standing == store.Gone && !s.InFlight() }
	if err := h.take(ctx, h.later, []stage{{"deleted", gone, func(store.State) {}}}); err != nil {
		return err
	}
	if err := t.atRest(ctx); err != nil {
		return fmt.Errorf("the platform didn't come to rest: %w", err)
	}
	t.lists(ctx, h.gateways, append(t.tenants(mixClients+1), h.tenant))
	// A gateway of the release before has been started meanwhile.
	return asker{gateway: h.gateways[0]}.findsLevel(ctx, http.MethodGet, "/log")
}

// endOverstay replaces the workers of the release before: while they wait for commands, too, a command that they left may come
// to them again and again before it comes to another. Of those who answer questions they stay.
func (t *turn) endOverstay(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, service := range []string{"provisioner", "janitor"} {
		r := t.one(service, overstaying)
		r.become(false)
		group.Go(func() error { return r.Roll(ctx) })
	}
	return group.Wait()
}

// haltNewer leaves of each service the one of the release before, and a gateway of this release, to ask it for what the other
// doesn't know.
func (t *turn) haltNewer(ctx context.Context) (start func() error, err error) {
	var halted []*Replica
	group, halting := errgroup.WithContext(ctx)
	for _, r := range t.Replicas {
		if r.Service != "gateway" && r != t.one(r.Service, overstaying) {
			halted = append(halted, r)
			group.Go(func() error { _, err := r.halt(halting); return err })
		}
	}
	err = group.Wait()
	return func() error {
		for _, r := range halted {
			r.release()
		}
		return t.areReady(ctx, halted)
	}, err
}

// alone has the heir's wishes met by nobody but processes of the release before. They leave them, say nothing and forget
// nothing, and go on with what they know.
func (t *turn) alone(ctx context.Context, h *heir) error {
	asked := map[string]record.Request{
		"provisioner": h.wish(ctx, h.former, string(store.Suspend), nil), "janitor": h.wish(ctx, h.later, string(store.Delete), nil),
	}
	for service, r := range asked {
		if r.HTTP != http.StatusAccepted {
			return fmt.Errorf("%s is answered with %d %s %s", r.Verb, r.HTTP, r.Code, r.Error)
		}
		if err := t.leaves(ctx, t.one(service, overstaying), r.Store); err != nil {
			return err
		}
	}
	if err := t.stops(ctx, t.one("events", overstaying)); err != nil {
		return err
	}
	if err := t.goesOn(ctx, h); err != nil {
		return err
	}
	checkpoint, err := t.follower.checkpoint(ctx)
	for _, r := range asked {
		if s, _ := t.follower.state(r.Store); s.Version != r.Version || checkpoint >= r.Version {
			err = errors.Join(err, fmt.Errorf("with only the release before at work, %s at %d is followed by something at %d and projected up to %d",
				r.Verb, r.Version, s.Version, checkpoint))
		}
	}
	return err
}

// stops waits until a projector of the release before says that it has come to what it can't read.
func (t *turn) stops(ctx context.Context, r *Replica) error {
	return waittest.Until(ctx, func() error {
		if err := r.ready(ctx); err == nil || !strings.Contains(err.Error(), "written by a newer version") {
			return fmt.Errorf("%s hasn't come to what it can't read: %v", r.Name, err)
		}
		return nil
	})
}

// leaves waits until a worker of the release before has met a store's command and says that it isn't its own.
func (t *turn) leaves(ctx context.Context, r *Replica, id store.ID) error {
	return waittest.Until(ctx, func() error {
		said := r.running().Tail()
		if strings.Contains(said, "leave a command to a newer version") && strings.Contains(said, string(id)) {
			return nil
		}
		return fmt.Errorf("%s hasn't met what was asked of store %s", r.Name, id)
	})
}

// goesOn has a gateway of the release before refuse what it can't read, in a way that asking another mends, and make a store
// with the others of its release.
func (t *turn) goesOn(ctx context.Context, h *heir) error {
	c, err := t.clientOf("older", mixClients)
	if err != nil {
		return err
	}
	defer func() { _ = c.records.Close() }()
	c.gateways = t.gateways[overstaying : overstaying+1]
	if err := c.take(ctx, store.DeriveID(c.tenant, c.name), []stage{{"made", open, c.makes(ctx)}}); err != nil {
		return err
	}
	own, other := asker{h.address, c.gateways[0]}, asker{c.address, c.gateways[0]}
	path := "/stores/" + string(h.former)
	for _, q := range []struct {
		asker
		method, path string
		status       int
		code         string
	}{
		{own, http.MethodGet, path, http.StatusServiceUnavailable, "newer_schema"},
		{own, http.MethodGet, path + "/events", http.StatusServiceUnavailable, "newer_schema"},
		{own, http.MethodGet, path + "/credentials", http.StatusServiceUnavailable, "newer_schema"},
		{own, http.MethodDelete, path, http.StatusServiceUnavailable, "newer_schema"},
		{own, http.MethodPost, path + "/retry", http.StatusServiceUnavailable, "newer_schema"},
		{own, http.MethodPost, path + "/suspend", http.StatusNotFound, "not_found"},
		{own, http.MethodPatch, path, http.StatusMethodNotAllowed, "method_not_allowed"},
		{other, http.MethodGet, path, http.StatusServiceUnavailable, "newer_schema"},
		{asker{gateway: c.gateways[0]}, http.MethodPost, "/log/raise", http.StatusNotFound, "not_found"},
	} {
		status, code, err := q.once(ctx, q.method, q.path, nil)
		if err != nil || status != q.status || code != q.code {
			t.complain("a gateway of the release before answers %s %s of %s with %d %s (%v)", q.method, q.path, q.address, status, code, err)
		}
	}
	if seen := h.once(ctx, record.Request{Verb: readVerb, Store: h.former}, http.MethodGet, path, nil); seen.HTTP != http.StatusOK {
		t.complain("a gateway of this release answers with %d %s %s", seen.HTTP, seen.Code, seen.Error)
	}
	return nil
}
