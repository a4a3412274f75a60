package gateway

import (
	"net/http"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestAStoreMayBeGivenAnEnd(t *testing.T) {
	b := setup(t)
	if s := b.create(`{}`); s.ExpiresAt != nil {
		t.Errorf("a store that nobody gave an end has one: %s", s.ExpiresAt)
	}
	body := `{"name":"Tea","ttl":"90m"}`
	s := b.create(body, "Idempotency-Key", "k")
	if s.ExpiresAt == nil || s.ExpiresAt.Sub(s.CreatedAt) != 90*time.Minute {
		t.Fatalf("a store for 90m is made at %s and ends at %s", s.CreatedAt, s.ExpiresAt)
	}
	for _, again := range []query.Store{
		b.create(body, "Idempotency-Key", "k"), decoded[query.Store](t, b.get("/stores/"+string(s.ID))),
	} {
		if again.ID != s.ID || again.ExpiresAt == nil || !again.ExpiresAt.Equal(*s.ExpiresAt) {
			t.Errorf("store %+v, want the end %s", again, s.ExpiresAt)
		}
	}
	for _, other := range []string{`{"name":"Tea","ttl":"91m"}`, `{"name":"Tea"}`} {
		a := b.do(http.MethodPost, "/stores", other, "Idempotency-Key", "k")
		wantProblem(t, a, http.StatusUnprocessableEntity, problem.IdempotencyKeyReused)
	}
}

func TestAnEndThatIsNoneIsRefused(t *testing.T) {
	b := setup(t)
	for _, ttl := range []string{`"59s"`, `"8760h1s"`, `"-2h"`, `"7d"`, `"soon"`, `"90"`, `5`} {
		a := b.do(http.MethodPost, "/stores", `{"ttl":`+ttl+`}`)
		if p := wantProblem(t, a, http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "ttl" {
			t.Errorf("%s: names field %q", ttl, p.Field)
		}
	}
	if held := b.held("ip:loopback"); held != 0 {
		t.Errorf("refused creates left %d claims", held)
	}
	for _, ttl := range []string{`"1m"`, `"8760h"`} {
		b.create(`{"ttl":` + ttl + `}`)
	}
}
