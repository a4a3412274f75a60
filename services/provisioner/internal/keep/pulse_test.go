package keep

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// patient is one store as its keeper sees it, with the log in its state.
type patient struct {
	t     *testing.T
	pulse pulse
	state store.State
	told  []store.Type
}

func newPatient(t *testing.T) *patient {
	return &patient{t: t, state: store.State{Version: 1, Status: store.Ready, Condition: store.Condition{Standing: store.Up}}}
}

// watch looks every second for so long and does what is due.
func (p *patient) watch(why *cause, during time.Duration) {
	for end := time.Now().Add(during); ; time.Sleep(time.Second) {
		if what := p.pulse.see(time.Now(), p.state, why); what != "" {
			p.told = append(p.told, what)
			p.state.Status, p.state.Standing, p.state.Cause = store.Ready, store.Up, store.Cause{}
			if what == store.BecameDegraded {
				p.state.Status, p.state.Standing = store.Degraded, store.DegradedStanding
				p.state.Cause = store.Cause{Reason: why.reason, Message: why.message}
			}
		}
		if !time.Now().Before(end) {
			return
		}
	}
}

func (p *patient) want(when string, status store.Status, told int) {
	p.t.Helper()
	if p.state.Status != status || len(p.told) != told {
		p.t.Fatalf("%s: %s, told %v; want %s and %d told", when, p.state.Status, p.told, status, told)
	}
}

var (
	silent  = &cause{reason: "NotAnswering", message: "It doesn't answer."}
	crashed = &cause{reason: "CrashLoopBackOff", message: "It ends again and again."}
)

func TestAHiccupIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		for range 20 {
			p.watch(silent, time.Second)
			p.watch(nil, 3*time.Second)
		}
		p.want("after hiccups", store.Ready, 0)
	})
}

func TestAFailureIsToldWithinSecondsAndSoIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.watch(nil, time.Minute)
		p.watch(silent, failingFor)
		p.want("after it failed", store.Degraded, 1)
		p.watch(silent, time.Hour)
		p.want("an hour later", store.Degraded, 1)
		p.watch(nil, wellFor+time.Second)
		p.want("after it worked", store.Ready, 2)
	})
}

// A store that works for ten seconds and fails for ten, all day, is told of as one that fails.
func TestFlappingIsDamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		for range 180 {
			p.watch(silent, 9*time.Second)
			p.watch(nil, 9*time.Second)
		}
		// Undamped it would be 360 in this hour.
		if n := len(p.told); n > 40 {
			t.Fatalf("told %d times in an hour of flapping", n)
		}
		p.watch(nil, wellForAtMost+time.Second)
		if p.state.Status != store.Ready {
			t.Fatalf("%s a minute after it has stopped flapping", p.state.Status)
		}
		p.watch(nil, memory)
		told := len(p.told)
		p.watch(silent, failingFor+time.Second)
		p.watch(nil, wellFor+time.Second)
		p.want("after a quiet time", store.Ready, told+2)
	})
}

func TestAnotherCauseIsToldWhenItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.watch(silent, 5*time.Second)
		for range 10 {
			p.watch(crashed, 3*time.Second)
			p.watch(silent, 3*time.Second)
		}
		p.want("while the cause alternates", store.Degraded, 1)
		p.watch(crashed, causeFor+time.Second)
		p.want("after it has lasted", store.Degraded, 2)
		if p.state.Reason != crashed.reason {
			t.Fatalf("the reason is %s", p.state.Reason)
		}
		p.watch(crashed, time.Hour)
		p.want("an hour later", store.Degraded, 2)
	})
}

// What was seen before a time in which nothing could be is no evidence.
func TestAGapBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.watch(silent, time.Second)
		p.pulse.forget()
		time.Sleep(time.Minute)
		p.watch(silent, time.Second)
		p.want("a second after the gap", store.Ready, 0)
		p.watch(silent, 2*time.Second)
		p.want("three seconds after the gap", store.Degraded, 1)
	})
}

func TestMendsOfOneStoreBecomeRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		mends := 0
		for end := time.Now().Add(6 * time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
			if p.pulse.mayMend(time.Now()) {
				p.pulse.mending(time.Now())
				mends++
			}
		}
		if mends < 5 || mends > 30 {
			t.Fatalf("%d mends in six hours of what always comes back", mends)
		}
	})
}
