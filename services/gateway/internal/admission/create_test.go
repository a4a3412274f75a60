package admission

import "testing"

// The digest stands in logs: a repeat must find its store also when the create was another release's.
func TestACreateDigestsAsItAlwaysDid(t *testing.T) {
	for want, w := range map[string]Wish{
		"fc67d130bd7d246b5748220cc111cef9c2defa53b3d4b052202ec62477e6e1a3": {},
		"6ed1939a7627e121b7b265d151896e46e924c00ba8dacd371c9927f3254d06ee": {Name: "Tea", Engine: "sample", Plan: "large", Options: map[string]any{"currency": "USD"}},
	} {
		got, err := w.digest()
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%+v digests as %s, before as %s", w, got, want)
		}
		w.TTL = "72h"
		if timed, err := w.digest(); err != nil || timed == got {
			t.Errorf("a ttl makes no other request of %+v (%v)", w, err)
		}
	}
}
