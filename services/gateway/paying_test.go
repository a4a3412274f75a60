package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// broke is another gateway on the same log, at which the tenant has nothing left to pay with.
func (b *testBundle) broke() *testBundle {
	b.t.Helper()
	other := b.second(func(c *Config) { c.CreateCapacity, c.CreateRefill = 1, 0.001 })
	other.create(`{}`)
	return other
}

func TestEveryOperationThatIsPaidForSaysSo(t *testing.T) {
	b := setup(t)
	mended, failed, ready, held := b.ready(`{}`).ID, b.failed(), b.ready(`{}`).ID, b.ready(`{}`).ID
	b.happen(mended, store.MendCommand, store.Facts{})
	b.accepted(held, "suspend")
	b.happen(held, store.BecameSuspended, store.Facts{})
	asked := map[string]struct{ path, body string }{
		"create-store":        {"/stores", `{}`},
		"change-store":        {"/stores/" + string(ready), `{"name":"Cocoa"}`},
		"retry-store":         {"/stores/" + string(failed.ID) + "/retry", ""},
		"suspend-store":       {"/stores/" + string(ready) + "/suspend", ""},
		"resume-store":        {"/stores/" + string(held) + "/resume", ""},
		"cancel-store":        {"/stores/" + string(mended) + "/cancel", ""},
		"redrive-dead-letter": {fmt.Sprintf("/dead-letters/%d/redrive", failed.Generation), ""},
		"discard-dead-letter": {fmt.Sprintf("/dead-letters/%d/discard", failed.Generation), `{"reason":"seen to"}`},
		"transfer-store":      {"/stores/" + string(ready) + "/transfer", `{"tenant":"t-4kq7wmzc3e"}`},
		"transfer-stores":     {"/stores/transfer", `{"from":"ip:loopback","tenant":"t-4kq7wmzc3e"}`},
		"get-credentials":     {"/stores/" + string(ready) + "/credentials", ""},
	}
	b.answers(query.Stores.Subject, func([]byte) any { return query.StoresReply{Stores: []query.Store{{ID: ready}}} })
	// What only operators may ask for, whom nothing is counted of, and what comes once behind what was paid for.
	free := map[string]bool{"raise-log": true, "resume-sweeps": true, "delete-store": true}
	other, walked := b.broke(), 0
	end := b.head()
	document := b.document()
	for path, item := range document.Paths {
		for method, operation := range item {
			refused, _ := document.answer(operation, http.StatusTooManyRequests)
			request, paid := asked[operation.OperationID]
			if !paid {
				// What is done about accounts and tenants isn't on the log.
				onTheLog := strings.HasPrefix(path, "/stores") || strings.HasPrefix(path, "/dead-letters")
				if method != "get" && onTheLog && !free[operation.OperationID] {
					t.Errorf("%s %s: say here whether it is paid for", method, path)
				}
				if onTheLog && refused.says(problem.TooManyCommands) {
					t.Errorf("%s %s: the document says that it is paid for", method, path)
				}
				continue
			}
			walked++
			wantProblem(t, other.do(strings.ToUpper(method), request.path, request.body), http.StatusTooManyRequests, problem.TooManyCommands)
			if !refused.says(problem.TooManyCommands) {
				t.Errorf("%s %s: the document doesn't say that it is paid for", method, path)
			}
		}
	}
	if walked != len(asked) || b.head() != end {
		t.Errorf("%d of %d operations were asked for, and the log went from %d to %d", walked, len(asked), end, b.head())
	}
}

func TestAChangeCostsAsMuchAsItSays(t *testing.T) {
	b := setup(t, metered)
	s := b.ready(`{}`)
	b.changed(s.ID, `{"name":"Coffee","ttl":"2h","plan":"large"}`, http.StatusAccepted)
	end := b.head()
	// One is left of five.
	wantProblem(t, b.patch(s.ID, `{"name":"Cocoa","ttl":"3h"}`), http.StatusTooManyRequests, problem.TooManyCommands)
	if b.head() != end {
		t.Error("what was refused was written in part")
	}
	b.changed(s.ID, `{"name":"Coffee"}`, http.StatusOK)
	b.changed(s.ID, `{"name":"Cocoa"}`, http.StatusOK)
	wantProblem(t, b.patch(s.ID, `{"name":"Tea"}`), http.StatusTooManyRequests, problem.TooManyCommands)
}

// Others' work is the dearest of what a client can cause.
func TestWhoCannotPayHasNobodyAsked(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	asked := make(chan string, 8)
	b.answers(query.Growth.Subject, func([]byte) any { asked <- "growth"; return query.GrowthReply{Refused: true} })
	b.answers(query.Credentials.Subject, func([]byte) any { asked <- "credentials"; return query.CredentialsReply{} })
	poor := b.broke()
	wantProblem(t, poor.patch(s.ID, `{"plan":"large"}`), http.StatusTooManyRequests, problem.TooManyCommands)
	wantProblem(t, poor.get("/stores/"+string(s.ID)+"/credentials"), http.StatusTooManyRequests, problem.TooManyCommands)
	if len(asked) > 0 {
		t.Errorf("asked for %s", <-asked)
	}
	// A plan that can't be had costs what one that can costs, or asking would be free.
	once := b.second(func(c *Config) { c.CreateCapacity, c.CreateRefill = 1, 0.001 })
	wantProblem(t, once.patch(s.ID, `{"plan":"large"}`), http.StatusUnprocessableEntity, problem.InvalidField)
	wantProblem(t, once.patch(s.ID, `{"plan":"large"}`), http.StatusTooManyRequests, problem.TooManyCommands)
	if len(asked) != 1 {
		t.Errorf("asked %d times", len(asked))
	}
}
