package up

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

func TestTheEstimateFollowsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e estimate
		e.plan([]string{gateway, provisioner, "hyper", "unheard of"})
		e.begin(gateway, "building")
		time.Sleep(time.Minute)
		if _, words := e.words(); words != "" {
			t.Errorf("without a pace it says %q", words)
		}
		whole := costs[gateway] + costs[provisioner] + costs["hyper"]
		// At a cost of half a second per second the rest takes twice what it costs.
		time.Sleep(time.Duration(2*costs[gateway])*time.Second - time.Minute)
		e.end(gateway)
		left := func(done float64) string { return about(2 * (whole - done)) }
		percent := func(done float64) int { return int(100 * done / whole) }
		check := func(done float64) {
			t.Helper()
			got, words := e.words()
			if want := ", " + strconv.Itoa(percent(done)) + " % of all, about " + left(done) + " left"; words != want || got != percent(done) {
				t.Errorf("it says %q, want %q", words, want)
			}
		}
		check(costs[gateway])
		// What doesn't count its steps is taken to go on at the pace so far, and not to be done before it is.
		e.begin(provisioner, "fetching")
		e.begin(provisioner, "building")
		time.Sleep(time.Duration(costs[provisioner]) * time.Second)
		check(costs[gateway] + costs[provisioner]/2)
		time.Sleep(time.Hour)
		check(costs[gateway] + almost*costs[provisioner])
		e.end(provisioner)
		// An hour more makes it a slow machine.
		if percent, words := e.words(); percent != int(100*(costs[gateway]+costs[provisioner])/whole) || words == "" {
			t.Errorf("at %d it says %q", percent, words)
		}
		e.begin("hyper", "building")
		e.count("hyper", 10, 20)
		if percent, _ := e.words(); percent != int(100*(costs[gateway]+costs[provisioner]+costs["hyper"]/2)/whole) {
			t.Errorf("half of Kubernetes is %d %%", percent)
		}
		if e.begin("hyper", "building") || e.now().Part != "hyper" || e.now().Total != 100 {
			t.Errorf("what is being built is %+v", e.now())
		}
		e.begin(brokerName, "building")
		e.stop(brokerName)
		if e.now().Part != "hyper" {
			t.Errorf("with another left off it is %+v", e.now())
		}
		e.end("hyper")
		if percent, words := e.words(); percent != 100 || words != ", 100 % of all, about a minute left" {
			t.Errorf("at the end it says %q", words)
		}
	})
}

func TestNothingMissingIsNothingToEstimate(t *testing.T) {
	var e estimate
	e.plan(nil)
	e.begin(gateway, "building")
	e.end(gateway)
	if percent, words := e.words(); percent != 0 || words != "" {
		t.Errorf("it says %d %q", percent, words)
	}
}

// TestEveryPartHasACost: one without would be done as soon as it begins.
func TestEveryPartHasACost(t *testing.T) {
	names := slices.Collect(maps.Keys(programs))
	for _, part := range kube.Parts() {
		if part.Name != "images" { // the cluster's, which are packed and not compiled
			names = append(names, part.Name)
		}
	}
	for _, name := range names {
		if costs[name] == 0 {
			t.Errorf("%s has none", name)
		}
	}
	if len(costs) != len(names) {
		t.Errorf("there are %d costs for %d parts", len(costs), len(names))
	}
}
