package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/store"
)

// rebuild is a verb to come, whose course closes and opens again: a row is all that it takes here.
const rebuild store.Verb = "rebuild"

func TestMain(m *testing.M) {
	store.Verbs[rebuild] = store.Row{
		Verb: rebuild, Does: "tests", From: []store.Standing{store.Up, store.DegradedStanding}, Hand: store.Provisioner, Schema: 4,
		Steps: []string{"close", "open"}, NoReturn: "close", Recorded: true, Leaves: store.Up, Resend: store.Retry,
	}
	m.Run()
}

var events = []store.Type{
	store.BecameDegraded, store.Recovered, store.Renamed, store.LifetimeChanged, store.Transferred, store.Waited, store.AttemptStarted, store.AttemptYielded,
	store.StepCompleted, store.Progressed, store.RetryScheduled, store.CredentialsViewed, store.Redriven, store.Discarded, store.BecameReady,
	store.BecameSuspended, store.BecameFailed, store.Superseded, store.BecameDeleted,
}

// types are all that a log of this schema may hold.
func types(schema int) []store.Type {
	all := slices.Clone(events)
	for verb := range store.Verbs {
		all = append(all, store.Type(verb))
	}
	all = slices.DeleteFunc(all, func(t store.Type) bool { return t.Since() > schema })
	slices.Sort(all)
	return all
}

func drawMessage(t *rapid.T, seq uint64, schema int, newest uint64) store.Message {
	m := store.Message{
		Type: rapid.SampledFrom(types(schema)).Draw(t, "type"), Store: "sabcdefghijk", Tenant: "tenant", Seq: seq, Schema: schema,
		Actor: rapid.SampledFrom([]string{"tenant", "keeper"}).Draw(t, "actor"), Time: start.Add(time.Duration(seq) * time.Second),
	}
	if !m.IsCommand() {
		m.Generation = newest
		if rapid.IntRange(0, 3).Draw(t, "of an older command") == 0 {
			m.Generation = rapid.Uint64Range(1, seq).Draw(t, "generation")
		}
	}
	m.Facts.DeadLetter = rapid.Uint64Range(0, seq).Draw(t, "dead letter")
	m.Facts.Reason = rapid.SampledFrom([]string{"", "ClusterNotReady", "QuotaExceeded", store.ReasonCancelled}).Draw(t, "reason")
	m.Facts.Step = rapid.SampledFrom([]string{"namespace", "release", "close"}).Draw(t, "step")
	m.Facts.Name = fmt.Sprint("name ", seq)
	m.Facts.Tenant = rapid.SampledFrom([]string{"", "tenant", "another"}).Draw(t, "taken for")
	if m.Type == store.Transferred {
		m.Tenant = rapid.SampledFrom([]string{"tenant", "another", "a third"}).Draw(t, "new owner")
	}
	m.Facts.URL = rapid.SampledFrom([]string{"", "http://tea.example"}).Draw(t, "url")
	if store.Verbs[store.Verb(m.Type)].Changes {
		m.Facts.Spec = &store.Spec{Name: fmt.Sprint("store ", seq), Plan: rapid.SampledFrom([]string{"small", "large"}).Draw(t, "plan")}
	}
	return m
}

// What readers make of the body of a store's last message is what the fold of its whole history says: before the message's
// sequence is known, in the schema of any release, and across the day on which the log's level is raised.
func TestTheStateInTheLastMessageIsTheFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fold, carried store.State
		raised := rapid.Uint64Range(1, 40).Draw(t, "level raised at")
		for seq := uint64(1); seq <= rapid.Uint64Range(1, 40).Draw(t, "length"); seq++ {
			schema := store.FirstSchema
			if seq >= raised {
				schema = store.Schema
			}
			m := drawMessage(t, seq, schema, fold.Generation)
			fold = store.Evolve(fold, m)
			m.Seq = 0
			carried = wired(t, store.Evolve(carried, m)).At(seq, m.IsCommand())
			if diff := cmp.Diff(fold, carried); diff != "" {
				t.Fatalf("after %s at %d in schema %d: %s", m.Type, seq, schema, diff)
			}
		}
	})
}

// wired sends a state through a message's body.
func wired(t *rapid.T, s store.State) store.State {
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read store.State
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// What a release before schema 4 would drop isn't written for it to drop.
func TestAnOlderSchemaHoldsNothingNewer(t *testing.T) {
	old := map[string]bool{}
	for _, key := range []string{
		"schema", "id", "tenant", "spec", "status", "verb", "generation", "open", "attempt", "working", "crashes", "steps", "progress",
		"reason", "message", "detail", "notBefore", "url", "discarded", "expiresAt", "request", "createdAt", "updatedAt",
	} {
		old[key] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		var s store.State
		for seq := uint64(1); seq <= 20; seq++ {
			s = store.Evolve(s, drawMessage(t, seq, store.FirstSchema, s.Generation))
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		for key := range fields {
			if !old[key] {
				t.Errorf("a state of schema 3 says %q", key)
			}
		}
	})
}

func TestEvolveDoesNotWriteIntoTheStateItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s store.State
		for seq := uint64(1); seq <= 24; seq++ {
			before, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			given := s
			s = store.Evolve(s, drawMessage(t, seq, store.Schema, s.Generation))
			after, err := json.Marshal(given)
			if err != nil || string(before) != string(after) {
				t.Fatalf("the earlier state changed from\n%s to\n%s (%v)", before, after, err)
			}
		}
	})
}
