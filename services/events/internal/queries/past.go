package queries

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// past answers a query.PastRequest. It waits for what was asked for as for what was seen, and where that doesn't come says so: a list
// that lacks the last messages would be of another moment.
func (s *Service) past(ctx context.Context, r query.PastRequest) (reply query.PastReply, err error) {
	if err := errors.Join(checkPage(r.Wanted.Limit, 0), checkList(r.Wanted)); err != nil {
		return reply, err
	}
	if strings.ContainsRune(r.Tenant, 0) {
		return reply, badRequest("the request holds text that is none")
	}
	if r.Wanted.Order != "" && r.Wanted.Order != query.Newest {
		return reply, badRequest("stores as they were are listed newest first")
	}
	list := listOf(r.Wanted)
	if r.Wanted.After != "" {
		if list.Behind.Opened, err = strconv.ParseUint(r.Wanted.After, 36, 63); err != nil {
			return reply, badRequest("after is no cursor of a list of stores")
		}
	}
	s.see(ctx, r.Wanted.Log, max(r.Upto, r.Wanted.Seen))
	var (
		found []readmodel.Placed
		next  uint64
	)
	err = readmodel.At(ctx, s.pool, r.Wanted.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		found, next, err = readmodel.Past{List: list, Tenant: r.Tenant, Upto: r.Upto}.Page(ctx, m)
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
		return placeAt(found[last].Opened)
	})
	return reply, err
}

// placeAt is the cursor of a place in the order of lists.
func placeAt(place uint64) string { return strconv.FormatUint(place, 36) }
