package work

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestACauseIsBoundedInTheLog(t *testing.T) {
	b := setup(t)
	cause := "it began so" + strings.Repeat("<", 5*store.MaxText) + "and ended so"
	b.provision(provisioner(step("release", func(context.Context) error {
		return &Permanent{Reason: "ChartInvalid", Message: cause, Err: errors.New(cause)}
	})))
	b.command(store.Create)
	history := b.awaitType(store.BecameFailed)
	last := history[len(history)-1]
	for _, text := range []string{last.Message.Facts.Message, last.Message.Facts.Detail, last.State.Message, last.State.Detail} {
		if len(text) > store.MaxText || !strings.HasPrefix(text, "it began so") || !strings.HasSuffix(text, "and ended so") {
			t.Errorf("%d bytes of the cause are told: %.40s", len(text), text)
		}
	}
}

// What is told is bounded, and what is still so isn't told again.
func TestALongReasonToWaitIsToldOnce(t *testing.T) {
	b := setup(t)
	var asked atomic.Int32
	h := provisioner(step("http", succeed))
	h.available = func() error {
		if asked.Add(1) > 3 {
			return nil
		}
		return &Waiting{Step: "images", Reason: "ImagesBuilding", Message: strings.Repeat("x", 5*store.MaxText)}
	}
	b.provision(h)
	b.command(store.Create)
	want := []store.Type{store.CreateCommand, store.Waited, store.AttemptStarted, store.StepCompleted, store.BecameReady}
	if diff := cmp.Diff(want, typesOf(b.awaitType(store.BecameReady))); diff != "" {
		t.Error(diff)
	}
}
