package invariants

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Kind is what sort of promise was broken.
type Kind string

// The kinds, in the order of the last line.
const (
	// Lost: something that was accepted, told or made isn't there, or isn't what it was.
	Lost Kind = "lost"
	// Doubled: something is there, or happened, more than once.
	Doubled Kind = "doubled"
	// Resurrected: something that was deleted came back.
	Resurrected Kind = "resurrected"
	// Orphan: something is there that belongs to no live store.
	Orphan Kind = "orphans"
	// Hole: a feed client missed something, or was told it twice, wrongly or out of order.
	Hole Kind = "holes"
)

var kinds = []Kind{Lost, Doubled, Resurrected, Orphan, Hole}

// Offence is one broken promise.
type Offence struct {
	Kind Kind
	// Store is whose it is; empty when it is nobody's.
	Store store.ID
	What  string
}

// Report is what a check found.
type Report struct {
	Offences []Offence
	// PendingClaims are claims of stores that never were, or were transferred, which a sweep releases when they are ten minutes old.
	PendingClaims int

	checked []count
	history map[store.ID][]storelog.Entry
}

type count struct {
	what string
	n    int
}

func (r *Report) offend(kind Kind, id store.ID, format string, args ...any) {
	r.Offences = append(r.Offences, Offence{Kind: kind, Store: id, What: fmt.Sprintf(format, args...)})
}

func (r *Report) counted(what string, n int) { r.checked = append(r.checked, count{what, n}) }

// shownHistories bounds how many offenders' histories are printed; the offences all are.
const shownHistories = 20

// Print writes what was checked, every offence, the offenders' histories, and the verdict as its last line.
func (r *Report) Print(out io.Writer) {
	for _, c := range r.checked {
		fmt.Fprintf(out, "%8d  %s\n", c.n, c.what)
	}
	for _, o := range r.Offences {
		fmt.Fprintf(out, "%s: store %s: %s\n", o.Kind, o.Store, o.What)
	}
	var shown []store.ID
	for _, o := range r.Offences {
		if o.Store == "" || slices.Contains(shown, o.Store) || len(shown) == shownHistories {
			continue
		}
		shown = append(shown, o.Store)
		fmt.Fprintf(out, "history of store %s\n", o.Store)
		for _, entry := range r.history[o.Store] {
			fmt.Fprintln(out, " ", describe(entry))
		}
	}
	fmt.Fprintln(out, r.Verdict())
}

// Verdict is the last line.
func (r *Report) Verdict() string {
	parts := make([]string, len(kinds))
	for i, kind := range kinds {
		n := 0
		for _, o := range r.Offences {
			if o.Kind == kind {
				n++
			}
		}
		parts[i] = fmt.Sprintf("%d %s", n, kind)
	}
	return strings.Join(parts, ", ")
}

func describe(e storelog.Entry) string {
	m, f := e.Message, e.Message.Facts
	text := fmt.Sprintf("%6d %s %-16s by %s", m.Seq, m.Time.Format("15:04:05.000"), m.Type, m.Actor)
	if m.Generation != 0 {
		text += fmt.Sprintf(" of %d", m.Generation)
	}
	for _, word := range []string{f.Step, f.Reason, f.Detail} {
		if word != "" {
			text += " " + word
		}
	}
	return fmt.Sprintf("%s → %s attempt %d open %v", text, e.State.Status, e.State.Attempt, e.State.Open)
}
