// Package reader asks the services that remember: the events service for lists and histories, the provisioner for a
// store's passwords and its volumes. All of it is NATS request/reply, so for stores the gateway needs the broker only.
package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
)

var (
	// ErrProjection: nobody answers for the read model, or it can't answer now.
	ErrProjection = errors.New("the read model doesn't answer")
	// ErrCursor: the answer says that the cursor isn't one of its own.
	ErrCursor = errors.New("the cursor is not one of ours")
	// ErrQuestion: whoever was asked can't make anything of the question, which has no cursor.
	ErrQuestion = errors.New("the question can't be understood")
	// ErrProvisioner: no provisioner answers, or it can't see now what it was asked for.
	ErrProvisioner = errors.New("no provisioner can tell")
	// ErrGone: what was asked for is lost for good.
	ErrGone = errors.New("what was asked for is gone")
	// ErrTooMany: of who asks as much is being worked on as may be at once.
	ErrTooMany = errors.New("as much is asked as may be at once")
	// ErrFull: for everybody together as much is being worked on.
	ErrFull = errors.New("whoever was asked has no room for more")
	// ErrOtherLog: the read model was made of another log than the gateway's. It comes with ErrProjection.
	ErrOtherLog = errors.New("the read model is another log's")
)

var unable = map[query.Service]error{query.Remembering: ErrProjection, query.Provisioning: ErrProvisioner}

// Reader asks over the bus.
type Reader struct{ bus *bus.Bus }

// New makes a reader.
func New(b *bus.Bus) *Reader { return &Reader{bus: b} }

// Ask puts any question. To callers everything but a lost broker and a wrong question is the same: the service isn't able to
// answer. What is asked of a log is asked of the gateway's. Who asks for passwords notes the look in the audit before it shows them.
func Ask[Q, A any](ctx context.Context, r *Reader, q query.Question[Q, A], request Q) (answer A, err error) {
	parts, err := r.bus.Parts()
	if err != nil {
		return answer, err
	}
	if about, ok := any(&request).(interface{ Of(log string) }); ok {
		about.Of(parts.Log.Epoch())
	}
	if answer, err = question.Ask(ctx, parts.Conn, q, request); err != nil {
		return answer, told(q.By, request, err)
	}
	return answer, nil
}

// told says what became of a question that was put and not answered.
func told(by query.Service, request any, err error) error {
	var refusal *question.Refusal
	refused := errors.As(err, &refusal)
	switch {
	case refused && refusal.Code == question.Invalid && continues(request):
		return fmt.Errorf("%w: %w", ErrCursor, err)
	case refused && refusal.Code == question.Invalid:
		return fmt.Errorf("%w: %w", ErrQuestion, err)
	case refused && refusal.Code == question.Gone:
		return fmt.Errorf("%w: %w", ErrGone, err)
	case refused && refusal.Code == question.TooMany:
		return fmt.Errorf("%w: %w", ErrTooMany, err)
	case refused && refusal.Code == question.Full:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case refused && refusal.Code == question.OtherLog:
		return fmt.Errorf("%w: %w: %w", unable[by], ErrOtherLog, err)
	default:
		return fmt.Errorf("%w: %w", unable[by], err)
	}
}

// continues says whether a request asks for what comes behind a cursor.
func continues(request any) bool {
	switch r := request.(type) {
	case query.StoresRequest:
		return r.After != ""
	case query.PastRequest:
		return r.Wanted.After != ""
	case query.EventsRequest:
		return r.After != 0
	case query.DeadLettersRequest:
		return r.After != 0
	case query.AuditRequest:
		return r.After != ""
	case query.UsageRequest:
		return r.After != ""
	}
	return false
}
