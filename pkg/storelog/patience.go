package storelog

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
)

// A leader that resigns takes with it what it was asked: the answer never comes, and the question must be put again.
const (
	// Patience is how long it is put again: longer than three brokers take to elect a leader when one has died.
	Patience = 12 * time.Second
	// firstWait is how long the first try waits for its answer. Further ones wait longer, so that a broker that is
	// merely slow isn't asked the same thing ever faster.
	firstWait, longestWait = 500 * time.Millisecond, 4 * time.Second
	// breath is the pause before a question is put again: while the broker is away it fails at once.
	breath = 50 * time.Millisecond
)

var breaths = again.Pauses{First: breath, Longest: breath}

// Unanswered tells an error that says nothing about what was asked: whether a write was done isn't known, and a read may
// be tried again. Brokers without a quorum answer so, those that are busy, and one that another has taken the lead from.
func Unanswered(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.Code == http.StatusServiceUnavailable && !isFull(api.ErrorCode) || slices.Contains(unable, api.ErrorCode)
	}
	return slices.ContainsFunc(silence, func(s error) bool { return errors.Is(err, s) })
}

// unable are the codes of a broker that can't now what it or another can in a moment, and says so with another status than 503
// (nats-server, server/errors.json): not the leader, stream offline, too many requests, and an earlier try of the same message under way.
var unable = []jetstream.ErrorCode{10009, 10118, 10167, 10158}

var silence = []error{
	nats.ErrTimeout, context.DeadlineExceeded, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
	nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded,
}

// Refused tells that somebody else wrote first what was to be written under a revision. On three replicas it also means
// that another write of the same key is under way.
func Refused(err error) bool { return isConflict(errorCode(err)) }

// ask puts a question that changes nothing, or the same thing each time, until it is answered, Patience or ctx ends.
func ask(ctx context.Context, question func(context.Context) error) error {
	wait := firstWait / 2
	return Insist(ctx, func(ctx context.Context) error {
		wait = min(2*wait, longestWait)
		return within(ctx, wait, question)
	})
}

// Insist tries until there is an answer, Patience or ctx ends, and returns what the last try did. A lease is written so, since
// its writer can tell whose it is by now.
func Insist(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var last error
	_, _ = again.Until(ctx, breaths, func() (struct{}, error) {
		if last = try(ctx); !Unanswered(last) {
			return struct{}{}, again.Never(last)
		}
		return struct{}{}, last
	})
	return last
}

func within(ctx context.Context, wait time.Duration, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return question(ctx)
}

// Settle lets a write that is under way, and that another was refused for, come to its end.
func Settle(ctx context.Context) error {
	return rest(ctx, 5*time.Millisecond+rand.N(45*time.Millisecond))
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
