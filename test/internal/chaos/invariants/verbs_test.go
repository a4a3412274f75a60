package invariants

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// Each rule about what can be asked of a store finds its own violation, and says what it is.
func TestViolationsOfEachVerbAreFound(t *testing.T) {
	// at changes what the state says that a message of the sleeping store carries, the last of its type.
	at := func(kind store.Type, change func(*store.State)) func(*Evidence) {
		return func(e *Evidence) { change(&e.Log[e.lastOf(asleep, kind)].State) }
	}
	answer := func(verb string, change func(*record.Request)) func(*Evidence) {
		return func(e *Evidence) { change(&e.Requests[e.answered(verb)]) }
	}
	release := func(change func(*Values)) func(*Evidence) {
		return func(e *Evidence) { change(&e.Cluster.Releases[asleep.Namespace()][0].Values) }
	}
	workload := func(id store.ID, n int, is Workload) func(*Evidence) {
		return func(e *Evidence) { e.Cluster.Workloads[id.Namespace()][n] = is }
	}
	for name, planted := range map[string]struct {
		says string
		do   func(*Evidence)
	}{
		"a status that isn't derived": {"operation make Ready of it", at(store.UpdateCommand, func(s *store.State) { s.Status = store.Provisioning })},
		"an update takes the address": {"takes its address", at(store.UpdateCommand, func(s *store.State) { s.URL = "" })},
		"one that was called off takes the address": {"takes its address", func(e *Evidence) {
			e.Log[e.withReason(store.ReasonCancelled)].State.URL = ""
		}},
		"one that fails forgets that the store stood": {"forgets that it stood", at(store.BecameFailed, func(s *store.State) { s.Stood = false })},
		"a suspend gives another address":             {"takes its address", at(store.BecameSuspended, func(s *store.State) { s.URL = "http://other" })},
		"a health event moves the ETag":               {"moves the ETag, and nothing", at(store.Recovered, func(s *store.State) { s.Changed = s.Version })},
		"a new name leaves the ETag": {"what clients can set has changed: true", func(e *Evidence) {
			i := e.lastOf(asleep, store.Renamed)
			e.Log[i].State.Changed = e.Log[e.lastOf(asleep, store.CreateCommand)].State.Changed
		}},
		"an ETag falls":             {"makes ETag 1 of", at(store.SuspendCommand, func(s *store.State) { s.Changed = 1 })},
		"a suspend without its end": {"has no terminal event", func(e *Evidence) { e.Log[e.lastOf(asleep, store.BecameSuspended)].Message.Type = store.Waited }},
		"a cancel that ended nothing": {"has no terminal event", func(e *Evidence) {
			e.Log[e.withReason(store.ReasonCancelled)].Message.Type = store.Waited
		}},
		"a name that was accepted and isn't there": {"change map[name:g] is accepted", func(e *Evidence) {
			r := &e.Requests[e.wished("name")]
			r.Wish = map[string]any{"name": "g"}
		}},
		"a lifetime that was accepted and isn't there": {"change map[ttl:24h] is accepted", func(e *Evidence) {
			e.Requests[e.wished("ttl")].Wish = map[string]any{"ttl": "24h"}
		}},
		"an option that was accepted and isn't there": {"change map[options:map[currency:GBP]] is accepted", func(e *Evidence) {
			e.Requests[e.wished("options")].Wish = map[string]any{"options": map[string]any{"currency": "GBP"}}
		}},
		"a plan that was accepted and isn't there": {"change map[plan:huge] is accepted", func(e *Evidence) {
			e.Requests[e.wished("plan")].Wish = map[string]any{"plan": "huge"}
		}},
		"a suspend that was accepted and isn't there": {"its suspend map[] is accepted", answer("resume", func(r *record.Request) { r.Verb = "suspend" })},
		"a resume that was accepted and isn't there":  {"its resume map[] is accepted", answer("suspend", func(r *record.Request) { r.Verb = "resume" })},
		"a cancel that was accepted and isn't there":  {"its cancel map[] is accepted", answer("suspend", func(r *record.Request) { r.Verb = "cancel" })},
		"a store shown under another name":            {"was shown", answer("suspend", func(r *record.Request) { r.Name = "other" })},
		"a version that nobody wrote":                 {"which isn't in its history", answer("suspend", func(r *record.Request) { r.Version = 9999 })},
		"an ETag of the past": {"after ETag", func(e *Evidence) {
			r := e.Requests[e.answered("resume")]
			r.Asked, r.ETag = began.Add(time.Hour), 1
			e.Requests = append(e.Requests, r)
		}},
		"a suspended store whose shop runs":     {"it is Suspended, and store runs", workload(asleep, 0, Workload{"store", 1, 1})},
		"a suspended store whose pod is left":   {"it is Suspended, and store runs 1 pods of 0", workload(asleep, 0, Workload{"store", 0, 1})},
		"a suspended store without its page":    {"its page doesn't run", workload(asleep, 1, Workload{page, 0, 0})},
		"an open store that runs nothing":       {"is to run no pod", workload(ready, 0, Workload{"store", 0, 0})},
		"an open store with the page":           {"the page says that it is suspended", workload(ready, 1, Workload{page, 1, 1})},
		"a suspended store without its release": {"has no deployed release", func(e *Evidence) { delete(e.Cluster.Releases, asleep.Namespace()) }},
		"a release of another plan":             {`has the plan "small"`, release(func(v *Values) { v.Plan.Name = "small" })},
		"a release of other options":            {`has the options {"currency":"CHF"}`, release(func(v *Values) { v.Options = map[string]any{"currency": "CHF"} })},
		"a release that runs":                   {"has running true", release(func(v *Values) { v.Running = nil })},
		"a refresh that takes a store out of its standing": {"of a refresh makes it degraded", at(store.RefreshCommand, func(s *store.State) {
			s.Standing, s.Status = store.DegradedStanding, store.Degraded
		})},
		"a refresh takes the address": {"takes its address", at(store.RefreshCommand, func(s *store.State) { s.URL = "" })},
		"a refresh changes the passwords": {"its passwords were changed", func(e *Evidence) {
			e.Secrets = append(e.Secrets, record.Secret{Kind: "MODIFIED", Namespace: asleep.Namespace(), Digest: "5"})
		}},
		"a refresh without its end": {"has no terminal event", func(e *Evidence) {
			e.Log[e.lastOf(asleep, store.RefreshCommand)+1].Message.Type = store.Waited
		}},
		"a store that was never refreshed": {`it stands as settings "" made it, and the installation says "shops"`, func(e *Evidence) {
			s := &e.Log[e.lastOf(asleep, store.BecameFailed)].State
			s.Running = &store.Running{Spec: s.Running.Spec}
		}},
		"a refresh that left the store where it ran": {`its store wants nodes ""`, func(e *Evidence) { e.Cluster.Pools[asleep.Namespace()][0] = "" }},
		"passwords that changed": {"its passwords were changed", func(e *Evidence) {
			e.Secrets = append(e.Secrets, record.Secret{Kind: "MODIFIED", Namespace: asleep.Namespace(), Digest: "4"})
		}},
		"passwords that went": {"its passwords were removed", func(e *Evidence) {
			e.Secrets = append(e.Secrets, record.Secret{Kind: "DELETED", Namespace: asleep.Namespace(), Digest: "3"})
		}},
		"a deleted store has an address": {"gives it an address, and its deletion", func(e *Evidence) {
			e.Log[e.lastOf(gone, store.BecameDeleted)].State.URL = "http://gone"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := sound()
			planted.do(e)
			r := Check(e, Options{StrictClaims: true})
			if !slices.ContainsFunc(r.Offences, func(o Offence) bool { return strings.Contains(o.What, planted.says) }) {
				t.Fatalf("nothing says %q: %+v", planted.says, r.Offences)
			}
		})
	}
}

// lastOf is the index of a store's last message of a type.
func (e *Evidence) lastOf(id store.ID, t store.Type) int {
	for i, entry := range slices.Backward(e.Log) {
		if entry.Message.Store == id && entry.Message.Type == t {
			return i
		}
	}
	return -1
}

func (e *Evidence) withReason(reason string) int {
	for i, entry := range e.Log {
		if entry.Message.Facts.Reason == reason {
			return i
		}
	}
	return -1
}

// wished is the index of the answer to a change of this.
func (e *Evidence) wished(what string) int {
	for i, r := range e.Requests {
		if _, wished := r.Wish[what]; wished {
			return i
		}
	}
	return -1
}
