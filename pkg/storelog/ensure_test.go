package storelog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// streams is how the log and its buckets are, by name.
func streams(t *testing.T, nc *nats.Conn) map[string]jetstream.StreamConfig {
	t.Helper()
	js := open(t, nc).JetStream()
	configs := map[string]jetstream.StreamConfig{}
	insist(t, func(ctx context.Context) error {
		listed := js.ListStreams(ctx)
		for info := range listed.Info() {
			configs[info.Config.Name] = info.Config
		}
		return listed.Err()
	})
	return configs
}

// hear collects what is logged until the test ends.
func hear(t *testing.T) *bytes.Buffer {
	t.Helper()
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &said
}

// Whoever starts a gateway by hand gives it the settings of one machine.
func TestAGatewayThatAsksForOneCopyLeavesThreeWhereTheyAre(t *testing.T) {
	_, conns := bustest.StartCluster(t)
	nc := conns[0]
	drop(t, open(t, nc).JetStream(), storelog.BucketTickets)
	shrunk := streams(t, nc)["KV_"+storelog.BucketClaims]
	shrunk.Replicas = 1 // by a gateway of a release that did
	reshape(t, open(t, nc), shrunk)
	said := hear(t)
	for range 2 {
		if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1}); err != nil {
			t.Fatal(err)
		}
		if warnings := strings.Count(said.String(), "level=WARN"); warnings != 1 || !strings.Contains(said.String(), "copies=3 asked=1") {
			t.Errorf("it says %d times, not once, that three copies stay:\n%s", warnings, said)
		}
		said.Reset()
	}
	insist(t, func(ctx context.Context) error { return open(t, nc).EnsureGuesses(ctx, storelog.Settings{Replicas: 1}) })
	have := streams(t, nc)
	if len(have) != 9 {
		t.Errorf("there are %d streams, not the log, the audit, six buckets and the guesses", len(have))
	}
	for name, c := range have {
		if c.Replicas != 3 {
			t.Errorf("of %s %d copies are left", name, c.Replicas)
		}
	}
}

// Where there are no accounts there is nothing to guess at, and no bucket for it.
func TestGuessesAreKeptInMemoryWhereTheyAreWanted(t *testing.T) {
	nc := bustest.Start(t)
	const name = "KV_" + storelog.BucketGuesses
	if _, made := streams(t, nc)[name]; made {
		t.Error("it is made for who hasn't asked")
	}
	// Twice: each gateway does at its start.
	for range 2 {
		if err := open(t, nc).EnsureGuesses(t.Context(), storelog.Settings{Replicas: 1}); err != nil {
			t.Fatal(err)
		}
	}
	c := streams(t, nc)[name]
	if c.Storage != jetstream.MemoryStorage || c.MaxAge != storelog.GuessesTTL || c.MaxBytes != 16<<20 || c.Discard != jetstream.DiscardOld || c.AllowDirect {
		t.Errorf("it is %+v", c)
	}
}

// A lease that the broker forgets before its holder does has two holders: a gateway of an older release must not
// shorten what a newer one has made longer. One that is never forgotten has the dead hold their stores for ever.
func TestALeaseIsNeverForgottenEarlierThanBefore(t *testing.T) {
	const leases = "KV_" + storelog.BucketLeases
	for _, c := range []struct {
		before time.Duration
		clock  clock.Divisor
		after  time.Duration
	}{
		{2 * storelog.LeaseTTL, 1, 2 * storelog.LeaseTTL},
		{storelog.LeaseTTL / 2, 1, storelog.LeaseTTL},
		{0, 1, storelog.LeaseTTL},
		// A clock that is divided is no reason either: there may be workers that go by the other one.
		{storelog.LeaseTTL, 4, storelog.LeaseTTL},
		{storelog.LeaseTTL / 10, 4, storelog.LeaseTTL / 4},
	} {
		t.Run(fmt.Sprintf("%s, divided by %d", c.before, c.clock), func(t *testing.T) {
			nc := bustest.Start(t)
			bent := streams(t, nc)[leases]
			bent.MaxAge, bent.Duplicates = c.before, time.Second
			reshape(t, open(t, nc), bent)
			if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1, Clock: c.clock}); err != nil {
				t.Fatal(err)
			}
			if ttl := streams(t, nc)[leases].MaxAge; ttl != c.after {
				t.Errorf("leases live for %s, not %s", ttl, c.after)
			}
		})
	}
}
