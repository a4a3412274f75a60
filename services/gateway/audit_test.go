package gateway

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestTheAuditIsAskedForWhatIsAskersToSee(t *testing.T) {
	b := setup(t, withAccounts)
	w := b.town()
	owner, operator := w.settle(directory.Account{ID: "a-owner22222", Tenants: []string{"t-own2222222"}}), w.settle(directory.Account{ID: "a-operator22", Operator: true})
	w.found(directory.Tenant{ID: "t-own2222222"}, member(owner.ID, principal.Owner))
	wantProblem(t, b.get("/audit", w.session(owner, "t-own2222222")...), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	asked := make(chan query.AuditRequest, 8)
	act := query.Act{At: time.Unix(1, 0).UTC(), What: "token_made", Tenant: "t-own2222222", Actor: owner.ID, About: "k-1"}
	b.answers(query.Audit.Subject, func(data []byte) any {
		var q query.AuditRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.AuditReply{Acts: []query.Act{act}, Next: "more"}
	})
	list := decoded[struct {
		Acts []query.Act
		Next string
	}](t, b.get("/audit?what=token_made&store=s1&actor=a&about=k-1&tenant=t&from=2026-05-01T12:00:00Z&to=2026-05-02T12:00:00%2B01:00&cursor=c&limit=7",
		w.session(owner, "t-own2222222")...))
	if len(list.Acts) != 1 || list.Acts[0] != act || list.Next != "more" {
		t.Errorf("list %+v", list)
	}
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	want := query.AuditRequest{
		Scope: query.Of("t-own2222222"), Tenant: "t", What: "token_made", Store: "s1", Actor: "a", About: "k-1", From: day, To: day.Add(23 * time.Hour), After: "c", Limit: 7,
	}
	if q := received(t, asked); !q.From.Equal(want.From) || !q.To.Equal(want.To) {
		t.Errorf("asked for acts from %s to %s", q.From, q.To)
	} else if q.From, q.To = want.From, want.To; q != want {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
	b.get("/audit", w.session(operator, "")...)
	if q := received(t, asked); q != (query.AuditRequest{Scope: query.All(), Limit: 50}) {
		t.Errorf("the operator asked for %+v", q)
	}
	wantProblem(t, b.get("/audit?from=yesterday", w.session(owner, "t-own2222222")...), http.StatusUnprocessableEntity, problem.InvalidField)
}
