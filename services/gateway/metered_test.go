package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// metered lets each tenant write five messages, of which none comes back while a test runs.
func metered(c *Config) { c.CreateCapacity, c.CreateRefill = 5, 0.001 }

func TestWhatATenantMakesPermanentIsBounded(t *testing.T) {
	b := setup(t, trusting, metered)
	noisy, other := []string{"X-Forwarded-For", "203.0.113.7"}, []string{"X-Forwarded-For", "203.0.113.9"}
	kept := b.create(`{}`, append(noisy, "Idempotency-Key", "kept")...)
	refused := 0
	for n := range 20 {
		a := b.do(http.MethodPost, "/stores", `{}`, append(noisy, "Idempotency-Key", fmt.Sprint(n))...)
		if a.status == http.StatusAccepted {
			a = b.do(http.MethodDelete, "/stores/"+string(decoded[query.Store](t, a).ID), "", noisy...)
		}
		if a.status == http.StatusAccepted {
			continue
		}
		refused++
		p := wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyCommands)
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || after < 100 || after > 1000 || !p.Retryable {
			t.Errorf("it may come again after %q, retryable %t", a.header.Get("Retry-After"), p.Retryable)
		}
	}
	// Five creates, and the deletions of four.
	if head := b.head(); refused != 16 || head != 9 {
		t.Errorf("%d refused, and the log holds %d messages, want 16 and 9", refused, head)
	}
	// A repeat is answered whatever it costs, and so is what changes nothing.
	if again := b.create(`{}`, append(noisy, "Idempotency-Key", "kept")...); again.ID != kept.ID {
		t.Errorf("a repeat found %s, want %s", again.ID, kept.ID)
	}
	if a := b.get("/stores/"+string(kept.ID), noisy...); a.status != http.StatusOK {
		t.Errorf("reading is answered %d", a.status)
	}
	b.create(`{}`, other...)
}

func TestLooksAndDeadLettersArePaidForToo(t *testing.T) {
	b := setup(t, metered)
	b.answers(query.Credentials.Subject, func([]byte) any { return query.CredentialsReply{} })
	s := b.failed()
	// Two of five are spent when it is redriven.
	if a := b.redrive(s.Generation); a.status != http.StatusAccepted {
		t.Fatalf("redrive answered %d %s", a.status, a.body)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://x.localhost"})
	path := "/stores/" + string(s.ID)
	for range 3 {
		if a := b.get(path + "/credentials"); a.status != http.StatusOK {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
	}
	wantProblem(t, b.get(path+"/credentials"), http.StatusTooManyRequests, problem.TooManyCommands)
	if looks := b.looks(); len(looks) != 3 {
		t.Errorf("%d looks are noted, want 3", len(looks))
	}
}

// Whoever has run wild can still end what runs, once each; what begins it anew is paid for.
func TestWhoHasSpentAllCanStillEndWhatTheyBegan(t *testing.T) {
	b := setup(t)
	being, ready, asleep := b.create(`{}`).ID, b.ready(`{}`).ID, b.ready(`{}`).ID
	b.changed(ready, `{"plan":"large"}`, http.StatusAccepted)
	b.accepted(asleep, "suspend")
	poor := b.broke()
	for range 3 {
		wantProblem(t, poor.patch(ready, `{"name":"Cocoa"}`), http.StatusTooManyRequests, problem.TooManyCommands)
	}
	for _, id := range []store.ID{being, ready, asleep} {
		end := b.head()
		if off := poor.accepted(id, "cancel"); off.LastOperation.Outcome != store.Cancelled {
			t.Errorf("called off: %+v", off)
		}
		wantProblem(t, poor.command(id, "cancel"), http.StatusConflict, problem.NothingToCancel)
		wantProblem(t, poor.command(id, "retry"), http.StatusTooManyRequests, problem.TooManyCommands)
		for range 3 {
			if gone := poor.delete(id); gone.Status != store.Deleting {
				t.Errorf("deleted: %+v", gone)
			}
		}
		if said := b.head() - end; said != 2 {
			t.Errorf("%d messages were written of it, want 2", said)
		}
	}
}

// What the platform asks for by itself it asks for again as soon as it is called off.
func TestCallingOffWhatNobodyPaidForCosts(t *testing.T) {
	b := setup(t)
	id := b.ready(`{}`).ID
	poor := b.broke()
	for _, verb := range []store.Type{store.MendCommand, store.RefreshCommand} {
		b.happen(id, verb, store.Facts{})
		wantProblem(t, poor.command(id, "cancel"), http.StatusTooManyRequests, problem.TooManyCommands)
		b.accepted(id, "cancel")
	}
	b.happen(id, store.RefreshCommand, store.Facts{})
	if gone := poor.delete(id); gone.Status != store.Deleting {
		t.Errorf("deleted: %+v", gone)
	}
}

func TestWhoHoldsTheKeyIsNotMetered(t *testing.T) {
	b := setup(t, metered, func(c *Config) { c.AdminKey = "sesame" })
	for range 10 {
		b.create(`{}`, "X-Api-Key", "sesame")
	}
}

// One create wins, and the others find its store although the winner has spent the last token.
func TestARepeatIsNeverRefusedForWhatItsFirstTryCost(t *testing.T) {
	b := setup(t, func(c *Config) { c.CreateCapacity, c.CreateRefill = 1, 0.001 })
	answers := make(chan answer, 16)
	for range cap(answers) {
		go func() { answers <- b.do(http.MethodPost, "/stores", `{}`, "Idempotency-Key", "k") }()
	}
	made := map[store.ID]bool{}
	for range cap(answers) {
		switch a := received(t, answers); a.status {
		case http.StatusAccepted:
			made[decoded[query.Store](t, a).ID] = true
		case http.StatusTooManyRequests:
			// It came before the store: the next try finds it.
		default:
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	made[b.create(`{}`, "Idempotency-Key", "k").ID] = true
	if len(made) != 1 {
		t.Errorf("stores %v", made)
	}
}
