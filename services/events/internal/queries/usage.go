package queries

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// usage answers a query.UsageRequest.
func (s *Service) usage(ctx context.Context, r query.UsageRequest) (pages question.Pages[query.UsageReply], err error) {
	var reply query.UsageReply
	if err := errors.Join(checkPage(r.Limit, 0), checkMonths(r)); err != nil {
		return pages, err
	}
	if strings.ContainsRune(r.Scope.Tenant(), 0) {
		return pages, badRequest("the request holds text that is none")
	}
	behind, err := parseUsagePlace(r.After)
	if err != nil {
		return pages, badRequest("after is no cursor of a usage")
	}
	s.see(ctx, r.Log, r.Seen)
	var (
		found []query.Usage
		more  bool
	)
	err = readmodel.At(ctx, s.pool, r.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		found, more, err = readmodel.Usage(ctx, m, r, behind)
		return err
	})
	if err != nil {
		return pages, err
	}
	return question.Pages[query.UsageReply]{Items: len(found), Upto: func(count int) query.UsageReply {
		reply.Usage, reply.Next = page(found, count, more, func(last int) string { return usagePlaceOf(found[last]) })
		return reply
	}}, nil
}

func checkMonths(r query.UsageRequest) error {
	from, err1 := time.Parse(query.MonthForm, r.From)
	to, err2 := time.Parse(query.MonthForm, r.To)
	if err1 != nil || err2 != nil || to.Before(from) || !to.Before(from.AddDate(0, query.UsageMonths, 0)) {
		return badRequest("these are no months, or too many")
	}
	return nil
}

// usagePlaceOf writes a row's place as a cursor, which parseUsagePlace reads.
func usagePlaceOf(u query.Usage) string {
	data, _ := json.Marshal([]string{u.Month, u.Tenant, u.Engine, u.Version, u.Plan})
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseUsagePlace(cursor string) (p readmodel.UsagePlace, err error) {
	if cursor == "" {
		return p, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return p, err
	}
	var words [5]string
	if err := json.Unmarshal(data, &words); err != nil {
		return p, err
	}
	if _, err := time.Parse(query.MonthForm, words[0]); err != nil {
		return p, err
	}
	for _, word := range words {
		// Anybody can write a cursor, and Postgres takes no text with a NUL.
		if strings.ContainsRune(word, 0) {
			return p, errCursor
		}
	}
	return readmodel.UsagePlace{Month: words[0], Tenant: words[1], Engine: words[2], Version: words[3], Plan: words[4]}, nil
}
