package cluster_test

import (
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// killTries is how many stores may be up before their worker is killed, until one isn't.
const killTries = 5

// firstIsReady waits for the store that was asked for before there was a cluster: a kill must not cost it an attempt.
func (b *bench) firstIsReady() {
	b.Helper()
	first := b.FirstStore(b.T)
	b.Follow(b.T, b.before(first), first.ID).UntilType(b.T, store.BecameReady)
}

// killedInItsHelmCall makes a store whose provisioner is killed the moment the step before is completed, and notes which of
// those that have begun were hit by that, too. It returns when there is a provisioner again, who answers for the other store.
func (b *bench) killedInItsHelmCall(other query.Store, begun []*conformance) query.Store {
	b.Helper()
	for range killTries {
		s := b.Create(b.T, "Survives a kill")
		b.Cleanup(func() { b.remove(s.ID) })
		b.Follow(b.T, b.before(s), s.ID).UntilStep(b.T, "credentials")
		b.kill("provisioner")
		hit := 0
		for _, c := range begun {
			if c.killed = c.killed || b.Get(b.T, c.at.ID).Status != store.Ready; c.killed {
				hit++
			}
		}
		if hit == 0 && len(begun) > 0 {
			b.Fatal("no shop was being set up")
		}
		b.Credentials(b.T, other.ID)
		// A kill that comes too late says nothing about one that doesn't.
		if now := b.Get(b.T, s.ID); now.Status != store.Ready || now.Attempt >= 2 {
			return s
		}
	}
	b.Fatalf("the store was Ready before each of %d kills", killTries)
	return query.Store{}
}

// survives: whoever takes over resumes at the first step that isn't done.
func (b *bench) survives(s query.Store) {
	b.Helper()
	seen := b.Follow(b.T, b.before(s), s.ID).UntilType(b.T, store.BecameReady)
	ready := *seen[len(seen)-1].Store
	if ready.Attempt < 2 {
		b.Errorf("ready in attempt %d, although its worker was killed", ready.Attempt)
	}
	b.Buy(b.T, ready)
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
			told := b.Follow(t, b.before(s), s.ID)
			told.UntilStep(t, step)
			b.Delete(t, s.ID)
			seen := told.Until(t, func(m feed.Message) bool {
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
func (b *bench) expectSettledOnce(seen []feed.Message) {
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
