package invariants

import (
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// standings: what each state says goes together, and follows from the one before. The fold may be wrong; this is what it is
// meant to be, in other words.
func (c *checker) standings() {
	stood, changes := 0, 0
	for id, history := range c.history {
		w := walk{checker: c, id: id}
		for _, entry := range history {
			w.status(entry)
			w.address(entry)
			w.tag(entry)
			w.refresh(entry)
			w.before = entry.State
		}
		if w.url != "" {
			stood++
		}
		changes += w.changes
	}
	c.counted("stores that stood, each with its address until its deletion", stood)
	c.counted("changes of what clients can set, each with an ETag", changes)
}

// walk goes along one store's history.
type walk struct {
	*checker
	id     store.ID
	before store.State
	// url is the store's from the first time it had one; leaving says that its deletion is wanted.
	url     string
	leaving bool
	changes int
}

// status: the word for people is what the rest amounts to.
func (w *walk) status(e storelog.Entry) {
	s, want := e.State, store.Queued
	switch {
	case s.Standing == store.Gone:
		want = store.Deleted
	case s.Standing == store.Up:
		want = store.Ready
	case s.Standing == store.DegradedStanding:
		want = store.Degraded
	case s.Standing == store.SuspendedStanding:
		want = store.Suspended
	case s.Verb == store.Delete:
		want = store.Deleting
	case s.Standing == store.Broken, s.Outcome == store.Unsuccessful, s.Outcome == store.Cancelled:
		want = store.Failed
	case s.Begun:
		want = store.Provisioning
	}
	if s.Status != want {
		w.offend(Lost, w.id, "message %d says %s, where its standing (%s) and its operation make %s of it", e.Message.Seq, s.Status, s.Standing, want)
	}
}

// address: a store that was up once keeps its address, whatever is asked of it and however that ends, until somebody wants it
// deleted.
func (w *walk) address(e storelog.Entry) {
	s := e.State
	w.leaving = w.leaving || e.Message.Type == store.DeleteCommand
	switch {
	case w.leaving && s.URL != "":
		w.offend(Resurrected, w.id, "message %d gives it an address, and its deletion is wanted", e.Message.Seq)
	case w.leaving:
	case w.url != "" && s.Standing != store.Broken && s.URL != w.url:
		w.offend(Lost, w.id, "message %d (%s) takes its address: it has %q and had %q", e.Message.Seq, e.Message.Type, s.URL, w.url)
	case w.url != "" && (!s.Stood || s.Running == nil):
		w.offend(Lost, w.id, "message %d (%s) forgets that it stood", e.Message.Seq, e.Message.Type)
	case w.url == "":
		w.url = s.URL
	}
}

// refresh: nobody has asked for one, and how the store is goes on as it was meanwhile.
func (w *walk) refresh(e storelog.Entry) {
	s := e.State
	if s.Verb == store.Refresh && (s.InFlight() || e.Message.Type == store.BecameFailed) && s.Standing != w.before.Standing {
		w.offend(Lost, w.id, "message %d (%s) of a refresh makes it %s, and it was %s", e.Message.Seq, e.Message.Type, s.Standing, w.before.Standing)
	}
}

// tag: the ETag moves with what clients can set, and with nothing else.
func (w *walk) tag(e storelog.Entry) {
	s := e.State
	if s.Schema < tagsSince || w.before.Schema < tagsSince {
		return
	}
	differs := settable(s) != settable(w.before)
	if differs {
		w.changes++
	}
	switch moved := s.Changed != w.before.Changed; {
	case s.Changed < w.before.Changed, differs && !moved, moved && s.Changed != e.Message.Seq:
		w.offend(Lost, w.id, "message %d (%s) makes ETag %d of %d, and what clients can set has changed: %v",
			e.Message.Seq, e.Message.Type, s.Changed, w.before.Changed, differs)
	case moved && !differs && !sets(e.Message.Type):
		w.offend(Lost, w.id, "message %d (%s) moves the ETag, and nothing that clients can set has changed", e.Message.Seq, e.Message.Type)
	}
}

// tagsSince is the schema in which a state says its ETag.
const tagsSince = 4

// sets says whether a message of the type is about what clients can set.
func sets(t store.Type) bool {
	return t.IsCommand() || t == store.Renamed || t == store.LifetimeChanged || t == store.BecameFailed
}

// settable is what clients can set, as one text.
func settable(s store.State) string {
	only := store.State{Schema: store.Schema, Tenant: s.Tenant, Spec: s.Spec, ExpiresAt: s.ExpiresAt}
	return text(only)
}
