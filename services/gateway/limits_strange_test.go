package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// questions is what the broker is asked that a bucket holds.
type questions struct {
	*testBundle
	asked *nats.Subscription
	looks int
}

// questions listens from when the gateway has asked what it asks by itself.
func (b *testBundle) questions() *questions {
	b.t.Helper()
	b.await("the gateway has said how to become an operator", func() bool { return printed.MatchString(b.out.String()) })
	return &questions{testBundle: b, asked: bustest.Listen(b.t, b.conn, "$JS.API.STREAM.MSG.GET.>")}
}

// since is what was asked since the last look: a gateway's questions are heard in order, so what it has asked comes before one of the operator's that
// is put now.
func (q *questions) since() (subjects []string) {
	q.t.Helper()
	q.looks++
	last := fmt.Sprintf("slastabcdef%c", 'a'+q.looks)
	wantProblem(q.t, q.get("/stores/"+last, asOperator...), http.StatusNotFound, problem.NotFound)
	for {
		m, err := q.asked.NextMsg(patience)
		if err != nil {
			q.t.Fatal(err)
		}
		if bytes.Contains(m.Data, []byte(last)) {
			return subjects
		}
		subjects = append(subjects, m.Subject)
	}
}

// wantNone fails where anything was.
func (q *questions) wantNone(what string) {
	q.t.Helper()
	if subjects := q.since(); len(subjects) > 0 {
		q.t.Errorf("for %s the broker is asked %d times, first %s", what, len(subjects), subjects[0])
	}
}

// invented are credentials that were never anybody's, the nth of each kind.
func invented(n int) [][]string {
	secret := fmt.Sprintf("%026d", n)
	token := "sp_" + strings.Repeat("a", 30) + "_" + secret
	return [][]string{{"Authorization", "Bearer " + token}, {"X-Api-Key", token}, {"Cookie", "session=" + secret}}
}

// Credentials are invented for nothing. Once their address has nothing left to pay with, the broker isn't asked about them; who is known is served from
// there all the same, and whoever comes from elsewhere.
func TestInventedCredentialsCostTheBrokerNothing(t *testing.T) {
	b := setup(t, withAccounts, trusting, counting)
	s := b.street()
	owner := s.session(s.owner, s.tenant)
	here, asked := of("203.0.113.7"), b.questions()
	as := func(headers []string) []string { return append(append([]string{}, headers...), here...) }
	wantProblem(t, b.get("/stores/sabcdefghijk", as(owner)...), http.StatusNotFound, problem.NotFound)
	if len(asked.since()) == 0 {
		t.Fatal("nobody was asked who it is")
	}
	refused := 0
	for n := 0; refused < 9; n++ {
		for _, headers := range invented(n) {
			a := b.get("/stores/sabcdefghijk", as(headers)...)
			if a.status == http.StatusTooManyRequests {
				refused++
				continue
			}
			wantProblem(t, a, http.StatusUnauthorized, problem.Unauthenticated)
		}
	}
	asked.since()
	// A session that is known is, for a tenant that somebody has invented, as good as none.
	strange := append(invented(1000), append(owner[:4:4], "X-Tenant", "t-invented22"))
	for _, headers := range strange {
		wantProblem(t, b.get("/stores/sabcdefghijk", as(headers)...), http.StatusTooManyRequests, problem.TooManyRequests)
	}
	wantProblem(t, b.get("/feed?ticket=ABCDEFGHIJKLMNOPQRSTUVWXYZ", here...), http.StatusTooManyRequests, problem.TooManyRequests)
	asked.wantNone("what was invented")
	wantProblem(t, b.get("/stores/sabcdefghijk", as(owner)...), http.StatusNotFound, problem.NotFound)
	wantProblem(t, b.get("/stores/sabcdefghijk", append(invented(0)[0], of("203.0.113.9")...)...), http.StatusUnauthorized, problem.Unauthenticated)

	// What was known and is so no more is as strange as what was invented.
	if a := b.do(http.MethodPost, "/auth/logout", "", as(owner)...); a.status != http.StatusNoContent {
		t.Fatalf("signing out is answered %d %s", a.status, a.body)
	}
	b.get("/stores/sabcdefghijk", as(owner)...)
	asked.since()
	wantProblem(t, b.get("/stores/sabcdefghijk", as(owner)...), http.StatusTooManyRequests, problem.TooManyRequests)
	asked.wantNone("a session that has ended")
}

// Of IPv6 whoever has one network may have 65,536 of them.
func TestInventedCredentialsArePaidForByAWholeSite(t *testing.T) {
	b := setup(t, withAccounts, trusting, counting)
	for n := range 9 {
		from := of(fmt.Sprintf("2001:db8:7:%x::1", n))
		wantProblem(t, b.get("/stores/sabcdefghijk", append(invented(n)[0], from...)...), http.StatusUnauthorized, problem.Unauthenticated)
	}
	wantProblem(t, b.get("/stores/sabcdefghijk", append(invented(9)[0], of("2001:db8:7:ffff::1")...)...), http.StatusTooManyRequests, problem.TooManyRequests)
	wantProblem(t, b.get("/stores/sabcdefghijk", append(invented(9)[0], of("2001:db8:8::1")...)...), http.StatusUnauthorized, problem.Unauthenticated)
}

// Whoever belongs nowhere yet is somebody all the same: they pay wherever they are, and nobody beside them does.
func TestPeopleWithoutATenantPayAsTheirAccount(t *testing.T) {
	b := setup(t, withAccounts, trusting, counting)
	w := b.town()
	noisy, quiet := w.session(w.settle(directory.Account{ID: "a-noisy22222"}), ""), w.session(w.settle(directory.Account{ID: "a-quiet22222"}), "")
	from := func(headers []string, address string) []string {
		return append(headers[:len(headers):len(headers)], of(address)...)
	}
	for range 9 {
		if a := b.get("/auth/me", from(noisy, "203.0.113.7")...); a.status != http.StatusOK {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
	}
	for _, address := range []string{"203.0.113.7", "203.0.113.9"} {
		wantProblem(t, b.get("/auth/me", from(noisy, address)...), http.StatusTooManyRequests, problem.TooManyRequests)
	}
	// Each was strange once, for which the address has paid.
	for left := 8; left >= 0; left-- {
		a := b.get("/auth/me", from(quiet, "203.0.113.7")...)
		if is := b.buckets(a)[limits.Requests]; a.status != http.StatusOK || left < 8 && is.left != left {
			t.Errorf("another is answered %d, and has %+v left, want %d", a.status, is, left)
		}
	}
}

// What is the same for everybody isn't counted, and nobody is asked whose cookie comes with it.
func TestNobodyIsAskedWhoLooksAtThePage(t *testing.T) {
	b := setup(t, withAccounts, counting)
	asked := b.questions()
	for _, path := range []string{"/", "/assets/app.js", "/docs", "/openapi.json", "/healthz", "/metrics"} {
		for _, headers := range invented(1) {
			if a := b.get(path, headers...); a.status != http.StatusOK {
				t.Errorf("%s is answered %d", path, a.status)
			}
		}
	}
	asked.wantNone("the page")
}
