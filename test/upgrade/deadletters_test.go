package upgrade

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/release"
)

// What failed under the release before waits for an operator of this one: it stops nothing else, it is listed, and sent
// again after the mend it ends Ready. Broker, log, Postgres, gateway, events and the workers' loop are real.
func TestADeadLetterIsRedrivenAfterTheMend(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		o.serve(t, 100, true)
		letters := o.letters(t)
		failed, waited := o.waited()
		if listed := storesOf(letters); len(failed) == 0 || !slices.Equal(listed, waited) {
			t.Fatalf("listed are %v, waiting were %v", listed, waited)
		}
		workers, err := o.Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer workers.Stop()
		other := o.create(t, o.addressOf(failed[0]), "beside it", http.StatusAccepted)
		id, _ := other["id"].(string)
		o.await(t, store.ID(id), store.Ready)

		first := slices.IndexFunc(letters, func(l map[string]any) bool { return l["kind"] == "failed" })
		redrive := fmt.Sprintf("/dead-letters/%.0f/redrive", letters[first]["seq"])
		for _, want := range []int{http.StatusAccepted, http.StatusNotFound} {
			if status, answer, err := o.Call(t.Context(), release.Admin, http.MethodPost, redrive, nil, ""); err != nil || status != want {
				t.Fatalf("redrive: %d %v (%v), want %d", status, answer, err, want)
			}
		}
		name, _ := letters[first]["store"].(string)
		o.await(t, store.ID(name), store.Ready)
		for _, letter := range slices.Delete(letters, first, first+1) {
			if letter["kind"] == "stuck" {
				// There is a janitor again.
				name, _ := letter["store"].(string)
				o.await(t, store.ID(name), store.Deleted)
				continue
			}
			discard := fmt.Sprintf("/dead-letters/%.0f/discard", letter["seq"])
			status, answer, err := o.Call(t.Context(), release.Admin, http.MethodPost, discard, []byte(`{"reason":"a test's"}`), "")
			// There is no store behind a history that begins with what can't be read.
			if err != nil || status != http.StatusAccepted && (status != http.StatusNoContent || letter["kind"] != "set_aside") {
				t.Fatalf("discard: %d %v (%v)", status, answer, err)
			}
		}
		if left := o.letters(t); len(left) != 0 {
			t.Errorf("dealt with, and still listed: %v", left)
		}
	})
}

// waited are the stores that failed, and all of which the release had dead letters: one that recorded no list of them has
// those that failed.
func (o *opened) waited() (failed, all []store.ID) {
	page, recorded := o.answered.DeadLetters[release.Admin].(map[string]any)
	if !recorded {
		for id := range o.answered.Stores {
			if o.statusThen(id) == store.Failed {
				failed = append(failed, id)
			}
		}
		slices.Sort(failed)
		return failed, failed
	}
	listed, _ := page["deadLetters"].([]any)
	for _, l := range listed {
		letter, _ := l.(map[string]any)
		name, _ := letter["store"].(string)
		if all = append(all, store.ID(name)); letter["kind"] == "failed" {
			failed = append(failed, store.ID(name))
		}
	}
	slices.Sort(all)
	return failed, all
}

// letters are all dead letters, as the operator sees them once the read model knows what has become of the stores so far.
func (o *opened) letters(t *testing.T) []map[string]any {
	t.Helper()
	for id := range o.answered.Stores {
		if _, err := o.History(t.Context(), release.Admin, id); err != nil {
			t.Fatal(err)
		}
	}
	status, answer, err := o.Call(t.Context(), release.Admin, http.MethodGet, "/dead-letters?limit=200", nil, "")
	page, _ := answer.(map[string]any)
	listed, ok := page["deadLetters"].([]any)
	if err != nil || status != http.StatusOK || !ok {
		t.Fatalf("list dead letters: %d %v (%v)", status, answer, err)
	}
	letters := make([]map[string]any, len(listed))
	for i := range listed {
		letters[i], _ = listed[i].(map[string]any)
	}
	return letters
}

func storesOf(letters []map[string]any) []store.ID {
	var ids []store.ID
	for _, letter := range letters {
		id, _ := letter["store"].(string)
		ids = append(ids, store.ID(id))
	}
	slices.Sort(ids)
	return ids
}
