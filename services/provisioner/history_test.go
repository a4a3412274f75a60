package provisioner_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// history is the whole log as it grows.
type history struct {
	mu      sync.Mutex
	entries []storelog.Entry
	grown   chan struct{}
}

func follow(t *testing.T, log *storelog.Log) *history {
	h := &history{grown: make(chan struct{})}
	go func() {
		_ = log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
			entry, err := raw.Entry()
			if err != nil {
				return err
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.entries = append(h.entries, entry)
			close(h.grown)
			h.grown = make(chan struct{})
			return nil
		})
	}()
	return h
}

func (h *history) look() ([]storelog.Entry, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries, h.grown
}

// await returns the first entry of the store that matches, which may have come before.
func (b *bundle) await(id store.ID, what string, match func(storelog.Entry) bool) storelog.Entry {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		entries, grown := b.history.look()
		for _, e := range entries {
			if e.Message.Store == id && match(e) {
				return e
			}
		}
		select {
		case <-grown:
		case <-deadline:
			b.t.Fatalf("no %s within %s; the history of %s:\n%s", what, patience, id, b.told(id))
		}
	}
}

func (b *bundle) awaitType(id store.ID, t store.Type) storelog.Entry {
	b.t.Helper()
	return b.await(id, string(t), func(e storelog.Entry) bool { return e.Message.Type == t })
}

func (b *bundle) awaitStep(id store.ID, step string) {
	b.t.Helper()
	b.await(id, "step "+step, func(e storelog.Entry) bool {
		return e.Message.Type == store.StepCompleted && e.Message.Facts.Step == step
	})
}

// awaitCount waits until the store's history holds so many messages of a type.
func (b *bundle) awaitCount(id store.ID, t store.Type, n int) {
	b.t.Helper()
	b.await(id, fmt.Sprintf("%d messages %s", n, t), func(storelog.Entry) bool { return b.count(id, t) >= n })
}

// awaitEnds waits until so many commands of the store have ended, and fails if one did so twice.
func (b *bundle) awaitEnds(id store.ID, commands int) {
	b.t.Helper()
	var ended map[uint64]int
	b.await(id, fmt.Sprintf("%d ends", commands), func(storelog.Entry) bool {
		ended = b.ends(id)
		return len(ended) == commands
	})
	for generation, n := range ended {
		if n != 1 {
			b.t.Errorf("command %d ended %d times:\n%s", generation, n, b.told(id))
		}
	}
}

// busy are the reasons with which an attempt ends on a machine that has too much to do.
var busy = []string{"ClusterBusy", "TimedOut", "StepTimeout"}

// mostMore is how many more attempts a busy machine may cost a command: one that loses more isn't busy but wrong.
const mostMore = 2

// requireAttempts fails unless the command that ended was done in so many attempts, and returns how many more it took. A
// busy machine may lose a lease, of which nobody tells, or not answer in time; nothing else may cost an attempt but the
// causes that are named.
func (b *bundle) requireAttempts(t *testing.T, end storelog.Entry, least int, causes ...string) (more int) {
	t.Helper()
	id := end.Message.Store
	if end.State.Attempt < least {
		t.Errorf("it ended in attempt %d, want %d at least:\n%s", end.State.Attempt, least, b.told(id))
	}
	entries, _ := b.history.look()
	for _, e := range entries {
		m := e.Message
		if m.Store == id && m.Generation == end.Message.Generation && m.Type == store.RetryScheduled &&
			!slices.Contains(busy, m.Facts.Reason) && !slices.Contains(causes, m.Facts.Reason) {
			t.Errorf("an attempt ended with %s:\n%s", m.Facts.Reason, b.told(id))
		}
	}
	more = max(0, end.State.Attempt-least)
	if more > mostMore {
		t.Errorf("it ended in attempt %d, want %d:\n%s", end.State.Attempt, least, b.told(id))
	}
	return more
}

// retries counts the store's attempts that ended for a reason.
func (b *bundle) retries(id store.ID, reason string) (n int) {
	entries, _ := b.history.look()
	for _, e := range entries {
		if m := e.Message; m.Store == id && m.Type == store.RetryScheduled && m.Facts.Reason == reason {
			n++
		}
	}
	return n
}

// ends counts the terminal events of each of the store's commands.
func (b *bundle) ends(id store.ID) map[uint64]int {
	entries, _ := b.history.look()
	ended := make(map[uint64]int)
	for _, e := range entries {
		if e.Message.Store == id && e.Message.Type.IsTerminal() {
			ended[e.Message.Generation]++
		}
	}
	return ended
}

// count is how many messages of a type the store's history holds so far.
func (b *bundle) count(id store.ID, t store.Type) int {
	entries, _ := b.history.look()
	n := 0
	for _, e := range entries {
		if e.Message.Store == id && e.Message.Type == t {
			n++
		}
	}
	return n
}

func (b *bundle) told(id store.ID) string {
	entries, _ := b.history.look()
	var lines strings.Builder
	for _, e := range entries {
		if e.Message.Store == id {
			m := e.Message
			fmt.Fprintf(&lines, "%d %s by %s %s %s %s\n", m.Seq, m.Type, m.Actor, m.Facts.Step, m.Facts.Reason, m.Facts.Detail)
		}
	}
	return lines.String()
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	return o.text.Write(data)
}

// look returns what was written, and a channel that is closed when there is more.
func (o *output) look() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more == nil {
		o.more = make(chan struct{})
	}
	return o.text.String(), o.more
}

func (o *output) String() string {
	text, _ := o.look()
	return text
}
