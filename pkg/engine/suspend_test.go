package engine

import (
	"errors"
	"testing"
)

func TestWhatASuspendedStoreIsHeldAgainst(t *testing.T) {
	pack := corner(t)
	if !pack.CanSuspend() {
		t.Fatal("it can't be suspended")
	}
	running, suspended := pack.WorkloadsWhen(true), pack.WorkloadsWhen(false)
	if len(running) != 1 || len(suspended) != 2 || suspended[0].Name != "store" ||
		suspended[1].Kind != "Deployment" || suspended[1].Name != "closed" || suspended[1].Progress != "Closing" {
		t.Errorf("%+v and %+v", running, suspended)
	}
	if len(pack.Workloads) != 1 {
		t.Error("the pack itself was changed")
	}
	page := []byte("<!doctype html>" + SuspendedMark + "<h1>Closed</h1>")
	closed := pack.ProbeWhen(false)
	if closed.Service != pack.Probe.Service || closed.Port != pack.Probe.Port {
		t.Errorf("it is asked for at %s:%d", closed.Service, closed.Port)
	}
	if err := closed.Check(503, page); err != nil {
		t.Error(err)
	}
	// What an ingress without a backend says, and a shop whose database is away.
	if closed.Check(503, []byte("<h1>503 Service Temporarily Unavailable</h1>")) == nil || closed.Check(200, page) == nil {
		t.Error("it passes on something else")
	}
	if pack.ProbeWhen(true).Check(503, page) == nil {
		t.Error("a suspended store passes for one that sells")
	}
}

func TestAPackWithoutItsPageCantBeSuspended(t *testing.T) {
	pack := corner(t)
	pack.Suspended = Suspended{}
	if pack.CanSuspend() {
		t.Error("it can be")
	}
	options := map[string]any{"title": "Abc"}
	values, err := pack.Values(Release{Running: true, Options: options})
	if _, given := values["running"]; err != nil || given {
		t.Errorf("its chart is told whether it runs (%v)", err)
	}
	var fault *FieldError
	if _, err := pack.Values(Release{Options: options}); !errors.As(err, &fault) || fault.Field != "suspended" {
		t.Errorf("its values suspended: %v", err)
	}
}

func TestTheChartIsToldWhetherItRuns(t *testing.T) {
	for _, running := range []bool{true, false} {
		values, err := corner(t).Values(Release{Running: running, Options: map[string]any{"title": "Abc"}})
		if err != nil || values["running"] != running {
			t.Errorf("running is %v (%v), want %v", values["running"], err, running)
		}
	}
}
