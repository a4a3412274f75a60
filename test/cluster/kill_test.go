package cluster_test

import (
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// killTries is how many stores may be up before their worker is killed, until one isn't.
const killTries = 5

// The provisioner is killed the moment a step is completed, so that it dies in the next one. Whoever takes over resumes
// at the first step that isn't done.
//
// One case after the other: stores that lose two workers are tried alone, and those of all tests would wait for each other.
func TestAKilledProvisionerDoesNotCostTheStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, after, during string }{
		{"during the Helm call", "credentials", "release"},
		{"during the wait", "release", "workloads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inTurn(t)
			for range killTries {
				// A kill that comes too late says nothing about one that doesn't.
				if ready := b.killedAfter(c.after, "Survives a kill "+c.name); ready.Attempt >= 2 {
					b.Buy(t, ready)
					return
				}
			}
			t.Fatalf("%s was over before each of %d kills", c.during, killTries)
		})
	}
}

// killedAfter makes a store whose provisioner is killed when a step is completed, and returns it as it became Ready.
func (b *bench) killedAfter(step, name string) query.Store {
	b.Helper()
	s := b.Create(b.T, name)
	b.Cleanup(func() { b.remove(s.ID) })
	feed := b.Follow(b.T, b.before(s), s.ID)
	feed.UntilStep(b.T, step)
	b.kill("provisioner")
	seen := feed.UntilType(b.T, store.BecameReady)
	return *seen[len(seen)-1].Store
}

// kill ends a service's process as the kernel would when memory runs out.
func (b *bench) kill(service string) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
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
