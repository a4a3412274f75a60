// Package again is how the platform tries again what can't be had now: behind growing pauses, each a little by chance, so
// that the many who lost the same broker don't come back to it in step. It is one sentence around cenkalti/backoff, and
// links no more than that, because the supervisor of make up waits, too.
package again

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Pauses lie between the tries.
type Pauses struct {
	// First is about what the first takes. Each is twice the one before, up to Longest; half more or less is chance.
	First, Longest time.Duration
	// Tell hears of a failure that isn't the one before: an outage is told once, and not at every try. It may be nil.
	Tell func(error)
}

// Until tries until it works, and returns what that gave. It fails when ctx ends, with that and the last failure, and with
// what a try marks as Never.
func Until[T any](ctx context.Context, pauses Pauses, try func() (T, error)) (T, error) {
	return until(ctx, pauses, func(func()) (T, error) { return try() })
}

// until hands each try what it calls when it works, should it end later. How long a try has lasted says nothing of that: most
// of what can't be had fails by a time-out.
func until[T any](ctx context.Context, pauses Pauses, try func(works func()) (T, error)) (T, error) {
	grow := &backoff.ExponentialBackOff{
		InitialInterval: pauses.First, MaxInterval: pauses.Longest, Multiplier: 2, RandomizationFactor: 0.5,
	}
	var last error
	said := ""
	value, err := backoff.Retry(ctx, func() (T, error) {
		value, err := try(func() {
			grow.Reset()
			said = ""
		})
		last = err
		return value, err
	}, backoff.WithBackOff(grow), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, _ time.Duration) {
		if text := err.Error(); pauses.Tell != nil && text != said {
			said = text
			pauses.Tell(err)
		}
	}))
	// What is Never had is all that there is to say.
	if never := (*backoff.PermanentError)(nil); err != nil && ctx.Err() != nil && !errors.As(last, &never) {
		err = errors.Join(err, last)
	}
	return value, err
}

// Always keeps up what only ends by failing, until ctx ends: that isn't a failure. What is Never had is. Each try says, before
// it returns, once it works: the pauses begin anew then, and its failure is news.
func Always(ctx context.Context, pauses Pauses, try func(works func()) error) error {
	_, err := until(ctx, pauses, func(works func()) (struct{}, error) {
		err := try(works)
		if err == nil && ctx.Err() == nil {
			err = errEnded
		}
		return struct{}{}, err
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// errEnded: what was to go on ended without a word.
var errEnded = errors.New("it ended by itself")

// Doubled is a first pause, doubled so many times and at most the longest. It is for who keeps count elsewhere: of the broker's
// deliveries, or of what the log tells.
func Doubled(first, longest time.Duration, times int) time.Duration {
	for ; times > 0 && first < longest; times-- {
		first *= 2
	}
	return min(first, longest)
}

// Never marks an error that no further try mends.
func Never(err error) error { return backoff.Permanent(err) }
