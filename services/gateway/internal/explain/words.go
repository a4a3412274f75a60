package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// wanted is what an operation is called by its verb.
var wanted = map[store.Verb]string{
	store.Create: "Making the store", store.Update: "The change of plan and options", store.Suspend: "Suspending the store",
	store.Resume: "Resuming the store", store.Mend: "Mending the store", store.Refresh: "Bringing the store up to date", store.Delete: "The deletion",
}

func operation(verb store.Verb) string {
	if words, known := wanted[verb]; known {
		return words
	}
	return "The operation " + string(verb)
}

// sentence says why a store is where it is.
func sentence(s store.State, why query.Cause) string {
	switch {
	case s.InFlight():
		return strings.TrimSpace(standing(s) + underWay(s, why.Message))
	case s.Status == store.Deleted:
		return "The store was deleted: its history is what is left of it."
	case s.Outcome == store.Cancelled:
		return strings.TrimSpace(standing(s) + operation(s.Doing()) + " was called off.")
	case s.Outcome == store.Unsuccessful && s.Trouble != nil || s.Status == store.Failed:
		return strings.TrimSpace(fmt.Sprintf("%s%s failed%s, and nobody tries it again by itself. %s", standing(s), operation(s.Doing()), counted(s), why.Message))
	case why.Message != "":
		return strings.TrimSpace(standing(s) + why.Message)
	}
	return strings.TrimSpace(standing(s))
}

// standing is how the shop is meanwhile, of a store that has one.
func standing(s store.State) string {
	switch s.Status {
	case store.Ready:
		return "The store stands. "
	case store.Degraded:
		return "The store stands and doesn't work as it should. "
	case store.Suspended:
		return "The store is suspended: nothing of it runs, and its data is kept. "
	}
	return ""
}

// underWay says how far an operation is that hasn't ended.
func underWay(s store.State, message string) string {
	what := operation(s.Doing())
	switch {
	case s.Stuck():
		return fmt.Sprintf("%s has been tried %d times, and is tried on every few minutes. %s", what, s.Attempt, message)
	case s.NotBefore != nil:
		return fmt.Sprintf("%s is between two attempts: attempt %d of %d has ended, and the next is due at %s. %s",
			what, s.Attempt, store.MaxAttempts, clockOf(*s.NotBefore), message)
	case s.Working:
		return fmt.Sprintf("%s is under way: attempt %d of %d%s. %s", what, s.Attempt, store.MaxAttempts, at(s), message)
	case message != "":
		return fmt.Sprintf("%s waits. %s", what, message)
	}
	return what + " waits for a worker to take it up: others may be before it."
}

// at is the step that an attempt is at, and what it does there.
func at(s store.State) string {
	for _, step := range store.Verbs[s.Doing()].Steps {
		done := false
		for _, name := range s.Steps {
			done = done || name == step
		}
		switch {
		case done:
		case s.Progress != "":
			return fmt.Sprintf(", at the step %s (%s)", step, store.Bounded(s.Progress))
		default:
			return ", at the step " + step
		}
	}
	return ""
}

// counted says how often was tried what has failed, and where it failed last.
func counted(s store.State) string {
	words := ""
	if s.Attempt > 1 {
		words = fmt.Sprintf(" after %d attempts", s.Attempt)
	}
	for _, f := range s.Failures {
		if f.Generation == s.Generation && f.Step != "" {
			return words + " at the step " + f.Step
		}
	}
	return words
}

// unexplained is what to do about a store of which nothing is said.
func unexplained(s store.State) string {
	switch {
	case s.InFlight() && !s.Begun:
		return "Nothing: it begins by itself. If it stays so, see that workers run."
	case s.InFlight():
		return "Nothing: it goes on by itself."
	}
	return "Nothing."
}

// withRetry adds what follows upon advice about a failure: what was mended is tried again by whoever asks for it.
func withRetry(next string) string {
	if strings.Contains(next, "`retry`") {
		return next
	}
	return next + " Then `retry`."
}

func clockOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
