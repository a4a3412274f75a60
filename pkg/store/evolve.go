package store

import "slices"

// Evolve folds one message into the state before it. It takes whatever the log holds: deciding what may get there is
// Admit's work and the fence's.
func Evolve(s State, m Message) State {
	isCommand := m.IsCommand()
	if isCommand {
		s = command(s, m)
	} else {
		s = event(s, m)
	}
	s.Schema = m.Schema
	if s.Schema == 0 {
		s.Schema = Schema
	}
	s.UpdatedAt = m.Time
	s.Status = s.derived()
	if s.Schema < Schema {
		s.upcast()
	}
	s.Version = 0
	if m.Seq != 0 {
		s = s.At(m.Seq, isCommand)
	}
	return s
}

func command(s State, m Message) State {
	verb := Verb(m.Type)
	if verb == Create {
		s = State{
			ID: m.Store, Tenant: m.Tenant, Cluster: m.Facts.Cluster, Condition: Condition{Standing: Nothing}, Request: m.Facts.Request,
			CreatedAt: m.Time, ExpiresAt: m.Facts.ExpiresAt,
		}
	}
	next := Operation{Verb: verb, Actor: m.Actor}
	switch {
	case verb != Retry:
	case s.InFlight() && !Verbs[s.Doing()].Yields:
		// Nobody has worked on it, and a sweep sends it again.
		next.Of, next.Root, next.As, next.Steps = s.Doing(), s.Root, s.As, recorded(s.Doing(), s.Steps)
	default:
		s, next = again(s, next, m.Facts.DeadLetter)
	}
	s.Operation = next
	if m.Facts.Spec != nil && Verbs[verb].Changes {
		s.Spec, s.Changed = *m.Facts.Spec, 0
	}
	return s.asked(causeOf(m.Facts))
}

// again takes up the failure that a retry names, or the one that comes first.
func again(s State, next Operation, letter uint64) (State, Operation) {
	next.Of = Create
	f, found := s.failure(letter)
	if !found {
		return s, next
	}
	next.Of, next.Root, next.Steps = f.Verb, f.Root, recorded(f.Verb, f.Steps)
	if f.Spec != nil {
		name := s.Spec.Name
		s.Spec, s.Changed = *f.Spec, 0
		s.Spec.Name = name
	}
	s.Failures = s.withoutFailures(func(o Failure) bool { return o.Generation == f.Generation })
	return s, next
}

func recorded(verb Verb, steps []string) []string {
	if !Verbs[verb].Recorded {
		return nil
	}
	return slices.Clone(steps)
}

// asked is what the mere wish makes of a store.
func (s State) asked(why Cause) State {
	switch s.Verb {
	case Mend:
		// Its shop may well be open: nobody is to read that it waits in line, or to lose its address.
		if s.Standing != SuspendedStanding {
			s.Standing = DegradedStanding
		}
		if s.Stood = true; s.Running == nil {
			s.Running = &Running{Spec: s.Spec}
		}
		if why.Reason != "" {
			s.Cause = why
		}
	case Delete:
		s.Condition, s.Failures = Condition{Standing: Nothing, Cause: why}, nil
	default:
		s = s.explained(why)
	}
	return s
}

// explained says why it goes on as it does: of the store where there is none yet, else of the operation alone.
func (s State) explained(why Cause) State {
	switch {
	case s.Standing == Nothing, s.Verb == Mend:
		s.Cause = why
	case why == Cause{}:
		s.Trouble = nil
	default:
		s.Trouble = &why
	}
	return s
}

func event(s State, m Message) State {
	switch m.Type {
	case Renamed:
		if s.InFlight() && s.Doing() == Create && s.As == "" {
			s.As = s.Spec.Name
		}
		s.Spec.Name, s.Changed = m.Facts.Name, 0
	case LifetimeChanged:
		s.ExpiresAt, s.Changed = m.Facts.ExpiresAt, 0
	case Transferred:
		s = transferred(s, m)
	case Discarded:
		s = discarded(s, m)
	case BecameDegraded, Recovered:
		s = health(s, m)
	default:
		// What is told of an operation that has ended, or of an older one, doesn't change how the store is.
		if m.Generation == s.Generation && s.InFlight() && m.Type != Superseded {
			s = operation(s, m)
		}
	}
	if m.Type.IsTerminal() {
		s.Open = without(s.Open, m.Generation)
	}
	return s
}

// transferred leaves the store with whoever owns it now. What stands goes on saying whose it was made as, which nobody wrote down
// while no store could change hands.
func transferred(s State, m Message) State {
	if s.Running != nil && s.Running.Tenant == "" {
		made := *s.Running
		made.Tenant = s.Tenant
		s.Running = &made
	}
	s.Tenant, s.Changed = m.Tenant, 0
	return s
}

// operation is an event of the operation in flight.
func operation(s State, m Message) State {
	s = attempt(s, m)
	switch m.Type {
	case Waited:
		s = s.explained(causeOf(m.Facts))
	case AttemptStarted:
		s.NotBefore, s.Begun = nil, true
		// A store that is being mended goes on saying what is wrong with it.
		if s.Verb != Mend {
			s = s.explained(Cause{})
		}
	case StepCompleted:
		s = step(s, m.Facts.Step)
	case Progressed:
		s.Progress = m.Facts.Message
	case RetryScheduled:
		s.NotBefore = m.Facts.NotBefore
		s = s.explained(causeOf(m.Facts))
	case BecameReady, BecameSuspended:
		s = succeeded(s, m)
	case BecameFailed:
		s = failed(s, m)
	case BecameDeleted:
		s.NotBefore, s.Outcome = nil, Succeeded
		s.Condition = Condition{Standing: Gone}
	}
	return s
}

func step(s State, name string) State {
	if !slices.Contains(s.Steps, name) {
		s.Steps = append(slices.Clone(s.Steps), name)
	}
	s.Progress = ""
	if name != "" && name == Verbs[s.Doing()].NoReturn {
		s.Standing, s.URL = Broken, ""
	}
	return s
}

func succeeded(s State, m Message) State {
	s.Running = &Running{Spec: s.Target(), Settings: m.Facts.Settings, Tenant: m.Facts.Tenant}
	s.Standing, s.Stood, s.URL = Up, true, m.Facts.URL
	if m.Type == BecameSuspended {
		s.Standing = SuspendedStanding
	}
	s.Cause, s.Trouble, s.NotBefore, s.Outcome = Cause{}, nil, nil, Succeeded
	s.Failures = s.withoutFailures(func(f Failure) bool { return f.Verb == s.Doing() })
	return s
}

// failed leaves a store that stood as it stood: what was wanted of it is kept with the failure, and isn't wanted any more.
func failed(s State, m Message) State {
	why, verb := causeOf(m.Facts), s.Doing()
	s.NotBefore, s.Outcome = nil, Unsuccessful
	if why.Reason == ReasonCancelled {
		s.Outcome = Cancelled
	}
	// That a mend was called off says nothing of what is wrong with its store.
	if s.Outcome != Cancelled || !Verbs[verb].Forgets {
		s = s.explained(why)
	}
	if Verbs[verb].Forgets {
		return s
	}
	f := Failure{
		Verb: verb, Generation: s.Generation, Root: s.Root, Step: m.Facts.Step, Steps: recorded(verb, s.Steps), Attempt: s.Attempt, At: m.Time, Cause: why,
	}
	if s.Outcome == Cancelled {
		f.Discarded = why.Message // who called it off has dealt with it
	}
	if Verbs[verb].Changes && s.Running != nil {
		wanted := s.Spec
		f.Spec = &wanted
		s.Spec, s.Changed = s.Running.Spec, 0
		s.Spec.Name = wanted.Name
	}
	s.Failures = append(s.withoutFailures(func(o Failure) bool { return o.Verb == verb }), f)
	return s
}

// discarded puts a dead letter of the store's away. A message that the projection has set aside is none, even if it is
// the store's newest command.
func discarded(s State, m Message) State {
	letter := m.Facts.DeadLetter
	if letter == 0 || !slices.Contains(s.DeadLetters(), letter) {
		return s
	}
	s.Failures = slices.Clone(s.Failures)
	for i := range s.Failures {
		if s.Failures[i].Generation == letter {
			s.Failures[i].Discarded = m.Facts.Message
			return s
		}
	}
	s.Discarded = m.Facts.Message
	return s
}

// health moves a store between Up and Degraded, and says of one that is suspended what is wrong with it. What the keeper
// saw of a store says nothing about one that is worked on meanwhile.
func health(s State, m Message) State {
	if m.Generation != s.Generation || AdmitHealth(s, m.Type) != nil {
		return s
	}
	s.Cause = Cause{}
	moved := Up
	if m.Type == BecameDegraded {
		s.Cause, moved = causeOf(m.Facts), DegradedStanding
	}
	if s.Standing != SuspendedStanding {
		s.Standing = moved
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
	case RetryScheduled, BecameReady, BecameSuspended, BecameFailed, BecameDeleted:
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
