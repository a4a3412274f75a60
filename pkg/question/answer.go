package question

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

const (
	version = "1.0.0"
	// concurrency bounds the questions of one process that are worked on. More wait, each no longer than its asker does.
	concurrency = 256
)

// Endpoint is a question with its answer. Make it with Answer.
type Endpoint struct {
	Name, Subject string
	// patience is the asker's.
	patience time.Duration
	answer   func(ctx context.Context, data []byte) (sized, error)
}

// within is how long there is to answer, from when the question came: an eighth of what its asker waits is left for the ways,
// and for a refusal that says why there is none.
func (e Endpoint) within() time.Duration { return e.patience - e.patience/8 }

// Answer has a function answer a question. Where the asker is to be told why not, it fails with a *Refusal; any other error
// is what Service.Refuse makes of it.
func Answer[Q, A any](q query.Question[Q, A], answer func(context.Context, Q) (A, error)) Endpoint {
	return endpoint(q, func(ctx context.Context, request Q) (sized, error) {
		value, err := answer(ctx, request)
		return whole{value}, err
	})
}

func endpoint[Q, A any](q query.Question[Q, A], answer func(context.Context, Q) (sized, error)) Endpoint {
	return Endpoint{Name: q.Name, Subject: q.Subject, patience: q.Patience, answer: func(ctx context.Context, data []byte) (sized, error) {
		var request Q
		if err := json.Unmarshal(data, &request); err != nil {
			return nil, &Refusal{Invalid, "the request is no JSON of its type: " + err.Error()}
		}
		return answer(ctx, request)
	}}
}

// Service is who answers.
type Service struct {
	Name        query.Service
	Description string
	// Group is the queue group that all processes share which answer the same questions, those of other releases too: one of
	// them gets each question.
	Group string
	// Refuse says what an asker is told of an error that isn't a *Refusal. Its cause is logged here, and isn't the asker's.
	Refuse func(error) *Refusal
}

// Answering is a service at work.
type Answering struct {
	service Service
	nc      *nats.Conn
	micro   micro.Service
	slots   chan struct{}

	mu      sync.Mutex
	ended   chan struct{}
	working sync.WaitGroup
}

// Start answers until Stop. Should the broker be away just now, the connection tells it anew when it is back.
func (s Service) Start(nc *nats.Conn, endpoints ...Endpoint) (*Answering, error) {
	service, err := micro.AddService(nc, micro.Config{
		Name: string(s.Name), Version: version, Description: s.Description, QueueGroup: s.Group,
	})
	if err != nil {
		return nil, fmt.Errorf("announce what %s answers: %w", s.Name, err)
	}
	a := &Answering{service: s, nc: nc, micro: service, slots: make(chan struct{}, concurrency), ended: make(chan struct{})}
	for _, e := range endpoints {
		handler := micro.HandlerFunc(func(r micro.Request) { a.accept(r, e) })
		if err := service.AddEndpoint(e.Name, handler, micro.WithEndpointSubject(e.Subject)); err != nil {
			return nil, errors.Join(fmt.Errorf("answer %s: %w", e.Subject, err), a.Stop())
		}
	}
	if err := nc.Flush(); err != nil && !storelog.Unanswered(err) {
		return nil, errors.Join(fmt.Errorf("announce what %s answers: %w", s.Name, err), a.Stop())
	}
	return a, nil
}

// Stop takes no question any more and waits for those that were taken. It is called once.
func (a *Answering) Stop() error {
	a.mu.Lock()
	close(a.ended)
	a.mu.Unlock()
	err := a.micro.Stop()
	a.working.Wait()
	if err != nil {
		return fmt.Errorf("stop answering: %w", err)
	}
	return nil
}

// begin says no at the end.
func (a *Answering) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.ended:
		return false
	default:
		a.working.Add(1)
		return true
	}
}

// accept answers beside the handler: micro calls those one after the other, and nobody can say how long a question has waited in
// a connection. The answer is published here because a micro.Request may not be used after its handler
// has returned.
//
// It goes to an inbox or nowhere. Whoever asks says where, and what an answerer may write to isn't its asker's to write to.
func (a *Answering) accept(r micro.Request, e Endpoint) {
	if !strings.HasPrefix(r.Reply(), inboxes) {
		slog.Warn("leave a question unanswered that is to be answered elsewhere than in an inbox", "subject", e.Subject)
		return
	}
	if !a.begin() {
		if err := r.Error(Unavailable, "whoever was asked is about to end", nil); err != nil {
			slog.Debug("refuse a question at the end", "subject", e.Subject, "error", err)
		}
		return
	}
	reply, header, data := r.Reply(), nats.Header(r.Headers()), r.Data()
	go func() {
		defer a.working.Done()
		ctx, cancel := context.WithTimeout(telemetry.Extract(context.Background(), header), e.within())
		defer cancel()
		ctx, span := otel.Tracer("question").Start(ctx, e.Subject, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		msg := a.respond(ctx, e, data)
		msg.Subject = reply
		if err := a.nc.PublishMsg(msg); err != nil {
			slog.WarnContext(ctx, "answer a question", "subject", e.Subject, "error", err)
		}
	}()
}

// inboxes is what askers' inboxes begin with, whichever user's (config.Inbox).
const inboxes = "_INBOX."

// inTurn answers once there is a slot. Who has waited in vain is told so before it gives up, and makes no more work.
func (a *Answering) inTurn(ctx context.Context, e Endpoint, data []byte) (sized, error) {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
		return e.answer(ctx, data)
	case <-ctx.Done():
		return nil, &Refusal{Unavailable, "whoever was asked has too many questions before this one"}
	}
}

// errTooLarge: the broker doesn't carry the answer.
var errTooLarge = errors.New("the answer is too large")

// respond makes the message that answers. One that the broker wouldn't carry is a failure like any other: nobody would
// tell the asker, who would wait.
func (a *Answering) respond(ctx context.Context, e Endpoint, data []byte) *nats.Msg {
	value, err := a.inTurn(ctx, e, data)
	if err == nil {
		data, err = value.within(a.nc.MaxPayload())
	}
	if err == nil && int64(len(data)) > a.nc.MaxPayload() {
		err = fmt.Errorf("%w: it has %d bytes", errTooLarge, len(data))
	}
	if err == nil {
		return &nats.Msg{Data: data}
	}
	trace.SpanFromContext(ctx).RecordError(err)
	refusal := a.refuse(ctx, e, err)
	return &nats.Msg{Header: nats.Header{
		micro.ErrorCodeHeader: []string{refusal.Code},
		micro.ErrorHeader:     []string{refusal.Message},
	}}
}

func (a *Answering) refuse(ctx context.Context, e Endpoint, err error) *Refusal {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	if refusal = a.service.Refuse(err); errors.Is(err, errTooLarge) {
		refusal = &Refusal{Internal, errTooLarge.Error()}
	}
	level := slog.LevelWarn
	if refusal.Code == Internal {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "a question couldn't be answered", "subject", e.Subject, "code", refusal.Code, "error", err)
	return refusal
}
