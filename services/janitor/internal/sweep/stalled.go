package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// silence is how long nothing may be heard of an open command whose next attempt is due. Workers say something at each
// step, and steps are bounded below it.
const silence = 15 * time.Minute

// silent asks what the last word says of its time only where the broker agrees: by a clock that was hours ahead, silence
// would begin when these are over.
func (r *round) silent(s store.State, heard time.Time) bool {
	since := s.UpdatedAt
	if heard.Before(since) {
		since = heard
	}
	// By the word's own clock, the pause is as long as it was meant.
	return r.now.Sub(since.Add(s.Pause(s.UpdatedAt))) >= silence
}

// resendStalled sends commands again that the broker has handed out and nobody works on, and ends those that a newer one
// has overtaken and whose worker never came to say so. Either way each command ends in one terminal event: what the
// broker delivers late is settled by then, and is acknowledged as such.
func (r *round) resendStalled(ctx context.Context) error {
	handedOut, err := r.handedOut(ctx)
	if err != nil {
		return err
	}
	for _, s := range r.seen.idle {
		if s.InFlight() && r.clusterLongReady() && handedOut[store.Verbs[s.Doing()].Hand] >= s.Generation {
			if s, err = r.resend(ctx, s); err != nil {
				return err
			}
		}
		if err := r.endOvertaken(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// clusterLongReady: while there is no cluster commands wait, and are silent. When it is back they don't begin all at once.
func (r *round) clusterLongReady() bool {
	return r.seen.cluster.Ready && r.now.Sub(r.seen.cluster.Since) >= silence
}

// handedOut says up to which sequence the broker has delivered each hand's commands at least once. What is behind it is
// in the queue and will come: sending it again would only make the queue longer, for as long as no worker runs.
func (r *round) handedOut(ctx context.Context) (map[store.Hand]uint64, error) {
	if len(r.seen.idle) == 0 {
		return nil, nil
	}
	upTo := map[store.Hand]uint64{}
	for _, name := range []store.Hand{store.Provisioner, store.Janitor} {
		consumer, err := r.log.JetStream().Consumer(ctx, storelog.Stream, storelog.Durable(string(name), r.cfg.ClusterName))
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue // made anew, it is handed everything
		}
		if err != nil {
			return nil, fmt.Errorf("ask what durable consumer %s was handed: %w", name, err)
		}
		upTo[name] = consumer.CachedInfo().Delivered.Stream
	}
	return upTo, nil
}

// resend submits the command's intent as a new command. It does so with the store's lease in its hand: a worker that is
// there holds it, and none begins meanwhile.
func (r *round) resend(ctx context.Context, s store.State) (store.State, error) {
	held, err := r.leases.Take(ctx, string(s.ID), r.cfg.Holder)
	if errors.Is(err, lease.ErrHeld) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	ctx, release := held.Hold(ctx)
	defer release()
	r.found.add(platform.Stalled, string(s.ID))
	m := store.Message{Type: store.Type(store.Verbs[s.Doing()].Resend), Facts: store.Facts{
		Reason: "Stalled", Message: fmt.Sprintf("Nobody has worked on it for %.0f minutes; it is sent again.", silence.Minutes()),
	}}
	return r.submit(ctx, s, admitStalled, m)
}

func admitStalled(s store.State) error {
	if !s.InFlight() {
		return store.ErrNothingToSweep
	}
	return nil
}

// endOvertaken says of each open command behind the newest that it was superseded.
func (r *round) endOvertaken(ctx context.Context, s store.State) error {
	for _, generation := range s.Open {
		if generation == s.Generation {
			continue
		}
		after, err := r.submit(ctx, s, func(s store.State) error {
			if !s.IsOpen(generation) {
				return store.ErrNothingToSweep
			}
			return nil
		}, store.Message{Type: store.Superseded, Generation: generation})
		if err != nil {
			return err
		}
		s = after
	}
	return nil
}
