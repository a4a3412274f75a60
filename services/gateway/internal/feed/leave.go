package feed

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

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
	for {
		select {
		case <-over.Done():
			return
		case <-timer.C:
		}
		if l.isOver(over) {
			s.end(feed.CloseRevoked, "you may not listen any more; sign in again")
			return
		}
		timer.Reset(l.every)
	}
}

// isOver asks. Only a refusal is an answer: silence says nothing of the client, which is told by others than this gateway's broker.
func (l *leave) isOver(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, storelog.Patience)
	defer cancel()
	who, err := l.again(ctx)
	if refusal := (*problem.Problem)(nil); errors.As(err, &refusal) {
		return true
	}
	if err != nil {
		slog.Debug("ask whether a client of the feed may stay", "error", err)
		return false
	}
	return rights.Scope(who, rights.ReadStores) != l.scope
}
