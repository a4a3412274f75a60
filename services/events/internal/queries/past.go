package queries

import (
	"context"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// past answers a query.PastRequest. It waits for what was asked for as for what was seen, and where that doesn't come says so: a list
// that lacks the last messages would be of another moment.
func (s *Service) past(ctx context.Context, r query.PastRequest) (reply query.PastReply, err error) {
	list, err := listOf(r.Wanted)
	if err != nil {
		return reply, err
	}
	s.see(ctx, r.Wanted.Log, max(r.Upto, r.Wanted.Seen))
	var (
		found []readmodel.Placed
		next  uint64
	)
	err = readmodel.At(ctx, s.pool, r.Wanted.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		found, next, err = readmodel.Past{List: list, Upto: r.Upto}.Page(ctx, m)
		return err
	})
	if err != nil {
		return reply, err
	}
	stores := make([]query.Store, len(found))
	for i, f := range found {
		stores[i] = f.View()
	}
	reply.Stores, reply.Next, err = page(s, stores, next != 0, func(last int) string {
		if last == len(found)-1 {
			return placeAt(next)
		}
		return placeAt(found[last].Place)
	})
	return reply, err
}
