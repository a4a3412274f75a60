package people_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/shops"
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

// An operator sees what waits for a person and what the newest sweep found, and answers it; what is answered doesn't leave its place.
func TestAnOperatorDealsWithDeadLettersAndSweepsOnThePage(t *testing.T) {
	in := install(t)
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{in, shops.OpenTabHere(t, filepath.Join(clone, ".local", "screenshots"), "operators")}
	in.signUp(boss, "Olga Staying", in.operatorsLink())
	amber, violet := in.tenants()
	provisioner, janitor := in.worker("provisioner"), in.worker("janitor")
	provisioner.fail(amber.store)
	provisioner.fail(violet.store)
	kv, err := janitor.log.Bucket(t.Context(), storelog.BucketPlatform)
	if err = errors.Join(err, platform.PublishSweep(t.Context(), kv, store.DefaultCluster, platform.Sweep{
		At: time.Now(), By: "janitor-1", Namespaces: 5, Stores: 2, Submitted: 1, Paused: "restored from a backup",
		Findings: []platform.Finding{{Kind: platform.Stray, Count: 1, IDs: []string{"sabcdefghijk"}}, {Kind: platform.Unknown, Count: 2, IDs: []string{"<i>store</i>"}}},
		Alarm:    &platform.Alarm{Reason: "ManyStrays", Message: "The log looks older than the cluster."},
	}), in.worker("gateway").log.PauseSweeps(t.Context(), "restored from a backup")); err != nil {
		t.Fatal(err)
	}
	first, second := `.failures > li:nth-child(1)`, `.failures > li:nth-child(2)`
	p.do("", p.asks(boss, password, "Sign in"), p.Says("#operators-link", "Operators"), p.Click("#operators-link"),
		p.Says(first, "Amber tea"), p.Says(first, "Making the store failed. The image can’t be pulled."), p.Says(second, "Violet ink"),
		p.Says("#operators", "deleted stores whose namespace is still there"), p.Says("#operators", "<i>store</i>"), p.Says("#operators", "The log looks older than the cluster."),
		p.Shoot("dealing"),
		p.Click(first+" .letter-actions button:last-child"), p.Type(first+" input", "It is a drill"), p.Shoot("putting-away"),
		p.Still(second, p.Still("#sweeps-title",
			p.Click(first+" form button"), p.Says(first, "Put away: It is a drill"), p.Lacks(first, "Send again"), p.Says("#operators", "1 waiting."))),
		p.Click(second+" .letter-actions button:first-child"), p.Says(second, "Sent again."), p.Says("#operators", "Nothing waits for anybody."),
		p.Press("Let them go on…"), p.Press("Let them go on"), p.Lacks("#operators", "They only look"), p.Says("#operators", "They look, and mend what they may."),
		p.Shoot("dealt-with"),
	)
	// Who looks after nothing has no such page, nor the way to it.
	p.leaves("Olga Staying")
	in.signUp("maria@example.com", "Maria Rossi", amber.invite("owner"))
	p.do("", p.asks("maria@example.com", password, "Sign in"), p.Says("#list", "Amber tea"), p.Says("#connection", "Live"), p.Lacks("nav", "Operators"))
}
