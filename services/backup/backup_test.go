package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

var errEnd = errors.New("the end")

// key is what backups of tests are encrypted with.
const key = "p0123456789abcdef0123456789abcdef"

// config1 is what the installation "one" is told.
func config1(nc *nats.Conn, dir, what string) Config {
	return Config{
		Do: what, URL: "file://" + dir + "?no_tmp_dir=true", Keep: 14, Keys: seal.Keys{key}, Installation: "one",
		NATS: config.NATS{URL: nc.ConnectedUrl()},
	}
}

func do(t *testing.T, nc *nats.Conn, dir, what string, change ...func(*Config)) (string, error) {
	t.Helper()
	cfg := config1(nc, dir, what)
	for _, c := range change {
		c(&cfg)
	}
	var out bytes.Buffer
	err := Run(t.Context(), cfg, &out, io.Discard)
	return strings.TrimSpace(out.String()), err
}

func openLog(t *testing.T, nc *nats.Conn) *storelog.Log {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// append1 adds a store to the log, every other one of another cluster: a backup holds both forms of subjects.
func append1(ctx context.Context, log *storelog.Log, n int) (uint64, error) {
	cluster := ""
	if n%2 == 0 {
		cluster = "eu"
	}
	after, err := log.Append(ctx, store.State{}, store.Message{
		ID: fmt.Sprint(n), Type: store.CreateCommand, Store: store.DeriveID("t", fmt.Sprint(n)), Tenant: "t", Actor: "test",
		Time: time.Now(), Facts: store.Facts{Spec: &store.Spec{Name: "n", Engine: "sample"}, Cluster: cluster},
	})
	return after.Version, err
}

// history is the id of each message by its sequence.
func history(t *testing.T, log *storelog.Log) map[uint64]string {
	t.Helper()
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := map[uint64]string{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		if have[raw.Seq] = entry.Message.ID; raw.Seq == head {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	return have
}

// Taken while others write, lost, restored: everything up to the backup's head is back under its sequence, and the log
// says from its first moment that it isn't the one that was lost.
func TestALostLogComesBack(t *testing.T) {
	for name, brokers := range map[string]func() (before, after *nats.Conn, replicas int){
		"one broker": func() (*nats.Conn, *nats.Conn, int) {
			return bustest.Start(t), bustest.Connect(t, bustest.StartServer(t, &server.Options{})), 1
		},
		"three brokers": func() (*nats.Conn, *nats.Conn, int) {
			_, conns := bustest.StartCluster(t)
			return conns[0], conns[0], 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			nc, empty, replicas := brokers()
			if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: replicas, Installation: "one"}); err != nil {
				t.Fatal(err)
			}
			log, dir := openLog(t, nc), t.TempDir()
			for n := range 500 {
				if _, err := append1(t.Context(), log, n); err != nil {
					t.Fatal(err)
				}
			}
			writing, stop := context.WithCancel(t.Context())
			written := make(chan struct{})
			go func() {
				defer close(written)
				for n := 500; writing.Err() == nil; n++ {
					_, _ = append1(writing, log, n)
				}
			}()
			backup, err := do(t, nc, dir, "take")
			stop()
			<-written
			if err != nil {
				t.Fatal(err)
			}
			was := history(t, log)
			if _, err := do(t, nc, dir, "restore"); !errors.Is(err, snapshot.ErrExists) {
				t.Fatalf("over a log that exists: %v", err)
			}
			if empty == nc {
				if err := log.JetStream().DeleteStream(t.Context(), storelog.Stream); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := do(t, empty, dir, "restore"); err != nil {
				t.Fatal(err)
			}
			restored := openLog(t, empty)
			if restored.Epoch() == log.Epoch() || restored.Installation() != "one" {
				t.Errorf("epoch %s after %s, installation %q", restored.Epoch(), log.Epoch(), restored.Installation())
			}
			somebody := netip.MustParseAddr("203.0.113.7")
			if is, was := restored.Naming().Tenant(somebody), log.Naming().Tenant(somebody); is != was {
				t.Errorf("a tenant is called %s, and was %s", is, was)
			}
			if reason, err := restored.SweepsPaused(t.Context()); err != nil || !strings.Contains(reason, backup) {
				t.Errorf("sweeps are paused for %q, %v", reason, err)
			}
			is := history(t, restored)
			if len(is) < 500 {
				t.Errorf("%d messages came back", len(is))
			}
			own, _, err := restored.Stores(t.Context(), store.DefaultCluster)
			others, errOthers := restored.OtherStores(t.Context())
			if err := errors.Join(err, errOthers); err != nil || len(others) < 250 || len(own)+len(others) != len(is) {
				t.Errorf("%d stores came back, %d of another cluster, %v", len(own), len(others), err)
			}
			for seq, id := range is {
				if was[seq] != id {
					t.Fatalf("message %d was %q and is %q", seq, was[seq], id)
				}
			}
			if !strings.Contains(backup, fmt.Sprintf("-%012d.", len(is))) {
				t.Errorf("%s holds %d messages", backup, len(is))
			}
			head := uint64(len(is))
			lineage, err := restored.Lineage(t.Context())
			if err != nil || !lineage.Knows(log.Epoch(), head) || lineage.Knows(log.Epoch(), head+1) {
				t.Errorf("of the log before, %s, it knows %d in %+v, %v", log.Epoch(), head, lineage, err)
			}
			if seq, err := append1(t.Context(), restored, -1); err != nil || seq != uint64(len(is)+1) {
				t.Errorf("it goes on at %d, %v", seq, err)
			}
		})
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	nc, dir := bustest.Start(t), t.TempDir()
	for n := range 5 {
		if _, err := append1(t.Context(), openLog(t, nc), n); err != nil {
			t.Fatal(err)
		}
		if _, err := do(t, nc, dir, "take", func(c *Config) { c.Keep = 2 }); err != nil {
			t.Fatal(err)
		}
	}
	listed, err := do(t, nc, dir, "list")
	if err != nil || strings.Count(listed, sealedEnd) != 2 || !strings.Contains(listed, "-000000000005.") {
		t.Fatalf("%v\n%s", err, listed)
	}
}

func TestWithoutALogOrABackupItSaysSo(t *testing.T) {
	nc, dir := bustest.Connect(t, bustest.StartServer(t, &server.Options{})), t.TempDir()
	if _, err := do(t, nc, dir, "take"); !errors.Is(err, snapshot.ErrNone) {
		t.Errorf("take: %v", err)
	}
	if _, err := do(t, nc, dir, "restore"); !errors.Is(err, errNone) {
		t.Errorf("restore: %v", err)
	}
}
