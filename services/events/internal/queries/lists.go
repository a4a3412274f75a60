package queries

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// stores answers a query.StoresRequest, by whichever question it was put.
func (s *Service) stores(ctx context.Context, r query.StoresRequest) (pages question.Pages[query.StoresReply], err error) {
	var reply query.StoresReply
	if err := errors.Join(checkPage(r.Limit, 0), checkList(r)); err != nil {
		return pages, err
	}
	list := listOf(r)
	if list.Behind, err = behind(r); err != nil {
		return pages, badRequest("after is no cursor of this list")
	}
	s.see(ctx, r.Log, r.Seen)
	var (
		found []readmodel.Placed
		more  bool
	)
	err = readmodel.At(ctx, s.pool, r.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		found, more, err = readmodel.Stores(ctx, m, list)
		return err
	})
	if err != nil {
		return pages, err
	}
	stores := make([]query.Store, len(found))
	for i, f := range found {
		stores[i] = f.View()
	}
	return question.Pages[query.StoresReply]{Items: len(stores), Upto: func(count int) query.StoresReply {
		reply.Stores, reply.Next = page(stores, count, more, func(last int) string { return cursorAt(r, found[last].Spot) })
		return reply
	}}, nil
}

// counts answers how many a query.StoresRequest would list.
func (s *Service) counts(ctx context.Context, r query.StoresRequest) (reply query.CountsReply, err error) {
	if err := checkList(r); err != nil {
		return reply, err
	}
	s.see(ctx, r.Log, r.Seen)
	err = readmodel.At(ctx, s.pool, r.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		reply.ByStatus, err = readmodel.CountStores(ctx, m, listOf(r))
		return err
	})
	return reply, err
}

func checkList(r query.StoresRequest) error {
	words := []string{r.Scope.Tenant(), r.Engine, r.Plan, r.Name, r.Search}
	for _, status := range r.Among() {
		words = append(words, string(status))
	}
	// The one character that JSON can say and Postgres can't.
	if strings.ContainsRune(strings.Join(words, ""), 0) {
		return badRequest("the request holds text that is none")
	}
	if r.Order != "" && !slices.Contains(query.Orders, r.Order) {
		return badRequest("there is no such order of stores")
	}
	return nil
}

func listOf(r query.StoresRequest) readmodel.List {
	statuses := slices.Clone(r.Among())
	slices.Sort(statuses)
	return readmodel.List{
		Scope: r.Scope, Statuses: slices.Compact(statuses), Engine: r.Engine, Plan: r.Plan, Name: r.Name, Search: r.Search, Deleted: r.Deleted,
		Order: r.Order, Limit: r.Limit,
	}
}

// marked begins a cursor that says of which list it is: no number does.
const marked = "-"

// cursorAt is the spot of a page's last store, which nothing that happens meanwhile can move but a rename, in the order by name. That
// of a plain request is one that the release before makes and reads, too, beside which this one may run: a place among all stores, which is the same whatever
// is asked of them. All others say which list they belong to.
func cursorAt(r query.StoresRequest, spot readmodel.Spot) string {
	if r.Plain() {
		return strconv.FormatUint(spot.Opened, 36)
	}
	return marked + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %s", digestOf(r), spot.Opened, spot.Sorted))
}

var errCursor = errors.New("it is no cursor of this list")

// behind reads what cursorAt wrote.
func behind(r query.StoresRequest) (spot readmodel.Spot, err error) {
	if r.After == "" {
		return spot, nil
	}
	if r.Plain() {
		spot.Opened, err = strconv.ParseUint(r.After, 36, 63)
		return spot, err
	}
	text, ours := strings.CutPrefix(r.After, marked)
	data, err := base64.RawURLEncoding.DecodeString(text)
	if !ours || err != nil {
		return spot, cmp.Or(err, errCursor)
	}
	parts := strings.SplitN(string(data), " ", 3)
	if len(parts) != 3 || parts[0] != digestOf(r) || strings.ContainsRune(parts[2], 0) {
		return spot, errCursor
	}
	spot.Sorted = strings.ToValidUTF8(parts[2], "")
	spot.Opened, err = strconv.ParseUint(parts[1], 10, 63)
	return spot, err
}

// digestOf is of all that says which stores are listed and in what order.
func digestOf(r query.StoresRequest) string {
	list := listOf(r)
	list.Order, list.Limit = cmp.Or(list.Order, query.Newest), 0
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", list))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
