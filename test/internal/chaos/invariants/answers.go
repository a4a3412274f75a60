package invariants

import (
	"net/http"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// answered: a store is shown as the log has it at that version, and what was wanted of it is in it when the answer says so.
func (c *checker) answered(r record.Request) {
	if r.HTTP != http.StatusOK && r.HTTP != http.StatusAccepted || r.Version == 0 {
		return
	}
	history := c.history[r.Store]
	at := slices.IndexFunc(history, func(e storelog.Entry) bool { return e.Message.Seq == r.Version })
	if at < 0 {
		c.offend(Lost, r.Store, "%s was shown version %d, which isn't in its history", r.Client, r.Version)
		return
	}
	s := history[at].State
	if s.Schema < tagsSince {
		return // a release that says less
	}
	if r.Name != s.Spec.Name || r.Status != s.Status || r.ETag != s.Changed || r.Generation != s.Generation || !sameEnd(r.ExpiresAt, s.ExpiresAt) {
		c.offend(Lost, r.Store, "%s was shown %+v at %d, the log has %s", r.Client, r, r.Version, text(s))
	}
	if !promised(r, s) {
		c.offend(Lost, r.Store, "%s was told at %d that its %s %v is accepted, and it isn't in %s", r.Client, r.Version, r.Verb, r.Wish, text(s))
	}
}

// promised says whether a store is, or is about to be, what was wanted of it.
func promised(r record.Request, s store.State) bool {
	switch store.Verb(r.Verb) {
	case store.Suspend:
		return s.InFlight() && s.Doing() == store.Suspend || !s.InFlight() && s.Standing == store.SuspendedStanding
	case store.Resume:
		return s.InFlight() && s.Doing() == store.Resume || !s.InFlight() && s.Stands()
	case store.Delete:
		return s.Verb == store.Delete
	case "cancel":
		return !s.InFlight() && s.Outcome == store.Cancelled
	}
	for what, wanted := range r.Wish {
		if !set(what, wanted, r, s) {
			return false
		}
	}
	return true
}

// set says whether one thing that a change wanted is so.
func set(what string, wanted any, r record.Request, s store.State) bool {
	switch what {
	case "name":
		return s.Spec.Name == wanted
	case "plan":
		return s.Spec.Plan == wanted
	case "ttl":
		return endsAsWanted(wanted, r, s.ExpiresAt)
	}
	options, _ := wanted.(map[string]any)
	for name, value := range options {
		// An option that was taken back has its pack's default.
		if value != nil && jsonOf(map[string]any{name: s.Spec.Options[name]}) != jsonOf(map[string]any{name: value}) {
			return false
		}
	}
	return true
}

// endsAsWanted: a life counts from between the question and its answer.
func endsAsWanted(ttl any, r record.Request, expires *time.Time) bool {
	words, given := ttl.(string)
	if !given {
		return expires == nil
	}
	life, err := time.ParseDuration(words)
	return err == nil && expires != nil && !expires.Before(r.Asked.Add(life-time.Second)) && !expires.After(r.Time.Add(life+time.Second))
}

func sameEnd(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}
