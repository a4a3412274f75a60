package store

import (
	"slices"
	"time"
)

// Outcome is how an operation ended.
type Outcome string

// The outcomes; empty while it is in flight, and of what a release before schema 4 left where it didn't say.
const (
	Succeeded    Outcome = "succeeded"
	Unsuccessful Outcome = "failed"
	Cancelled    Outcome = "cancelled"
)

// Operation is the newest command and what became of it so far.
type Operation struct {
	// Verb and Generation name the command. Generation is its stream sequence: the writer of a command can't know it, so in
	// a command's own body it is zero and readers take it from the message (see At).
	Verb       Verb   `json:"verb"`
	Generation uint64 `json:"generation"`
	// Of is the verb that a retry tries again; empty for all others.
	Of Verb `json:"of,omitempty"`
	// Root is the generation of the first try, which a retry keeps.
	Root uint64 `json:"root,omitempty"`
	// Actor is who asked.
	Actor string `json:"actor,omitempty"`
	// Outcome is how it ended.
	Outcome Outcome `json:"outcome,omitempty"`
	// Begun says that a worker has taken it up, whatever became of that attempt.
	Begun bool `json:"begun,omitempty"`
	// As is the name that the shop is made under when its store was renamed meanwhile.
	As string `json:"as,omitempty"`

	// Attempt counts the attempts started, less those that were yielded on shutdown.
	Attempt int `json:"attempt"`
	// Working is set while an attempt is under way, as far as the log knows: it was started and nobody has told its end.
	Working bool `json:"working,omitempty"`
	// Crashes counts the attempts that ended with their worker: another was started while nobody had told the end of the
	// one before.
	Crashes int `json:"crashes,omitempty"`
	// Steps lists the steps completed, in order.
	Steps []string `json:"steps,omitempty"`
	// Progress is what the step at hand is doing, in the engine's words for people; empty when there is nothing to tell.
	Progress string `json:"progress,omitempty"`
	// NotBefore is when the next attempt is due; nil when none is scheduled.
	NotBefore *time.Time `json:"notBefore,omitempty"`
	// Trouble is what keeps the operation from its end, where the store itself is none the worse for it.
	Trouble *Cause `json:"trouble,omitempty"`
	// Discarded is why an operator has put away that a delete is stuck; empty otherwise.
	Discarded string `json:"discarded,omitempty"`
}

// Doing is the verb whose steps are done.
func (o Operation) Doing() Verb {
	if o.Of != "" {
		return o.Of
	}
	return o.Verb
}

// Pause is how long the next attempt is still to be waited for. NotBefore is by the clock of the worker that scheduled it:
// one farther off than any pause is of a clock that was ahead, and is waited for no more.
func (o Operation) Pause(now time.Time) time.Duration {
	if o.NotBefore == nil {
		return 0
	}
	left := o.NotBefore.Sub(now)
	if left > LongestPause {
		return 0
	}
	return max(0, left)
}

// Failure is an operation that failed for good. It waits for somebody to deal with it, whatever is asked of the store
// meanwhile: a retry, another success of its verb, or the store's deletion end it.
type Failure struct {
	Verb       Verb   `json:"verb"`
	Generation uint64 `json:"generation"`
	Root       uint64 `json:"root"`
	// Spec is what was wanted, where that is no longer wanted since.
	Spec *Spec `json:"spec,omitempty"`
	// Step is where it failed; Steps are those that a retry need not ask again.
	Step    string    `json:"step,omitempty"`
	Steps   []string  `json:"steps,omitempty"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Cause
	// Discarded is why nobody need look at it any more. It can be tried again all the same.
	Discarded string `json:"discarded,omitempty"`
}

// failure finds the one with this generation. For zero it is the newest that nobody has dealt with, and only where there is
// none the newest at all.
func (s State) failure(generation uint64) (found Failure, ok bool) {
	for _, f := range slices.Backward(s.Failures) {
		switch {
		case generation != 0 && f.Generation != generation:
		case generation != 0, f.Discarded == "":
			return f, true
		case !ok:
			found, ok = f, true
		}
	}
	return found, ok
}

// withoutFailures drops those that are dealt with.
func (s State) withoutFailures(dealt func(Failure) bool) []Failure {
	left := slices.DeleteFunc(slices.Clone(s.Failures), dealt)
	if len(left) == 0 {
		return nil
	}
	return left
}

// DeadLetters are the generations of the commands that wait for an operator, oldest first: each has failed for good, or is
// a delete that is stuck, and nobody has put it away.
func (s State) DeadLetters() []uint64 {
	var letters []uint64
	for _, f := range s.Failures {
		if f.Discarded == "" {
			letters = append(letters, f.Generation)
		}
	}
	if s.Stuck() && s.Discarded == "" {
		letters = append(letters, s.Generation)
	}
	return letters
}

// Why is what keeps the operation from going on, or the store from working: whichever of the two there is to tell.
func (s State) Why() Cause {
	if s.Trouble != nil {
		return *s.Trouble
	}
	return s.Cause
}
