package admission

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Who has read the first half of a change, and changed that, is told the truth: the second half doesn't come after it.
func TestTheRestOfAChangeIsHeldToWhatItsFirstMessageMade(t *testing.T) {
	a, log, s := setup(t)
	end := time.Now().Add(time.Hour)
	s, err := log.Append(t.Context(), s, store.Message{
		Type: store.LifetimeChanged, Store: s.ID, Actor: "ip:a", Generation: s.Generation, Time: time.Now(),
		Facts: store.Facts{ExpiresAt: &end},
	})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := a.bus.Parts()
	if err != nil {
		t.Fatal(err)
	}
	who, name, hour, never := principal.Client(here, "ip:a", true), "Coffee", "2h", ""
	both := Change{Name: &name, TTL: &hour, Match: []string{ETag(s)}}
	first := changing{Admission: a, parts: parts, who: who, id: s.ID, now: a.now(), left: both}
	half, more, err := first.next(t.Context())
	if err != nil || !more || half.Spec.Name != name {
		t.Fatalf("its first message: %+v, more %t, %v", half.Spec, more, err)
	}
	whole, err := a.Change(t.Context(), who, s.ID, Change{TTL: &never, Match: []string{ETag(half)}})
	if err != nil || whole.ExpiresAt != nil {
		t.Fatalf("the other's: %v, %v", whole.ExpiresAt, err)
	}
	_, err = first.run(t.Context())
	var partly *PartlyError
	var changed *ChangedError
	if !errors.As(err, &partly) || !slices.Equal(partly.Said, []store.Type{store.Renamed}) || !partly.Matched {
		t.Errorf("its second message: %v", err)
	}
	if !errors.As(err, &changed) || changed.Is.Version != whole.Version {
		t.Errorf("the store as it is now isn't in %v", err)
	}
	if after, err := log.Last(t.Context(), s.ID); err != nil || after.Version != whole.Version {
		t.Errorf("the store that was to live for ever ends at %v (%v)", after.ExpiresAt, err)
	}
}
