package cluster_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// conformance is one engine under test: everything that is promised of all of them, tried on a store of it.
type conformance struct {
	*bench
	pack engine.Pack
	// door is how one buys, at the store that is bought from, other a store that must not notice any of it.
	door  shops.Shop
	at    shops.At
	other query.Store
	// feed tells of the store from its beginning, seen is what it has told before the store was Ready, stop ends the hammering.
	feed *platform.Feed
	seen []feed.Message
	stop func() []string
	// killed says that its worker was, while its shop was being set up.
	killed bool
	// shown is what the owner is shown, orders all that were placed.
	shown  []query.Credential
	orders []string
}

// packs are the engines that ship.
func packs(t *testing.T) []engine.Pack {
	t.Helper()
	all, err := engine.Load(os.DirFS(filepath.Join(clone, "services", "provisioner", "engines")))
	if err != nil || len(all) == 0 {
		t.Fatalf("load the packs: %d, %v", len(all), err)
	}
	return all
}

// One store of each engine goes the whole course, from before it is there to after it is gone. Parts stand in the order
// in which a store's life allows them, and each leaves the store as the next one wants it.
//
// Before any other test has a store in work, one kill of the provisioner meets the stores of the larger engines while their
// shops are set up, and one more in the middle of its Helm call. All else is done beside the other tests.
func TestEveryEngineKeepsEveryPromise(t *testing.T) {
	b := inTurn(t)
	other := b.ready("Next door")
	b.firstIsReady()
	var begun []*conformance
	for _, pack := range packs(t) {
		t.Run(pack.Name, func(t *testing.T) {
			shop, known := shops.Of(pack.Name)
			if !known {
				t.Fatalf("nobody has written down how one buys in a shop of %s", pack.Name)
			}
			c := &conformance{bench: inTurn(t), pack: pack, door: shop, other: other}
			source := sourceOf[pack.Name]
			if source != "" && os.Getenv(source) == "" {
				t.Parallel()
				c.failsInItsOwnWords(source)
				return
			}
			// The smallest engine's shop is up too fast for a kill.
			if pack.Tier == engine.TierDemo {
				t.Parallel()
				c.begins()
			} else {
				c.begins()
				c.released()
				begun = append(begun, c)
				t.Parallel()
			}
			c.becomesReady()
			c.goesTheCourse()
		})
	}
	t.Run("killed in its Helm call", func(t *testing.T) {
		b := inTurn(t)
		s := b.killedInItsHelmCall(other, begun)
		t.Parallel()
		b.survives(s)
	})
	t.Parallel()
}

// goesTheCourse is a store's life from its first day to its last.
func (c *conformance) goesTheCourse() {
	c.part("credentials work", (*conformance).credentialsWork)
	c.part("links open", (*conformance).linksOpen)
	c.part("seen", (*conformance).isSeenWhole)
	c.part("restricted", (*conformance).isRestricted)
	c.part("buying by clicks", (*conformance).sellsByClicks)
	c.part("strangers", (*conformance).servesAmongStrangers)
	c.part("policies", (*conformance).isWalledIn)
	c.part("degraded", (*conformance).saysSoWhenItFails)
	if closer, can := c.door.(shops.Closer); can {
		c.part("closed", func(c *conformance) { c.saysSoWhenItIsClosed(closer) })
	}
	c.part("mended", (*conformance).isMended)
	c.part("restart", (*conformance).outlivesItsPods)
	c.part("keeping", (*conformance).saysSoWhenItKeepsNothing)
	c.part("delete", (*conformance).isGoneWhenDeleted)
}

// part runs a part as a test of its own on the same store.
func (c *conformance) part(name string, run func(*conformance)) {
	c.T.Run(name, func(t *testing.T) {
		b := *c.bench
		b.T = t
		inner := *c
		inner.bench = &b
		run(&inner)
		c.orders, c.at = inner.orders, inner.at
	})
}

// sourceOf names the setting without which an engine's shop can't be built where the world can't be reached.
var sourceOf = map[string]string{"woocommerce": "WOO_PLUGIN_DIR"}

// failsInItsOwnWords is for an engine whose shop lacks a part on this machine: all before that part runs for real, and
// what is said is the pack's.
func (c *conformance) failsInItsOwnWords(setting string) {
	c.Helper()
	s := c.CreateOf(c.T, c.pack.Name, "Without its source")
	c.Cleanup(func() { c.remove(s.ID) })
	stop := c.hammer(s)
	seen := c.Follow(c.T, c.before(s), s.ID).UntilType(c.T, store.BecameFailed)
	stop()
	last := seen[len(seen)-1]
	if last.Store.Reason != "PluginMissing" || last.Store.Message == "" {
		c.Fatalf("it failed with %q: %s", last.Store.Reason, last.Store.Message)
	}
	// Attempts don't tell: a busy API server may have ended one.
	if slices.ContainsFunc(seen, func(m feed.Message) bool {
		return m.Event.Type == store.RetryScheduled && m.Event.Facts.Reason == last.Store.Reason
	}) {
		c.Errorf("what no attempt changes was tried again: %v", platform.Types(seen))
	}
	c.expectPhases(s.ID)
	c.opens(*last.Store)
	c.part("logs", func(c *conformance) { c.saysNoSecret(s.ID) })
	c.part("links open", (*conformance).wordpressOpens)
	c.part("strangers", (*conformance).servesAmongStrangers)
	c.part("keeping", (*conformance).saysWhatRefuses)
	c.Delete(c.T, s.ID)
	c.Follow(c.T, last.Cursor, s.ID).UntilType(c.T, store.BecameDeleted)
	c.expectGone(s.ID)
	// One line, and not a skip: this much was tested.
	fmt.Printf("%s: the selling parts skipped: no plugin source (%s is unset)\n", c.pack.Name, setting)
}

// begins creates the store under the eyes of somebody who hammers it from the first second.
func (c *conformance) begins() {
	c.Helper()
	s := c.CreateOf(c.T, c.pack.Name, "Every promise of "+c.pack.Name)
	c.Cleanup(func() { c.remove(s.ID) })
	c.at = shops.At{Platform: c.Platform, Store: s}
	c.stop = c.hammer(s)
	c.feed = c.Follow(c.T, c.before(s), s.ID)
}

// released waits until the store's shop is being set up.
func (c *conformance) released() {
	c.Helper()
	c.seen = c.feed.UntilStep(c.T, "release")
}

// becomesReady waits for that, in another attempt where its worker was killed.
func (c *conformance) becomesReady() {
	c.Helper()
	c.seen = append(c.seen, c.feed.UntilType(c.T, store.BecameReady)...)
	last := c.seen[len(c.seen)-1]
	c.at.Store = *last.Store
	c.orders = append(c.orders, c.stop()...)
	if last.Event.Facts.Via != "ingress" {
		c.Errorf("the shop was asked via %q", last.Event.Facts.Via)
	}
	if c.killed && last.Store.Attempt < 2 {
		c.Errorf("ready in attempt %d, although its worker was killed", last.Store.Attempt)
	}
	c.expectSteps()
	c.shown = c.Credentials(c.T, c.at.ID)
}

// expectSteps: every step was completed, once and in order.
func (c *conformance) expectSteps() {
	c.Helper()
	var completed []string
	for _, m := range c.seen {
		if m.Event.Type == store.StepCompleted && m.Event.Facts.Step != "images" && !slices.Contains(completed, m.Event.Facts.Step) {
			completed = append(completed, m.Event.Facts.Step)
		}
	}
	if diff := cmp.Diff(steps, completed); diff != "" {
		c.Errorf("steps on the feed: %s", diff)
	}
}

// admin is what opens the merchant's pages.
func (c *conformance) admin() query.Credential { return c.shown[0] }

// answers waits for the way to the shop: a door on a busy machine learns of pods that come and go a moment later.
func (c *conformance) answers() {
	c.Helper()
	waittest.Eventually(c.T, func() error { return c.at.Probe(c.Context(), c.pack.Probe) })
}

// buy places an order by the shop's API.
func (c *conformance) buy() {
	c.Helper()
	c.answers()
	order, err := c.door.Buy(c.Context(), c.at)
	if err != nil {
		c.Fatalf("buy: %v", err)
	}
	c.orders = append(c.orders, order)
}

// expectOrders: the merchant sees all that was ever ordered.
func (c *conformance) expectOrders() {
	c.Helper()
	c.answers()
	listed, err := c.door.Orders(c.Context(), c.at, c.admin())
	if err != nil {
		c.Fatalf("list the orders: %v", err)
	}
	for _, order := range c.orders {
		if !slices.Contains(listed, order) {
			c.Errorf("order %s isn't among %v", order, listed)
		}
	}
}

func (c *conformance) credentialsWork() {
	c.buy()
	c.expectOrders()
	guess := c.admin()
	guess.Password = "not-" + guess.Password
	if listed, err := c.door.Orders(c.Context(), c.at, guess); !errors.Is(err, shops.ErrRefused) {
		c.Errorf("the merchant's pages opened to a guess: %v %v", listed, err)
	}
	names := map[string]bool{}
	for _, credential := range c.shown {
		names[credential.Name] = true
	}
	for _, credential := range c.pack.Credentials {
		if names[credential.Name] == credential.Internal {
			c.Errorf("credential %s: internal %v, shown %v", credential.Name, credential.Internal, names[credential.Name])
		}
	}
}

func (c *conformance) sellsByClicks() {
	order, err := c.door.Click(c.at, shops.OpenTab(c.T, c.Platform, c.pack.Name))
	if err != nil {
		c.Fatal(err)
	}
	c.orders = append(c.orders, order)
	c.expectOrders()
}

// outlivesItsPods: what a node does to them when it restarts costs neither an order nor a password.
func (c *conformance) outlivesItsPods() {
	before := c.uids()
	status, err := c.kubernetes.Do(c.Context(), http.MethodDelete, "/api/v1/namespaces/"+c.at.ID.Namespace()+"/pods", nil, nil)
	if err != nil || status != http.StatusOK {
		c.Fatalf("delete the pods: %d %v", status, err)
	}
	waittest.Eventually(c.T, func() error {
		for uid := range c.uids() {
			if before[uid] {
				return errors.New("a pod of before is still there")
			}
		}
		return c.at.Probe(c.Context(), c.pack.Probe)
	})
	c.expectOrders()
	if diff := cmp.Diff(c.shown, c.Credentials(c.T, c.at.ID)); diff != "" {
		c.Error("the credentials have changed")
	}
	c.buy()
	c.expectOrders()
}

func (c *conformance) isGoneWhenDeleted() {
	feed := c.Follow(c.T, "", c.at.ID)
	c.Delete(c.T, c.at.ID)
	feed.UntilType(c.T, store.BecameDeleted)
	c.expectGone(c.at.ID)
	if slices.Contains(c.claims(c.at.Tenant), c.at.ID) {
		c.Error("the claim is still held")
	}
	// The door hears of it from the cluster, a moment later.
	waittest.Eventually(c.T, func() error {
		status, _, _, err := c.at.Look(c.Context(), "/")
		if err == nil && status != http.StatusNotFound {
			err = fmt.Errorf("the door answers %d for a store that is gone", status)
		}
		return err
	})
}
