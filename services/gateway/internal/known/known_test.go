package known

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
)

func TestWhatOfAChangeStandsIsSaidInWords(t *testing.T) {
	for want, cause := range map[problem.Code]error{
		problem.Changed:         &admission.ChangedError{},
		problem.TooManyCommands: &limits.EmptyError{Bucket: limits.Commands},
		problem.LogFull:         storelog.ErrLogFull,
	} {
		p := Problem(fmt.Errorf("change: %w", &admission.PartlyError{Said: []store.Type{store.Renamed, store.LifetimeChanged}, Err: cause}))
		if p.Code != want || !strings.HasSuffix(p.Detail, " the new name, the new lifetime.") || strings.Contains(p.Detail, "Nothing was changed") {
			t.Errorf("%s: %s", p.Code, p.Detail)
		}
	}
	for bucket, want := range map[string]problem.Code{limits.Commands: problem.TooManyCommands, limits.Requests: problem.TooManyRequests} {
		p := Problem(&limits.EmptyError{Bucket: bucket})
		if p.Code != want || !strings.HasSuffix(p.Detail, ". Nothing was changed.") {
			t.Errorf("of what came to nothing is said %s %q", p.Code, p.Detail)
		}
	}
}

func TestAFullAuditIsNotTakenForAFullLog(t *testing.T) {
	p := Problem(fmt.Errorf("append: %w", storelog.ErrAuditFull))
	if p.Code != problem.AuditFull || p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Detail, "audit") || strings.Contains(p.Detail, "log") {
		t.Errorf("%d %s: %s", p.Status, p.Code, p.Detail)
	}
}

// What brokers say that can't now: without a quorum, busy, elsewhere, or nothing at all. All of it may be asked again.
func TestABrokerThatCannotNowMayBeAskedAgain(t *testing.T) {
	for _, err := range []error{
		&jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"},
		&jetstream.APIError{Code: 500, ErrorCode: 10009, Description: "JetStream cluster can not handle request"},
		&jetstream.APIError{Code: 500, ErrorCode: 10118, Description: "stream is offline"},
		&jetstream.APIError{Code: 409, ErrorCode: 10158, Description: "duplicate message id is in process"},
		&jetstream.APIError{Code: 429, ErrorCode: 10167, Description: "too many requests"},
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionClosed, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, context.DeadlineExceeded,
	} {
		p := Problem(fmt.Errorf("append: %w", errors.Join(err, storelog.ErrInDoubt)))
		if p.Code != problem.BrokerUnavailable || p.Status != http.StatusServiceUnavailable || !p.Retryable {
			t.Errorf("%v is told as %d %s", err, p.Status, p.Code)
		}
	}
	if p := Problem(&jetstream.APIError{Code: 400, ErrorCode: 10003, Description: "bad request"}); p.Code != problem.Internal {
		t.Errorf("a mistake of ours is told as %s", p.Code)
	}
}

// Whoever may repeat a request does, for as long as it is said to: of a store that failed nothing comes by itself, and of
// one that goes nothing ever.
func TestWhatCannotComeIsNotToBeAskedForAgain(t *testing.T) {
	state := func(verb store.Verb, outcome store.Outcome) store.State {
		s := store.State{}
		s.Verb, s.Outcome, s.Generation = verb, outcome, 7
		if outcome == "" {
			s.Open = []uint64{7}
		}
		return s
	}
	asleep := func(verb store.Verb) store.State {
		s := state(verb, "")
		s.Standing = store.SuspendedStanding
		return s
	}
	for name, c := range map[string]struct {
		cause error
		again bool
	}{
		"mended in its sleep":       {admission.NotReady(asleep(store.Mend)), false},
		"changed in its sleep":      {admission.NotReady(asleep(store.Update)), false},
		"being resumed":             {admission.NotReady(asleep(store.Resume)), true},
		"being suspended":           {admission.NotReady(state(store.Suspend, "")), false},
		"suspended":                 {admission.NotReady(store.State{Condition: store.Condition{Standing: store.SuspendedStanding}}), false},
		"without its passwords":     {fmt.Errorf("read: %w: %w", admission.ErrCredentialsGone, reader.ErrGone), false},
		"half changed, by its ETag": {&admission.PartlyError{Said: []store.Type{store.Renamed}, Matched: true, Err: storelog.ErrLogFull}, false},
		"half changed":              {&admission.PartlyError{Said: []store.Type{store.Renamed}, Err: storelog.ErrLogFull}, true},
		"being made":                {admission.NotReady(state(store.Create, "")), true},
		"tried again":               {admission.NotReady(state(store.Retry, "")), true},
		"failed":                    {admission.NotReady(state(store.Create, store.Unsuccessful)), false},
		"called off":                {admission.NotReady(state(store.Create, store.Cancelled)), false},
		"being deleted":             {admission.NotReady(state(store.Delete, "")), false},
		"busy with a change":        {&store.InFlightError{Verb: store.Update}, true},
		"busy with its delete":      {&store.InFlightError{Verb: store.Delete}, false},
	} {
		if p := Problem(c.cause); p.Retryable != c.again {
			t.Errorf("%s: retryable is %t: %s", name, p.Retryable, p.Detail)
		}
	}
}
