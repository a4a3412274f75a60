package keep

import (
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// failingFor is how long a store must fail before it is called Degraded: a single answer that didn't come says
	// nothing yet.
	failingFor = 2 * time.Second
	// wellFor is how long one must work before it is called Ready again. It doubles with each time that the store was
	// called Degraded within the memory: who flaps is told once that it does, not at every turn.
	wellFor       = 3 * time.Second
	wellForAtMost = time.Minute
	// causeFor is how long another cause must last before it replaces the one that was told: what crashes is now
	// waiting to be started, now running and not ready yet.
	causeFor = 10 * time.Second
	memory   = 10 * time.Minute

	// mendPause is that between two mends of a store, doubling with each within the memory of mends. What comes back
	// is somebody's will, perhaps another controller's, and two that insist would restart a shop all day.
	mendPause       = time.Minute
	mendPauseAtMost = 30 * time.Minute
	mendMemory      = 2 * time.Hour
)

// cause is why a store doesn't work: reason, sentence and the cluster's own words.
type cause struct{ reason, message, detail string }

// pulse is what the keeper remembers of one store, so that it tells a failure and no hiccup. It is in memory only: a
// new keeper begins anew, and says at worst once more what the one before has said.
type pulse struct {
	// failing is what the last looks agree on, since when.
	failing bool
	since   time.Time
	// last is the newest cause, since when it is the same.
	last      cause
	lastSince time.Time
	// degraded and mended are when the store was called Degraded and when its mend was asked for.
	degraded, mended []time.Time
}

// see takes one look into account, nil for a store that works, and says which event is due; empty for none.
func (p *pulse) see(now time.Time, s store.State, why *cause) store.Type {
	if p.since.IsZero() || p.failing != (why != nil) {
		p.failing, p.since = why != nil, now
	}
	if why == nil {
		p.last = cause{}
		if s.Ails() && now.Sub(p.since) >= p.wellFor(now) {
			return store.Recovered
		}
		return ""
	}
	if p.last.reason != why.reason || p.last.message != why.message {
		p.last, p.lastSince = *why, now
	}
	switch {
	case !s.Ails() && now.Sub(p.since) >= failingFor:
		p.degraded = append(recent(p.degraded, now, memory), now)
		return store.BecameDegraded
	case s.Ails() && p.differs(s) && now.Sub(p.lastSince) >= causeFor:
		return store.BecameDegraded
	}
	return ""
}

func (p *pulse) differs(s store.State) bool {
	return p.failing && (store.Bounded(p.last.reason) != s.Reason || store.Bounded(p.last.message) != s.Message)
}

// settled says whether what the log tells of the store is what was seen, so that there is no hurry to look again.
func (p *pulse) settled(s store.State) bool {
	return p.failing == s.Ails() && !p.differs(s)
}

// forget is for a time in which nothing could be seen: what was before it is no evidence of what is after it.
func (p *pulse) forget() { p.since, p.last = time.Time{}, cause{} }

func (p *pulse) wellFor(now time.Time) time.Duration {
	return again.Doubled(wellFor, wellForAtMost, len(recent(p.degraded, now, memory))-1)
}

// mayMend says whether a mend may be asked for now; mending that it was.
func (p *pulse) mayMend(now time.Time) bool {
	p.mended = recent(p.mended, now, mendMemory)
	n := len(p.mended)
	return n == 0 || now.Sub(p.mended[n-1]) >= again.Doubled(mendPause, mendPauseAtMost, n-1)
}

func (p *pulse) mending(now time.Time) {
	p.mended = append(p.mended, now)
	p.forget()
}

// recent drops what lies longer ago.
func recent(times []time.Time, now time.Time, within time.Duration) []time.Time {
	return slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) >= within })
}
