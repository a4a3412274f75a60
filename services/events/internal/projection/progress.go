package projection

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// askWaiting is how often a replica asks Postgres for the checkpoint while somebody waits for it, askIdle otherwise.
	askWaiting = 25 * time.Millisecond
	askIdle    = 5 * time.Second
)

// Progress is how far the projection is known to be. The projector of this process tells it at once; what another
// replica has projected is learned from Postgres, often only while somebody waits.
type Progress struct {
	asides metric.Int64Counter

	mu      sync.Mutex
	epoch   string
	seq     uint64
	waiting int
	changed chan struct{}
	hurry   chan struct{}
}

// NewProgress begins at zero.
func NewProgress() *Progress {
	asides, err := otel.Meter("projection").Int64Counter("projection.set_aside",
		metric.WithDescription("Messages that could not be projected"))
	if err != nil {
		slog.Warn("make a counter", "error", err)
	}
	return &Progress{asides: asides, changed: make(chan struct{}), hurry: make(chan struct{}, 1)}
}

// Seq is the newest checkpoint known.
func (p *Progress) Seq() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq
}

// Advance tells of a checkpoint. It never goes back in one log; in another one its number means something else.
func (p *Progress) Advance(epoch string, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq > p.seq || epoch != p.epoch {
		p.epoch, p.seq = epoch, seq
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// Wait returns once the projection is at least at seq, or with an error when ctx ends before.
func (p *Progress) Wait(ctx context.Context, seq uint64) error {
	if p.Seq() >= seq {
		return nil
	}
	p.count(1)
	defer p.count(-1)
	select {
	case p.hurry <- struct{}{}:
	default:
	}
	for {
		p.mu.Lock()
		reached, changed := p.seq >= seq, p.changed
		p.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for message %d to be projected: %w", seq, ctx.Err())
		}
	}
}

func (p *Progress) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += n
}

// Follow learns from Postgres what other replicas project, until ctx ends.
func (p *Progress) Follow(ctx context.Context, db readmodel.Querier) {
	for {
		if epoch, seq, err := readmodel.Checkpoint(ctx, db); err == nil {
			p.Advance(epoch, seq)
		}
		p.mu.Lock()
		wait := askIdle
		if p.waiting > 0 {
			wait = askWaiting
		}
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-p.hurry:
		case <-time.After(wait):
		}
	}
}

func (p *Progress) setAside(ctx context.Context) { p.asides.Add(ctx, 1) }
