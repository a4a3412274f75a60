package invariants

import (
	"slices"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// feeds: what each client was told is the log of its tenant from where it began, each message once and in order.
func (c *checker) feeds() {
	tenants := map[string][]storelog.Entry{}
	for _, entry := range c.e.Log {
		tenants[entry.Message.Tenant] = append(tenants[entry.Message.Tenant], entry)
	}
	clients := map[string][]record.Feed{}
	for _, line := range c.e.Feeds {
		clients[line.Client] = append(clients[line.Client], line)
	}
	told, cuts := 0, 0
	for name, lines := range clients {
		f := follower{checker: c, name: name, log: tenants[lines[0].Tenant]}
		for _, line := range lines {
			switch line.Kind {
			case record.Event:
				told++
			case record.Cut:
				cuts++
			}
			if !f.follow(line) {
				break
			}
		}
	}
	c.counted("feed clients, each with its tenant's log", len(clients))
	c.counted("messages told to them", told)
	c.counted("times they were cut off", cuts)
}

// follower walks along the log with one client.
type follower struct {
	*checker
	name string
	// log is the tenant's, next the index of what is to be told.
	log   []storelog.Entry
	next  int
	began bool
	hello uint64
}

// follow says whether to go on: behind a first hole everything else would be one too.
func (f *follower) follow(line record.Feed) bool {
	cursor, err := feed.ParseCursor(line.Cursor)
	if err != nil && (line.Kind == record.Hello || line.Kind == record.Event || line.Kind == record.Left) {
		f.offend(Hole, line.Store, "%s was told a cursor that is none: %q", f.name, line.Cursor)
		return false
	}
	switch line.Kind {
	case record.Hello:
		f.hello = cursor.Seq
		if line.Since == "" {
			f.begin(cursor.Seq)
		}
	case record.Reset:
		// The log never lost anything and is the same one: only to be too far behind is a reason.
		if line.Error != "behind" {
			f.offend(Hole, "", "%s was told to begin anew: %s", f.name, line.Error)
			return false
		}
		f.begin(f.hello)
	case record.Event:
		return f.told(line, cursor)
	case record.Left:
		if f.next < len(f.log) && f.log[f.next].Message.Seq <= cursor.Seq {
			missing := f.log[f.next].Message
			f.offend(Hole, missing.Store, "%s left at %d and was never told of %d (%s)", f.name, cursor.Seq, missing.Seq, missing.Type)
			return false
		}
	}
	return true
}

func (f *follower) begin(behind uint64) {
	f.began = true
	f.next, _ = slices.BinarySearchFunc(f.log, behind+1, func(e storelog.Entry, seq uint64) int {
		return int(int64(e.Message.Seq) - int64(seq))
	})
}

func (f *follower) told(line record.Feed, cursor feed.Cursor) bool {
	if !f.began || f.next >= len(f.log) {
		f.offend(Hole, line.Store, "%s was told %d (%s), behind which its tenant's log ends", f.name, line.Seq, line.Type)
		return false
	}
	want := f.log[f.next].Message
	generation := want.Generation
	if want.Type.IsCommand() {
		generation = want.Seq
	}
	if line.Seq != want.Seq || cursor.Seq != want.Seq || line.Type != want.Type || line.Store != want.Store || line.Generation != generation {
		f.offend(Hole, want.Store, "%s was told %d (%s of %s) where %d (%s) comes", f.name, line.Seq, line.Type, line.Store, want.Seq, want.Type)
		return false
	}
	f.next++
	return true
}
