package queries

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// acted puts entries into the table as the keeper does, n seconds after an hour that all tests know, several of them at one time.
func (b *testBundle) acted(t *testing.T, entries ...storelog.AuditEntry) {
	t.Helper()
	for n, e := range entries {
		_, err := b.pool.Exec(t.Context(), `insert into audit (epoch, seq, at, what, tenant, store, actor, origin, about, before, after)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, fmt.Sprint("e", n%2), n+1, hour.Add(time.Duration(n/3)*time.Second),
			string(e.What), e.Tenant, string(e.Store), e.Actor, e.From, e.Subject, e.Before, e.After)
		if err != nil {
			t.Fatal(err)
		}
	}
}

var hour = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// acts asks for all pages, and says of each act its About.
func (b *testBundle) acts(t *testing.T, r query.AuditRequest) []string {
	t.Helper()
	found := []string{}
	for {
		reply := answered[query.AuditReply](t, b, query.Audit.Subject, r)
		for _, act := range reply.Acts {
			found = append(found, act.About)
		}
		if r.After = reply.Next; r.After == "" {
			return found
		}
	}
}

// Whoever asks for whatever, by pages of any size: the acts are those that a slow count by hand gives, newest first, each once.
func TestActsAreThoseThatWereAskedFor(t *testing.T) {
	b := setup(t)
	var all []storelog.AuditEntry
	for n := range 40 {
		e := storelog.AuditEntry{
			What: []storelog.What{storelog.CredentialsViewed, storelog.TokenMade, storelog.SignedIn}[n%3], Tenant: []string{"a", "b", ""}[n%3],
			Actor: fmt.Sprint("a-", n%4), Subject: fmt.Sprint("t-", n),
		}
		if e.What == storelog.CredentialsViewed {
			e.Store = "sabcdefghijk"
		}
		all = append(all, e)
	}
	b.acted(t, all...)
	at := func(n int) time.Time { return hour.Add(time.Duration(n/3) * time.Second) }
	for name, c := range map[string]struct {
		request query.AuditRequest
		keep    func(n int, e storelog.AuditEntry) bool
	}{
		"all":        {query.AuditRequest{Scope: query.All()}, func(int, storelog.AuditEntry) bool { return true }},
		"own":        {query.AuditRequest{Scope: query.Of("a")}, func(_ int, e storelog.AuditEntry) bool { return e.Tenant == "a" }},
		"another's":  {query.AuditRequest{Scope: query.Of("a"), Tenant: "b"}, func(int, storelog.AuditEntry) bool { return false }},
		"a tenant's": {query.AuditRequest{Scope: query.All(), Tenant: "b"}, func(_ int, e storelog.AuditEntry) bool { return e.Tenant == "b" }},
		"nobody's":   {query.AuditRequest{}, func(int, storelog.AuditEntry) bool { return false }},
		"a kind": {query.AuditRequest{Scope: query.All(), What: "token_made"}, func(_ int, e storelog.AuditEntry) bool {
			return e.What == storelog.TokenMade
		}},
		"a store's": {query.AuditRequest{Scope: query.All(), Store: "sabcdefghijk"}, func(_ int, e storelog.AuditEntry) bool { return e.Store != "" }},
		"somebody's": {query.AuditRequest{Scope: query.All(), Actor: "a-1"}, func(_ int, e storelog.AuditEntry) bool {
			return e.Actor == "a-1"
		}},
		"about one": {query.AuditRequest{Scope: query.All(), About: "t-7"}, func(_ int, e storelog.AuditEntry) bool { return e.Subject == "t-7" }},
		"a while": {query.AuditRequest{Scope: query.Of("a"), From: at(9), To: at(21)}, func(n int, e storelog.AuditEntry) bool {
			return e.Tenant == "a" && n >= 9 && n < 21
		}},
	} {
		want := []string{}
		for n, e := range all {
			if c.keep(n, e) {
				want = append(want, e.Subject)
			}
		}
		for _, limit := range []int{1, 7, 200} {
			c.request.Limit = limit
			if got := b.acts(t, c.request); !sameActs(got, want) {
				t.Errorf("%s by %d: %q, want the reverse of %q", name, limit, got, want)
			}
		}
	}
}

// sameActs says whether got is want, newest first. Three each are of one time and may stand in any order among themselves.
func sameActs(got, want []string) bool {
	number := func(about string) (n int) {
		_, _ = fmt.Sscanf(about, "t-%d", &n)
		return n
	}
	newestFirst := slices.IsSortedFunc(got, func(a, b string) int { return number(b)/3 - number(a)/3 })
	slices.Sort(got)
	slices.Sort(want)
	return newestFirst && slices.Equal(got, want)
}

func TestACursorOfTheAuditIsOneThatItGave(t *testing.T) {
	b := setup(t)
	for _, cursor := range []string{
		"x", "!", strings.Repeat("A", 200), cursorOf("1 2"), cursorOf("-1 2 e"), cursorOf("1 -2 e"), cursorOf("9223372036854775807 2 e"), cursorOf("1 2 e\x00"),
	} {
		_, code := ask[query.AuditReply](t, b.nc, query.Audit.Subject, query.AuditRequest{Scope: query.All(), After: cursor, Limit: 10})
		if code != question.Invalid {
			t.Errorf("%q: answered with %q", cursor, code)
		}
	}
}

func cursorOf(place string) string { return base64.RawURLEncoding.EncodeToString([]byte(place)) }
