package projection

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

type row struct{ facts, state string }

// What is kept of a message, byte by byte, is what encoding/json writes of what it reads in it and its sequence: whoever
// projects the log anew makes the same rows, by whichever way this release reads.
func TestARowIsWhatEncodingJSONMakesOfItsMessage(t *testing.T) {
	b := setup(t)
	good := logtest.Store("t", 1)
	b.author.Create(t.Context(), "t", good, "Blumen & <Söhne> \u2028")
	b.author.Write(t.Context(), 300, 2, 5)
	for _, body := range []string{
		`{"facts":{"step":"a"},"state":{"id":%q,"cluster":%q,"schema":1,"status":"Ready","verb":"create","generation":1}}`,
		`{"state":{"schema":3},"STATE": {"id":%q,"cluster":%q,"schema":4,"later":[1],"spec":{"options":{"b":1.0,"a":1e3}}}}`,
	} {
		publishRaw(t, b.nc, good, fmt.Sprintf(body, good, logtest.Cluster(good)))
	}
	b.start(t, b.projector())
	b.await(t)

	kept := map[uint64]row{}
	rows, err := b.pool.Query(t.Context(), "select seq, facts::text, state::text from events")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq uint64
		var r row
		if err := rows.Scan(&seq, &r.facts, &r.state); err != nil {
			t.Fatal(err)
		}
		kept[seq] = r
	}
	for seq := uint64(1); seq <= b.head(t); seq++ {
		raw, err := b.author.Log.Message(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if want := rowOf(t, raw); kept[seq] != want {
			t.Errorf("message %d is kept as\n%+v, not as\n%+v", seq, kept[seq], want)
		}
	}
}

// rowOf is what encoding/json makes of a message.
func rowOf(t *testing.T, raw storelog.Raw) row {
	t.Helper()
	var body struct {
		Facts store.Facts `json:"facts"`
		State store.State `json:"state"`
	}
	if err := json.Unmarshal(raw.Data, &body); err != nil {
		t.Fatal(err)
	}
	entry, err := raw.Entry()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := json.Marshal(body.Facts)
	if err != nil {
		t.Fatal(err)
	}
	state, err := json.Marshal(body.State.At(raw.Seq, entry.Message.Command))
	if err != nil {
		t.Fatal(err)
	}
	return row{facts: string(facts), state: string(state)}
}
