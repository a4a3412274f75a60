package store

import (
	"encoding/json"
	"fmt"
)

// Written is a state as it stands in a message or a row, in its writer's schema. Its JSON has no hooks, so that a decoder of
// what is around it goes through all of it once: what it hands to an UnmarshalJSON it has gone through before.
type Written State

// State is the one door by which a state comes in: what an older release wrote is upcast.
func (w Written) State() State {
	s := State(w)
	if s.Schema < Schema {
		s.upcast()
	}
	return s
}

// Written is the one door by which a state goes out, in its own schema. It may be the state itself, so change nothing in it.
// In an older schema nothing stands that its release wouldn't have written: it would be lost with that release's next
// message, and mean something else before and after.
func (s *State) Written() *Written {
	if s.Schema >= Schema {
		return (*Written)(s)
	}
	old := *s
	old.Discarded = s.discarded()
	old.Condition = Condition{URL: s.URL, Cause: s.Cause}
	old.Of, old.Root, old.Actor, old.Outcome, old.Begun, old.As, old.Trouble = "", 0, "", "", false, "", nil
	old.Failures, old.Changed = nil, 0
	return (*Written)(&old)
}

// UnmarshalJSON goes by Written.State, for whoever decodes a state without knowing of it.
func (s *State) UnmarshalJSON(data []byte) error {
	var read Written
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("read a store's state: %w", err)
	}
	*s = read.State()
	return nil
}

// MarshalJSON goes by Written.
func (s State) MarshalJSON() ([]byte, error) { return json.Marshal(s.Written()) }

// discarded is schema 3's: one word for a store's only dead letter.
func (s State) discarded() string {
	if s.Standing == Nothing && len(s.Failures) > 0 {
		return s.Failures[0].Discarded
	}
	return s.Discarded
}

// upcast makes of the fields that schema 3 has what schema 4 says beside them. Evolve ends with it, too, where it writes
// in an older schema, so that a state in memory is always the one that a reader gets.
func (s *State) upcast() {
	discarded := s.discarded()
	s.Of, s.Actor, s.Outcome, s.As, s.Trouble, s.Discarded = "", "", "", "", nil, discarded
	// A command's own body doesn't say them; At does.
	s.Root, s.Changed = s.Generation, s.Generation
	s.Failures = nil
	if s.Verb == Retry {
		s.Of = Create
	}
	s.Begun = s.Status == Provisioning
	s.Condition = Condition{Standing: Nothing, URL: s.URL, Cause: s.Cause}
	switch s.Status {
	case Ready:
		s.Standing = Up
	case Degraded:
		s.Standing = DegradedStanding
	case Deleted:
		s.Standing = Gone
	case Failed:
		s.Outcome = Unsuccessful
		s.Failures = []Failure{s.failedThen()}
		s.Discarded = ""
	case "":
		s.Standing = ""
	}
	// Ready, Degraded and any mend mean that it stood.
	if s.Stands() {
		s.Stood = true
		s.Running = &Running{Spec: s.Spec}
	}
}

// failedThen is what a Failed of schema 3 says: only a create could leave one.
func (s *State) failedThen() Failure {
	f := Failure{
		Verb: Create, Generation: s.Generation, Root: s.Generation, Attempt: s.Attempt, At: s.UpdatedAt, Cause: s.Cause, Discarded: s.Discarded,
	}
	if s.Verb == Delete {
		f.Verb = Delete
	}
	return f
}
