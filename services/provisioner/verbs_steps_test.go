package provisioner_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Whatever a store that stands is asked for, and wherever that fails: its address, its passwords and its volumes hold, and
// tried again with its own arguments it is done. A delete that comes in that step leaves nothing.
func TestWhateverFailsAtAnyStepLeavesAStoreThatStands(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		t.Run(pack.Name, func(t *testing.T) {
			b := setup(t).serving().fronts()
			b.shop.serveAs(pack.Probe)
			traps := b.startBehindTraps()
			b.start("janitor")
			var mu sync.Mutex
			var doomed []doomed
			t.Run("step", func(t *testing.T) {
				for _, step := range steps() {
					t.Run(step, func(t *testing.T) {
						t.Parallel()
						more := b.on(t).throughStep(traps, pack, step)
						mu.Lock()
						defer mu.Unlock()
						doomed = append(doomed, more...)
					})
				}
			})
			b.requireDeleted(doomed)
		})
	}
}

// steps are those of all the verbs.
func steps() []string {
	var steps []string
	for _, row := range onStanding() {
		for _, step := range row.Steps {
			if !slices.Contains(steps, step) {
				steps = append(steps, step)
			}
		}
	}
	return steps
}

// throughStep has every verb fail in the step, on one store. Then it is deleted in that step of one of the verbs, and a store
// more in that of each of the others.
func (b *bundle) throughStep(traps *traps, pack engine.Pack, step string) []doomed {
	b.t.Helper()
	var with []store.Row
	for _, row := range onStanding() {
		if slices.Contains(row.Steps, step) {
			with = append(with, row)
		}
	}
	all := b.standAll(traps, pack, len(with))
	c := all[0]
	has := c.belongings()
	for _, row := range with {
		c.bringTo(row)
		failed := c.failAt(row.Verb, slices.Index(row.Steps, step))
		c.requireKept(has)
		c.again(failed)
		c.requireKept(has)
	}
	var deleted []doomed
	for i, row := range with {
		deleted = append(deleted, all[i].deleteAt(row, slices.Index(row.Steps, step)))
	}
	return deleted
}

// What an update has changed before it failed nobody wants any more: the keeper has it taken back, nobody is told that
// somebody changed anything by hand, and the failure waits for its retry all the same.
func TestAnUpdateThatFailedAtTheWorkloadsIsGoneBackFrom(t *testing.T) {
	b := setup(t).serving().fronts()
	traps := b.startBehindTraps()
	pack := demo(t)
	c := b.stand(traps, pack)
	deployments := b.api.Admin.AppsV1().Deployments(c.id.Namespace())
	template := func() appsv1.DeploymentSpec {
		d, err := deployments.Get(t.Context(), "store", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Spec
	}
	before := template()
	failed := c.failAt(store.Update, slices.Index(store.Verbs[store.Update].Steps, "workloads"))
	taken := c.await(c.id, "what takes the update back", func(e storelog.Entry) bool {
		return e.Message.Seq > failed.generation && e.Message.Type == store.BecameReady
	})
	if s := taken.State; s.Verb != store.Refresh || s.Standing != store.Up || len(s.Failures) != 1 || s.Failures[0].Generation != failed.generation {
		t.Errorf("after it was taken back: %+v", s)
	}
	if n := c.count(c.id, store.BecameDegraded) + c.count(c.id, store.MendCommand); n > 0 {
		t.Errorf("the store was called Degraded:\n%s", c.told(c.id))
	}
	clustertest.Eventually(t, "the workload is as it was before", func(context.Context) (bool, error) {
		return equality.Semantic.DeepEqual(before, template()), nil
	})
	c.again(failed)
	if equality.Semantic.DeepEqual(before, template()) {
		t.Error("the retry changed nothing")
	}
}

func demo(t *testing.T) engine.Pack {
	t.Helper()
	for _, pack := range shipped(t) {
		if pack.Tier == engine.TierDemo {
			return pack
		}
	}
	t.Fatal("no engine to try")
	return engine.Pack{}
}
