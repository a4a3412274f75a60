package storelog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// beforeLevels makes the log one that was written before logs named their write level.
func beforeLevels(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	delete(config.Metadata, "store-platform.io/write-level")
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestALogIsWrittenInItsLevelUntilThatIsRaised(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	if level := open(t, nc).WriteLevel(); level != store.Schema {
		t.Fatalf("a new log has write level %d", level)
	}
	beforeLevels(t, nc)
	// A gateway that starts keeps the log's shape, and isn't who raises it.
	if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	log, open1 := open(t, nc), open(t, nc)
	made := create(t, log)
	if made.Schema != store.FirstSchema {
		t.Fatalf("written in schema %d", made.Schema)
	}
	ready, err := log.Append(t.Context(), made, message(store.BecameReady, made.Generation))
	if err != nil || ready.Schema != store.FirstSchema || ready.Standing != store.Up {
		t.Fatalf("%+v, %v", ready, err)
	}
	for _, m := range []store.Message{message(store.SuspendCommand, 0), message(store.Renamed, ready.Generation), message(store.Transferred, ready.Generation)} {
		if _, err := log.Append(t.Context(), ready, m); !errors.Is(err, storelog.ErrUpgrading) {
			t.Errorf("%s at the old level: %v", m.Type, err)
		}
	}
	if last, err := log.Last(t.Context(), id); err != nil || last.Version != ready.Version {
		t.Fatalf("something was appended: %+v, %v", last, err)
	}

	if level, err := open1.RaiseWriteLevel(t.Context()); err != nil || level != store.Schema {
		t.Fatalf("raised to %d, %v", level, err)
	}
	// Who hasn't heard asks before it refuses.
	suspending, err := log.Append(t.Context(), ready, message(store.SuspendCommand, 0))
	if err != nil || suspending.Schema != store.Schema || suspending.URL != ready.URL || !suspending.Stood {
		t.Fatalf("%+v, %v", suspending, err)
	}
	if level, err := log.RaiseWriteLevel(t.Context()); err != nil || level != store.Schema || log.WriteLevel() != level {
		t.Fatalf("raised twice: %d, %v", level, err)
	}
}

// Behind a state of the new level everybody writes in the new one, whatever it has heard.
func TestAWriterThatHasntHeardOfTheLevelDropsNothing(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	raised := open(t, nc)
	beforeLevels(t, nc)
	unheard := open(t, nc)
	made := create(t, raised)
	if made.Schema != store.Schema || unheard.WriteLevel() != store.FirstSchema {
		t.Fatalf("schema %d, level %d", made.Schema, unheard.WriteLevel())
	}
	after, err := unheard.Append(t.Context(), made, message(store.BecameReady, made.Generation))
	if err != nil || after.Schema != store.Schema {
		t.Fatalf("schema %d, %v", after.Schema, err)
	}
}

// later is a message of a release to come, with a verb and a schema of its own.
func later(t *testing.T, nc *nats.Conn, readable int) {
	t.Helper()
	msg := nats.NewMsg(strings.Replace(storelog.AllSubjects, ">", string(id)+".command.apply", 1))
	msg.Data = fmt.Appendf(nil, `{"facts":{},"state":{"schema":%d,"id":%q,"verb":"polish","status":"Ready","standing":"up"}}`, store.Schema+1, id)
	for key, value := range map[string]string{
		"ce-id": "later", "ce-type": "storeplatform.store.polish.v1", "ce-time": "2026-11-01T12:00:00Z", "ce-readableby": fmt.Sprint(readable),
	} {
		msg.Header[key] = []string{value}
	}
	if _, err := nc.RequestMsg(msg, 5*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestWhatALaterReleaseWroteIsShownWhereItSaysSoAndNotGoneOnBehind(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	log := open(t, nc)
	create(t, log)
	later(t, nc, store.Schema)
	last, err := log.Last(t.Context(), id)
	if err != nil || last.Doing() != "polish" || last.Generation != last.Version || !last.InFlight() {
		t.Fatalf("a command is what its subject says: %+v, %v", last, err)
	}
	if _, err := log.Append(t.Context(), last, message(store.DeleteCommand, 0)); !errors.Is(err, storelog.ErrNewerSchema) {
		t.Fatalf("gone on behind it: %v", err)
	}
	later(t, nc, store.Schema+1)
	if _, err := log.Last(t.Context(), id); !errors.Is(err, storelog.ErrNewerSchema) {
		t.Fatalf("shown although it can't be: %v", err)
	}
}
