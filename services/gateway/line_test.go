package gateway

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// One question for a page, none for what isn't in flight, and no answer is missed.
func TestAnOperationInFlightSaysWhereItStands(t *testing.T) {
	b := setup(t)
	waits, stands := b.create(`{}`), b.ready(`{}`)
	var asked atomic.Int64
	b.answers(query.Stores.Subject, func([]byte) any {
		return query.StoresReply{Stores: []query.Store{waits, {ID: stands.ID, Status: store.Ready, Steps: []string{}}, waits}}
	})
	path := "/stores/" + string(waits.ID)
	if one := decoded[query.Store](t, b.get(path)); one.Line != nil {
		t.Errorf("nobody knows, and it says %+v", one.Line)
	}
	generation := waits.Generation
	b.answers(query.Places.Subject, func(data []byte) any {
		asked.Add(1)
		q := parsed[query.LineRequest](t, data)
		if q.Log != b.log.Epoch() || q.Scope != query.Of("ip:loopback") {
			t.Errorf("asked as %+v", q)
		}
		reply := query.LineReply{Lines: map[store.ID]query.Placed{}}
		for _, id := range q.Stores {
			if id == stands.ID {
				t.Error("asked for a store of which nothing is in flight")
			}
			reply.Lines[id] = query.Placed{Generation: generation, Line: query.Line{
				Place: 3, Of: 5, Why: "Two others are begun before.", ETA: &query.ETA{P50: 10, P95: 20},
			}}
		}
		return reply
	})
	one := decoded[query.Store](t, b.get(path))
	if one.Line == nil || one.Line.Place != 3 || one.Line.ETA == nil || one.Line.ETA.P95 != 20 {
		t.Errorf("one says %+v", one.Line)
	}
	list := decoded[struct{ Stores []query.Store }](t, b.get("/stores")).Stores
	if len(list) != 3 || list[0].Line == nil || list[1].Line != nil || list[2].Line == nil || asked.Load() != 2 {
		t.Errorf("a list says %+v after %d questions", list, asked.Load())
	}
	b.get("/stores/" + string(stands.ID))
	if asked.Load() != 2 {
		t.Error("a store of which nothing is in flight costs a question")
	}
	generation++
	if one := decoded[query.Store](t, b.get(path)); one.Line != nil {
		t.Errorf("another command's place is shown: %+v", one.Line)
	}
	b.answers(query.Places.Subject, func([]byte) any { return "nonsense" })
	if a := b.get(path); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}
