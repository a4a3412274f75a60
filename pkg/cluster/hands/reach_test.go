package hands

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/work"
)

type switchable struct{ down atomic.Pointer[error] }

func (s *switchable) Reachable(context.Context) error {
	if down := s.down.Load(); down != nil {
		return *down
	}
	return nil
}

func TestReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		cluster := &switchable{}
		cluster.down.Store(&refused)
		var heard []error
		r := newReach(cluster, 1)
		refusals := 1
		r.Changed = func(_ context.Context, down error) error {
			if down == nil && refusals > 0 {
				refusals--
				return errors.New("nobody listens")
			}
			heard = append(heard, down)
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.follow(ctx)

		var waiting *work.Waiting
		if err := r.Available(ctx); !errors.As(err, &waiting) || waiting.Reason != "ClusterNotReady" || !errors.Is(err, refused) {
			t.Errorf("a cluster that is down: %v", err)
		}
		until := waiting.Until
		cluster.down.Store(nil)
		<-time.After(whileDown)
		synctest.Wait()
		if err := r.Available(ctx); err != nil {
			t.Errorf("a cluster that is up: %v", err)
		}
		select {
		case <-until:
		default:
			t.Error("whoever waited for it isn't told that it is up")
		}
		if len(heard) != 1 {
			t.Fatalf("heard %v: want nothing that wasn't taken", heard)
		}
		<-time.After(whileUp)
		synctest.Wait()
		cluster.down.Store(&refused)
		<-time.After(whileUp)
		synctest.Wait()
		if err := r.Available(ctx); err == nil {
			t.Error("a cluster that went away is still taken for up")
		} else if errors.As(err, &waiting) {
			select {
			case <-waiting.Until:
				t.Error("who waits for it is told at once that it is up")
			default:
			}
		}
		<-time.After(10 * whileDown)
		synctest.Wait()
		if len(heard) != 3 || heard[0] == nil || heard[1] != nil || heard[2] == nil {
			t.Errorf("heard %v: want the first answer and each change, and no repetition of what was taken", heard)
		}
		r.Tell()
		<-time.After(10 * whileDown)
		synctest.Wait()
		if len(heard) != 4 || heard[3] == nil {
			t.Errorf("heard %v: want what is known once more", heard)
		}
	})
}

// Before the first answer nobody knows whether to wait, so nobody is told to.
func TestAvailableWaitsForTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReach(&switchable{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := make(chan error, 1)
		go func() { answer <- r.Available(ctx) }()
		synctest.Wait()
		select {
		case err := <-answer:
			t.Fatalf("answered %v before the cluster did", err)
		default:
		}
		go r.follow(ctx)
		if err := <-answer; err != nil {
			t.Errorf("a cluster that is up: %v", err)
		}
	})
}
