package store

// derived is the one place where a store's word for people comes from. What is being done about a store that stands
// doesn't change it: its shop is open meanwhile.
func (s State) derived() Status {
	switch {
	case s.Verb == "":
		return "" // nobody has asked for it yet
	case s.Standing == Gone && !s.deleting():
		return Deleted
	case s.Standing == Broken, s.Standing == Nothing && len(s.Failures) > 0:
		return Failed
	case s.deleting():
		return Deleting
	case s.Standing == Up:
		return Ready
	case s.Standing == DegradedStanding:
		return Degraded
	case s.Standing == SuspendedStanding:
		return Suspended
	case s.Begun:
		return Provisioning
	}
	return Queued
}

func (s State) deleting() bool { return s.Verb == Delete && s.Standing != Gone }
