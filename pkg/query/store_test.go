package query

import (
	"slices"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestAnEventSaysWhatItsCommandDoes(t *testing.T) {
	var (
		s    store.State
		told []store.Verb
	)
	say := func(m store.Message) {
		m.Seq = s.Version + 1
		if m.Generation == 0 {
			m.Generation = s.Generation
		}
		m.Command = m.Type.IsCommand()
		s = store.Evolve(s, m)
		told = append(told, EventOf(m, s).Verb)
	}
	step := store.Message{Type: store.StepCompleted, Facts: store.Facts{Step: "credentials"}}
	say(store.Message{Type: store.CreateCommand})
	say(step)
	say(store.Message{Type: store.BecameReady})
	say(store.Message{Type: store.SuspendCommand})
	say(step)
	say(store.Message{Type: store.BecameFailed})
	say(store.Message{Type: store.RetryCommand})
	say(step)
	tried := s.Generation
	say(store.Message{Type: store.DeleteCommand})
	say(store.Message{Type: store.Superseded, Generation: tried})
	want := []store.Verb{
		store.Create, store.Create, store.Create, store.Suspend, store.Suspend, store.Suspend, store.Suspend, store.Suspend, store.Delete, "",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
