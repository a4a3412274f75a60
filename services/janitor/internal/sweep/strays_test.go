package sweep

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

func TestTheDeletionOfAStrayIsAskedForOnce(t *testing.T) {
	b := setup(t)
	stray, live, gone := b.store(true, deleted...), b.store(true, ready...), b.store(false, deleted...)
	report := b.sweep()
	wantFindings(t, report, "stray 1")
	wantSubmitted(t, report, 1)
	if report.Alarm != nil || report.Namespaces != 2 || report.Stores != 2 {
		t.Errorf("the report is %+v", report)
	}
	b.wantCommand(stray, store.DeleteCommand, "StrayNamespace")
	b.wantNamespace(stray) // a sweep removes nothing itself
	b.wantAlone(live)
	if said := b.swept(gone); len(said) != 0 {
		t.Errorf("sweeps said %+v of a store that is gone", said)
	}
	report = b.sweep()
	wantFindings(t, report)
	b.wantCommand(stray, store.DeleteCommand, "StrayNamespace")
}

// The last step of a delete may end between the look at the cluster and the one at the log.
func TestWhatGoesWhileASweepLooksIsNoFinding(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func([]cluster.Sighting) []cluster.Sighting{
		"it is gone": func([]cluster.Sighting) []cluster.Sighting { return nil },
		"another is there": func(seen []cluster.Sighting) []cluster.Sighting {
			seen[0].UID = "another"
			return seen
		},
		"it is going": func(seen []cluster.Sighting) []cluster.Sighting {
			seen[0].Terminating = time.Now()
			return seen
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			id := b.store(true, deleted...)
			wantFindings(t, b.sweepIn(&edited{Cluster: b.cluster(), edit: edit}))
			b.wantAlone(id)
			wantSubmitted(t, b.sweep(), 1)
		})
	}
}

// And a store that is Ready may be deleted between them.
func TestAStoreThatIsDeletedWhileASweepLooksIsNotMissing(t *testing.T) {
	b := setup(t)
	id := b.store(false, ready...)
	b.place(b.store(false, deleted...)) // a doubt, so that there is a second look
	report := b.sweepIn(&between{Cluster: b.cluster(), act: func() { b.say(id, store.DeleteCommand) }})
	wantFindings(t, report, "stray 1")
}

func TestAReadyStoreWithoutANamespaceIsReported(t *testing.T) {
	b := setup(t)
	id := b.store(false, ready...)
	b.store(false, store.CreateCommand)
	report := b.sweep()
	wantFindings(t, report, "missing 1")
	wantAlarm(t, report, "MissingNamespaces", "removed the namespaces by hand", "restored")
	if said := b.swept(id); len(said) != 0 {
		t.Errorf("sweeps said %+v", said)
	}
}

func TestANamespaceThatDoesNotGoIsReported(t *testing.T) {
	b := setup(t)
	id := b.store(true, deleted...)
	namespaces := b.api.Admin.CoreV1().Namespaces()
	hold := func(finalizers string) {
		if _, err := namespaces.Patch(t.Context(), id.Namespace(), types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`), metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	}
	hold(`["store-platform.io/test"]`)
	if err := namespaces.Delete(t.Context(), id.Namespace(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	defer hold(`null`)
	wantFindings(t, b.sweep())
	b.ahead.Store(int64(slowRemoval))
	report := b.sweep()
	wantFindings(t, report, "terminating 1")
	wantSubmitted(t, report, 0)
}

func TestTooManyStraysAreLeftAlone(t *testing.T) {
	b := setup(t)
	var strays []store.ID
	for range believable + 1 {
		strays = append(strays, b.store(true, deleted...))
	}
	leaked := b.api.NewID(t)
	b.claim(time.Now().Add(-claim.Grace), leaked)
	report := b.sweep()
	wantFindings(t, report, "stray 4")
	wantSubmitted(t, report, 0)
	b.wantHeld(leaked)
	wantAlarm(t, report, "TooManyFindings", "of 4 namespaces 4 are of deleted stores", "Nothing was submitted")
	b.wantAlone(strays...)

	// One fewer is believed.
	if err := b.api.Admin.CoreV1().Namespaces().Delete(t.Context(), strays[0].Namespace(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	report = b.sweep()
	wantFindings(t, report, "stray 3", "claim_leaked 1")
	wantSubmitted(t, report, 3)
	for _, id := range strays[1:] {
		b.wantCommand(id, store.DeleteCommand, "StrayNamespace")
	}
}

func TestHowMuchIsBelievedGrowsWithTheCluster(t *testing.T) {
	for _, c := range []struct {
		namespaces, strays int
		stop               bool
	}{{0, 3, false}, {0, 4, true}, {79, 4, true}, {80, 4, false}, {99, 5, true}, {100, 5, false}, {100, 6, true}} {
		r := &round{found: findings{}}
		r.report.Namespaces = c.namespaces
		for range c.strays {
			r.found.add("stray", "s")
		}
		if _, stop := r.disagreement(); stop != c.stop {
			t.Errorf("%d strays of %d namespaces: stopped %v", c.strays, c.namespaces, stop)
		}
	}
}
