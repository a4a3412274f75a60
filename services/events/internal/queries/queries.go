// Package queries answers what is asked of what the service remembers: a tenant's stores, a store's history, what waits for
// an operator, from Postgres. The questions are those of package query. A failed one is refused (question.Refusal):
//
//	400  the request can't be understood; asking again won't help
//	412  the read model was made of another log than the asker's, and somebody must have it made anew
//	503  Postgres doesn't answer, or the read model is being made anew; ask again
//	500  anything else; the cause is in this service's log
package queries

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// seenTimeout bounds the wait for what the caller has seen. Then it gets what there is, with the checkpoint.
	seenTimeout = 2 * time.Second

	maxPage = 200
	// maxIDs is about as many as an answer holds; where the broker carries less, it is cut.
	maxIDs = 50_000
)

// badRequest is the caller's mistake, in a sentence.
func badRequest(sentence string) error {
	return &question.Refusal{Code: question.Invalid, Message: sentence}
}

// Service answers. Make it with Serve.
type Service struct {
	nc       *nats.Conn
	pool     *pgxpool.Pool
	progress *projection.Progress
	bound    Bound
	places   Places
	// waits is seenTimeout.
	waits time.Duration
}

// Bound is seq, or the log's end where that is before.
type Bound func(ctx context.Context, seq uint64) uint64

// Places answers where operations in flight stand.
type Places func(context.Context, query.LineRequest) (query.LineReply, error)

// Serve answers requests until ctx ends, and then finishes those it has. It waits for no sequence beyond its bound: a client
// may say any, and each that is waited for takes one of the few slots.
func Serve(ctx context.Context, nc *nats.Conn, pool *pgxpool.Pool, progress *projection.Progress, bound Bound, places Places) error {
	return newService(nc, pool, progress, bound, places).serve(ctx)
}

func newService(nc *nats.Conn, pool *pgxpool.Pool, progress *projection.Progress, bound Bound, places Places) *Service {
	return &Service{nc: nc, pool: pool, progress: progress, bound: bound, places: places, waits: seenTimeout}
}

func (s *Service) serve(ctx context.Context) error {
	answering, err := question.Service{
		Name: query.Remembering, Group: string(query.Remembering), Refuse: refuse,
		Description: "Stores and their histories, from the projection of the log.",
	}.Start(s.nc, s.endpoints()...)
	if err != nil {
		return err
	}
	<-ctx.Done()
	if err := answering.Stop(); err != nil {
		slog.Debug("stop answering questions", "error", err)
	}
	return nil
}

func (s *Service) endpoints() []question.Endpoint {
	return []question.Endpoint{
		question.AnswerInPages(query.Stores, s.stores), question.AnswerInPages(query.Past, s.past), question.AnswerInPages(query.Listing, s.stores),
		question.Answer(query.Counts, s.counts), question.AnswerInPages(query.Events, s.events), question.AnswerInPages(query.DeadLetters, s.deadLetters),
		question.AnswerInPages(query.Live, s.live), question.AnswerInPages(query.Audit, s.audit),
		question.AnswerInPages(query.UsageOf, s.usage), question.Answer(query.Places, s.places),
	}
}

// refuse never shows the words of Postgres to a caller.
func refuse(err error) *question.Refusal {
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, readmodel.ErrOtherLog):
		return &question.Refusal{Code: question.OtherLog, Message: err.Error()}
	case errors.Is(err, readmodel.ErrRebuilding), errors.Is(err, readmodel.ErrFilling), errors.Is(err, readmodel.ErrBehind):
		return &question.Refusal{Code: question.Unavailable, Message: err.Error()}
	case !errors.As(err, new(*pgconn.ConnectError)) && errors.As(err, &refused) && !unavailable(refused.Code):
		return &question.Refusal{Code: question.Internal, Message: "the query failed"}
	default:
		return &question.Refusal{Code: question.Unavailable, Message: "the read model can't be reached at the moment"}
	}
}

// unavailable says whether an SQLSTATE is of a server that is short of something, starting or stopping (classes 53 and 57).
func unavailable(state string) bool {
	return len(state) == 5 && (state[:2] == "53" || state[:2] == "57")
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

// see waits for what the caller has seen of a log, which is no more than there is. That it isn't there in time is told by the
// reply's checkpoint.
func (s *Service) see(ctx context.Context, log string, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, s.waits)
	defer cancel()
	if _, projected := s.progress.At(); seq > projected {
		seq = s.bound(ctx, seq)
	}
	if err := s.progress.Wait(ctx, log, seq); err != nil {
		slog.Debug("answering from behind", "seq", seq, "error", err)
	}
}
