package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// What is read of another log isn't shown, and no cursor is made of its sequences and this log's epoch.
func TestTheReadModelOfAnotherLogIsNotShown(t *testing.T) {
	b := setup(t)
	id := b.create(`{}`).ID
	other := nats.Header{micro.ErrorCodeHeader: {question.OtherLog}}
	wanted := func(log string) any {
		if log != b.log.Epoch() {
			t.Errorf("what is asked for is of the log %q, and this one is %q", log, b.log.Epoch())
		}
		return other
	}
	b.answers(query.Stores.Subject, func(data []byte) any { return wanted(parsed[query.StoresRequest](t, data).Log) })
	b.answers(query.Events.Subject, func(data []byte) any { return wanted(parsed[query.EventsRequest](t, data).Log) })
	b.answers(query.DeadLetters.Subject, func(data []byte) any { return wanted(parsed[query.DeadLettersRequest](t, data).Log) })
	for _, path := range []string{"/stores", "/stores/" + string(id) + "/events", "/dead-letters"} {
		p := wantProblem(t, b.get(path), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
		if !strings.Contains(p.Detail, "another log") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	if said := string(b.get("/readyz").body); !strings.Contains(said, "another log") {
		t.Errorf("/readyz says %s", said)
	}
}

// Its broker is there: who is told that it isn't looks for the fault where there is none.
func TestAGatewayWhoseLogIsGoneSaysSo(t *testing.T) {
	b := setup(t)
	if err := b.log.JetStream().DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "has no log any more") {
		t.Errorf("/readyz says %d %s", a.status, a.body)
	}
}
