package keep

import (
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// What was called off is taken back however often that was done; what a refresh couldn't do is tried again ever more rarely.
func TestWhatWasCalledOffIsTakenBackAtOnce(t *testing.T) {
	now := time.Now()
	after := func(verb store.Verb, outcome store.Outcome) store.State {
		return store.State{UpdatedAt: now.Add(-time.Second), Operation: store.Operation{Verb: verb, Outcome: outcome}}
	}
	var p pulse
	for range 5 {
		p.mending(now)
	}
	for name, c := range map[string]struct {
		renewal renewal
		state   store.State
		want    bool
	}{
		"an update that was called off":      {takenBack, after(store.Update, store.Cancelled), true},
		"a suspension that failed":           {takenBack, after(store.Suspend, store.Unsuccessful), true},
		"a refresh that failed":              {takenBack, after(store.Refresh, store.Unsuccessful), false},
		"other settings, soon after another": {otherSettings, after(store.Update, store.Succeeded), false},
		"another owner, soon after another":  {otherTenant, after(store.Update, store.Succeeded), false},
	} {
		if got := c.renewal.isDue(&p, c.state, now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	var fresh pulse
	if !otherSettings.isDue(&fresh, after(store.Create, store.Succeeded), now) {
		t.Error("other settings are never taken over")
	}
	if otherSettings.isDue(&fresh, after(store.Refresh, store.Unsuccessful), now) {
		t.Error("settings that a store couldn't take over are tried at once")
	}
}

// Below the write level of a refresh what differs for the settings' sake is nobody's hand; all else is.
func TestSettingsExplainWhatTheyArePutOn(t *testing.T) {
	ofSettings := []cluster.Drift{{Kind: "NetworkPolicy", Name: "allow-dns"}, {Kind: "ResourceQuota", Name: "store"}, {Kind: "LimitRange", Name: "store"}}
	if !otherSettings.explains(ofSettings) || otherSettings.explains(append(ofSettings, cluster.Drift{Kind: "Deployment", Name: "store", Missing: true})) {
		t.Error("what settings explain is told wrongly")
	}
	if otherTenant.explains(ofSettings) || otherTenant.explains([]cluster.Drift{{Kind: "Namespace", Fields: []string{"metadata.labels"}}}) {
		t.Error("whose a store is explains what somebody has changed")
	}
	if !takenBack.explains([]cluster.Drift{{Kind: "Deployment", Name: "store"}}) {
		t.Error("what an operation left isn't explained")
	}
}
