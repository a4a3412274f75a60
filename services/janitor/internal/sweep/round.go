package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// round is one sweep.
type round struct {
	cfg      Config
	log      *storelog.Log
	leases   *lease.Bucket
	claims   *claim.Book
	platform jetstream.KeyValue
	held     *lease.Lease

	// now is this process's clock at the beginning.
	now    time.Time
	seen   sightings
	found  findings
	report platform.Sweep
	// stopped: too much was found to believe any of it.
	stopped bool
}

func newRound(cfg Config, log *storelog.Log, leases *lease.Bucket, claims *claim.Book, said jetstream.KeyValue) *round {
	now := cfg.Now().UTC()
	return &round{
		cfg: cfg, log: log, leases: leases, claims: claims, platform: said, now: now, found: findings{},
		report: platform.Sweep{At: now, By: cfg.Holder},
	}
}

// run looks at everything before it does anything: how much was found decides whether any of it is believed. last is the
// report of the sweep before.
func (r *round) run(ctx context.Context, last platform.Sweep) error {
	if r.report.Alarm = r.foreign(); r.report.Alarm != nil {
		return r.publish(ctx)
	}
	err := r.look(ctx)
	if unanswered := (*unansweredError)(nil); errors.As(err, &unanswered) {
		return r.blind(ctx, last, unanswered)
	}
	if err != nil {
		return err
	}
	if err := r.confirm(ctx); err != nil {
		return err
	}
	if r.report.Paused, err = r.log.SweepsPaused(ctx); err != nil {
		return err
	}
	r.report.Alarm, r.stopped = r.disagreement()
	for _, act := range []func(context.Context) error{r.deleteStrays, r.deleteExpired, r.resendStalled, r.mendClaims} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return r.publish(ctx)
}

// foreign says why this log can't be held against this cluster. One without an owner may be anybody's.
func (r *round) foreign() *platform.Alarm {
	switch owner := r.log.Installation(); owner {
	case r.cfg.Installation:
		return nil
	case "":
		return &platform.Alarm{Reason: "UnknownLog", Message: fmt.Sprintf(
			"The log doesn't say whose it is, this is installation %s. Nothing is swept until it says so: start the gateway with INSTALLATION.", r.cfg.Installation)}
	default:
		return &platform.Alarm{Reason: "ForeignLog", Message: fmt.Sprintf(
			"The log is installation %s's, this is installation %s. Nothing is swept.", owner, r.cfg.Installation)}
	}
}

// submit appends m behind the state that this sweep has judged, or nothing: when the store has changed since, when
// admit says no, or when sweeps are paused or stopped. It returns the state after its own message, or the one it was
// given. That the state must be the same one is what keeps a sweeper that was frozen, and wakes up after another has
// swept and the janitor has removed, from asking a second time.
func (r *round) submit(ctx context.Context, judged store.State, admit func(store.State) error, m store.Message) (store.State, error) {
	if r.stopped || r.report.Paused != "" {
		return judged, nil
	}
	said := false
	after, err := r.log.Update(ctx, judged.ID, func(s store.State) (*store.Message, error) {
		said = false
		if r.held.Remaining() <= 0 {
			return nil, lease.ErrLost
		}
		if s.Version != judged.Version || admit(s) != nil {
			return nil, nil
		}
		said = true
		m.Store, m.Actor, m.Time = judged.ID, Actor, r.cfg.Now()
		return &m, nil
	})
	switch {
	case unreadable(err):
		r.spare(judged.ID)
		return judged, nil
	case errors.Is(err, storelog.ErrConflict):
		return judged, nil // it changes all the time, so it isn't what was judged
	case err != nil:
		return judged, fmt.Errorf("submit %s of store %s: %w", m.Type, judged.ID, err)
	}
	if !said {
		return judged, nil
	}
	if m.Type.IsCommand() {
		r.report.Submitted++
	}
	return after, nil
}

// publish ends the sweep with its report.
func (r *round) publish(ctx context.Context) error {
	r.report.Findings = r.found.listed()
	return r.put(ctx)
}

// put says what the report says, unless another sweep's has begun.
func (r *round) put(ctx context.Context) error {
	if r.held.Remaining() <= 0 {
		return fmt.Errorf("publish the report: %w", errors.Join(lease.ErrLost, context.Cause(ctx)))
	}
	return platform.PublishSweep(ctx, r.platform, r.cfg.ClusterName, r.report)
}
