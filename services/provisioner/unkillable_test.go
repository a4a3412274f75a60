package provisioner_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// leastRequests is what an installation needs at least; fewer would mean that the proxy doesn't see them.
const leastRequests = 25

// A provisioner is killed at each request that it makes for a store, executed or not or in the middle, and another
// takes over: the store is whole, and nothing of it is there twice.
func TestAProvisionerKilledAtAnyRequestLeavesAWholeStore(t *testing.T) {
	b := setup(t).serving()
	unharmed := b.create()
	points := b.observe("provisioner", unharmed, store.BecameReady)
	if len(points) < leastRequests {
		t.Fatalf("observed %d requests, want %d at least: %v", len(points), leastRequests, points)
	}
	strikes := b.newStrikes()
	for order, p := range points {
		for _, e := range endingsAt(p) {
			strikes.add(b.create(), order, p, e)
		}
	}
	b.besiege("provisioner", strikes, store.BecameReady)
	want := b.inventory(unharmed)
	for _, s := range strikes.inOrder() {
		t.Run(s.String(), func(t *testing.T) {
			more := b.requireOneEnd(t, s, store.BecameReady)
			b.requireOneRelease(t, s.store, revisionsAfter(points, s)+more)
			b.requireSame(t, s.store, want)
			b.requireQuotaOf(t, s.store, unharmed)
			if now := b.passwords(s.store); s.secret != nil && !maps.EqualFunc(s.secret, now, slices.Equal) {
				t.Error("the passwords have changed")
			}
		})
	}
	strikes.requireLanded(t, leastRequests)
}

// sameFromHere is the number of a teardown's requests behind which there are only more looks of the wait for its end: as
// many as there are changes that wake it.
const sameFromHere = 7

// A janitor is killed at each request that it makes for a store, and another takes over: nothing is left, and it is
// said once.
func TestAJanitorKilledAtAnyRequestLeavesNothing(t *testing.T) {
	b := setup(t).serving()
	provisioner := b.start("provisioner")
	unharmed := b.claimed()
	b.awaitType(unharmed, store.BecameReady)
	b.command(unharmed, store.DeleteCommand, nil)
	points := b.observe("janitor", unharmed, store.BecameDeleted)
	strikes := b.newStrikes()
	for order, p := range points[:min(len(points), sameFromHere)] {
		for _, e := range endingsAt(p) {
			strikes.add(b.claimed(), order, p, e)
		}
	}
	for id := range strikes.byStore {
		b.awaitType(id, store.BecameReady)
		b.command(id, store.DeleteCommand, nil)
	}
	provisioner.kill()
	b.besiege("janitor", strikes, store.BecameDeleted)
	book := claim.NewBook(b.bucket(storelog.BucketClaims))
	for _, s := range strikes.inOrder() {
		t.Run(s.String(), func(t *testing.T) {
			b.requireOneEnd(t, s, store.BecameDeleted)
			if held, err := book.Held(t.Context(), tenantOf(s.store)); err != nil || len(held) != 0 {
				t.Errorf("the tenant still holds %v, %v", held, err)
			}
		})
	}
	b.requireAllGone(slices.Collect(maps.Keys(strikes.byStore)))
	// Two looks, the removal, and a look at what became of it; how many more there are depends on what wakes the wait.
	strikes.requireLanded(t, 4)
}

// The API server counts a volume before it stores it. A worker's end in between leaves the count without the volume, and
// the plan has room for one.
func TestAProvisionerKilledBetweenCountAndVolumeCostsNothing(t *testing.T) {
	b := setupBy(t, production).serving()
	id := b.untilMade(func() (store.ID, bool) {
		first, proxy := b.startBehind("provisioner")
		_, id := b.hold(proxy, makeVolume)
		first.kill()
		second, proxy := b.startBehind("provisioner")
		volume := b.holdOf(proxy, id, makeVolume)
		volume.awaitLeft()
		stop := b.countVolume(id)
		status := volume.land()
		stop()
		made := volume.inTime && status == http.StatusForbidden
		if !made {
			t.Logf("a volume that the plan has no room for was answered %d, in time: %t", status, volume.inTime)
			second.kill()
		}
		return id, made
	})
	b.requireAttempts(t, b.awaitType(id, store.BecameReady), 2)
	unharmed := b.create()
	b.awaitType(unharmed, store.BecameReady)
	b.requireQuotaOf(t, id, unharmed)
}

// countPause lies between two times that a quota is told what is used of it.
const countPause = 50 * time.Millisecond

// countVolume makes the quota say that all the storage of the plan is used, and returns when the API server goes by it.
// Until it is stopped it says so again and again: the quota controller counts everything anew now and then.
func (b *bundle) countVolume(id store.ID) (stop func()) {
	b.t.Helper()
	quotas := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace())
	quota, err := quotas.Get(b.t.Context(), "store", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	all := quota.Spec.Hard[corev1.ResourceRequestsStorage]
	patch := fmt.Appendf(nil, `{"status":{"used":{"requests.storage":%q}}}`, all.String())
	ctx, cancel := context.WithCancel(b.t.Context())
	var counting sync.WaitGroup
	stop = func() { cancel(); counting.Wait() }
	b.t.Cleanup(stop)
	counting.Go(func() {
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			_, _ = quotas.Patch(ctx, "store", types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		}, countPause)
	})
	dry := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "dry"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}
	clustertest.Eventually(b.t, "the API server has no room for a volume", func(ctx context.Context) (bool, error) {
		_, err := b.api.Admin.CoreV1().PersistentVolumeClaims(id.Namespace()).Create(ctx, dry, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsForbidden(err), nil
	})
	return stop
}

// endingsAt are the endings that differ: a look that was answered to nobody has left nothing behind.
func endingsAt(p point) []ending {
	if p.reads() {
		return []ending{notExecuted}
	}
	return []ending{notExecuted, executed, interrupted}
}

func (s *strikes) inOrder() []*strike {
	return slices.SortedFunc(maps.Values(s.byStore), func(a, b *strike) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.ending, b.ending))
	})
}

// requireLanded fails when fewer points than that were struck, or a change wasn't. The last few looks of an operation may
// not come: a store whose pods run at the first one isn't looked at again.
func (s *strikes) requireLanded(t *testing.T, least int) {
	t.Helper()
	struck, missed := make(map[point]bool), []string(nil)
	for _, strike := range s.inOrder() {
		switch {
		case strike.landed:
			struck[strike.point] = true
		case !strike.point.reads():
			t.Errorf("%s: it wasn't come to", strike)
		default:
			missed = append(missed, strike.String())
		}
	}
	t.Logf("%d requests struck; not come to: %v", len(struck), missed)
	if len(struck) < least {
		t.Errorf("%d requests struck, want %d at least", len(struck), least)
	}
}

// requireOneEnd fails unless the store's newest command ended once, as it should, and not before the attempt behind the
// strike. It returns how many more attempts it took.
func (b *bundle) requireOneEnd(t *testing.T, s *strike, end store.Type) (more int) {
	t.Helper()
	state, attempts := b.state(s.store), 1
	if s.landed {
		attempts = 2
	}
	var ends []storelog.Entry
	entries, _ := b.history.look()
	for _, e := range entries {
		if e.Message.Store == s.store && e.Message.Type.IsTerminal() && e.Message.Generation == state.Generation {
			ends = append(ends, e)
		}
	}
	if len(ends) != 1 || ends[0].Message.Type != end || state.InFlight() || b.count(s.store, end) != 1 {
		t.Errorf("%d terminal events, status %s:\n%s", len(ends), state.Status, b.told(s.store))
		return 0
	}
	return b.requireAttempts(t, ends[0], attempts)
}

func orderOf(points []point, request string, nth int) int {
	return slices.Index(points, point{request, nth})
}

// revisionsAfter is how many revisions Helm may have after the strike: one, a second only where the first was left
// unfinished, and a third where a create was cut in the middle: what the API server has counted and not stored may refuse
// the second, before it is counted anew.
func revisionsAfter(points []point, s *strike) (atMost int) {
	begun := orderOf(points, "POST /api/v1/namespaces/NAMESPACE/secrets", 2)
	finished := orderOf(points, "PUT /api/v1/namespaces/NAMESPACE/secrets/sh.helm.release.v1.store.vN", 1)
	switch {
	case !s.landed, s.order < begun, s.order == begun && s.ending == notExecuted:
		return 1
	case s.order > finished, s.order == finished && s.ending == executed:
		return 1
	case s.ending == interrupted && strings.HasPrefix(s.point.request, "POST "):
		return 3
	default:
		return 2
	}
}
