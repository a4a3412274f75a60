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
	// ErrProvisioner: no provisioner answers, or it can't see now what it was asked for.
	ErrProvisioner = errors.New("no provisioner can tell")
	// ErrOtherLog: the read model was made of another log than the gateway's. It comes with ErrProjection.
	ErrOtherLog = errors.New("the read model is another log's")
)

var unable = map[query.Service]error{query.Remembering: ErrProjection, query.Provisioning: ErrProvisioner}

// Reader asks over the bus.
type Reader struct{ bus *bus.Bus }

// New makes a reader.
func New(b *bus.Bus) *Reader { return &Reader{bus: b} }

// Ask puts any question. To callers everything but a lost broker and a wrong cursor is the same: the service isn't able to
// answer. What is asked of a log is asked of the gateway's. Who asks for passwords notes the look in the audit before it shows them.
func Ask[Q, A any](ctx context.Context, r *Reader, q query.Question[Q, A], request Q) (answer A, err error) {
	parts, err := r.bus.Parts()
	if err != nil {
		return answer, err
	}
	if about, ok := any(&request).(interface{ Of(log string) }); ok {
		about.Of(parts.Log.Epoch())
	}
	answer, err = question.Ask(ctx, parts.Conn, q, request)
	var refusal *question.Refusal
	switch {
	case err == nil:
		return answer, nil
	case errors.As(err, &refusal) && refusal.Code == question.Invalid:
		return answer, fmt.Errorf("%w: %w", ErrCursor, err)
	case errors.As(err, &refusal) && refusal.Code == question.OtherLog:
		return answer, fmt.Errorf("%w: %w: %w", unable[q.By], ErrOtherLog, err)
	default:
		return answer, fmt.Errorf("%w: %w", unable[q.By], err)
	}
}
