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

// At is the newest checkpoint known, and the epoch of the log that it is of; empty before any is known.
func (p *Progress) At() (epoch string, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, p.seq
}

// Seq is the newest checkpoint known.
func (p *Progress) Seq() uint64 {
	_, seq := p.At()
	return seq
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

// Wait returns once the projection of the log with this epoch is at least at seq, or with an error when ctx ends before, and at
// once when what is projected is another log: its sequences are other messages'. An empty epoch is any log.
func (p *Progress) Wait(ctx context.Context, epoch string, seq uint64) error {
	reached, changed, err := p.look(epoch, seq)
	if reached || err != nil {
		return err
	}
	p.count(1)
	defer p.count(-1)
	select {
	case p.hurry <- struct{}{}:
	default:
	}
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for message %d to be projected: %w", seq, ctx.Err())
		}
		if reached, changed, err = p.look(epoch, seq); reached || err != nil {
			return err
		}
	}
}

// look says whether seq is reached, and else what is closed when that may have changed.
func (p *Progress) look(epoch string, seq uint64) (reached bool, changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch != "" && p.epoch != "" && epoch != p.epoch {
		return false, nil, fmt.Errorf("wait for message %d of log %s: %w", seq, epoch, ErrForeignEpoch)
	}
	return p.seq >= seq, p.changed, nil
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
