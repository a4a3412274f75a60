package storelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	once "github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/store"
)

// events are types of messages that, with the verbs, set every part of a state.
var events = []store.Type{
	store.BecameDegraded, store.Renamed, store.LifetimeChanged, store.Transferred, store.AttemptStarted, store.StepCompleted, store.Progressed,
	store.RetryScheduled, store.Discarded, store.BecameReady, store.BecameSuspended, store.BecameFailed, store.Superseded,
	store.BecameDeleted,
}

// drawBodies are the bodies of a history, in the schemas of a log whose level is raised on the way, each with its message.
func drawBodies(t *rapid.T) (messages []store.Message, bodies [][]byte) {
	types := slices.Clone(events)
	for _, verb := range slices.Sorted(maps.Keys(store.Verbs)) {
		types = append(types, store.Type(verb))
	}
	texts := rapid.SampledFrom([]string{
		"", "a shop", "Blumen & <Söhne>", "\x00\u2028", "half a \xff", strings.Repeat("long ", 2000),
	})
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var s store.State
	raised := rapid.Uint64Range(1, 20).Draw(t, "level raised at")
	for seq := range rapid.Uint64Range(1, 20).Draw(t, "length") {
		m := store.Message{
			Type: rapid.SampledFrom(types).Draw(t, "type"), Store: "sabcdefghijk", Tenant: texts.Draw(t, "tenant"), Actor: "somebody",
			Schema: store.FirstSchema, Time: at.Add(time.Duration(seq) * 1001 * time.Millisecond), Generation: s.Generation,
		}
		if seq+1 >= raised {
			m.Schema = store.Schema
		}
		if m.Type.Since() > m.Schema {
			continue
		}
		m.Facts = store.Facts{
			Reason: texts.Draw(t, "reason"), Message: texts.Draw(t, "message"), Step: texts.Draw(t, "step"),
			Name: texts.Draw(t, "name"), URL: texts.Draw(t, "url"), DeadLetter: s.Generation, NotBefore: &m.Time, ExpiresAt: &m.Time,
		}.Bounded()
		if store.Verbs[store.Verb(m.Type)].Changes {
			m.Facts.Spec = &store.Spec{Name: texts.Draw(t, "spec"), Plan: "small", Options: map[string]any{
				"number": rapid.Float64().Draw(t, "number"), "text": texts.Draw(t, "option"), "": []any{nil, true, map[string]any{}},
			}}
		}
		after := store.Evolve(s, m)
		msg, err := encode(m, after)
		if err != nil {
			t.Fatal(err)
		}
		m.Seq = seq + 1
		messages, bodies = append(messages, m), append(bodies, msg.Data)
		s = after.At(m.Seq, m.IsCommand())
	}
	return messages, bodies
}

// What the platform writes is read at one go, and kept by the projection as if encoding/json had read it.
func TestAMessageIsReadInOneGoAsEncodingJSONReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages, bodies := drawBodies(t)
		for i, data := range bodies {
			var read, want body
			if err := once.Unmarshal(data, &read, plainly); err != nil {
				t.Fatalf("not read in one go: %v, %s", err, data)
			}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			row := read.State.At(messages[i].Seq, messages[i].IsCommand())
			wanted := want.State.At(messages[i].Seq, messages[i].IsCommand())
			if got, want := text(t, read.Facts)+text(t, row.Written()), text(t, want.Facts)+text(t, wanted); got != want {
				t.Fatalf("kept as\n%s\nnot as\n%s", got, want)
			}
		}
	})
}

// Whatever stands in a message, encoding/json says what it means: also what its writer said twice, in other letters or in
// numbers, times and text that are none.
func TestWhatIsReadIsWhatEncodingJSONReads(t *testing.T) {
	for _, data := range []string{
		``, `null`, `{}`, `{} {}`, `{"state":null}`, `{"state":{"schema":4}}`,
		`{"state":{"schema":3,"status":"Ready","generation":7}}`, `{"state":{"Version":1}}`,
		`{"STATE":{"Schema":4}}`, `{"\u017ftate":{"schema":4}}`, `{"state":{"schema":4,"later":1,"verb":"create"}}`,
		`{"state":{"schema":4.0}}`, `{"state":{"generation":-0}}`, `{"state":{"generation":"4"}}`,
		`{"state":{"spec":{"options":{"n":1e999}}}}`,
		`{"state":{"verb":"create","steps":["a"]},"state":{"schema":4}}`, `{"facts":{"step":"a"},"facts":{"via":"b"}}`,
		`{"state":{"failures":[{"verb":"a","step":"x"}],"failures":[{"verb":"b"}]}}`,
		`{"state":{"spec":{"options":{"a":{"b":1},"a":{"c":1}}}}}`,
		"{\"facts\":{\"step\":\"\xff\"}}", "{\"facts\":{\"step\":\"\n\"}}", `{"facts":{"step":"\ud800"}}`,
		`{"facts":{"step":"\u0000\ud83d\ude00"}}`,
		`{"state":{"createdAt":"\u0032026-11-01T12:00:00Z"}}`, `{"state":{"createdAt":"2026-11-01T1:00:00Z"}}`,
		`{"state":{"createdAt":"2026-11-01T12:00:00,5+24:00"}}`, `{"state":{"createdAt":null,"expiresAt":null}}`,
	} {
		checkRead(t, []byte(data))
	}
}

func TestWhatIsReadOfAnyMessageIsWhatEncodingJSONReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if _, bodies := drawBodies(t); len(bodies) > 0 {
			checkRead(t, bent(t, rapid.SampledFrom(bodies).Draw(t, "body")))
		}
	})
}

// checkRead holds what is read of a message against what encoding/json reads.
func checkRead(t rapid.TB, data []byte) {
	t.Helper()
	var read, want body
	err, wantErr := Read(data, &read), json.Unmarshal(data, &want)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(read, want) {
		t.Errorf("%q is read as\n%+v (%v), not as\n%+v (%v)", data, read, err, want, wantErr)
	}
}

// odd are values that readers of JSON differ about, and some of the wrong type.
var odd = []string{
	`null`, `true`, `tru`, `0`, `-0`, `4.0`, `4e0`, `1e999`, `01`, `-1`, `3`, `9007199254740993`, `99999999999999999999`,
	`""`, `"x"`, `"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`, "\"\xff\"", "\"\n\"", `"\u0026"`,
	`"2026-11-01T12:00:00+02:00"`, `"2026-11-01T1:00:00Z"`, `"2026-11-01T12:00:00,5Z"`, `"2026-11-01T12:00:00+24:00"`,
	`"\u0032026-11-01T12:00:00Z"`, `"2026-11-01T12:00:00.1234567891Z"`, `"0000-01-01T00:00:00Z"`, `[]`, `{}`, `[null]`,
	`["x","x"]`, `[1,2]`, `[{}]`, `{"a":1}`, `{"a":1,"a":2}`, `{"name":"x"}`, `{"verb":"update"}`, `{"state":{}}`, ` 1 `, `1 2`, ``,
}

// letters are others that encoding/json takes for the same.
var letters = []*strings.Replacer{strings.NewReplacer("s", "S", "t", "T"), strings.NewReplacer("s", "\u017f", "k", "\u212a")}

// node is a value of a document that is to be bent.
type node struct {
	names  []string
	values []*node
	// raw is the text of what is no object.
	raw string
}

func parse(t *rapid.T, data []byte) *node {
	from := json.NewDecoder(bytes.NewReader(data))
	token, err := from.Token()
	if err != nil {
		t.Fatal(err)
	}
	if token != json.Delim('{') || string(data) == "{}" {
		return &node{raw: string(data)}
	}
	n := &node{}
	for from.More() {
		name, err := from.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := from.Decode(&value); err != nil {
			t.Fatal(err)
		}
		n.names, n.values = append(n.names, name.(string)), append(n.values, parse(t, value))
	}
	return n
}

func (n *node) String() string {
	if n.names == nil {
		return n.raw
	}
	var members []string
	for i, name := range n.names {
		members = append(members, fmt.Sprintf(`"%s":%s`, name, n.values[i]))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// objects are those in the node.
func (n *node) objects() (all []*node) {
	if n.names != nil {
		all = append(all, n)
	}
	for _, value := range n.values {
		all = append(all, value.objects()...)
	}
	return all
}

// bent is the document with some of it as no writer of the platform writes it.
func bent(t *rapid.T, data []byte) []byte {
	document := parse(t, data)
	for range rapid.IntRange(1, 3).Draw(t, "bends") {
		n := rapid.SampledFrom(document.objects()).Draw(t, "object")
		i := rapid.IntRange(0, len(n.names)-1).Draw(t, "member")
		other := &node{raw: rapid.SampledFrom(odd).Draw(t, "value")}
		bends := []string{"value", "again", "otherwise again", "unknown", "letters", "turned", "left out"}
		switch rapid.SampledFrom(bends).Draw(t, "bend") {
		case "value":
			n.values[i] = other
		case "again":
			n.names, n.values = append(n.names, n.names[i]), append(n.values, n.values[i])
		case "otherwise again":
			n.names, n.values = append(n.names, n.names[i]), append(n.values, other)
		case "unknown":
			name := rapid.SampledFrom([]string{"", "-", "Version", "later", "State", "\xff"}).Draw(t, "name")
			n.names, n.values = append(n.names, name), append(n.values, other)
		case "letters":
			n.names[i] = rapid.SampledFrom(letters).Draw(t, "other letters").Replace(n.names[i])
		case "turned":
			slices.Reverse(n.names)
			slices.Reverse(n.values)
		case "left out":
			if len(n.names) > 1 {
				n.names, n.values = slices.Delete(n.names, i, i+1), slices.Delete(n.values, i, i+1)
			}
		}
	}
	return []byte(document.String())
}

func text(t *rapid.T, value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
