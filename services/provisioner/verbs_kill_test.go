package provisioner_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// never is a point that no operation has: its store goes the way of the others, and nobody is killed at it.
var never = point{"none", 1}

// A provisioner is killed at each change that a verb makes of a store that stands, and another takes over: the store is as
// one that nobody harmed, with the first one's passwords and volumes. The verbs come one after the other to the same
// stores; those that change nothing of a store that is well have no such request.
func TestAProvisionerKilledAtAnyChangeOfAVerbLeavesAWholeStore(t *testing.T) {
	if testing.Short() {
		t.Skip("three minutes of killing on two cores: run by make test-long")
	}
	b := setup(t).serving().fronts()
	pack := demo(t)
	first := b.run("provisioner", b.kubeconfigs["provisioner"], 8)
	unharmed := b.stand(nil, pack)
	var others []*course
	var has []belongings
	first.kill()
	for _, verb := range []store.Verb{store.Suspend, store.Resume, store.Update} {
		asked := unharmed.ask(verb)
		points := b.observeUntil("provisioner", unharmed.id, func() { unharmed.requireDone(asked, unharmed.awaitEnd(asked)) })
		blows := blowsAt(points)
		if len(blows) < 3 {
			t.Fatalf("%s changes only %v", verb, blows)
		}
		if more := len(blows) - len(others); more > 0 {
			made := b.standAbreast(more, verb, unharmed)
			for _, c := range made {
				others, has = append(others, c), append(has, c.belongings())
			}
		}
		entries, _ := b.history.look()
		strikes := b.newStrikes()
		strikes.behind = len(entries)
		generations := map[store.ID]uint64{}
		for i, c := range others {
			at := strike{point: never}
			if i < len(blows) {
				at = blows[i]
			}
			strikes.add(c.id, at.order, at.point, at.ending)
			generations[c.id] = c.ask(verb).generation
		}
		// A test of its own, so that the besiegers end with it: they would take the next verb up.
		t.Run(string(verb), func(t *testing.T) { b.on(t).besiege("provisioner", strikes, endOf(verb)) })
		for i, c := range others {
			s := strikes.byStore[c.id]
			c.requireOneEndOf(s, generations[c.id], endOf(verb))
			c.requireLikeness(s, unharmed)
			if now := c.belongings(); !reflect.DeepEqual(has[i], now) {
				t.Errorf("%s at %s: the store had the volumes %v, and has %v; its passwords may differ, too", verb, s, has[i].volumes, now.volumes)
			}
			// Whoever was killed before has revisions more, and Helm's are named by their number.
			if !s.landed && s.point != never && !strings.Contains(s.point.request, helmsRevision) {
				t.Errorf("%s at %s: it wasn't come to", verb, s)
			}
		}
	}
}

func endOf(verb store.Verb) store.Type {
	if store.Verbs[verb].Leaves == store.SuspendedStanding {
		return store.BecameSuspended
	}
	return store.BecameReady
}

// blowsAt are those at the changes among the points, each in every way.
func blowsAt(points []point) []strike {
	var blows []strike
	for order, p := range points {
		switch {
		case p.reads():
		default:
			for _, e := range endingsAt(p) {
				blows = append(blows, strike{point: p, order: order, ending: e})
			}
		}
	}
	return blows
}

// standAbreast makes more stores like the one that nobody harms, as it was before its verb.
func (b *bundle) standAbreast(n int, before store.Verb, like *course) []*course {
	b.t.Helper()
	w := b.run("provisioner", b.kubeconfigs["provisioner"], 8)
	defer w.kill()
	var made []*course
	for range n {
		c := &course{bundle: b, id: b.api.NewID(b.t), pack: like.pack}
		b.createOf(c.id, c.pack, like.state(like.id).Spec.Plan)
		made = append(made, c)
	}
	for _, c := range made {
		b.awaitType(c.id, store.BecameReady)
		c.bringTo(store.Verbs[before])
	}
	return made
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

func uncounted(inventory []string) []string {
	var names []string
	for _, line := range inventory {
		name, _, _ := strings.Cut(line, " generation ")
		names = append(names, name)
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
