package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// Whatever may be asked of a store, asked of a real one of each engine: its address and its passwords hold, and so does what
// was ordered. What fails at which step is tried without kubelets, where a step can be made to fail; here the shops are real.
func TestEveryEngineTakesEveryVerb(t *testing.T) {
	if testing.Short() {
		t.Skip("the large engines' shops begin anew at each verb: run by make test-long")
	}
	t.Parallel()
	for _, pack := range packs(t) {
		t.Run(pack.Name, func(t *testing.T) {
			shop, known := shops.Of(pack.Name)
			if !known {
				t.Fatalf("nobody has written down how one buys in a shop of %s", pack.Name)
			}
			c := &conformance{bench: setup(t), pack: pack, door: shop}
			if source := sourceOf[pack.Name]; source != "" && os.Getenv(source) == "" {
				c.takesVerbsWithoutHavingStood(source)
				return
			}
			c.begins()
			c.becomesReady()
			c.buy()
			c.takesEveryVerb()
		})
	}
}

func (c *conformance) takesEveryVerb() {
	for _, p := range []struct {
		name string
		run  func(*conformance)
	}{
		{"renamed", (*conformance).isRenamed},
		{"updated", (*conformance).isUpdated},
		{"mended", (*conformance).isMended},
		{"update fails and is tried again", (*conformance).outlivesAnUpdateThatFails},
		{"update is called off", (*conformance).outlivesAnUpdateCalledOff},
		{"suspended and resumed", (*conformance).isSuspendedAndResumed},
		{"refreshed", (*conformance).isRefreshed},
		{"deleted", (*conformance).isGoneWhenDeleted},
	} {
		c.part(p.name, p.run)
	}
}

// takesVerbsWithoutHavingStood is for an engine whose shop lacks a part on this machine: its store never stands.
func (c *conformance) takesVerbsWithoutHavingStood(setting string) {
	c.Helper()
	c.at = shops.At{Platform: c.Platform, Store: c.CreateOf(c.T, c.pack.Name, "Asked in vain")}
	c.Cleanup(func() { c.remove(c.at.ID) })
	feed := c.Follow(c.T, c.before(c.at.Store), c.at.ID)
	feed.UntilType(c.T, store.BecameFailed)
	status, err := c.Call(c.Context(), http.MethodPost, c.path("suspend"), nil, nil)
	if status != http.StatusConflict {
		c.Errorf("suspend what never stood: %d %v", status, err)
	}
	if again := c.end(feed, c.ask(http.MethodPost, "retry", nil)); again.Event.Type != store.BecameFailed || again.Store.Reason != "PluginMissing" {
		c.Errorf("tried again it is %s: %+v", again.Event.Type, again.Event.Facts)
	}
	c.Delete(c.T, c.at.ID)
	feed.UntilType(c.T, store.BecameDeleted)
	c.expectGone(c.at.ID)
	// One line, and not a skip: this much was tested.
	fmt.Printf("%s: verbs on a store that stands are left out: no plugin source (%s is unset)\n", c.pack.Name, setting)
}

func (c *conformance) path(of string) string { return "/stores/" + string(c.at.ID) + "/" + of }

// ask has a verb begun: behind the store's own path, or none where the store itself is asked.
func (c *conformance) ask(method, of string, body any) (generation uint64) {
	c.Helper()
	path := "/stores/" + string(c.at.ID)
	if of != "" {
		path = c.path(of)
	}
	var s query.Store
	// A mend by the platform itself is let finish before a failure is tried again.
	waittest.Eventually(c.T, func() error {
		status, err := c.Call(c.Context(), method, path, body, &s)
		var problem *platform.Problem
		if err != nil && (!errors.As(err, &problem) || problem.Code != "conflict_in_flight") {
			c.Fatalf("%s %s: %d %v", method, path, status, err)
		}
		return err
	})
	return s.Generation
}

// end waits for the end of the operation.
func (c *conformance) end(told *platform.Feed, generation uint64) feed.Message {
	c.Helper()
	seen := told.Until(c.T, func(m feed.Message) bool { return m.Event.Generation == generation && m.Event.Type.IsTerminal() })
	return seen[len(seen)-1]
}

// succeeds waits for the operation's end, which leaves a store that sells, with all that it had.
func (c *conformance) succeeds(told *platform.Feed, generation uint64) {
	c.Helper()
	end := c.end(told, generation)
	if end.Event.Type != store.BecameReady || len(end.Store.Failures) > 0 {
		c.Fatalf("it ended as %s: %+v, failures %+v", end.Event.Type, end.Event.Facts, end.Store.Failures)
	}
	c.holds(*end.Store)
	c.at.Store = *end.Store
	c.buy()
	c.expectOrders()
}

// fails waits for the operation's end, which leaves the store as it was.
func (c *conformance) fails(told *platform.Feed, generation uint64, reason string) {
	c.Helper()
	end := c.end(told, generation)
	if end.Event.Type != store.BecameFailed || end.Event.Facts.Reason != reason {
		c.Fatalf("it ended as %s: %+v, want it failed with %s", end.Event.Type, end.Event.Facts, reason)
	}
	s := *end.Store
	if s.Status != store.Ready || s.Plan != c.at.Plan || !cmp.Equal(s.Options, c.at.Options) {
		c.Errorf("behind the failure it is %s with plan %s and options %v", s.Status, s.Plan, s.Options)
	}
	if len(s.Failures) != 1 || s.Failures[0].Verb != store.Update || s.Failures[0].Generation != generation {
		c.Errorf("its failures: %+v", s.Failures)
	}
	c.holds(s)
	c.buy()
	c.expectOrders()
}

func (c *conformance) holds(s query.Store) {
	c.Helper()
	if s.URL == "" || s.URL != c.at.URL {
		c.Errorf("its address was %s and is %q", c.at.URL, s.URL)
	}
	if diff := cmp.Diff(c.shown, c.Credentials(c.T, s.ID)); diff != "" {
		c.Error("the credentials have changed")
	}
}

func (c *conformance) isRenamed() {
	const name = "By another name"
	feed := c.Follow(c.T, "", c.at.ID)
	c.ask(http.MethodPatch, "", map[string]any{"name": name})
	feed.UntilType(c.T, store.Renamed)
	s := c.Get(c.T, c.at.ID)
	if s.Name != name || s.Status != store.Ready || s.Operation != "" {
		c.Errorf("renamed it is %q, %s, and busy with %q", s.Name, s.Status, s.Operation)
	}
	c.holds(s)
	c.expectOrders()
}

func (c *conformance) isUpdated() {
	feed := c.Follow(c.T, "", c.at.ID)
	name, value := c.otherValue()
	pods := c.uids()
	c.succeeds(feed, c.ask(http.MethodPatch, "", map[string]any{"options": map[string]any{name: value}}))
	if got := c.at.Options[name]; got != value {
		c.Errorf("option %s is %v, want %v", name, got, value)
	}
	if now := c.uids(); cmp.Equal(pods, now) {
		c.Error("an option that restarts the shop has restarted nothing")
	}
}

// otherValue is one that an option of the store hasn't, of those for which the shop begins anew.
func (c *conformance) otherValue() (option string, value any) {
	c.Helper()
	i := slices.IndexFunc(c.pack.Options, func(o engine.Option) bool { return o.Change == engine.ChangeRestart && len(o.Enum) > 2 })
	if i < 0 {
		c.Fatalf("no option of %s can be changed", c.pack.Name)
	}
	o := c.pack.Options[i]
	is, set := c.at.Options[o.Name]
	if !set {
		is = o.Default
	}
	return o.Name, o.Enum[slices.IndexFunc(o.Enum, func(v string) bool { return v != is && v != o.Default })]
}

// outlivesAnUpdateThatFails: a larger plan, in a cluster that lets no volume grow, is nothing that another attempt changes.
func (c *conformance) outlivesAnUpdateThatFails() {
	feed := c.Follow(c.T, "", c.at.ID)
	plan, before := c.pack.Plans[len(c.pack.Plans)-1].Name, c.volumes()
	allow := c.forbid("", "persistentvolumeclaims", "/api/v1", http.StatusUnprocessableEntity)
	defer allow()
	c.fails(feed, c.ask(http.MethodPatch, "", map[string]any{"plan": plan}), "Invalid")
	if diff := cmp.Diff(before, c.volumes()); diff != "" {
		c.Errorf("its volumes have changed: %s", diff)
	}
	allow()
	c.succeeds(feed, c.ask(http.MethodPost, "retry", nil))
	if c.at.Plan != plan {
		c.Errorf("it has plan %s, want %s", c.at.Plan, plan)
	}
	if now := c.volumes(); cmp.Equal(before, now) || len(now) < len(before) {
		c.Errorf("its volumes were %v, and are %v", before, now)
	}
}

// volumes are the sizes that the store's volumes ask for.
func (c *conformance) volumes() map[string]string {
	c.Helper()
	sizes := map[string]string{}
	for _, claim := range c.list("/api/v1", "persistentvolumeclaims") {
		sizes[claim.Metadata.Name] = claim.Spec.Resources.Requests.Storage
	}
	return sizes
}

// outlivesAnUpdateCalledOff: it is called off between two of its attempts, so that no machine is too fast for it.
func (c *conformance) outlivesAnUpdateCalledOff() {
	told := c.Follow(c.T, "", c.at.ID)
	name, value := c.otherValue()
	allow := c.forbid("apps", "deployments", "/apis/apps/v1", http.StatusForbidden)
	defer allow()
	generation := c.ask(http.MethodPatch, "", map[string]any{"options": map[string]any{name: value}})
	told.Until(c.T, func(m feed.Message) bool {
		return m.Event.Type == store.RetryScheduled && m.Event.Generation == generation
	})
	c.ask(http.MethodPost, "cancel", nil)
	c.fails(told, generation, store.ReasonCancelled)
	allow()
	c.succeeds(told, c.ask(http.MethodPost, "retry", nil))
	if got := c.at.Options[name]; got != value {
		c.Errorf("option %s is %v, want %v", name, got, value)
	}
}

func (c *conformance) isSuspendedAndResumed() {
	feed := c.Follow(c.T, "", c.at.ID)
	end := c.end(feed, c.ask(http.MethodPost, "suspend", nil))
	if end.Event.Type != store.BecameSuspended || end.Store.Status != store.Suspended {
		c.Fatalf("it ended as %s: %+v", end.Event.Type, end.Event.Facts)
	}
	if end.Store.URL != c.at.URL {
		c.Errorf("its address was %s and is %q", c.at.URL, end.Store.URL)
	}
	// The door hears of it from the cluster, a moment later.
	waittest.Eventually(c.T, func() error {
		status, _, page, err := c.at.Look(c.Context(), "/")
		if err == nil && (status != http.StatusServiceUnavailable || !bytes.Contains(page, []byte(engine.SuspendedMark))) {
			err = fmt.Errorf("its address answers %d: %.300s", status, page)
		}
		return err
	})
	c.succeeds(feed, c.ask(http.MethodPost, "resume", nil))
}

// isRefreshed as the keeper asks for it when an installation has other settings.
func (c *conformance) isRefreshed() {
	feed := c.Follow(c.T, "", c.at.ID)
	after, err := c.Log(c.T, "provisioner").Update(c.Context(), c.at.ID, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: store.RefreshCommand, Actor: "keeper", Time: time.Now()}, store.Admit(s, store.Refresh)
	})
	if err != nil {
		c.Fatalf("ask for a refresh: %v", err)
	}
	c.succeeds(feed, after.Generation)
}
