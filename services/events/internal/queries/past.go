package queries

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// past answers a query.PastRequest. It waits for what was asked for as for what was seen, and where that doesn't come says so: a list
// that lacks the last messages would be of another moment.
func (s *Service) past(ctx context.Context, r query.PastRequest) (pages question.Pages[query.PastReply], err error) {
	var reply query.PastReply
	if err := errors.Join(checkPage(r.Wanted.Limit, 0), checkList(r.Wanted)); err != nil {
		return pages, err
	}
	if strings.ContainsRune(r.Tenant, 0) {
		return pages, badRequest("the request holds text that is none")
	}
	if r.Wanted.Order != "" && r.Wanted.Order != query.Newest {
		return pages, badRequest("stores as they were are listed newest first")
	}
	list := listOf(r.Wanted)
	if r.Wanted.After != "" {
		if list.Behind.Opened, err = strconv.ParseUint(r.Wanted.After, 36, 63); err != nil {
			return pages, badRequest("after is no cursor of a list of stores")
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
		return pages, err
	}
	stores := make([]query.Store, len(found))
	for i, f := range found {
		stores[i] = f.View()
	}
	return question.Pages[query.PastReply]{Items: len(stores), Upto: func(count int) query.PastReply {
		reply.Stores, reply.Next = page(stores, count, next != 0, func(last int) string {
			if last == len(found)-1 {
				return placeAt(next)
			}
			return placeAt(found[last].Opened)
		})
		return reply
	}}, nil
}

// placeAt is the cursor of a place in the order of lists.
func placeAt(place uint64) string { return strconv.FormatUint(place, 36) }
