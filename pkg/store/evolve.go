package store

import "slices"

// Evolve folds one message into the state before it. It takes whatever the log holds: deciding what may get there is
// Admit's work and the fence's.
func Evolve(s State, m Message) State {
	if m.Type.IsCommand() {
		s = command(s, m)
	} else {
		s = event(s, m)
	}
	// Whoever writes the next message writes it in this version's schema, whatever the one before was in.
	s.Schema = Schema
	s.Version = m.Seq
	s.UpdatedAt = m.Time
	return s
}

func command(s State, m Message) State {
	if m.Type == CreateCommand {
		s = State{ID: m.Store, Tenant: m.Tenant, Request: m.Facts.Request, CreatedAt: m.Time, ExpiresAt: m.Facts.ExpiresAt}
	}
	if m.Facts.Spec != nil {
		s.Spec = *m.Facts.Spec
	}
	s.Verb = Verb(m.Type)
	s.Attempt, s.Steps, s.NotBefore, s.Progress = 0, nil, nil, ""
	s.Working, s.Crashes, s.Discarded = false, 0, ""
	switch s.Verb {
	case Mend:
		// Its shop may well be open: nobody is to read that it waits in line, or to lose its address.
		s.Status = Degraded
	case Delete:
		s.Status, s.URL = Deleting, ""
	default:
		s.Status, s.URL = Queued, ""
	}
	if s.Verb != Mend || m.Facts.Reason != "" {
		s.Reason, s.Message, s.Detail = m.Facts.Reason, m.Facts.Message, m.Facts.Detail
	}
	// Zero until the message has a sequence: see State.Generation.
	s.Generation = m.Seq
	if m.Seq != 0 {
		s.Open = append(slices.Clone(s.Open), m.Seq)
	}
	return s
}

func event(s State, m Message) State {
	if m.Type.IsTerminal() {
		s.Open = without(s.Open, m.Generation)
	}
	// What is told of an older command, or by a reader of secrets, doesn't change how the store is.
	if m.Generation != s.Generation || m.Type == Superseded || m.Type == CredentialsViewed {
		return s
	}
	s = attempt(s, m)
	switch m.Type {
	case Discarded:
		// A message that the projection has set aside is no dead letter of the store's, even if it is its newest command.
		if m.Facts.DeadLetter != 0 && m.Facts.DeadLetter == s.DeadLetter() {
			s.Discarded = m.Facts.Message
		}
	case Waited:
		s.Reason, s.Message, s.Detail = m.Facts.Reason, m.Facts.Message, m.Facts.Detail
	case AttemptStarted:
		s.NotBefore = nil
		// A store that is being mended goes on saying what is wrong with it.
		if s.Verb != Mend {
			s.Reason, s.Message, s.Detail = "", "", ""
		}
		if s.Verb != Delete && s.Verb != Mend {
			s.Status = Provisioning
		}
	case StepCompleted:
		if !slices.Contains(s.Steps, m.Facts.Step) {
			s.Steps = append(slices.Clone(s.Steps), m.Facts.Step)
		}
		s.Progress = ""
	case Progressed:
		s.Progress = m.Facts.Message
	case RetryScheduled:
		s.NotBefore = m.Facts.NotBefore
		s.Reason, s.Message, s.Detail = m.Facts.Reason, m.Facts.Message, m.Facts.Detail
	case BecameDegraded, Recovered:
		s = health(s, m)
	case BecameReady:
		s.Status, s.URL = Ready, m.Facts.URL
		s.Reason, s.Message, s.Detail = "", "", ""
	case BecameFailed:
		s.NotBefore = nil
		// What stood before a mend stands after it: its shop may be open, and its keeper looks on.
		if s.Verb != Mend {
			s.Status, s.URL = Failed, ""
		}
		s.Reason, s.Message, s.Detail = m.Facts.Reason, m.Facts.Message, m.Facts.Detail
	case BecameDeleted:
		s.Status, s.NotBefore = Deleted, nil
		s.Reason, s.Message, s.Detail = "", "", ""
	}
	return s
}

// health moves a store between Ready and Degraded, and no other: what the keeper saw of a store says nothing about one
// that is worked on meanwhile.
func health(s State, m Message) State {
	switch {
	case AdmitHealth(s, m.Type) != nil:
	case m.Type == BecameDegraded:
		s.Status = Degraded
		s.Reason, s.Message, s.Detail = m.Facts.Reason, m.Facts.Message, m.Facts.Detail
	default:
		s.Status = Ready
		s.Reason, s.Message, s.Detail = "", "", ""
	}
	return s
}

// attempt keeps count of the attempts: how many there were, whether one is under way, and how many ended with their
// worker.
func attempt(s State, m Message) State {
	switch m.Type {
	case AttemptStarted:
		if s.Working {
			s.Crashes++
		}
		s.Attempt++
		s.Working = true
	case AttemptYielded:
		s.Attempt = max(0, s.Attempt-1)
		s.Working = false
	case RetryScheduled, BecameReady, BecameFailed, BecameDeleted:
		s.Working = false
	default:
		return s
	}
	// Whatever a worker was at, it isn't any more.
	s.Progress = ""
	return s
}

func without(generations []uint64, g uint64) []uint64 {
	left := slices.DeleteFunc(slices.Clone(generations), func(o uint64) bool { return o == g })
	if len(left) == 0 {
		return nil
	}
	return left
}
