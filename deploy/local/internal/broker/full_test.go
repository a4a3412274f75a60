package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const room = 10 << 20

// TestAFullBrokerLosesNothing fills a broker with 10 MB of room until it refuses, gives it room again, and finds
// everything that was accepted and nothing else.
func TestAFullBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	program := program(t)
	t.Run("the limit", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		limited := launch(t, program, dir, func(text []byte) []byte {
			return bytes.Replace(text, []byte(`"jetstream": {`), fmt.Appendf(nil, `"jetstream": { "max_file_store": %d,`, room), 1)
		})
		limited.makeLog()
		accepted := fill(t, limited)
		limited.kill()
		roomy(t, launch(t, program, dir), accepted)
	})
	t.Run("the disk", func(t *testing.T) {
		t.Parallel()
		disk := newDisk(t, 40)
		full := launch(t, program, disk.dir)
		full.makeLog()
		ballast := filepath.Join(disk.dir, "something else")
		leave(t, disk.dir, ballast, room)
		accepted := fill(t, full)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		full.kill()
		roomy(t, launch(t, program, disk.dir), accepted)
	})
}

// fill appends until the broker refuses, and holds that it does so completely: nothing half done, reads go on.
func fill(t *testing.T, p *process) map[uint64]string {
	t.Helper()
	ctx := t.Context()
	log := p.log(broker.Gateway)
	holder := p.log(broker.Janitor)
	leases, err := lease.Open(ctx, holder)
	if err != nil {
		t.Fatal(err)
	}
	held, err := leases.Take(ctx, string(id), "worker")
	if err != nil {
		t.Fatal(err)
	}
	accepted, state := map[uint64]string{}, store.State{}
	for n := 0; ; n++ {
		m := big(n, state)
		next, err := log.Append(ctx, state, m)
		// A broker whose disk is full, not its limit, says nothing any more until it is started again.
		if errors.Is(err, storelog.ErrLogFull) || storelog.Unanswered(err) {
			break
		}
		if err != nil {
			t.Fatalf("after %d messages: %v", n, err)
		}
		state = next
		accepted[state.Version] = m.ID
	}
	if _, err := log.Append(ctx, state, big(len(accepted), state)); !errors.Is(err, storelog.ErrLogFull) && !storelog.Unanswered(err) {
		t.Errorf("once more: %v", err)
	}
	claims, err := log.Bucket(ctx, storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim.NewBook(claims).Claim(ctx, strings.Repeat("t", 100), id, 1, time.Now()); err != nil {
		t.Logf("a claim: %v", err)
	}
	// A worker keeps its term until it has run out; that it can't renew is no sign that another has begun.
	if err := held.Renew(ctx); held.Remaining() > 0 && errors.Is(err, lease.ErrLost) {
		t.Errorf("the worker's lease: %v", err)
	}
	if read, err := log.Last(ctx, id); err != nil || read.Version != state.Version {
		t.Errorf("reads end at %d of %d, %v", read.Version, state.Version, err)
	}
	same(t, p, accepted)
	return accepted
}

func big(n int, state store.State) store.Message {
	m := store.Message{
		ID: fmt.Sprint("message ", n), Type: store.CredentialsViewed, Store: id, Tenant: "t", Actor: "test",
		Generation: state.Generation, Time: time.Now(), Facts: store.Facts{Detail: strings.Repeat("x", 100<<10)},
	}
	if n == 0 {
		m.Type, m.Facts.Spec = store.CreateCommand, &store.Spec{Name: "n", Engine: "sample"}
	}
	return m
}

func same(t *testing.T, p *process, accepted map[uint64]string) {
	t.Helper()
	if have := history(t, p); fmt.Sprint(have) != fmt.Sprint(accepted) {
		t.Errorf("the log holds %d messages, accepted were %d", len(have), len(accepted))
	}
}

// roomy holds that everything is there and that it goes on.
func roomy(t *testing.T, p *process, accepted map[uint64]string) {
	t.Helper()
	log := p.log(broker.Gateway)
	same(t, p, accepted)
	state, err := log.Last(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	after, err := log.Append(t.Context(), state, big(len(accepted), state))
	if err != nil || after.Version != uint64(len(accepted)+1) {
		t.Errorf("with room again: version %d, %v", after.Version, err)
	}
}

// leave fills a disk but for so many bytes.
func leave(t *testing.T, dir, ballast string, free uint64) {
	t.Helper()
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 64<<10)
	for available(t, dir) > free {
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}
