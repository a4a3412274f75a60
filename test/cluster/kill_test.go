package cluster_test

import (
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// The provisioner is killed the moment a step is completed, so that it dies in the next one. Whoever takes over resumes
// at the first step that isn't done.
func TestAKilledProvisionerDoesNotCostTheStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, after, during string }{
		{"during the Helm call", "credentials", "release"},
		{"during the wait", "release", "workloads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setup(t)
			s := b.Create(t, "Survives a kill "+c.name)
			b.Cleanup(func() { b.remove(s.ID) })
			feed := b.Follow(t, b.before(s), s.ID)
			feed.UntilStep(t, c.after)
			b.kill("provisioner")
			seen := feed.UntilType(t, store.BecameReady)
			ready := *seen[len(seen)-1].Store
			if ready.Attempt < 2 {
				t.Fatalf("%s was over before the kill: attempt %d", c.during, ready.Attempt)
			}
			b.Buy(t, ready)
		})
	}
}

// kill ends a service's process as the kernel would when memory runs out.
func (b *bench) kill(service string) {
	b.Helper()
	platform.Eventually(b.T, func() error {
		pid, err := b.PID(service)
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	})
}

func TestADeleteWinsAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			b := setup(t)
			s := b.Create(t, "Deleted after "+step)
			feed := b.Follow(t, b.before(s), s.ID)
			feed.UntilStep(t, step)
			b.Delete(t, s.ID)
			seen := feed.Until(t, func(m query.FeedMessage) bool {
				return m.Store.Status == store.Deleted && m.Store.Operation == ""
			})
			b.expectGone(s.ID)
			b.expectSettledOnce(seen)
		})
	}
}

func TestADeleteBeforeAnybodyPickedUp(t *testing.T) {
	b := setup(t)
	s := b.Create(t, "Deleted at once")
	feed := b.Follow(t, b.before(s), s.ID)
	b.Delete(t, s.ID)
	feed.UntilType(t, store.BecameDeleted)
	b.expectGone(s.ID)
}

// expectSettledOnce: after the delete only its own terminal event stands, once.
func (b *bench) expectSettledOnce(seen []query.FeedMessage) {
	b.Helper()
	deleted := 0
	for _, m := range seen {
		if m.Event.Type == store.BecameDeleted {
			deleted++
		}
	}
	if deleted != 1 {
		b.Fatalf("deleted %d times: %v", deleted, platform.Types(seen))
	}
}
