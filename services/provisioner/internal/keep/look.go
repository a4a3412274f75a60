package keep

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

// lookTimeout bounds one look, so that a store that answers byte by byte keeps no slot.
const lookTimeout = 30 * time.Second

// routesFailingFor is how long nobody need answer for any route before each store is called Degraded for it: while the
// ingress controller is replaced, that isn't said of a thousand stores.
const routesFailingFor = time.Minute

// ReasonDrift is why a mend is asked for.
const ReasonDrift = "DriftFound"

// sentencesAtMost is how many objects a merchant reads of.
const sentencesAtMost = 3

// look is one look at one store.
type look struct {
	*term
	id    store.ID
	entry *entry
	// wanted says that something was changed since the look before, inspected that the objects were looked at.
	wanted, inspected bool
	// state is the store's, zero where unread: nobody could say.
	state  store.State
	unread bool
}

// run says how soon to look again.
func (l *look) run(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := l.cfg.Available(ctx); err != nil {
		l.entry.pulse.forget()
		l.unread = true
		return lookBusy
	}
	state, err := l.cfg.Log.Last(ctx, l.id)
	if err != nil {
		l.unread = true
		if !errors.Is(err, storelog.ErrNewerSchema) {
			l.warn(ctx, "read a store to look at it", err)
		}
		return lookEvery
	}
	if state.ClusterName() != l.cfg.ClusterName {
		// What is here of it, it is to be found by a sweep; the store itself is another keeper's.
		return lookEvery
	}
	l.state = state
	l.noteRenewal()
	if l.entry.driftOf != state.Generation {
		// What was found then is what an operation has changed since.
		l.entry.drift = nil
	}
	if !state.Kept() || state.InFlight() || state.Schema > store.Schema {
		l.entry.pulse.forget()
		l.entry.drift = nil
		if state.InFlight() {
			return lookBusy
		}
		return lookEvery
	}
	if l.leaves(state) {
		l.entry.pulse.forget()
		return lookEvery
	}
	sight, err := l.cfg.Sight(state)
	if err != nil {
		// Another provisioner may carry the store's pack, and keeps it then; this one knows nothing to hold it against.
		slog.DebugContext(ctx, "a store can't be judged", l.attrs("error", err)...)
		return lookEvery
	}
	l.told.looked(ctx)
	if e := sight.Ahead(l.lineage); e != nil {
		// What doesn't work about it then, and what isn't as it was made, was made by commands that nobody knows.
		l.entry.drift = nil
		return l.tell(ctx, causeOf(e))
	}
	why := l.why(ctx, sight)
	if ctx.Err() != nil {
		l.entry.pulse.forget()
		return lookAgain
	}
	if err := l.inspect(ctx, sight, why != nil); err != nil {
		l.warn(ctx, "look at a store's objects", err)
	}
	return l.judge(ctx, why, sight.Undone())
}

// why a store fails: what doesn't run is nearer to the root than that nobody answers, and is asked from memory.
func (l *look) why(ctx context.Context, sight Sight) *cause {
	if e := sight.Failing(); e != nil {
		return causeOf(e)
	}
	if err := l.ask(ctx, sight); err != nil {
		why := &cause{
			reason: "NotAnswering", message: "The store doesn't answer as it should.", detail: cluster.Classify(err).Detail,
		}
		var told *engine.CauseError
		if e := cluster.Classify(err); e.Reason == cluster.ReasonRouteDead || errors.As(err, &told) {
			why.reason, why.message = e.Reason, e.Sentence
		}
		return why
	}
	return nil
}

// ask asks the shop once whether it sells. The engine's light question is enough unless the whole probe is due. That nobody
// answers it in time is told: it takes no worker of the shop, and a database that hangs keeps no order, whatever pages are still
// shown. What isn't that question's own answer says nothing either way, and then the probe decides. A shop that is well and has
// never known the question runs an image from before there was one, and isn't asked again for long: it makes a page of it to say
// that there is none. On its own that says little, since an ingress says so, too, while it has no route yet.
func (l *look) ask(ctx context.Context, sight Sight) error {
	e, now := l.entry, time.Now()
	whole := l.asksWhole(now)
	if now.Before(e.checkDue) {
		return sight.Probe(ctx)
	}
	err := sight.Check(ctx)
	unknown := errors.Is(err, engine.ErrNoCheck)
	var other *engine.ProbeError
	var cause *engine.CauseError
	e.checked = e.checked || err == nil || errors.As(err, &cause)
	if !unknown && (err == nil && !whole || err != nil && !errors.As(err, &other)) {
		return err
	}
	probed := sight.Probe(ctx)
	if unknown && probed == nil && !e.checked {
		e.checkDue = now.Add(wholeEvery)
	}
	return probed
}

// asksWhole: what the whole probe found, only the whole probe finds to be over.
func (l *look) asksWhole(now time.Time) bool {
	e := l.entry
	if !e.pulse.failing && !l.state.Ails() && now.Before(e.wholeDue) {
		return false
	}
	e.wholeDue = now.Add(wholeEvery)
	return true
}

func causeOf(e *cluster.Error) *cause {
	return &cause{reason: e.Reason, message: e.Sentence, detail: e.Detail}
}

// inspect looks at the objects when it is time: what it found stands until the next.
func (l *look) inspect(ctx context.Context, sight Sight, failing bool) error {
	e, now := l.entry, time.Now()
	// What an operation left that failed or was called off, nobody is to run with for long.
	left := sight.Undone() && e.driftOf != l.state.Generation
	urgent := l.wanted || left || failing && !e.pulse.failing
	if !urgent && now.Before(e.driftDue) {
		return nil
	}
	if wrong := urgent || failing || len(e.drift) > 0; wrong && !l.inspections.Allow() {
		e.driftDue = now
		return nil
	}
	found, err := sight.Drift(ctx, newTrust(ctx, l.held))
	if err != nil {
		e.driftDue = now.Add(l.clock.Of(driftAgain))
		return err
	}
	l.inspected = true
	e.drift, e.driftOf, e.driftDue = found, l.state.Generation, now.Add(l.driftPeriod())
	if failing || len(found) > 0 {
		e.driftDue = now.Add(l.clock.Of(driftAgain))
	}
	return nil
}

// judge asks for what is due to be done, and else says what is due to be said.
func (l *look) judge(ctx context.Context, why *cause, undone bool) time.Duration {
	e, now := l.entry, time.Now()
	beyond := lost(e.drift)
	mayAsk := func() bool { return beyond == nil && e.pulse.mayMend(now) && l.mends.Allow() }
	switch r := l.renewal(undone); {
	case r != nil && beyond == nil && l.mayRenew(ctx, r, now):
		return l.refresh(ctx, r, now)
	case r != nil && beyond == nil && r.explains(e.drift):
		// Nobody has changed the store by hand.
	case len(e.drift) > 0:
		if mayAsk() {
			return l.mend(ctx, now)
		}
		// Of a store whose workloads say more about it than that something can't be mended they are the cause.
		if beyond != nil || why == nil {
			why = driftCause(e.drift)
		}
	}
	return l.tell(ctx, why)
}

// tell says what is due to be said.
func (l *look) tell(ctx context.Context, why *cause) time.Duration {
	e := l.entry
	now := time.Now()
	what := e.pulse.see(now, l.state, why)
	if what == store.BecameDegraded && why.reason == cluster.ReasonRouteDead && now.Sub(e.pulse.since) < routesFailingFor && l.cfg.Cluster.IngressAnswers(ctx) != nil {
		return lookAgain
	}
	if what != "" && l.cfg.Cluster.Reachable(ctx) != nil {
		// The last word before a store is called Degraded: what was seen, was it the cluster that went away?
		e.pulse.forget()
		return lookAgain
	}
	if what != "" {
		l.say(ctx, what, why)
	}
	if e.pulse.settled(l.state) {
		return lookEvery
	}
	return lookAgain
}

// say appends what was seen, behind the state that it was held against.
func (l *look) say(ctx context.Context, what store.Type, why *cause) {
	m := store.Message{Type: what}
	if why != nil && what == store.BecameDegraded {
		m.Facts = store.Facts{Reason: why.reason, Message: why.message, Detail: why.detail}
	}
	said, err := l.submit(ctx, m, func(s store.State) error { return store.AdmitHealth(s, what) })
	if err != nil {
		l.warn(ctx, "write down how a store is", err)
		return
	}
	if !said {
		return
	}
	l.told.said(ctx, what, m.Facts.Reason)
	if what == store.Recovered {
		slog.InfoContext(ctx, "a store works again", l.attrs()...)
		return
	}
	slog.WarnContext(ctx, "a store doesn't work as it should", l.attrs("reason", m.Facts.Reason, "detail", m.Facts.Detail)...)
}

// mend asks for one.
func (l *look) mend(ctx context.Context, now time.Time) time.Duration {
	e, why := l.entry, driftCause(l.entry.drift)
	m := store.Message{Type: store.MendCommand, Facts: store.Facts{
		Reason: why.reason, Message: why.message, Detail: why.detail,
	}}
	said, err := l.submit(ctx, m, func(s store.State) error { return store.Admit(s, store.Mend) })
	if err != nil {
		l.warn(ctx, "ask for a mend", err)
		return lookAgain
	}
	if said {
		e.pulse.mending(now)
		l.told.said(ctx, store.MendCommand, why.reason)
		slog.WarnContext(ctx, "a store isn't as it was made; asked for its mend", l.attrs("reason", why.reason, "detail", why.detail)...)
	}
	// Should it be changed again, that is to be found anew.
	e.drift, e.driftDue = nil, now
	return lookAgain
}

// submit appends m unless the store has changed since it was judged. That the state must be the same one keeps a keeper
// that was frozen, and wakes up after another has looked, from saying what was.
func (l *look) submit(ctx context.Context, m store.Message, admit func(store.State) error) (said bool, err error) {
	after, err := l.cfg.Log.Update(ctx, l.id, func(s store.State) (*store.Message, error) {
		said = false
		if l.held.Remaining() <= 0 {
			return nil, lease.ErrLost
		}
		if s.Version != l.state.Version || admit(s) != nil {
			return nil, nil
		}
		said = true
		m.Actor, m.Time = Actor, time.Now()
		if !m.Type.IsCommand() {
			m.Generation = s.Generation
		}
		return &m, nil
	})
	if err != nil {
		return false, err
	}
	if said {
		l.state = after
	}
	return said, nil
}

func (l *look) warn(ctx context.Context, doing string, err error) {
	if ctx.Err() == nil {
		slog.WarnContext(ctx, doing+"; it is looked at again", l.attrs("error", err)...)
	}
}

func (l *look) attrs(more ...any) []any {
	return append([]any{
		"store", l.id, "tenant", telemetry.Pseudonym(l.state.Tenant), "generation", l.state.Generation,
	}, more...)
}

// lost is the first drift that no mend brings back.
func lost(found []cluster.Drift) *cluster.Drift {
	for i := range found {
		if found[i].Beyond {
			return &found[i]
		}
	}
	return nil
}

// driftCause puts what was found into words.
func driftCause(found []cluster.Drift) *cause {
	why := &cause{reason: ReasonDrift}
	var sentences, words []string
	for _, d := range found {
		sentences, words = append(sentences, d.Sentence()), append(words, d.Words())
	}
	if len(sentences) > sentencesAtMost {
		sentences = append(sentences[:sentencesAtMost], "And more.")
	}
	switch gone := lost(found); {
	case gone == nil:
	case gone.Kind == "Namespace" && !gone.Missing:
		why.reason = cluster.ReasonNamespaceTaken
	case gone.Kind == "Namespace":
		why.reason, sentences = cluster.ReasonNamespaceMissing, []string{cluster.NamespaceMissingSentence}
	case gone.Missing:
		why.reason, sentences = cluster.ReasonDataMissing, []string{cluster.DataMissingSentence}
	}
	why.message, why.detail = strings.Join(sentences, " "), strings.Join(words, "; ")
	return why
}
