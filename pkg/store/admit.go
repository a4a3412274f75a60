package store

import (
	"errors"
	"fmt"
)

// Why a command may not be appended.
var (
	// ErrNotFound: nobody ever asked for this store.
	ErrNotFound = errors.New("there is no such store")
	// ErrExists: the id is taken, and ids are never reused.
	ErrExists = errors.New("the store exists already")
	// ErrDeleted: the store is gone, and stays so.
	ErrDeleted = errors.New("the store has been deleted")
	// ErrAlreadyDeleting isn't the caller's mistake: what it wants is under way and nothing need be appended.
	ErrAlreadyDeleting = errors.New("the store is being deleted already")
	// ErrNothingToRetry: only what failed can be tried again.
	ErrNothingToRetry = errors.New("the store has not failed: there is nothing to retry")
	// ErrNothingToMend: only what was made can be mended, and only what is Degraded can recover.
	ErrNothingToMend = errors.New("the store isn't there to be mended")
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

// Intent is the verb that a tenant's wish amounts to: to retry a store that is being deleted is to delete it, and to
// retry one that is Degraded is to mend it.
func Intent(s State, v Verb) Verb {
	switch {
	case v == Retry && s.Verb == Delete:
		return Delete
	case v == Retry && s.Status == Degraded:
		return Mend
	}
	return v
}

// Admit says whether a command may follow the state; nil means that it may. One operation runs per store, and only
// delete interrupts it.
func Admit(s State, v Verb) error {
	if v == Create {
		if s.Exists() {
			return ErrExists
		}
		return nil
	}
	switch {
	case !s.Exists():
		return ErrNotFound
	case s.Status == Deleted:
		return ErrDeleted
	case v == Delete && s.Verb == Delete && s.InFlight():
		return ErrAlreadyDeleting
	case v == Delete:
		return nil
	case s.InFlight():
		return &InFlightError{Verb: s.Verb, Generation: s.Generation}
	case v == Retry && s.Status != Failed:
		return ErrNothingToRetry
	case v == Mend && !s.Stands():
		return ErrNothingToMend
	}
	return nil
}

// AdmitHealth says whether an event about a store's health, BecameDegraded or Recovered, may follow the state. One
// operation in flight is enough to say no: how the store is then is the operation's to tell.
func AdmitHealth(s State, t Type) error {
	if s.InFlight() || !s.Stands() || t == Recovered && s.Status != Degraded {
		return ErrNothingToMend
	}
	return nil
}

// AdmitRedrive says which verb sends the dead letter with this generation again.
func AdmitRedrive(s State, generation uint64) (Verb, error) {
	if generation == 0 || s.DeadLetter() != generation {
		return "", ErrNoDeadLetter
	}
	return Intent(s, Retry), nil
}

// AdmitSweep says whether a sweep may ask for the deletion of a store of which it found something in the cluster. Only
// where the log itself says that it was deleted: a store that the log doesn't know may be somebody's whose log was lost.
func AdmitSweep(s State) error {
	if s.Status != Deleted || s.InFlight() {
		return ErrNothingToSweep
	}
	return nil
}
