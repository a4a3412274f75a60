package storelog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func ensure(t *testing.T, b bustest.Brokers, installation string) error {
	t.Helper()
	return storelog.Ensure(t.Context(), b.Conns[0], storelog.Settings{Replicas: b.Replicas(), Installation: installation})
}

// owned is Each with a log that is an installation's.
func owned(t *testing.T, installation string, test func(t *testing.T, b bustest.Brokers)) {
	t.Helper()
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		if err := ensure(t, b, installation); err != nil {
			t.Fatal(err)
		}
		b.AwaitStepDown(t)
		test(t, b)
	})
}

// insist asks again when a leader that resigned owes the answer.
func insist(t *testing.T, ask func(context.Context) error) {
	t.Helper()
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := ask(ctx)
		cancel()
		if err == nil {
			return
		}
		if !storelog.Unanswered(err) || try == 20 {
			t.Fatal(err)
		}
	}
}

// drop deletes a bucket. It is away too when the answer was lost.
func drop(t *testing.T, js jetstream.JetStream, bucket string) {
	t.Helper()
	tried := false
	insist(t, func(ctx context.Context) error {
		err := js.DeleteKeyValue(ctx, bucket)
		if tried && errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil
		}
		tried = true
		return err
	})
}

// config is how the stream is.
func config(t *testing.T, log *storelog.Log) (c jetstream.StreamConfig) {
	t.Helper()
	insist(t, func(ctx context.Context) error {
		stream, err := log.JetStream().Stream(ctx, storelog.Stream)
		if err == nil {
			c = stream.CachedInfo().Config
		}
		return err
	})
	return c
}

func reshape(t *testing.T, log *storelog.Log, c jetstream.StreamConfig) {
	t.Helper()
	insist(t, func(ctx context.Context) error {
		_, err := log.JetStream().UpdateStream(ctx, c)
		return err
	})
}

func TestALogIsItsFirstInstallationsForEver(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		if owner := open(t, b.Conns[0]).Installation(); owner != "" {
			t.Fatalf("a log that nobody owns is %q's", owner)
		}
		b.AwaitStepDown(t)
		if err := ensure(t, b, "first"); err != nil {
			t.Fatalf("adopt it: %v", err)
		}
		err := ensure(t, b, "second")
		if !errors.Is(err, storelog.ErrForeignLog) || !strings.Contains(err.Error(), `"first"`) || !strings.Contains(err.Error(), `"second"`) {
			t.Fatalf("another installation got %v", err)
		}
		if err := ensure(t, b, ""); err != nil {
			t.Fatalf("one that doesn't say who it is: %v", err)
		}
		log := open(t, b.Conns[0])
		if log.Installation() != "first" {
			t.Fatalf("the log is %q's", log.Installation())
		}
		if err := errors.Join(log.CheckInstallation("first"), log.CheckInstallation("")); err != nil {
			t.Fatal(err)
		}
		if err := log.CheckInstallation("second"); !errors.Is(err, storelog.ErrForeignLog) {
			t.Fatalf("another's worker got %v", err)
		}
	})
}

// A foreign gateway that found the stream refused must not have changed the buckets before.
func TestAForeignLogIsLeftAlone(t *testing.T) {
	owned(t, "first", func(t *testing.T, b bustest.Brokers) {
		js := open(t, b.Conns[0]).JetStream()
		drop(t, js, storelog.BucketTickets)
		if err := ensure(t, b, "second"); !errors.Is(err, storelog.ErrForeignLog) {
			t.Fatalf("got %v", err)
		}
		if _, err := js.KeyValue(t.Context(), storelog.BucketTickets); !errors.Is(err, jetstream.ErrBucketNotFound) {
			t.Fatalf("the bucket: %v", err)
		}
	})
}

func TestAPauseOfSweepsOutlivesEveryStartOfAGateway(t *testing.T) {
	owned(t, "one", func(t *testing.T, b bustest.Brokers) {
		log := open(t, b.Conns[0])
		if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "" {
			t.Fatalf("a new log: %q, %v", reason, err)
		}
		if err := log.PauseSweeps(t.Context(), "restored"); err != nil {
			t.Fatal(err)
		}
		if err := ensure(t, b, "one"); err != nil {
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
		if owner := open(t, b.Conns[0]).Installation(); owner != "one" {
			t.Fatalf("the log became %q's", owner)
		}
	})
}

func TestEnsureMendsTheShapeAndKeepsTheMetadata(t *testing.T) {
	owned(t, "one", func(t *testing.T, b bustest.Brokers) {
		log := open(t, b.Conns[0])
		if err := log.PauseSweeps(t.Context(), "restored"); err != nil {
			t.Fatal(err)
		}
		bent := config(t, log)
		bent.AllowDirect = true
		reshape(t, log, bent)
		if err := ensure(t, b, "one"); err != nil {
			t.Fatal(err)
		}
		if config(t, log).AllowDirect {
			t.Fatal("direct gets stay on")
		}
		if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "restored" {
			t.Fatalf("the pause: %q, %v", reason, err)
		}
	})
}

// A cursor of the log before the restore must not be believed, though the stream keeps the time of its creation.
func TestARestoredLogHasAnEpochOfItsOwn(t *testing.T) {
	owned(t, "one", func(t *testing.T, b bustest.Brokers) {
		log := open(t, b.Conns[0])
		back := config(t, log)
		back.Metadata = storelog.Restored(back.Metadata, 0, time.Now(), "restored from a backup")
		reshape(t, log, back)
		restored := open(t, b.Conns[0])
		if restored.Epoch() == log.Epoch() || restored.Epoch() == "" || restored.Installation() != "one" {
			t.Fatalf("epoch %s after %s, installation %q", restored.Epoch(), log.Epoch(), restored.Installation())
		}
		if reason, err := log.SweepsPaused(t.Context()); err != nil || reason != "restored from a backup" {
			t.Fatalf("%q, %v", reason, err)
		}
	})
}
