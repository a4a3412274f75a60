package storelog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func ensure(t *testing.T, nc *nats.Conn, installation string) error {
	t.Helper()
	return storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1, Installation: installation})
}

func TestALogIsItsFirstInstallationsForEver(t *testing.T) {
	nc := bustest.Start(t)
	if owner := open(t, nc).Installation(); owner != "" {
		t.Fatalf("a log that nobody owns is %q's", owner)
	}
	if err := ensure(t, nc, "first"); err != nil {
		t.Fatalf("adopt it: %v", err)
	}
	err := ensure(t, nc, "second")
	if !errors.Is(err, storelog.ErrForeignLog) || !strings.Contains(err.Error(), `"first"`) || !strings.Contains(err.Error(), `"second"`) {
		t.Fatalf("another installation got %v", err)
	}
	if err := ensure(t, nc, ""); err != nil {
		t.Fatalf("one that doesn't say who it is: %v", err)
	}
	log := open(t, nc)
	if log.Installation() != "first" {
		t.Fatalf("the log is %q's", log.Installation())
	}
	if err := errors.Join(log.CheckInstallation("first"), log.CheckInstallation("")); err != nil {
		t.Fatal(err)
	}
	if err := log.CheckInstallation("second"); !errors.Is(err, storelog.ErrForeignLog) {
		t.Fatalf("another's worker got %v", err)
	}
}

// A foreign gateway that found the stream refused must not have changed the buckets before.
func TestAForeignLogIsLeftAlone(t *testing.T) {
	nc := bustest.StartFor(t, "first")
	js := open(t, nc).JetStream()
	if err := js.DeleteKeyValue(t.Context(), storelog.BucketTickets); err != nil {
		t.Fatal(err)
	}
	if err := ensure(t, nc, "second"); !errors.Is(err, storelog.ErrForeignLog) {
		t.Fatalf("got %v", err)
	}
	if _, err := js.KeyValue(t.Context(), storelog.BucketTickets); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Fatalf("the bucket: %v", err)
	}
}

func TestAPauseOfSweepsOutlivesEveryStartOfAGateway(t *testing.T) {
	nc := bustest.StartFor(t, "one")
	log := open(t, nc)
	if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "" {
		t.Fatalf("a new log: %q, %v", reason, err)
	}
	if err := log.PauseSweeps(t.Context(), "restored"); err != nil {
		t.Fatal(err)
	}
	if err := ensure(t, nc, "one"); err != nil {
		t.Fatal(err)
	}
	if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "restored" {
		t.Fatalf("after a gateway's start: %q, %v", reason, err)
	}
	for range 2 {
		if err := log.ResumeSweeps(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "" {
		t.Fatalf("after resuming: %q, %v", reason, err)
	}
	if owner := open(t, nc).Installation(); owner != "one" {
		t.Fatalf("the log became %q's", owner)
	}
}

func TestEnsureMendsTheShapeAndKeepsTheMetadata(t *testing.T) {
	nc := bustest.StartFor(t, "one")
	log := open(t, nc)
	if err := log.PauseSweeps(t.Context(), "restored"); err != nil {
		t.Fatal(err)
	}
	stream, err := log.JetStream().Stream(t.Context(), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	bent := stream.CachedInfo().Config
	bent.AllowDirect = true
	if _, err := log.JetStream().UpdateStream(t.Context(), bent); err != nil {
		t.Fatal(err)
	}
	if err := ensure(t, nc, "one"); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.Config.AllowDirect {
		t.Fatalf("direct gets stay on; %v", err)
	}
	if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "restored" {
		t.Fatalf("the pause: %q, %v", reason, err)
	}
}

// A cursor of the log before the restore must not be believed, though the stream keeps the time of its creation.
func TestARestoredLogHasAnEpochOfItsOwn(t *testing.T) {
	nc := bustest.StartFor(t, "one")
	log := open(t, nc)
	stream, err := log.JetStream().Stream(t.Context(), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Metadata = storelog.Restored(config.Metadata, time.Now(), "restored from a backup")
	if _, err := log.JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	restored := open(t, nc)
	if restored.Epoch() == log.Epoch() || restored.Epoch() == "" || restored.Installation() != "one" {
		t.Fatalf("epoch %s after %s, installation %q", restored.Epoch(), log.Epoch(), restored.Installation())
	}
	if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "restored from a backup" {
		t.Fatalf("%q, %v", reason, err)
	}
}
