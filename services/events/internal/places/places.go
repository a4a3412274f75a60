// Package places knows where operations in flight stand: each one's place in the line of those that wait for a slot, and when it is
// likely over. It is a replica's memory of the log, and asks nobody: neither Postgres nor workers. Workers make the same line of the same
// log, by package turn; but who passes over what, and what somebody is about to begin, only they know: the order that is told is nearly the one that
// they go by.
//
// A place is what would be begun up to it if nobody came. Somebody does, with a right to go before: a tenant of whose commands
// fewer are worked on. So what was told of a command once is never raised again, and a place says how few were before it at the best
// moment since somebody asked. A replica that has started since may know a greater one.
package places

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/turn"
)

const (
	// lookBack is how much of the log is read anew when it is followed, to know who waits and how long things take: some ten thousand
	// commands that wait, or two thousand stores that were made.
	lookBack = 30_000
	// most are asked for at once: a page of stores.
	most = 200
)

// Places is a replica's. It is safe for concurrent use.
type Places struct {
	mu    sync.Mutex
	epoch string
	// behind are the messages that have come since the past is being read; nil when that is done.
	behind  []heard
	reading bool
	halls   map[hall]*turn.Line
	// working are those of each hall that are worked on.
	working map[hall]map[store.ID]*flight
	flights map[store.ID]*flight
	times   times
	// standings are the orders of each line and lane, made anew when they are asked for and apart is over.
	standings map[queue]*standing
	apart     time.Duration
}

type heard struct {
	at    time.Time
	entry storelog.Entry
}

// hall is where commands of one hand in one cluster wait.
type hall struct {
	hand    store.Hand
	cluster string
}

// flight is an operation that isn't over.
type flight struct {
	hall       hall
	tenant     string
	generation uint64
	why        string
	// told is the least place that somebody was told; zero while nobody was.
	told int
	// since is when it was said of last that it waits, or when what it waited for was due.
	since time.Time
	course
}

// New makes a memory that knows nothing.
func New() *Places {
	p := &Places{apart: remade}
	p.forget("")
	return p
}

func (p *Places) forget(epoch string) {
	p.epoch, p.behind, p.reading = epoch, nil, false
	p.halls, p.working, p.flights, p.standings = map[hall]*turn.Line{}, map[hall]map[store.ID]*flight{}, map[store.ID]*flight{}, map[queue]*standing{}
	p.times = times{}
}

var errRead = errors.New("the past was read")

// Begin forgets all, since another log is followed, or the same anew. Read is called then.
func (p *Places) Begin(epoch string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(epoch)
	p.reading = true
}

// Read makes the memory out of the log's past, which ends at head; what comes behind is told by Hear, also meanwhile. It returns
// when that is done or ctx ends.
func (p *Places) Read(ctx context.Context, log *storelog.Log, head uint64) {
	var err error
	if head > 0 {
		err = log.Tail(ctx, head-min(head, lookBack), func(raw storelog.Raw) error {
			if raw.Seq <= head {
				if entry, err := raw.Entry(); err == nil {
					p.mu.Lock()
					p.fold(raw.Time, entry)
					p.mu.Unlock()
				}
			}
			if raw.Seq >= head {
				return errRead
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, errRead) {
		slog.Debug("read who waits", "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.behind {
		p.fold(h.at, h.entry)
	}
	p.behind, p.reading = nil, false
}

// Hear tells of a message behind the past, and of when the broker took it.
func (p *Places) Hear(at time.Time, entry storelog.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading {
		p.behind = append(p.behind, heard{at, entry})
		return
	}
	p.fold(at, entry)
}

func (p *Places) fold(at time.Time, entry storelog.Entry) {
	s, m := entry.State, entry.Message
	row := store.Verbs[s.Verb]
	f := p.flights[s.ID]
	where := hall{row.Hand, s.ClusterName()}
	if f != nil && (!s.InFlight() || f.generation != s.Generation) {
		if f.generation == s.Generation && s.Outcome == store.Succeeded {
			p.times.add(f.course, at, len(p.working[f.hall]))
		}
		p.leave(f, s)
		delete(p.flights, s.ID)
		delete(p.working[f.hall], s.ID)
		f = nil
	}
	if !s.InFlight() || row.Hand == "" {
		return
	}
	if f == nil {
		f = &flight{hall: where, generation: s.Generation}
		p.flights[s.ID] = f
	}
	f.tenant, f.why = s.Tenant, s.Why().Message
	if m.Type == store.AttemptStarted {
		f.told = 0 // it stands in the line no more; where it comes back to it, it is for another turn
	}
	if f.since = at; s.NotBefore != nil && s.NotBefore.After(at) {
		f.since = *s.NotBefore
	}
	p.in(where).Hear(m, s)
	if delete(p.working[where], s.ID); s.Working {
		p.working[where][s.ID] = f
	}
	f.course.hear(at, m, s, len(p.working[where]))
}

// leave takes a store out of the line that it stood in: its newest command may be another hand's.
func (p *Places) leave(f *flight, s store.State) {
	p.in(f.hall).Put(s)
}

func (p *Places) in(where hall) *turn.Line {
	if p.halls[where] == nil {
		p.halls[where], p.working[where] = turn.New(where.hand), map[store.ID]*flight{}
	}
	return p.halls[where]
}

// Answer answers a query.LineRequest. Lists of who is next are made while nobody is kept from hearing or asking.
func (p *Places) Answer(_ context.Context, r query.LineRequest) (query.LineReply, error) {
	reply := query.LineReply{Lines: map[store.ID]query.Placed{}}
	if len(r.Stores) > most {
		return reply, &question.Refusal{Code: question.Invalid, Message: fmt.Sprintf("the question is of %d stores, it may be of %d", len(r.Stores), most)}
	}
	now := time.Now()
	at, err := p.standIn(r, now)
	if err != nil {
		return reply, err
	}
	for s := range at {
		at[s] = p.listed(s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.follows(r.Log); err != nil {
		return reply, err // another log has come meanwhile
	}
	for _, id := range r.Stores {
		if f := p.flights[id]; f != nil && r.Scope.Sees(f.tenant) {
			reply.Lines[id] = query.Placed{Generation: f.generation, Line: p.show(id, f, at, now)}
		}
	}
	return reply, nil
}

// standIn says in which queues those stand that are asked for and wait for their turn.
func (p *Places) standIn(r query.LineRequest, now time.Time) (map[*standing]*listing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.follows(r.Log); err != nil {
		return nil, err
	}
	in := map[*standing]*listing{}
	for _, id := range r.Stores {
		f := p.flights[id]
		if f == nil || !r.Scope.Sees(f.tenant) {
			continue
		}
		if wait, lane := p.in(f.hall).Waits(id, now); wait == turn.Turn {
			in[p.standing(f.hall, lane)] = nil
		}
	}
	return in, nil
}

// follows fails where the asker's log isn't the one that is known here. The lock is held.
func (p *Places) follows(log string) error {
	switch {
	case log != "" && p.epoch != "" && log != p.epoch:
		return &question.Refusal{Code: question.OtherLog, Message: "the log that is followed here is another one"}
	case p.epoch == "", p.reading:
		return &question.Refusal{Code: question.Unavailable, Message: "who waits is still being read"}
	}
	return nil
}

func (p *Places) show(id store.ID, f *flight, at map[*standing]*listing, now time.Time) query.Line {
	wait, lane := p.in(f.hall).Waits(id, now)
	beside := len(p.working[f.hall])
	switch wait {
	case turn.Turn:
	case turn.Begun:
		return query.Line{Why: "It is worked on.", ETA: eta(p.times.left(f.course, now, beside))}
	case turn.Time:
		return query.Line{Why: sentence("Another attempt will be made.", f.why)}
	default:
		return query.Line{Why: sentence("It waits for something else than its turn.", f.why)}
	}
	those := at[p.standing(f.hall, lane)]
	place := those.placeOf(id)
	if place == 0 { // it has come into the line since
		return query.Line{Why: "It is begun when its turn has come."}
	}
	if f.told == 0 || place < f.told {
		f.told = place
	}
	shown := query.Line{Place: f.told, Of: len(those.places), Why: "It is begun with the next slot that is free."}
	if before := f.told - 1; before == 1 {
		shown.Why = "One other is begun before, as slots get free."
	} else if before > 1 {
		shown.Why = fmt.Sprintf("%d others are begun before, as slots get free.", before)
	}
	shown.ETA = eta(those.waits.until(f.told), p.times.whole(f.course, beside))
	return shown
}

func sentence(without, why string) string {
	if why = strings.TrimSpace(why); why == "" {
		return without
	}
	return store.Bounded(why)
}
