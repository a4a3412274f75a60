package queries

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// audit answers a query.AuditRequest. The table is no part of what a rebuild drops, so it answers also while the read model isn't whole.
func (s *Service) audit(ctx context.Context, r query.AuditRequest) (pages question.Pages[query.AuditReply], err error) {
	var reply query.AuditReply
	if err := checkPage(r.Limit, 0); err != nil {
		return pages, err
	}
	if strings.ContainsRune(r.Scope.Tenant()+r.Tenant+r.What+r.Store+r.Actor+r.About, 0) {
		return pages, badRequest("the request holds text that is none")
	}
	wanted := readmodel.Acts{Wanted: r}
	if r.After != "" {
		if wanted.Before, err = parsePlace(r.After); err != nil {
			return pages, badRequest("after is no cursor of the audit")
		}
	}
	found, more, err := wanted.List(ctx, s.pool)
	if err != nil {
		return pages, err
	}
	acts := make([]query.Act, len(found))
	for i, f := range found {
		acts[i] = f.Act
	}
	return question.Pages[query.AuditReply]{Items: len(acts), Upto: func(count int) query.AuditReply {
		reply.Acts, reply.Next = page(acts, count, more, func(last int) string { return placed(found[last].Place) })
		return reply
	}}, nil
}

// placed writes a place as a cursor, which parsePlace reads. Microseconds are all that Postgres keeps of a time.
func placed(p readmodel.Place) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %s", p.At.UnixMicro(), p.Seq, p.Epoch))
}

func parsePlace(cursor string) (p readmodel.Place, err error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return p, fmt.Errorf("decode a place: %w", err)
	}
	var micro, seq int64
	if _, err := fmt.Sscanf(string(data), "%d %d %s", &micro, &seq, &p.Epoch); err != nil {
		return p, fmt.Errorf("read a place: %w", err)
	}
	p.At, p.Seq = time.UnixMicro(micro).UTC(), uint64(seq)
	// Anybody can write a cursor, and Postgres takes no text with a NUL and no time beyond its own.
	if seq < 0 || micro < 0 || p.At.Year() > 9999 || strings.ContainsRune(p.Epoch, 0) {
		return p, errors.New("read a place: there is none such")
	}
	return p, nil
}
