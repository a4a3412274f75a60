package api

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/linger"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/hangup"
	"github.com/store-platform/store-platform/services/gateway/internal/logs"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const (
	// Each holds a frame, and a session at a provisioner.
	logsAtOnce    = 100
	logsPerTenant = 10
	// takeWithin is how long a client of logs may take nothing, and lastTake how long once the gateway goes.
	takeWithin = time.Minute
	lastTake   = 2 * time.Second
)

// ndjson is the type of an answer of lines.
const ndjson = "application/x-ndjson"

type logsInput struct {
	ID        string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
	Container string `query:"container" maxLength:"63" doc:"Only this one; all without it"`
	Pod       string `query:"pod" maxLength:"253" doc:"Only this one; all without it"`
	Previous  bool   `query:"previous" doc:"What each container wrote in the run before its newest one, which may say why it ended"`
	Since     string `query:"since" maxLength:"64" doc:"Nothing older: a time of RFC 3339, or how long ago, as in 10m"`
	Tail      int    `query:"tail" minimum:"1" maximum:"10000" default:"100" doc:"Most lines of each container, the last ones"`
	Follow    bool   `query:"follow" doc:"Go on with what is written from now on, also after restarts and by pods that come"`
}

// LogLine is a line of the answer.
type LogLine struct {
	query.LogLine
	End string `json:"end,omitempty" doc:"Alone in the last line: why the logs end before their time"`
}

const aboutLogs = "A line of JSON for each, of init containers too, in order of time as far as containers write in it. Whatever the store's status: a store without pods " +
	"has none, and with `follow` they are waited for. Only the newest 64 containers are read. A line longer than 64 KiB is `cut`. With `follow` it goes on for an hour at most, and " +
	"ends where the store is deleted, the client may not read it any more, or takes nothing for a minute. Where nothing is written for a quarter of a minute or a little more an empty line comes, so that " +
	"nobody on the way takes the connection for dead: pass over it. A last line of `end` alone says why logs end before their time. " +
	"422 of a `pod` or `container` that there isn't names those that there are. What programs write is theirs: passwords, too."

func (a *API) logs(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "read-logs", Method: http.MethodGet, Path: "/stores/{id}/logs", Tags: []string{"Stores"},
		Summary: "What a store's containers write", Description: aboutLogs,
		Responses: map[string]*huma.Response{"200": answering("Lines", ndjson, schemaOf[LogLine](routes.OpenAPI()))},
		Middlewares: huma.Middlewares{func(in huma.Context, next func(huma.Context)) {
			next(huma.WithValue(in, headKey{}, in.Method() == http.MethodHead))
		}},
	}, a.readLogs, ofStore, refusals{problem.StoreDeleted, problem.ClusterUnavailable, problem.LogsFull, problem.TooManyLogs})
}

type headKey struct{}

func (a *API) readLogs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	wanted, err := in.wanted(time.Now())
	if err != nil {
		return nil, err
	}
	state, err := a.read(ctx, idInput{ID: in.ID}, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	if state.Status == store.Deleted {
		return nil, store.ErrDeleted
	}
	wanted.Store = state.ID
	// HEAD asks whether there are any, and not for them.
	if head, _ := ctx.Value(headKey{}).(bool); head {
		return &huma.StreamResponse{Body: announceLines}, nil
	}
	tenant := principal.In(ctx).Tenant()
	switch err := a.readers.enter(tenant); {
	case errors.Is(err, errTenantsSeats):
		return nil, logs.ErrTooMany
	case err != nil:
		return nil, logs.ErrFull
	}
	stream, err := a.logsOf.Open(ctx, state.Cluster, wanted, a.stillRead(ctx, state.ID))
	if err != nil {
		a.readers.leave(tenant)
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		writeLines(out, stream, func() { a.readers.leave(tenant) })
	}}, nil
}

// wanted is what the parameters ask for.
func (in *logsInput) wanted(now time.Time) (query.LogsRequest, error) {
	wanted := query.LogsRequest{Pod: in.Pod, Container: in.Container, Previous: in.Previous, Tail: in.Tail, Follow: in.Follow}
	if in.Previous && in.Follow {
		return wanted, problem.AtField("previous", "is of a run that has ended, and can't be followed")
	}
	if in.Since == "" {
		return wanted, nil
	}
	if ago, err := time.ParseDuration(in.Since); err == nil && ago > 0 {
		wanted.Since = now.Add(-ago)
		return wanted, nil
	}
	at, err := time.Parse(time.RFC3339, in.Since)
	if err != nil {
		return wanted, problem.AtField("since", "is neither a time (2026-01-02T15:04:05Z) nor how long ago (10m)")
	}
	wanted.Since = at
	return wanted, nil
}

// stillRead finds a store again, as long as who asks may.
func (a *API) stillRead(ctx context.Context, id store.ID) func(context.Context) (store.State, error) {
	who, again := principal.In(ctx), principal.Again(ctx)
	return func(ctx context.Context) (store.State, error) {
		if again != nil {
			now, err := again(ctx)
			if err != nil {
				return store.State{}, err
			}
			who = now
		}
		return a.admission.Read(ctx, who, id, rights.ReadStores)
	}
}

// errGone: nobody is there to be told anything.
var errGone = errors.New("the client has gone")

func announceLines(out huma.Context) {
	out.SetHeader(fiber.HeaderContentType, ndjson)
	// Proxies that gather answers would keep lines back.
	out.SetHeader("X-Accel-Buffering", "no")
}

// writeLines answers with a stream. The server writes it when its handlers are through, so it has a context of its own; and the connection is
// the stream's, whose bound on each write would go on to hold for other answers.
func writeLines(out huma.Context, stream *logs.Stream, over func()) {
	announceLines(out)
	c := humafiber.Unwrap(out).Context()
	conn, closing := c.Conn(), c.Done()
	linger.Within(conn, takeWithin)
	c.SetConnectionClose()
	// There may be nothing to tell for long.
	c.Response.ImmediateHeaderFlush = true
	c.SetBodyStreamWriter(func(w *bufio.Writer) {
		defer over()
		ctx, end := context.WithCancelCause(context.Background())
		defer end(nil)
		gone, stop := hangup.Watch(conn)
		defer stop()
		go func() {
			select {
			case <-gone:
				end(errGone)
			case <-closing:
				linger.Within(conn, lastTake)
				end(logs.EndClosing)
			case <-ctx.Done():
			}
		}()
		stream.Write(ctx, w)
	})
}
