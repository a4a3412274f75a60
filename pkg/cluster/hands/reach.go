package hands

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/work"
)

// Pauses between two questions, by production's clock. A cluster that is down is waited for by people, one that is up only has to be noticed
// when it goes.
const (
	whileDown = 2 * time.Second
	whileUp   = 10 * time.Second
)

// reachable is what is followed: nil means that it answers (cluster.Cluster).
type reachable interface {
	Reachable(context.Context) error
}

// Reach follows whether the cluster answers, so that a hand can tell a reason to wait from a reason to fail before it
// spends an attempt: everybody asks the Reach, it alone asks the cluster. It is safe for concurrent use.
type Reach struct {
	// Changed, if not nil, hears the first answer and each one that differs, nil for up, again and again until it says
	// that it has taken it. It is set before Tell and Work.
	Changed func(context.Context, error) error

	cluster reachable
	clock   clock.Divisor
	// answered is closed by the first answer: before it nobody knows whether to wait.
	answered chan struct{}

	mu    sync.Mutex
	known bool
	down  error
	// up is closed when a cluster that is down answers again.
	up chan struct{}
	// untold is set while Changed hasn't taken what is known.
	untold bool
}

func newReach(c reachable, by clock.Divisor) *Reach {
	return &Reach{cluster: c, clock: by, answered: make(chan struct{}), up: make(chan struct{})}
}

// follow asks until ctx ends.
func (r *Reach) follow(ctx context.Context) {
	for {
		down := r.cluster.Reachable(ctx)
		if ctx.Err() != nil {
			return
		}
		r.take(ctx, down)
		pause := whileUp
		if down != nil {
			pause = whileDown
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.clock.Of(pause)):
		}
	}
}

func (r *Reach) take(ctx context.Context, down error) {
	r.mu.Lock()
	first, flipped := !r.known, (r.down == nil) != (down == nil)
	r.known, r.down = true, down
	if flipped && down == nil {
		close(r.up)
		r.up = make(chan struct{})
	}
	r.untold = r.Changed != nil && (r.untold || first || flipped)
	untold := r.untold
	r.mu.Unlock()
	if first {
		close(r.answered)
	}
	if first || flipped {
		if down != nil {
			slog.InfoContext(ctx, "waiting for the cluster", "error", down)
		} else {
			slog.InfoContext(ctx, "the cluster answers")
		}
	}
	if !untold {
		return
	}
	if err := r.Changed(ctx, down); err != nil {
		slog.WarnContext(ctx, "tell how the cluster is; it is told again", "error", err)
		return
	}
	r.mu.Lock()
	r.untold = false
	r.mu.Unlock()
}

// Tell has Changed hear the next answer, whatever it is: who had taken the last one has forgotten it.
func (r *Reach) Tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.untold = r.Changed != nil
}

// Available is what a work.Hand answers: nil while the cluster is up, else a *work.Waiting. It waits for the first
// answer, because a store that was asked for in a worker's first moment needn't be told to wait.
func (r *Reach) Available(ctx context.Context) error {
	select {
	case <-r.answered:
	case <-ctx.Done():
		return waiting(context.Cause(ctx), r.answered)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down == nil {
		return nil
	}
	return waiting(r.down, r.up)
}

func waiting(down error, until <-chan struct{}) error {
	return &work.Waiting{
		Reason: "ClusterNotReady", Message: Sentence(down) + " The work begins by itself.", Err: down, Until: until,
	}
}

// Sentence says for people why the cluster can't be worked with.
func Sentence(down error) string {
	var known *cluster.Error
	if errors.As(down, &known) {
		return known.Sentence
	}
	return "The cluster doesn't answer."
}
