package store

import (
	"errors"
	"fmt"
	"slices"
)

// Why a command may not be appended.
var (
	// ErrNotFound: nobody ever asked for this store.
	ErrNotFound = errors.New("there is no such store")
	// ErrExists: the id is taken, and ids are never reused.
	ErrExists = errors.New("the store exists already")
	// ErrDeleted: the store is gone, and stays so.
	ErrDeleted = errors.New("the store has been deleted")
	// ErrAlready isn't the caller's mistake: what it wants is under way, or so already, and nothing need be appended.
	ErrAlready = errors.New("that is so already, or under way")
	// ErrNothingToRetry: only what failed can be tried again, or what is Degraded.
	ErrNothingToRetry = errors.New("nothing of the store has failed: there is nothing to retry")
	// ErrNothingToMend: only what was made can be mended, and only what is Degraded can recover.
	ErrNothingToMend = errors.New("the store isn't there to be mended")
	// ErrNothingToCancel: no operation is in flight.
	ErrNothingToCancel = errors.New("nothing is being done about the store that could be called off")
	// ErrTooLate: the operation is past its point of no return.
	ErrTooLate = errors.New("the operation can't be called off any more")
	// ErrNoDeadLetter: nothing of that number waits for an operator (any more).
	ErrNoDeadLetter = errors.New("there is no such dead letter")
	// ErrNothingToSweep: the store is as it should be.
	ErrNothingToSweep = errors.New("there is nothing to sweep")
)

// InFlightError refuses a second operation beside the one that runs.
type InFlightError struct {
	Verb       Verb
	Generation uint64
}

func (e *InFlightError) Error() string {
	return fmt.Sprintf("the store's %s (generation %d) is still running", e.Verb, e.Generation)
}

// StandingError refuses what a store in this condition can't be asked for.
type StandingError struct {
	Verb   Verb
	Status Status
}

func (e *StandingError) Error() string {
	return fmt.Sprintf("a store that is %s can't be asked for %s", e.Status, e.Verb)
}

// Intent is the verb that a tenant's wish amounts to: to retry a store that is being deleted is to delete it, and to
// retry one that is Degraded is to mend it, unless something of it failed that waits for somebody. What was called off
// doesn't: who presses "try again" over a shop that is shut doesn't want what somebody took back.
func Intent(s State, v Verb) Verb {
	switch {
	case v == Retry && s.Verb == Delete:
		return Delete
	case v == Retry && s.Standing == DegradedStanding && len(s.DeadLetters()) == 0:
		return Mend
	}
	return v
}

// Admit says whether a command may follow the state; nil means that it may. One operation runs per store: delete
// interrupts any, and what the platform asked for by itself makes way.
func Admit(s State, v Verb) error {
	switch {
	case v == Create && s.Exists():
		return ErrExists
	case v == Create:
		return nil
	case !s.Exists():
		return ErrNotFound
	case s.Status == Deleted:
		return ErrDeleted
	case s.has(v):
		return ErrAlready
	case s.InFlight() && !v.overtakes(s.Doing()):
		return &InFlightError{Verb: s.Verb, Generation: s.Generation}
	}
	return admitStanding(s, v)
}

// has says whether the store is, or is about to be, what a repeated wish asks for.
func (s State) has(v Verb) bool {
	switch row := Verbs[s.Doing()]; {
	case s.InFlight() && !row.Yields:
		return s.Doing() == v && (v == Delete || v == Suspend || v == Resume)
	case v == Mend:
		// What the platform asks for by itself brings back as much.
		return s.InFlight()
	}
	return v == Suspend && s.Standing == SuspendedStanding || v == Resume && s.Stands()
}

func admitStanding(s State, v Verb) error {
	switch {
	case v == Retry:
		return admitRetry(s, 0)
	case Verbs[v].admittedFrom(s.Standing):
		return nil
	case v == Mend:
		return ErrNothingToMend
	}
	return &StandingError{Verb: v, Status: s.Status}
}

// admitRetry goes by what is to be tried again, the failure of this generation or the one that comes first for zero. A store
// that is Broken may be asked for nothing else.
func admitRetry(s State, generation uint64) error {
	f, found := s.failure(generation)
	switch row := Verbs[f.Verb]; {
	case !found:
		return ErrNothingToRetry
	case f.Verb == Create && s.Standing == Nothing, s.Standing == Broken && row.NoReturn != "", row.admittedFrom(s.Standing):
		return nil
	}
	return &StandingError{Verb: f.Verb, Status: s.Status}
}

// AdmitCancel says whether the operation in flight may be called off.
func AdmitCancel(s State) error {
	switch {
	case !s.Exists():
		return ErrNotFound
	case s.Status == Deleted:
		return ErrDeleted
	case !s.InFlight():
		return ErrNothingToCancel
	case s.Doing() == Delete, s.Standing == Broken:
		return ErrTooLate
	}
	return nil
}

// AdmitChange says whether an event may change what clients can set of a store, Renamed or LifetimeChanged, or whose it is
// (Transferred): whatever is being done about it, unless that is its removal. No step of any other verb asks whose the store is but
// for its namespace's label, which a refresh puts right; a removal ends with giving back its owner's claim, and a store that
// changed hands meanwhile would leave its new owner one that nobody gives back.
func AdmitChange(s State) error {
	switch {
	case !s.Exists():
		return ErrNotFound
	case s.Status == Deleted:
		return ErrDeleted
	case s.Verb == Delete:
		return &InFlightError{Verb: s.Verb, Generation: s.Generation}
	}
	return nil
}

// AdmitHealth says whether an event about a store's health, BecameDegraded or Recovered, may follow the state. One
// operation in flight is enough to say no: how the store is then is the operation's to tell.
func AdmitHealth(s State, t Type) error {
	if s.InFlight() || !s.Kept() || t == Recovered && !s.Ails() {
		return ErrNothingToMend
	}
	return nil
}

// AdmitRedrive says which verb sends the dead letter with this generation again.
func AdmitRedrive(s State, generation uint64) (Verb, error) {
	if err := AdmitDiscard(s, generation); err != nil {
		return "", err
	}
	switch {
	case s.Verb == Delete:
		return Delete, nil
	case s.InFlight() && !Retry.overtakes(s.Doing()):
		return "", &InFlightError{Verb: s.Verb, Generation: s.Generation}
	}
	return Retry, admitRetry(s, generation)
}

// AdmitDiscard says whether the dead letter with this generation can be put away.
func AdmitDiscard(s State, generation uint64) error {
	if generation == 0 || !slices.Contains(s.DeadLetters(), generation) {
		return ErrNoDeadLetter
	}
	return nil
}

// AdmitSweep says whether a sweep may ask for the deletion of a store of which it found something in the cluster. Only
// where the log itself says that it was deleted: a store that the log doesn't know may be somebody's whose log was lost.
func AdmitSweep(s State) error {
	if s.Status != Deleted || s.InFlight() {
		return ErrNothingToSweep
	}
	return nil
}
