package storelog

import (
	"context"
	"crypto/rand"

	"github.com/store-platform/store-platform/pkg/store"
)

// AppendWithoutTrail appends as releases before trails do.
func (l *Log) AppendWithoutTrail(ctx context.Context, before store.State, m store.Message) (store.State, error) {
	m.ID, m.Time, m.Schema = rand.Text(), m.Time.UTC(), store.Schema
	after := store.Evolve(before, m)
	msg, err := encode(m, after)
	if err != nil {
		return store.State{}, err
	}
	a := appending{log: l, message: m, msg: msg, after: after, seen: before.Version}
	return a.run(ctx)
}

// Forgetful is another connection's log, which remembers nothing of this one's.
func (l *Log) Forgetful() *Log {
	other := *l
	other.seen = &seen{lasts: map[store.ID]Raw{}}
	return &other
}

// Trail is what a message's header says of those before.
type Trail struct{ trail }

// Behind goes by what the header says.
func (t Trail) Behind(seq uint64) Trail { return Trail{parseTrail(t.behind(seq).String())} }

// Toward is toward.
func (t Trail) Toward(upto uint64) uint64 { return t.toward(upto) }

// ParseTrail reads a header.
func ParseTrail(text string) Trail { return Trail{parseTrail(text)} }
