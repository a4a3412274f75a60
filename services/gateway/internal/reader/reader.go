// Package reader asks the services that remember: the events service for lists and histories, the provisioner for a
// store's passwords and its volumes. All of it is NATS request/reply, so for stores the gateway needs the broker only.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
)

var (
	// ErrProjection: nobody answers for the read model, or it can't answer now.
	ErrProjection = errors.New("the read model doesn't answer")
	// ErrCursor: the answer says that the cursor isn't one of its own.
	ErrCursor = errors.New("the cursor is not one of ours")
	// ErrCredentials: no provisioner answers, or it can't read the Secret now.
	ErrCredentials = errors.New("the credentials can't be read")
	// ErrGrowth: no provisioner answers, or it can't see the store's volumes now.
	ErrGrowth = errors.New("the store's volumes can't be looked at")
)

// The answering side waits for a version that the caller has seen, so a query may take a little while.
const (
	queryTimeout       = 5 * time.Second
	credentialsTimeout = 8 * time.Second
	growthTimeout      = 3 * time.Second
)

// Reader asks over the bus.
type Reader struct{ bus *bus.Bus }

// New makes a reader.
func New(b *bus.Bus) *Reader { return &Reader{bus: b} }

// Stores lists one page.
func (r *Reader) Stores(ctx context.Context, q query.StoresRequest) (query.StoresReply, error) {
	var reply query.StoresReply
	err := r.ask(ctx, query.StoresSubject, queryTimeout, q, &reply)
	return reply, asking(err, ErrProjection)
}

// Events reads one page of a store's history.
func (r *Reader) Events(ctx context.Context, q query.EventsRequest) (query.EventsReply, error) {
	var reply query.EventsReply
	err := r.ask(ctx, query.EventsSubject, queryTimeout, q, &reply)
	return reply, asking(err, ErrProjection)
}

// DeadLetters lists one page of what waits for an operator.
func (r *Reader) DeadLetters(ctx context.Context, q query.DeadLettersRequest) (query.DeadLettersReply, error) {
	var reply query.DeadLettersReply
	err := r.ask(ctx, query.DeadLettersSubject, queryTimeout, q, &reply)
	return reply, asking(err, ErrProjection)
}

// Credentials fetches a store's passwords. The caller notes the look in the audit before it shows them.
func (r *Reader) Credentials(ctx context.Context, s store.State) (query.CredentialsReply, error) {
	var reply query.CredentialsReply
	err := r.ask(ctx, query.CredentialsOf(s.Cluster), credentialsTimeout, query.CredentialsRequest{Store: s.ID}, &reply)
	return reply, asking(err, ErrCredentials)
}

// Growth says whether the store's volumes can become as large as the plan wants them.
func (r *Reader) Growth(ctx context.Context, s store.State, plan string) (query.GrowthReply, error) {
	var reply query.GrowthReply
	err := r.ask(ctx, query.GrowthOf(s.Cluster), growthTimeout, query.GrowthRequest{Store: s.ID, Plan: plan}, &reply)
	return reply, asking(err, ErrGrowth)
}

// refusal is an error that the answering side sent, with the code of package micro.
type refusal struct {
	code   int
	reason string
}

func (e *refusal) Error() string { return fmt.Sprintf("answered %d: %s", e.code, e.reason) }

func (r *Reader) ask(ctx context.Context, subject string, timeout time.Duration, question, answer any) error {
	parts, err := r.bus.Parts()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, span := otel.Tracer("gateway").Start(ctx, subject, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	data, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode the question to %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = data
	telemetry.Inject(ctx, msg.Header)
	reply, err := parts.Conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return fmt.Errorf("ask %s: %w", subject, err)
	}
	if code := reply.Header.Get(query.ErrorHeader); code != "" {
		number, _ := strconv.Atoi(code)
		return fmt.Errorf("ask %s: %w", subject, &refusal{code: number, reason: reply.Header.Get("Nats-Service-Error")})
	}
	if err := json.Unmarshal(reply.Data, answer); err != nil {
		return fmt.Errorf("decode the answer of %s: %w", subject, err)
	}
	return nil
}

// asking makes everything but a lost broker and a wrong cursor the same to callers: the service isn't able to answer.
func asking(err, unable error) error {
	var refused *refusal
	switch {
	case err == nil || errors.Is(err, bus.ErrUnavailable):
		return err
	case errors.As(err, &refused) && refused.code == http.StatusBadRequest:
		return fmt.Errorf("%w: %w", ErrCursor, err)
	default:
		return fmt.Errorf("%w: %w", unable, err)
	}
}
