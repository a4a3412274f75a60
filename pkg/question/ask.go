// Package question puts questions over the bus and answers them: NATS request/reply as package micro of nats.go has it, with
// JSON both ways. What may be asked is package query's.
//
// One rule for all that answer: each question in a goroutine of its own, so that one that waits for Postgres or the cluster
// holds up nobody, a bound on how many at once, and none that was begun is dropped at the end. A failed question is answered
// too, with a code and a sentence in headers (Refusal): who asks would wait otherwise.
package question

import (
	"context"
	"fmt"

	json "github.com/go-json-experiment/json/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

// Codes of a Refusal. Releases share them.
const (
	// Invalid: the question can't be understood; asking again won't help.
	Invalid = "400"
	// NotFound: nobody ever asked for this store.
	NotFound = "404"
	// NotReady: the store isn't in a state in which it could be told.
	NotReady = "409"
	// Gone: what was asked for is lost, and nobody brings it back. Releases before know it for any other refusal.
	Gone = "410"
	// OtherLog: the answer would be of another log than the asker's.
	OtherLog = "412"
	// TooMany: of this asker's as much is being worked on as may be at once.
	TooMany = "429"
	// Internal: the cause is in the log of whoever was asked.
	Internal = "500"
	// Unavailable: what the answer takes isn't there at the moment; worth asking again.
	Unavailable = "503"
	// Full: whoever was asked has as much to do as may be at once, for whomever; worth asking again. Releases before know it for Unavailable.
	Full = "507"
)

// Refusal is an answer that says no: by its code to programs, by its message, a sentence without anything that is nobody's
// to know, to people.
type Refusal struct{ Code, Message string }

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Code, r.Message) }

// Ask puts a question and waits for the answer, for as long as the question says. It fails with a *Refusal where the answer
// is one, with nats.ErrNoResponders where nobody listens and with the context's error where nobody answers.
func Ask[Q, A any](ctx context.Context, nc *nats.Conn, q query.Question[Q, A], request Q) (answer A, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.Patience)
	defer cancel()
	ctx, span := otel.Tracer("question").Start(ctx, q.Subject, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	data, err := json.Marshal(request)
	if err != nil {
		return answer, fmt.Errorf("encode the question to %s: %w", q.Subject, err)
	}
	msg := nats.NewMsg(q.Subject)
	msg.Data = data
	telemetry.Inject(ctx, msg.Header)
	reply, err := nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return answer, fmt.Errorf("ask %s: %w", q.Subject, err)
	}
	if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
		return answer, fmt.Errorf("ask %s: %w", q.Subject, &Refusal{Code: code, Message: reply.Header.Get(micro.ErrorHeader)})
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return answer, fmt.Errorf("decode the answer of %s: %w", q.Subject, err)
	}
	return answer, nil
}
