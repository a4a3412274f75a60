package projection

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// checkUsage holds the spans against what each store took behind every single one of its messages, those included that are said never to
// change it.
func (b *testBundle) checkUsage(tb testing.TB, log []storelog.Entry) {
	tb.Helper()
	var want []string
	states, since := map[store.ID]store.State{}, map[store.ID]time.Time{}
	for _, e := range log {
		id, at := e.Message.Store, e.Message.Time.Truncate(readmodel.Resolution).UTC()
		before, took := readmodel.TakenBy(states[id])
		states[id] = store.Evolve(states[id], e.Message)
		after, takes := readmodel.TakenBy(states[id])
		if took && (!takes || after != before) {
			want = append(want, fmt.Sprintf("%s %+v %s %s", id, before, since[id], at))
		}
		if takes && (!took || after != before) {
			since[id] = at
		}
	}
	for id, s := range states {
		if taken, takes := readmodel.TakenBy(s); takes {
			want = append(want, fmt.Sprintf("%s %+v %s on", id, taken, since[id]))
		}
	}
	slices.Sort(want)
	if d := diff.Diff(want, b.spans(tb)); d != "" {
		tb.Errorf("what stores took differs (-log +rows):\n%s", d)
	}
}

// spans are those of the table, of which those are one that say the same and follow each other.
func (b *testBundle) spans(tb testing.TB) (all []string) {
	tb.Helper()
	rows, err := b.pool.Query(tb.Context(), `select store, tenant, engine, version, plan, runs, began, nullif(ended, 'infinity') from usage order by store, seq`)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	var of store.ID
	var taken readmodel.Taken
	var since time.Time
	var until *time.Time
	tell := func() {
		switch {
		case of == "":
		case until == nil:
			all = append(all, fmt.Sprintf("%s %+v %s on", of, taken, since))
		default:
			all = append(all, fmt.Sprintf("%s %+v %s %s", of, taken, since, until.UTC()))
		}
	}
	for rows.Next() {
		var id store.ID
		var next readmodel.Taken
		var began time.Time
		var ended *time.Time
		if err := rows.Scan(&id, &next.Tenant, &next.Engine, &next.Version, &next.Plan, &next.Runs, &began, &ended); err != nil {
			tb.Fatal(err)
		}
		if id != of || next != taken || until == nil || !until.Equal(began) {
			tell()
			of, taken, since = id, next, began.UTC()
		}
		until = ended
	}
	tell()
	slices.Sort(all)
	return all
}

// months writes random histories over half a year, of all that changes what a store takes.
type months struct {
	*testBundle
	rnd *rand.Rand
	// end is when the last of them ends.
	end time.Time
}

var monthsBegin = time.Date(2026, time.January, 30, 21, 17, 3, 0, time.UTC)

func (b *months) write(tb testing.TB, id store.ID, messages int) {
	tb.Helper()
	at := monthsBegin.Add(time.Duration(b.rnd.IntN(int(200 * time.Hour))))
	for range messages {
		at = at.Add(time.Duration(b.rnd.Int64N(int64(100 * time.Hour)))).Truncate(readmodel.Resolution)
		_, err := b.author.Log.Update(tb.Context(), id, func(s store.State) (*store.Message, error) {
			m := b.next(s)
			m.Time, m.Actor = at, "somebody"
			if !m.Type.IsCommand() {
				m.Generation = s.Generation
			}
			return &m, nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if at.After(b.end) {
		b.end = at
	}
}

func (b *months) next(s store.State) store.Message {
	pick := func(types ...store.Type) store.Message { return store.Message{Type: types[b.rnd.IntN(len(types))]} }
	var m store.Message
	switch {
	case !s.Exists():
		m = store.Message{Type: store.CreateCommand, Tenant: logtest.Tenant(b.rnd.IntN(3))}
	case s.Status == store.Deleted:
		m = pick(store.CredentialsViewed)
	case s.InFlight() && s.Verb == store.Delete:
		m = pick(store.AttemptStarted, store.BecameDeleted)
	case s.InFlight() && s.Verb == store.Suspend:
		m = pick(store.StepCompleted, store.BecameSuspended, store.BecameSuspended, store.BecameFailed)
	case s.InFlight():
		m = pick(store.AttemptStarted, store.StepCompleted, store.RetryScheduled, store.BecameReady, store.BecameReady, store.BecameReady, store.BecameFailed)
	case s.Status == store.Failed:
		m = pick(store.RetryCommand)
	case s.Status == store.Suspended:
		m = pick(store.ResumeCommand, store.ResumeCommand, store.Transferred, store.Renamed, store.DeleteCommand)
	default:
		m = pick(store.UpdateCommand, store.UpdateCommand, store.SuspendCommand, store.SuspendCommand, store.BecameDegraded, store.Recovered, store.Transferred,
			store.Transferred, store.LifetimeChanged, store.DeleteCommand)
	}
	switch m.Type {
	case store.CreateCommand, store.UpdateCommand:
		m.Facts.Spec = &store.Spec{Name: "Tea", Engine: "sample", Version: "1", Plan: []string{"small", "medium", "large"}[b.rnd.IntN(3)]}
	case store.Transferred:
		m.Tenant, m.Facts.From = logtest.Tenant(b.rnd.IntN(3)), s.Tenant
	case store.Renamed:
		m.Facts.Name = "Coffee"
	}
	return m
}

// byHand counts each store hour after hour, by what the messages say alone: whose it is, which plan it has, whether it stands.
func byHand(log []storelog.Entry, until time.Time) map[query.Usage]map[store.ID][2]int64 {
	type hand struct {
		tenant, wanted, has string
		stands, runs        bool
		at                  time.Time
	}
	hands, counts := map[store.ID]hand{}, map[query.Usage]map[store.ID][2]int64{}
	count := func(id store.ID, h hand, until time.Time) {
		for at := h.at; h.stands && at.Before(until); {
			next := time.Date(at.Year(), at.Month(), at.Day(), at.Hour()+1, 0, 0, 0, time.UTC)
			if next.After(until) {
				next = until
			}
			key := query.Usage{Tenant: h.tenant, Month: at.Format(query.MonthForm), Engine: "sample", Version: "1", Plan: h.has}
			if counts[key] == nil {
				counts[key] = map[store.ID][2]int64{}
			}
			took := counts[key][id]
			took[1] += next.Sub(at).Microseconds()
			if h.runs {
				took[0] += next.Sub(at).Microseconds()
			}
			counts[key][id], at = took, next
		}
	}
	for _, e := range log {
		m := e.Message
		h := hands[m.Store]
		count(m.Store, h, m.Time)
		h.at = m.Time
		switch m.Type {
		case store.CreateCommand:
			h.tenant, h.wanted = m.Tenant, m.Facts.Spec.Plan
		case store.UpdateCommand:
			h.wanted = m.Facts.Spec.Plan
		case store.BecameReady:
			h.has, h.stands, h.runs = h.wanted, true, true
		case store.BecameSuspended:
			h.runs = false
		case store.BecameFailed:
			h.wanted = cmp.Or(h.has, h.wanted)
		case store.Transferred:
			h.tenant = m.Tenant
		case store.DeleteCommand:
			h.stands = false
		}
		hands[m.Store] = h
	}
	for id, h := range hands {
		count(id, h, until)
	}
	return counts
}

// used is what the read model says of these months, by pages of any size.
func (b *testBundle) used(tb testing.TB, r query.UsageRequest) (all []query.Usage) {
	tb.Helper()
	var behind readmodel.UsagePlace
	for r.Limit = 1; ; r.Limit = 3 {
		var page []query.Usage
		var more bool
		b.at(tb, func(m readmodel.Moment) {
			var err error
			if page, more, err = readmodel.Usage(tb.Context(), m, r, behind); err != nil {
				tb.Fatal(err)
			}
		})
		if all = append(all, page...); !more {
			return all
		}
		last := page[len(page)-1]
		behind = readmodel.UsagePlace{Month: last.Month, Tenant: last.Tenant, Engine: last.Engine, Version: last.Version, Plan: last.Plan}
	}
}

// Of random histories, over transfers, suspensions, changes of plan and deletions, the usage is what a count by hand comes to: told live, made anew,
// and filled into an empty table behind those of before.
func TestUsageIsWhatACountByHandComesTo(t *testing.T) {
	b := &months{testBundle: setup(t), rnd: rand.New(rand.NewPCG(7, 7))}
	stop := b.start(t, b.projector())
	for n := range 24 {
		b.write(t, logtest.Store("u", n), 20+b.rnd.IntN(30))
	}
	b.await(t)
	stop()
	log := b.author.All(t.Context())
	until := b.end.Add(-300 * time.Hour)
	var want []query.Usage
	for u, stores := range byHand(slices.DeleteFunc(slices.Clone(log), func(e storelog.Entry) bool { return e.Message.Time.After(until) }), until) {
		u.Stores = int64(len(stores))
		for took := range maps.Values(stores) {
			u.Ran, u.Kept = u.Ran+took[0], u.Kept+took[1]
		}
		want = append(want, u)
	}
	slices.SortFunc(want, func(a, b query.Usage) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Plan, b.Plan))
	})
	if len(want) < 20 {
		t.Errorf("there are %d rows; the test shows little", len(want))
	}
	all := query.UsageRequest{Scope: query.All(), From: "2026-01", To: "2026-12", Until: until}
	check := func(how string) {
		t.Helper()
		if d := diff.Diff(want, b.used(t, all)); d != "" {
			t.Errorf("%s, the usage differs (-by hand +told):\n%s", how, d)
		}
		b.checkUsage(t, log)
	}
	check("told live")
	live := b.content(t)
	if err := Rebuild(t.Context(), b.nc, b.pool, func(uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	b.project(t)
	check("made anew")
	b.asBefore(t)
	b.project(t)
	check("filled behind the tables of before")
	if d := diff.Diff(live, b.content(t)); d != "" {
		t.Errorf("the rows differ from those that were told live:\n%s", d)
	}
	b.checkNarrowed(t, all, want)
	// One that made a store ready was set aside for a while.
	ready := slices.IndexFunc(log, func(e storelog.Entry) bool { return e.Message.Type == store.BecameReady })
	b.forget(t, log[ready].Message.Seq)
	b.operator(t, log[ready].Message.Store, store.Redriven, log[ready].Message.Seq)
	b.project(t)
	check("read again")
}

// checkNarrowed asks for one tenant's, and some months.
func (b *months) checkNarrowed(t *testing.T, r query.UsageRequest, all []query.Usage) {
	t.Helper()
	r.Scope, r.From, r.To = query.Of(logtest.Tenant(1)), "2026-03", "2026-04"
	own := slices.DeleteFunc(slices.Clone(all), func(u query.Usage) bool {
		return u.Tenant != logtest.Tenant(1) || u.Month < "2026-03" || u.Month > "2026-04"
	})
	if d := diff.Diff(own, b.used(t, r)); d != "" || len(own) == 0 {
		t.Errorf("one tenant's of two months differs (-by hand +told):\n%s", d)
	}
	r.Scope = query.Scope{}
	if told := b.used(t, r); len(told) > 0 {
		t.Errorf("who sees nobody is told %+v", told)
	}
}
