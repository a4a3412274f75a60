package people_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// worker does what a provisioner and a janitor tell of, without either.
type worker struct {
	in  *installation
	log *storelog.Log
}

func (in *installation) worker(user string) worker {
	in.Helper()
	conn, err := in.broker.Dial(user)
	if err != nil {
		in.Fatal(err)
	}
	in.Cleanup(conn.Close)
	log, err := storelog.Open(in.Context(), conn)
	if err != nil {
		in.Fatal(err)
	}
	return worker{in, log}
}

// happen appends an event.
func (w worker) happen(id store.ID, event store.Type, facts store.Facts) {
	w.in.Helper()
	if _, err := w.log.Update(w.in.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: event, Actor: "worker", Generation: s.Generation, Time: time.Now(), Facts: facts}, nil
	}); err != nil {
		w.in.Fatal(err)
	}
}

// fail ends a store's command.
func (w worker) fail(id store.ID) {
	w.in.Helper()
	w.happen(id, store.BecameFailed, store.Facts{
		Reason: "ImagePull", Message: "The image can’t be pulled.", Detail: `Failed to pull image "<b>tea</b>": not found`, Step: "workloads",
	})
}

// deals is an operator who sees what waits for a person and what the newest sweep found, and answers it; what is answered doesn't leave its place,
// nor does what somebody else answers while they are at it.
func (p *page) deals(violet tenant) {
	provisioner, janitor := p.worker("provisioner"), p.worker("janitor")
	provisioner.fail(violet.store)
	provisioner.fail(violet.made("Violet pens"))
	kv, err := janitor.log.Bucket(p.Context(), storelog.BucketPlatform)
	if err = errors.Join(err, platform.PublishSweep(p.Context(), kv, store.DefaultCluster, platform.Sweep{
		At: time.Now(), By: "janitor-1", Namespaces: 5, Stores: 2, Submitted: 1, Paused: "restored from a backup",
		Findings: []platform.Finding{{Kind: platform.Stray, Count: 1, IDs: []string{"sabcdefghijk"}}, {Kind: platform.Unknown, Count: 2, IDs: []string{"<i>store</i>"}}},
		Alarm:    &platform.Alarm{Reason: "ManyStrays", Message: "The log looks older than the cluster."},
	}), p.worker("gateway").log.PauseSweeps(p.Context(), "restored from a backup")); err != nil {
		p.Fatal(err)
	}
	behind := p.door(map[string]doorman{"/dead-letters": narrow})
	nth := func(n int) string { return fmt.Sprintf(".failures > li:nth-child(%d)", n) }
	first, second, third := nth(1), nth(2), nth(3)
	var late store.ID
	p.from(behind, "#operators", p.Says("#operators", "1 or more waiting."), p.Press("Show more"), p.Says(second, "Violet ink"), p.Says("#operators", "2 or more waiting."),
		p.Press("Show more"), p.Says(third, "Violet pens"), p.Lacks("#operators", "Show more"), p.Says("#operators", "3 waiting."),
		// Who sees all of them sees also what comes then.
		act(func() { late = violet.made("Violet caps"); provisioner.fail(late) }), p.Says(nth(4), "Violet caps"), p.Lacks("#operators", "Show more"), p.Says("#operators", "4 waiting."),
		act(func() { violet.answers(late) }), p.Says(nth(4), "Dealt with meanwhile."), p.Says("#operators", "3 waiting."))
	p.do("", p.Says("#operators-link", "Operators"), p.Click("#operators-link"),
		p.Says(first, "Amber tea"), p.Says(first, "Making the store failed. The image can’t be pulled."), p.Says(second, "Violet ink"),
		p.Says("#operators", "deleted stores whose namespace is still there"), p.Says("#operators", "<i>store</i>"), p.Says("#operators", "The log looks older than the cluster."),
		p.Shoot("dealing"),
		p.Click(first+" .letter-actions button:last-child"), p.Type(first+" input", "It is a drill"), p.Shoot("putting-away"),
		p.Still(second, p.Still("#sweeps-title",
			p.Click(first+" form button"), p.Says(first, "Put away: It is a drill"), p.Lacks(first, "Send again"), p.Says("#operators", "2 waiting."))),
		p.Click(second+" .letter-actions button:last-child"), p.Type(second+" input", "It is"),
		p.Still(third, act(func() { violet.answers(violet.store) }), p.Says(second, "Dealt with meanwhile."), p.Lacks(second, "Put away"), p.Cursor(second+" .said")),
		p.Click(third+" .letter-actions button:first-child"), p.Says(third, "Sent again."), p.Says("#operators", "Nothing waits for anybody."),
		p.Press("Let them go on…"), p.Press("Let them go on"), p.Lacks("#operators", "They only look"), p.Says("#operators", "They look, and mend what they may."),
		p.Shoot("dealt-with"),
	)
}

// answers puts away what of a store waits for a person.
func (t tenant) answers(id store.ID) {
	t.chief.in.Helper()
	letters, _ := t.chief.did(http.StatusOK, http.MethodGet, "/dead-letters", "")["deadLetters"].([]any)
	for _, letter := range letters {
		if of := letter.(map[string]any); of["store"] == string(id) {
			t.chief.did(http.StatusAccepted, http.MethodPost, fmt.Sprintf("/dead-letters/%.0f/discard", of["seq"]), body("reason", "Seen elsewhere"))
			return
		}
	}
	t.chief.in.Fatalf("nothing of %s waits among %v", id, letters)
}
