package feed

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// AskAgain is how often it is asked whether a client may still listen. What was taken back at any gateway ends with the next
// answer, whatever that gateway still keeps of older ones.
const AskAgain = 5 * time.Second

// unheard is how many of these a client may stay about whom nobody answers: half a minute, in which brokers have elected a leader several times
// over. Longer, and a gateway that is cut off would tell somebody what was taken back from them for as long as that lasts.
const unheard = 6

// leave is a client's to listen, which may be taken back.
type leave struct {
	every time.Duration
	// again finds what has become of the client.
	again func(context.Context) (principal.Principal, error)
	// scope is whose events it is told of.
	scope query.Scope
}

// watch ends the session when the leave is taken back. It returns when the session is over.
func (l *leave) watch(over context.Context, s *session) {
	// Clients that have come together are not asked about together.
	timer := time.NewTimer(l.every/2 + rand.N(l.every/2))
	defer timer.Stop()
	answered := time.Now()
	for {
		select {
		case <-over.Done():
			return
		case <-timer.C:
		}
		isOver, err := l.isOver(over)
		switch {
		case isOver:
			s.end(feed.CloseRevoked, "you may not listen any more; sign in again")
			return
		case err == nil:
			answered = time.Now()
		case time.Since(answered) >= unheard*l.every:
			// Nothing was said of the client, so it needn't sign in: another gateway can ask, or this one in a while.
			s.end(websocket.CloseTryAgainLater, "the gateway can't find out whether you may listen; connect again")
			return
		}
		timer.Reset(l.every)
	}
}

// isOver asks. Only a refusal says that it is: silence, which is the error, says nothing of the client.
func (l *leave) isOver(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storelog.Patience)
	defer cancel()
	who, err := l.again(ctx)
	if refusal := (*problem.Problem)(nil); errors.As(err, &refusal) {
		return true, nil
	}
	if err != nil {
		slog.Debug("ask whether a client of the feed may stay", "error", err)
		return false, err
	}
	return rights.Scope(who, rights.ReadStores) != l.scope, nil
}
