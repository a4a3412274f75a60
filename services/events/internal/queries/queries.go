// Package queries answers what the gateway asks by NATS request/reply: a tenant's stores, a store's history and what
// waits for an operator, from Postgres. Requests, replies and subjects are those of package query.
//
// A failed request is answered with the headers of package micro: the code stands in query.ErrorHeader.
//
//	400  the request can't be understood; asking again won't help
//	503  Postgres doesn't answer, or the read model is being made anew; ask again
//	500  anything else; the cause is in this service's log
package queries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// name is that of the service and of the queue group: one replica answers each request.
	name    = "events"
	version = "1.0.0"
	// seenTimeout bounds the wait for what the caller has seen. Then it gets what there is, with the checkpoint.
	seenTimeout = 2 * time.Second
	// answerTimeout bounds a request as a whole.
	answerTimeout = 5 * time.Second
	// concurrency bounds the requests that are worked on or wait for what their caller has seen.
	concurrency = 256

	maxPage = 200
)

// The codes of failed requests.
const (
	codeBadRequest  = "400"
	codeInternal    = "500"
	codeUnavailable = "503"
)

// badRequest is the caller's mistake, in a sentence.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// Service answers. Make it with Serve.
type Service struct {
	nc       *nats.Conn
	pool     *pgxpool.Pool
	progress *projection.Progress
	slots    chan struct{}
	working  sync.WaitGroup
	// waits and answers are seenTimeout and answerTimeout.
	waits, answers time.Duration
}

// Serve answers requests until ctx ends, and then finishes those it has.
func Serve(ctx context.Context, nc *nats.Conn, pool *pgxpool.Pool, progress *projection.Progress) error {
	return newService(nc, pool, progress).serve(ctx)
}

func newService(nc *nats.Conn, pool *pgxpool.Pool, progress *projection.Progress) *Service {
	return &Service{
		nc: nc, pool: pool, progress: progress, slots: make(chan struct{}, concurrency),
		waits: seenTimeout, answers: answerTimeout,
	}
}

func (s *Service) serve(ctx context.Context) error {
	service, err := micro.AddService(s.nc, micro.Config{
		Name: name, Version: version, QueueGroup: name,
		Description: "Stores and their histories, from the projection of the log.",
	})
	if err != nil {
		return fmt.Errorf("announce the queries: %w", err)
	}
	defer s.working.Wait()
	defer func() { _ = service.Stop() }()
	for subject, answer := range s.endpoints() {
		endpoint := micro.HandlerFunc(func(r micro.Request) { s.accept(ctx, r, answer) })
		err := service.AddEndpoint(endpointName[subject], endpoint, micro.WithEndpointSubject(subject))
		if err != nil {
			return fmt.Errorf("answer %s: %w", subject, err)
		}
	}
	// Should the broker be away just now, the connection says it anew when it is back.
	if err := s.nc.Flush(); err != nil && !storelog.Unanswered(err) {
		return fmt.Errorf("announce the queries: %w", err)
	}
	<-ctx.Done()
	return nil
}

func (s *Service) endpoints() map[string]answer {
	return map[string]answer{
		query.StoresSubject: s.stores, query.EventsSubject: s.events, query.DeadLettersSubject: s.deadLetters,
	}
}

var endpointName = map[string]string{
	query.StoresSubject: "stores", query.EventsSubject: "events", query.DeadLettersSubject: "dead-letters",
}

// answer makes the reply to a request's body.
type answer func(ctx context.Context, data []byte) (any, error)

// accept lets a request wait without holding up the next: micro calls handlers one after the other. The reply is
// published here because micro.Request may not be used after its handler has returned.
func (s *Service) accept(ctx context.Context, r micro.Request, answer answer) {
	select {
	case <-ctx.Done():
		return
	case s.slots <- struct{}{}:
	}
	subject, reply, header, data := r.Subject(), r.Reply(), nats.Header(r.Headers()), r.Data()
	s.working.Go(func() {
		defer func() { <-s.slots }()
		// A shutdown lets a request finish that has been accepted.
		ctx, cancel := context.WithTimeout(telemetry.Extract(context.WithoutCancel(ctx), header), s.answers)
		defer cancel()
		ctx, span := otel.Tracer("queries").Start(ctx, subject, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		msg := s.respond(ctx, subject, answer, data)
		msg.Subject = reply
		if err := s.nc.PublishMsg(msg); err != nil {
			slog.Warn("answer a query", "subject", subject, "error", err)
		}
	})
}

// respond makes the message that answers. One that the broker wouldn't carry is a failure like any other: nobody would
// tell the asker, who would wait.
func (s *Service) respond(ctx context.Context, subject string, answer answer, data []byte) *nats.Msg {
	value, err := answer(ctx, data)
	if err == nil {
		data, err = json.Marshal(value)
	}
	if err == nil && int64(len(data)) > s.nc.MaxPayload() {
		err = fmt.Errorf("%w: it has %d bytes", errTooLarge, len(data))
	}
	if err == nil {
		return &nats.Msg{Data: data}
	}
	trace.SpanFromContext(ctx).RecordError(err)
	code, sentence := classify(err)
	if code != codeBadRequest {
		slog.Error("query failed", "subject", subject, "code", code, "error", err)
	}
	return &nats.Msg{Header: nats.Header{
		micro.ErrorCodeHeader: []string{code},
		micro.ErrorHeader:     []string{sentence},
	}}
}

// errTooLarge: the broker doesn't carry the answer.
var errTooLarge = errors.New("the answer is too large")

// classify never shows the words of Postgres to a caller.
func classify(err error) (code, sentence string) {
	var bad badRequest
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &bad):
		return codeBadRequest, bad.Error()
	case errors.Is(err, readmodel.ErrRebuilding):
		return codeUnavailable, err.Error()
	case errors.Is(err, errTooLarge):
		return codeInternal, errTooLarge.Error()
	case !errors.As(err, new(*pgconn.ConnectError)) && errors.As(err, &refused) && !unavailable(refused.Code):
		return codeInternal, "the query failed"
	default:
		return codeUnavailable, "the read model can't be reached at the moment"
	}
}

// unavailable says whether an SQLSTATE is of a server that is short of something, starting or stopping (classes 53 and 57).
func unavailable(state string) bool {
	return len(state) == 5 && (state[:2] == "53" || state[:2] == "57")
}

func parse[T any](data []byte) (T, error) {
	var request T
	if err := json.Unmarshal(data, &request); err != nil {
		return request, badRequest("the request is no JSON of its type: " + err.Error())
	}
	return request, nil
}

// checkPage takes no after that is beyond all sequences: Postgres counts to half of what JSON can say.
func checkPage(limit int, after uint64) error {
	if limit < 1 || limit > maxPage {
		return badRequest("limit is " + strconv.Itoa(limit) + ", it must be 1 to " + strconv.Itoa(maxPage))
	}
	if after > math.MaxInt64 {
		return badRequest("after is no sequence")
	}
	return nil
}

// see waits for what the caller has seen. That it isn't there in time is told by the reply's checkpoint.
func (s *Service) see(ctx context.Context, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, s.waits)
	defer cancel()
	if err := s.progress.Wait(ctx, seq); err != nil {
		slog.Debug("answering from behind", "seq", seq, "error", err)
	}
}
