package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// A plan whose volumes the cluster's storage can't make is refused in words, before anything is written.
func TestAPlanWhoseVolumesCannotGrowIsRefused(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	end := b.head()
	asked := make(chan query.GrowthRequest, 1)
	b.answers(query.Growth.Subject, func(data []byte) any {
		asked <- parsed[query.GrowthRequest](t, data)
		return query.GrowthReply{Refused: true}
	})
	p := wantProblem(t, b.patch(s.ID, `{"plan":"large","name":"Coffee"}`), http.StatusUnprocessableEntity, problem.InvalidField)
	if p.Field != "plan" || !strings.Contains(p.Detail, "larger volumes") {
		t.Errorf("names field %q: %s", p.Field, p.Detail)
	}
	if q := received(t, asked); q != (query.GrowthRequest{Store: s.ID, Plan: "large"}) {
		t.Errorf("asked was %+v", q)
	}
	if b.head() != end {
		t.Error("what was refused was written in part")
	}
	// What leaves the plan as it is asks nobody.
	b.changed(s.ID, `{"plan":"small","name":"Coffee"}`, http.StatusOK)
	if len(asked) > 0 {
		t.Error("asked again")
	}
}

// Where nobody can tell, or it can be had, the operation is begun.
func TestAPlanThatNobodyRefusesIsTaken(t *testing.T) {
	for name, answers := range map[string]func(*testBundle){
		"it can be had":  func(b *testBundle) { b.answers(query.Growth.Subject, func([]byte) any { return query.GrowthReply{} }) },
		"nobody answers": func(*testBundle) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			s := b.ready(`{}`)
			answers(b)
			if got := b.changed(s.ID, `{"plan":"large"}`, http.StatusAccepted); got.Operation != store.Update {
				t.Errorf("it is %+v", got)
			}
		})
	}
}
