package invariants

import (
	"encoding/json"
	"slices"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Options are what can be asked for.
type Options struct {
	// StrictClaims makes an offence of each claim of a store that never was: for a run after which a sweep has passed.
	StrictClaims bool
}

// Check judges.
func Check(e *Evidence, o Options) *Report {
	r := &Report{history: e.histories()}
	c := checker{Report: r, e: e, last: map[store.ID]store.State{}}
	for _, entry := range e.Log {
		c.last[entry.Message.Store] = entry.State
	}
	c.log()
	c.folds()
	c.standings()
	c.requests()
	c.model()
	c.cluster()
	c.spaces()
	c.passwords()
	c.claims(o.StrictClaims)
	c.feeds()
	return r
}

type checker struct {
	*Report
	e *Evidence
	// last are the stores as they are.
	last map[store.ID]store.State
}

// log: every command ends in exactly one terminal event, a store is created once and stays deleted.
func (c *checker) log() {
	for _, seq := range c.e.Unreadable {
		c.offend(Lost, "", "message %d of the log can't be read", seq)
	}
	var before uint64
	commands := 0
	for _, entry := range c.e.Log {
		if entry.Message.Seq != before+1 {
			c.offend(Lost, "", "the log has no messages between %d and %d", before, entry.Message.Seq)
		}
		before = entry.Message.Seq
	}
	for id, history := range c.history {
		commands += c.commands(id, history)
		gone := false
		for _, entry := range history {
			if gone && entry.State.Status != store.Deleted {
				c.offend(Resurrected, id, "message %d (%s) follows its deletion", entry.Message.Seq, entry.Message.Type)
			}
			gone = gone || entry.State.Status == store.Deleted
		}
	}
	c.counted("messages in the log", len(c.e.Log))
	c.counted("stores", len(c.history))
	c.counted("commands, each with one terminal event", commands)
}

func (c *checker) commands(id store.ID, history []storelog.Entry) int {
	ends := map[uint64]int{}
	var commands []uint64
	for i, entry := range history {
		m := entry.Message
		switch {
		case m.Type == store.CreateCommand && i > 0:
			c.offend(Doubled, id, "it is created again at %d", m.Seq)
		case m.Type != store.CreateCommand && i == 0:
			c.offend(Lost, id, "its history begins with %s at %d", m.Type, m.Seq)
		}
		switch {
		case m.Type.IsCommand():
			commands = append(commands, m.Seq)
		case m.Type.IsTerminal():
			ends[m.Generation]++
			if !slices.Contains(commands, m.Generation) {
				c.offend(Doubled, id, "%s at %d ends command %d, which isn't there", m.Type, m.Seq, m.Generation)
			}
		}
	}
	for _, generation := range commands {
		switch n := ends[generation]; {
		case n == 0:
			c.offend(Lost, id, "command %d has no terminal event", generation)
		case n > 1:
			c.offend(Doubled, id, "command %d has %d terminal events", generation, n)
		}
	}
	return len(commands)
}

// folds: the state that each message carries is the fold of what was said up to it.
func (c *checker) folds() {
	for id, history := range c.history {
		var fold store.State
		for _, entry := range history {
			fold = store.Evolve(fold, entry.Message)
			if !same(fold, entry.State) {
				c.offend(Lost, id, "message %d carries a state that isn't the fold of the history: %s, the fold is %s",
					entry.Message.Seq, text(entry.State), text(fold))
				break
			}
		}
	}
}

// same compares what the log, JSON and Postgres may write differently: times in other zones, no list and an empty one.
func same(a, b store.State) bool { return a.Version == b.Version && text(a) == text(b) }

func text(s store.State) string {
	s.CreatedAt, s.UpdatedAt = s.CreatedAt.UTC(), s.UpdatedAt.UTC()
	data, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// claims: those of live stores at their tenants, and no others.
func (c *checker) claims(strict bool) {
	for id, tenants := range c.e.Claims {
		for _, tenant := range tenants {
			c.claim(id, tenant, strict)
		}
	}
	live := 0
	for id, state := range c.last {
		if state.Status == store.Deleted {
			continue
		}
		live++
		if !slices.Contains(c.e.Claims[id], state.Tenant) {
			c.offend(Lost, id, "its claim isn't there")
		}
	}
	c.counted("live stores, each with its claim", live)
	c.counted("claims of stores that never were or were transferred, pending release by a sweep", c.PendingClaims)
}

func (c *checker) claim(id store.ID, tenant string, strict bool) {
	state, known := c.last[id]
	switch {
	case !known && strict:
		c.offend(Orphan, id, "tenant %s holds a claim of a store that never was", tenant)
	case !known, !strict && state.Tenant != tenant && c.transferred(id, tenant):
		c.PendingClaims++
	case state.Tenant != tenant:
		c.offend(Orphan, id, "tenant %s holds the claim of another tenant's store", tenant)
	case state.Status == store.Deleted:
		c.offend(Orphan, id, "tenant %s still holds the claim of a deleted store", tenant)
	}
}

// transferred says whether the store was a tenant's once and isn't any more.
func (c *checker) transferred(id store.ID, tenant string) bool {
	return slices.ContainsFunc(c.history[id], func(e storelog.Entry) bool {
		return e.Message.Type == store.Transferred && e.Message.Facts.From == tenant
	})
}
