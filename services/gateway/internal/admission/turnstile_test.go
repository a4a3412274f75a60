package admission

import (
	"fmt"
	"testing"
)

// Strangers, however many, take nothing from who is here all the time.
func TestWhatATenantWasShownOutlivesOthers(t *testing.T) {
	s := newSeen()
	s.note("tenant", 7)
	for n := range 3 * seenTenants {
		s.note(fmt.Sprint("stranger ", n), 1)
		if s.of("tenant") != 7 {
			t.Fatalf("forgotten after %d strangers", n+1)
		}
	}
	s.note("tenant", 5)
	if s.of("tenant") != 7 {
		t.Error("what was shown later isn't the newest any more")
	}
}
