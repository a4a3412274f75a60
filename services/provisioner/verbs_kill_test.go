package provisioner_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/keep"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// never is a point that no operation has: its store goes the way of the others, and nobody is killed at it.
var never = point{"none", 1}

// killedIn are the verbs that change something of a store that is well, in an order in which each is admitted. Those of a large
// engine are the two that change all that it runs, there and back: the others change less of the same, in the same way.
func killedIn(pack engine.Pack) []store.Verb {
	if pack.Tier == engine.TierDemo {
		return []store.Verb{store.Suspend, store.Resume, store.Update, store.Refresh}
	}
	return []store.Verb{store.Suspend, store.Resume}
}

// A provisioner is killed at each change that a verb makes of a store that stands, and another takes over: the store is as
// one that nobody harmed, with the first one's passwords and volumes. The verbs come one after the other to the same stores.
func TestAProvisionerKilledAtAnyChangeOfAVerbLeavesAWholeStore(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		t.Run(pack.Name, func(t *testing.T) {
			b := setup(t).serving().fronts()
			b.shop.serveAs(pack.Probe)
			b.holdKeeper()
			first := b.run("provisioner", b.kubeconfigs["provisioner"], 8)
			s := &siegeOfVerbs{bundle: b, unharmed: b.stand(nil, pack)}
			first.kill()
			for _, verb := range killedIn(pack) {
				s.through(verb)
			}
		})
	}
}

// holdKeeper keeps all keepers from their work until the test ends: nobody asks for anything but the test.
func (b *bundle) holdKeeper() {
	b.t.Helper()
	leases, err := lease.Open(b.t.Context(), b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	carried, err := packs.Load(engines.Packs)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, key := range keep.PartKeys(carried.Names()) {
		held, err := leases.Of(store.DefaultCluster).Take(b.t.Context(), key, "test")
		if err != nil {
			b.t.Fatal(err)
		}
		_, release := held.Hold(b.t.Context())
		b.t.Cleanup(release)
	}
}

// siegeOfVerbs is one engine's, verb by verb.
type siegeOfVerbs struct {
	*bundle
	unharmed *course
	// others are killed at, and have what they had before the first verb.
	others []*course
	has    []belongings
}

func (s *siegeOfVerbs) through(verb store.Verb) {
	s.t.Helper()
	asked := s.unharmed.ask(verb)
	said, says := s.environment, s.environment
	if verb == store.Refresh {
		says = append(says, saysOfStores(s.t, "nodeSelector: {pool: shops}"))
	}
	s.environment = says
	points := s.observeUntil("provisioner", s.unharmed.id, func() { s.unharmed.requireDone(asked, s.unharmed.awaitEnd(asked)) })
	blows := blowsAt(s.unharmed.pack, points)
	if len(blows) < 3 {
		s.t.Fatalf("%s changes only %v", verb, blows)
	}
	s.t.Logf("%s: killed at %d changes", verb, len(blows)-1)
	// Whoever joins the others is made as they were.
	s.environment = said
	s.recruit(len(blows), verb)
	s.environment = says
	entries, _ := s.history.look()
	strikes := s.newStrikes()
	strikes.behind = len(entries)
	generations := map[store.ID]uint64{}
	for i, c := range s.others {
		at := strike{point: never}
		if i < len(blows) {
			at = blows[i]
		}
		strikes.add(c.id, at.order, at.point, at.ending)
		generations[c.id] = c.ask(verb).generation
	}
	// A test of its own, so that the besiegers end with it: they would take the next verb up.
	s.t.Run(string(verb), func(t *testing.T) { s.on(t).besiege("provisioner", strikes, endOf(verb)) })
	for i, c := range s.others {
		strike := strikes.byStore[c.id]
		c.requireOneEndOf(strike, generations[c.id], endOf(verb))
		c.requireLikeness(strike, s.unharmed)
		if now := c.belongings(); !reflect.DeepEqual(s.has[i], now) {
			s.t.Errorf("%s at %s: the store had the volumes %v, and has %v; its passwords may differ, too", verb, strike, s.has[i].volumes, now.volumes)
		}
		if !strike.landed && strike.point != never {
			s.t.Errorf("%s at %s: it wasn't come to", verb, strike)
		}
	}
}

func endOf(verb store.Verb) store.Type {
	if store.Verbs[verb].Leaves == store.SuspendedStanding {
		return store.BecameSuspended
	}
	return store.BecameReady
}

// blowsAt are those behind the changes among the points, and one before the first. What another change leaves that wasn't
// executed is what the one before it has left, and what was interrupted was executed or not. That something was counted and not
// stored is tried where a store is made: whoever goes on then is the same for all verbs. Engines differ in their releases, so
// that the other changes have the smallest one's alone.
func blowsAt(pack engine.Pack, points []point) []strike {
	var blows []strike
	for order := releaseBegins(pack, points); order < len(points); order++ {
		p := points[order]
		if p.reads() {
			continue
		}
		if len(blows) == 0 {
			blows = append(blows, strike{point: p, order: order, ending: notExecuted})
		}
		blows = append(blows, strike{point: p, order: order, ending: executed})
	}
	return blows
}

// releaseBegins is where a large engine's release does: its revision is the last Secret that an operation makes.
func releaseBegins(pack engine.Pack, points []point) int {
	if pack.Tier == engine.TierDemo {
		return 0
	}
	begins := 0
	for order, p := range points {
		if p.request == "POST /api/v1/namespaces/NAMESPACE/secrets" {
			begins = order
		}
	}
	return begins
}

// recruit makes more stores until there are so many, each as the one that nobody harms was before the verb.
func (s *siegeOfVerbs) recruit(n int, before store.Verb) {
	s.t.Helper()
	if n <= len(s.others) {
		return
	}
	w := s.run("provisioner", s.kubeconfigs["provisioner"], 8)
	defer w.kill()
	made := s.standAll(nil, s.unharmed.pack, n-len(s.others))
	for _, c := range made {
		c.bringTo(store.Verbs[before])
		s.others, s.has = append(s.others, c), append(s.has, c.belongings())
	}
}

func (c *course) requireOneEndOf(s *strike, generation uint64, end store.Type) {
	c.t.Helper()
	attempts := 1
	if s.landed {
		attempts = 2
	}
	var ends []storelog.Entry
	entries, _ := c.history.look()
	for _, e := range entries {
		if e.Message.Store == c.id && e.Message.Type.IsTerminal() && e.Message.Generation == generation {
			ends = append(ends, e)
		}
	}
	if len(ends) != 1 || ends[0].Message.Type != end {
		c.t.Errorf("%s: %d terminal events:\n%s", s, len(ends), c.told(c.id))
		return
	}
	c.requireAttempts(c.t, ends[0], attempts)
}

// requireLikeness waits until the store consists of what the other does: pods that were told to end may still be there. How
// often an object was changed is told by no count here, since a repeated verb may change it again.
func (c *course) requireLikeness(s *strike, other *course) {
	c.t.Helper()
	var want, is []string
	c.t.Cleanup(func() {
		if c.t.Failed() && !slices.Equal(want, is) {
			c.t.Logf("%s: it consists of %v, and the unharmed one of %v", s, is, want)
		}
	})
	clustertest.Eventually(c.t, "it is like the one that nobody harmed", func(context.Context) (bool, error) {
		want, is = uncounted(c.inventory(other.id)), uncounted(c.inventory(c.id))
		return slices.Equal(want, is), nil
	})
	c.requireLastRevisionDeployed(s)
}

// uncounted also leaves out replica sets: those of before say how a store came to be as it is, and pods which of them run.
func uncounted(inventory []string) []string {
	var names []string
	for _, line := range inventory {
		name, _, _ := strings.Cut(line, " generation ")
		if !strings.HasPrefix(name, "replicasets ") {
			names = append(names, name)
		}
	}
	return names
}

func (c *course) requireLastRevisionDeployed(s *strike) {
	c.t.Helper()
	revisions, err := c.api.Admin.CoreV1().Secrets(c.id.Namespace()).List(c.t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		c.t.Fatal(err)
	}
	newest, deployed := "", []string(nil)
	for _, r := range revisions.Items {
		version := r.Labels["version"]
		if len(version) > len(newest) || len(version) == len(newest) && version > newest {
			newest = version
		}
		if r.Labels["status"] == "deployed" {
			deployed = append(deployed, version)
		}
	}
	if !slices.Equal(deployed, []string{newest}) {
		c.t.Errorf("%s: the revisions %v are deployed, and the last one is %s:\n%s", s, deployed, newest, c.told(c.id))
	}
}
