package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/hangup"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const (
	// longestWait is as long as somebody is still answered at most who was let in and wouldn't be any more, and as requests
	// are given to end in when the gateway does.
	longestWait = 10 * time.Second
	// lookAgain lies between two looks at the store's last message. The broker could tell by itself, but the gateway has no consumer on what
	// it may write; and a look is one key of the leader's.
	lookAgain = 500 * time.Millisecond
	// A request that waits holds a connection and what was read of it.
	waitersAtOnce    = 100
	waitersPerTenant = 10
)

const (
	headerPrefer  = "Prefer"
	headerApplied = "Preference-Applied"
)

const aboutPrefer = "`wait=N` (RFC 7240): the answer comes when the operation has ended, or in N seconds, 10 at most. 200 is that the store has no operation any more: " +
	"`lastOperation.outcome` says how it ended. 202 is that it still has one; repeating a request that may be repeated waits again. Where too many wait, or the gateway or its broker " +
	"goes, the answer comes earlier and has no `Preference-Applied`."

// commandOutput is the answer to what is asked of a store.
type commandOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the store is read"`
	ETag     string `header:"ETag" doc:"The version of the last change to what can be set of the store: name, plan, options, ttl, tenant. Send it as If-Match"`
	Applied  string `header:"Preference-Applied" doc:"wait=N, where that was preferred and was kept to: N is as much of it as may be waited"`
	Body     query.Store
}

// handleCommand registers an operation after which a store has something to be done about it. Its handler says how the store stands
// and the status for that, 202 where something is done; whoever prefers to wait is answered when it isn't any more.
//
// That is a 200 whatever the verb and however it ended. A 201 of a create would say that there is a store, and one of an operation that
// has failed there may not be: how it ended is to be read in one place, by clients of every verb.
func handleCommand[I any](a *API, routes router, do rights.Action, op huma.Operation, handler func(context.Context, *I) (store.State, int, error), refused ...refusals) {
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: headerPrefer, In: "header", Description: aboutPrefer, Schema: &huma.Schema{Type: huma.TypeString}, Example: "wait=10",
	})
	op.Middlewares = append(op.Middlewares, func(in huma.Context, next func(huma.Context)) {
		if wait := waitOf(in.Header(headerPrefer)); wait > 0 {
			c := humafiber.Unwrap(in).Context()
			in = huma.WithValue(in, waiterKey{}, waiter{wait: wait, conn: c.Conn(), closing: c.Done()})
		}
		next(in)
	})
	handle(routes, do, op, func(ctx context.Context, in *I) (*commandOutput, error) {
		state, status, err := handler(ctx, in)
		if err != nil {
			return nil, err
		}
		out := &commandOutput{Status: status}
		if w, asked := ctx.Value(waiterKey{}).(waiter); asked && status == http.StatusAccepted && a.waiters.enter(principal.In(ctx).Tenant()) == nil {
			defer a.waiters.leave(principal.In(ctx).Tenant())
			whole := false
			if state, whole = a.wait(ctx, do, w, state); whole {
				out.Applied = fmt.Sprintf("wait=%d", w.wait/time.Second)
			}
			if !state.InFlight() {
				out.Status = http.StatusOK
			}
		}
		shown := a.show(ctx, state)
		out.Location, out.ETag, out.Body = shown.Location, shown.ETag, shown.Body
		return out, nil
	}, refused...)
	also(routes, op, http.StatusOK, "Nothing is being done about the store")
	also(routes, op, http.StatusAccepted, "Something is being done about the store")
}

// waiter is what a request that waits is to be ended by: the time, the end of its client, that of the gateway.
type waiter struct {
	wait    time.Duration
	conn    net.Conn
	closing <-chan struct{}
}

type waiterKey struct{}

// errWaited ends a wait that was as long as it should be.
var errWaited = errors.New("it was waited for long enough")

// wait looks at the store until what was asked for has ended, and answers how it stands; whole: it has, or was waited for as long as it should
// be. Where the store can't be read any more, for the broker's silence or because it is another's now, it answers what it has seen, as whoever
// doesn't wait is answered.
func (a *API) wait(ctx context.Context, do rights.Action, w waiter, state store.State) (is store.State, whole bool) {
	request, began := ctx, time.Now()
	defer func() { observe.Waited(request, time.Since(began)) }()
	ctx, cancel := context.WithTimeoutCause(ctx, w.wait, errWaited)
	defer cancel()
	gone, stop := hangup.Watch(w.conn)
	defer stop()
	go func() {
		defer cancel()
		select {
		case <-gone:
		case <-w.closing:
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for asked := state.Generation; state.IsOpen(asked); {
		select {
		case <-ctx.Done():
			return state, errors.Is(context.Cause(ctx), errWaited)
		case <-tick.C:
		}
		now, err := a.admission.Read(ctx, principal.In(ctx), state.ID, do)
		if err != nil {
			return state, errors.Is(context.Cause(ctx), errWaited)
		}
		state = now
	}
	return state, true
}

// waitOf reads the preference; zero where there is none, or none that can be read, which is no error (RFC 7240, 2). It is no longer than
// longestWait. Of several the first counts.
func waitOf(header string) time.Duration {
	for preference := range strings.SplitSeq(header, ",") {
		preference, _, _ = strings.Cut(preference, ";")
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil {
			return 0
		}
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	return 0
}
