// Package reason is the one table of why a store is as it is: what each reason means, who does something about it, and what. The
// page docs/reasons.md and the gateway's /docs/reasons are made of it, and the answer that explains a store takes its advice from here.
//
// A reason's sentence and the cluster's words stand beside it where it is given; here stands what holds of all stores. An engine's
// pack has reasons of its own, whose sentence says it all: they aren't in the table.
package reason

import (
	"cmp"
	"slices"
	"strings"
)

// Whom is who is to do something about a reason.
type Whom string

// Nobody has to do anything about what passes by itself, or goes on without anybody.
const (
	Nobody   Whom = ""
	Merchant Whom = "merchant"
	Operator Whom = "operator"
)

// Page is where the gateway shows the table.
const Page = "/docs/reasons"

// Entry explains one reason. Its texts are in the little Markdown that descriptions use: `code` and **strong**.
type Entry struct {
	// Name is CamelCase, as it stands in the log and in answers.
	Name string
	// For is who does what Next says.
	For Whom
	// Means says what is so, Next what to do about it.
	Means, Next string
}

// Of finds a reason's entry. There is none of a pack's own reason, nor of one that another release gives.
func Of(name string) (Entry, bool) {
	i, found := slices.BinarySearchFunc(All, name, func(e Entry, name string) int { return cmp.Compare(e.Name, name) })
	if !found {
		return Entry{}, false
	}
	return All[i], true
}

// Anchor is the id of the entry's section on both pages.
func (e Entry) Anchor() string { return strings.ToLower(e.Name) }

// Runbook is the path of the entry's section at the gateway.
func (e Entry) Runbook() string { return Page + "#" + e.Anchor() }

// Begins are the words before Next that say whose it is.
func (w Whom) Begins() string {
	if w == Nobody {
		return "By itself."
	}
	return "For the " + string(w) + "."
}
