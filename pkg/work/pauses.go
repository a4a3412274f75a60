package work

import (
	"math/rand/v2"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/store"
)

// timing holds what the installation's clock divides.
type timing struct {
	ackWait, heartbeat      time.Duration
	snooze, snoozeAtMost    time.Duration
	waitFirst, waitAtMost   time.Duration
	looksApart, placesApart time.Duration
	// idle is how long nothing moves before whose turn it is is asked for by name, and named how long before it is passed over then.
	idle, named             time.Duration
	retryFirst, retryAtMost time.Duration
	grace                   time.Duration
}

// A command that rests because somebody else is at its store (snooze) rests as long as a lease lives at most, and half of
// that is little to miss the lease's end by. What it waits for outside the log (wait) may take days.
var production = timing{
	ackWait: 30 * time.Second, heartbeat: 10 * time.Second,
	snooze: time.Second, snoozeAtMost: 15 * time.Second,
	waitFirst: 2 * time.Second, waitAtMost: 2 * time.Minute, looksApart: 50 * time.Millisecond,
	placesApart: 200 * time.Millisecond, idle: time.Second, named: time.Second,
	retryFirst: 30 * time.Second, retryAtMost: 300 * time.Second,
	grace: 5 * time.Second,
}

func (t timing) by(c clock.Divisor) timing {
	for _, wait := range []*time.Duration{
		&t.ackWait, &t.heartbeat, &t.snooze, &t.snoozeAtMost, &t.waitFirst, &t.waitAtMost, &t.looksApart, &t.placesApart, &t.idle, &t.named,
		&t.retryFirst, &t.retryAtMost, &t.grace,
	} {
		*wait = c.Of(*wait)
	}
	return t
}

// The pauses before a command comes again. They grow with how often it has come, which the broker counts: so whichever
// process it comes to goes on from there.

// snoozePause is while somebody else is at the store, or the broker in trouble.
func (t timing) snoozePause(deliveries uint64) time.Duration {
	return spread(again.Doubled(t.snooze, t.snoozeAtMost, int(deliveries)-1), 0.1)
}

// waitPause is while nothing can be attempted, and so many deliveries rest in this process: together they look twenty times
// a second at most. Widely spread, since thousands begin to wait in one moment.
func (t timing) waitPause(deliveries uint64, resting int) time.Duration {
	pause := max(again.Doubled(t.waitFirst, t.waitAtMost, int(deliveries)-1), t.crowded(resting))
	return spread(min(pause, t.waitAtMost), 0.4)
}

// progressPause is while that which is waited for has a progress that each store tells.
func (t timing) progressPause(resting int) time.Duration {
	return spread(min(max(t.waitFirst, t.crowded(resting)), t.waitAtMost), 0.4)
}

// linePause is while others are to be begun before. Those in front look soon, in case that nobody wakes them; ten thousand, in
// whichever processes, look a hundred times a second.
func (t timing) linePause(place int) time.Duration {
	return spread(min(max(t.waitFirst, time.Duration(place)*t.placesApart), t.waitAtMost), 0.2)
}

func (t timing) crowded(resting int) time.Duration { return time.Duration(resting) * t.looksApart }

// retryDelay is the pause behind the n-th attempt. With jitter, so that what failed together isn't tried together.
func (t timing) retryDelay(attempt int) time.Duration {
	return min(spread(again.Doubled(t.retryFirst, t.retryAtMost, attempt-1), 0.1), store.LongestPause)
}

// spread is d, up to that part of it more or less.
func spread(d time.Duration, part float64) time.Duration {
	return d + time.Duration((2*rand.Float64()-1)*part*float64(d))
}
