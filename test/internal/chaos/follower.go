package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// follower reads the log beside the platform, by a way of its own, to know when it has come to rest.
type follower struct {
	log      *storelog.Log
	database string

	mu     sync.Mutex
	states map[store.ID]store.State
	// retries are the reasons for which attempts of a store failed.
	retries map[store.ID][]string
	// types counts messages, told those of each store; last is the newest sequence of each tenant, head of all.
	types map[store.Type]int
	told  map[store.ID]map[store.Type]int
	last  map[string]uint64
	head  uint64
}

// calledOff is counted for an operation that was: it has no type of its own.
const calledOff store.Type = "cancelled"

func follow(ctx context.Context, l *Lab) (*follower, error) {
	var nc *nats.Conn
	err := waittest.Until(ctx, func() (err error) {
		nc, err = l.broker.Dial("events", nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	// The gateways make the log.
	opening, cancel := context.WithTimeout(ctx, waittest.Patience())
	defer cancel()
	log, err := storelog.Open(opening, nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	f := &follower{
		log: log, database: l.database,
		states: map[store.ID]store.State{}, retries: map[store.ID][]string{}, types: map[store.Type]int{},
		told: map[store.ID]map[store.Type]int{}, last: map[string]uint64{},
	}
	l.running.Go(func() {
		defer nc.Close()
		if err := log.Tail(ctx, 0, f.note); ctx.Err() == nil {
			l.complain("follow the log: %v", err)
		}
	})
	return f, nil
}

func (f *follower) note(raw storelog.Raw) error {
	entry, err := raw.Entry()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := entry.Message
	f.states[m.Store] = entry.State
	f.count(m.Store, m.Type)
	if m.Type == store.BecameFailed && m.Facts.Reason == store.ReasonCancelled {
		f.count(m.Store, calledOff)
	}
	if m.Type == store.RetryScheduled {
		f.retries[m.Store] = append(f.retries[m.Store], m.Facts.Reason)
	}
	f.last[m.Tenant], f.head = m.Seq, m.Seq
	return nil
}

func (f *follower) count(id store.ID, t store.Type) {
	f.types[t]++
	if f.told[id] == nil {
		f.told[id] = map[store.Type]int{}
	}
	f.told[id][t]++
}

// heard is how often a message of the type stands in a store's history so far.
func (f *follower) heard(id store.ID, t store.Type) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told[id][t]
}

// newest is the last sequence of a tenant that is in the log so far, and of all.
func (f *follower) newest(tenant string) (own, head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[tenant], f.head
}

// counts are how often each type stands in the log so far.
func (f *follower) counts() map[store.Type]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.types)
}

// state is a store's, and why attempts of it have failed.
func (f *follower) state(id store.ID) (state store.State, retries []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.states[id], slices.Clone(f.retries[id])
}

// open is an error while there is more to be said of a store: a command isn't done, or the store ails and will be found
// well again. It names the one that was told of last.
func (f *follower) open() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	count := 0
	var last store.State
	for _, state := range f.states {
		if len(state.Open) > 0 || state.Ails() {
			count++
			if state.Version > last.Version {
				last = state
			}
		}
	}
	if count == 0 {
		return nil
	}
	err = fmt.Errorf("%d stores have open commands or ail, %s at %d is %s: %s %s %s (next try %v)",
		count, last.ID, last.Version, last.Status, last.Reason, last.Message, last.Detail, last.NotBefore)
	if last.NotBefore != nil {
		err = waittest.NotBefore(*last.NotBefore, err)
	}
	return err
}

// resting is an error until no command is open, no store ails, and all of the log has been followed and projected.
func (f *follower) resting(ctx context.Context) error {
	head, err := f.log.Head(ctx)
	if err != nil {
		return err
	}
	if _, seen := f.newest(""); seen < head {
		return fmt.Errorf("the log is at %d, followed up to %d", head, seen)
	}
	if err := errors.Join(f.open(), f.stale()); err != nil {
		return err
	}
	return f.projected(ctx, head)
}

// stale is an error while stores stand as the installation said at different times: a keeper is still to ask for the refresh of
// some.
func (f *follower) stale() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := map[string]int{}
	for _, s := range f.states {
		if s.Kept() {
			said[s.Running.Settings]++
		}
	}
	if len(said) > 1 {
		return fmt.Errorf("stores stand as the installation said at different times: %v", said)
	}
	return nil
}

// standing are the stores that are open, in the order of their ids.
func (f *follower) standing() (ids []store.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, s := range f.states {
		if open(s) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// undone are the stores whose last operation wasn't done whole: what it has changed is still to be gone back from.
func (f *follower) undone() (undone []store.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.states {
		if s.Kept() && !s.InFlight() && (s.Outcome == store.Unsuccessful || s.Outcome == store.Cancelled) {
			undone = append(undone, s)
		}
	}
	return undone
}

func (f *follower) projected(ctx context.Context, head uint64) error {
	checkpoint, err := f.checkpoint(ctx)
	if err == nil && checkpoint < head {
		err = fmt.Errorf("the read model is at %d, the log at %d", checkpoint, head)
	}
	return err
}

// checkpoint is how far the log is projected.
func (f *follower) checkpoint(ctx context.Context) (seq uint64, err error) {
	conn, err := pgx.Connect(ctx, f.database)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return seq, conn.QueryRow(ctx, "select seq from checkpoint").Scan(&seq)
}
