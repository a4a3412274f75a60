// Package bus is the gateway's way to the broker. It comes up by itself, after the gateway already answers, and says in
// one place whether it is there: whoever needs the broker asks for Parts and passes the refusal on.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
)

// ErrUnavailable: the broker isn't there now. It may be in a moment; nothing was sent.
var ErrUnavailable = errors.New("the broker can't be reached")

// errRemade: another log stands where the one that is open did, with other tenants and other sequences.
var errRemade = errors.New("the log was made anew")

const (
	// openTimeout bounds one try to make and open the log, or to look whether it is still the same.
	openTimeout = 15 * time.Second
	// lookEvery is how often it is looked at under a connection that nothing interrupts, and unsureEvery behind an interruption,
	// until it was seen.
	lookEvery   = 10 * time.Second
	unsureEvery = time.Second
)

// retries are the pauses between the tries to make and open the log.
var retries = again.Pauses{First: 500 * time.Millisecond, Longest: 2 * time.Second, Tell: func(err error) {
	slog.Warn("waiting for the log", "error", err)
}}

// Connect makes a connection and waits as long as that takes; met hears why there is none yet (config.NATS.Connect).
type Connect func(ctx context.Context, met func(error)) (*nats.Conn, error)

// Parts is all that the gateway uses on the broker.
type Parts struct {
	Conn     *nats.Conn
	Log      *storelog.Log
	Audit    *storelog.Audit
	Claims   *claim.Book
	Catalog  *engine.Catalog
	Platform *platform.View
	// Reports is the bucket that Platform follows one key of.
	Reports jetstream.KeyValue
	Tickets jetstream.KeyValue
	// Directory is nil of an installation without accounts.
	Directory *directory.Directory
	// Guesses goes with it.
	Guesses *guesses.Guesses
}

// Bus holds the parts once they are there. Safe for concurrent use.
type Bus struct {
	shape  storelog.Settings
	remade func()
	parts  atomic.Pointer[Parts]
	// conn is there before there are parts, and met before there is one.
	conn atomic.Pointer[nats.Conn]
	met  atomic.Pointer[error]
	// sure is behind which of the connection's interruptions, counted, the log was seen to be the one that is open.
	sure atomic.Uint64
}

// New makes a bus that Run brings up. shape is how the log is to be; remade is called when another stands in its place.
func New(shape storelog.Settings, remade func()) *Bus {
	return &Bus{shape: shape, remade: remade}
}

// Run connects, makes the log where it is missing, and keeps the connection until ctx ends. It fails only for what
// waiting can't mend: wrong settings, a broker that is too old, a log that is another installation's.
func (b *Bus) Run(ctx context.Context, connect Connect) error {
	conn, err := connect(ctx, func(err error) { b.met.Store(&err) })
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer conn.Close()
	b.conn.Store(conn)
	return again.Always(ctx, retries, func(works func()) error {
		err := b.hold(ctx, conn, works)
		if errors.Is(err, storelog.ErrOldServer) || errors.Is(err, storelog.ErrForeignLog) {
			return again.Never(err)
		}
		return err
	})
}

// hold opens the parts, says so by works and keeps them until ctx ends. What a try has opened that fails further on ends with
// it: the next try opens its own, and there may be many.
func (b *Bus) hold(ctx context.Context, conn *nats.Conn, works func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	interruptions := conn.Stats().Reconnects
	parts, err := b.open(ctx, conn)
	if err != nil {
		return err
	}
	b.sure.Store(interruptions)
	b.parts.Store(&parts)
	works()
	slog.Info("opened the log", "epoch", parts.Log.Epoch())
	var watching sync.WaitGroup
	watching.Go(func() { parts.Log.FollowWriteLevel(ctx) })
	err = b.guard(ctx, &parts)
	cancel()
	watching.Wait()
	return err
}

// guard holds the parts until ctx ends, and fails when the log has been made anew: a broker may come back with an empty
// disk, and another gateway be the first to find it. To go on then would be to write names of tenants that aren't that log's.
// So Parts gives nothing away after an interruption before this has looked.
func (b *Bus) guard(ctx context.Context, parts *Parts) error {
	back := parts.Conn.StatusChanged(nats.CONNECTED)
	defer parts.Conn.RemoveStatusListener(back)
	tick := time.NewTicker(unsureEvery)
	defer tick.Stop()
	for looked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-back:
		case <-tick.C:
			if b.isSure(parts) && time.Since(looked) < lookEvery {
				continue
			}
		}
		looked = time.Now()
		if err := b.look(ctx, parts); err != nil {
			b.parts.Store(nil)
			b.remade()
			return err
		}
	}
}

// isSure says that the log was seen to be the one that is open since the connection was interrupted last.
func (b *Bus) isSure(parts *Parts) bool { return parts.Conn.Stats().Reconnects == b.sure.Load() }

// look fails when the log isn't the one that is open. Silence, and no log at all, say nothing.
func (b *Bus) look(ctx context.Context, parts *Parts) error {
	interruptions := parts.Conn.Stats().Reconnects
	if !parts.Conn.IsConnected() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	epoch, _, err := parts.Log.Now(ctx)
	if err != nil {
		return nil
	}
	if epoch != parts.Log.Epoch() {
		return fmt.Errorf("%w: %s instead of %s", errRemade, epoch, parts.Log.Epoch())
	}
	b.sure.Store(interruptions)
	return nil
}

// open gives the views the long-lived context and everything else a bounded one.
func (b *Bus) open(ctx context.Context, conn *nats.Conn) (Parts, error) {
	bounded, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := storelog.Ensure(bounded, conn, b.shape); err != nil {
		return Parts{}, err
	}
	log, err := storelog.Open(bounded, conn)
	if err == nil {
		// Two may have found a log that was nobody's at the same time, and each made it its own.
		err = log.CheckInstallation(b.shape.Installation)
	}
	if err != nil {
		return Parts{}, err
	}
	audit, err := log.Audit(bounded)
	if err != nil {
		return Parts{}, err
	}
	buckets := map[string]jetstream.KeyValue{}
	for _, name := range []string{
		storelog.BucketClaims, storelog.BucketPacks, storelog.BucketCatalog, storelog.BucketPlatform, storelog.BucketTickets,
	} {
		if buckets[name], err = log.Bucket(bounded, name); err != nil {
			return Parts{}, err
		}
	}
	catalog, err := engine.Watch(ctx, buckets[storelog.BucketPacks], buckets[storelog.BucketCatalog])
	if err != nil {
		return Parts{}, err
	}
	cluster, err := platform.Watch(ctx, buckets[storelog.BucketPlatform], nil)
	if err != nil {
		return Parts{}, err
	}
	people, tries, err := b.people(bounded, log)
	if err != nil {
		return Parts{}, err
	}
	return Parts{
		Directory: people, Guesses: tries,
		Conn: conn, Log: log, Audit: audit, Claims: claim.NewBook(buckets[storelog.BucketClaims]),
		Catalog: catalog, Platform: cluster, Reports: buckets[storelog.BucketPlatform], Tickets: buckets[storelog.BucketTickets],
	}, nil
}

// people opens what accounts are kept in, where there are any.
func (b *Bus) people(ctx context.Context, log *storelog.Log) (*directory.Directory, *guesses.Guesses, error) {
	if !b.shape.Accounts {
		return nil, nil, nil
	}
	people, err := directory.Open(ctx, log, b.shape.Clock, time.Now)
	if err != nil {
		return nil, nil, err
	}
	tries, err := guesses.Open(ctx, log, b.shape, time.Now)
	return people, tries, err
}

// Parts returns what to work with, or ErrUnavailable at once instead of after a time-out.
func (b *Bus) Parts() (*Parts, error) {
	parts := b.parts.Load()
	if parts == nil || !parts.Conn.IsConnected() || !b.isSure(parts) {
		return nil, ErrUnavailable
	}
	return parts, nil
}

// Naming is how the log that is open names tenants, also while the broker is away. Before there is one it names nobody but
// this machine.
func (b *Bus) Naming() storelog.Naming {
	parts, ok := b.Known()
	if !ok {
		return storelog.Naming{}
	}
	return parts.Log.Naming()
}

// Known returns the parts also while the broker is away: catalog and platform then tell what they knew last.
func (b *Bus) Known() (*Parts, bool) {
	parts := b.parts.Load()
	return parts, parts != nil
}

// Check asks the broker for the head of the log, the one answer that proves it can serve. It fails with config.ErrRefused, too,
// while the broker doesn't let this gateway in.
func (b *Bus) Check(ctx context.Context) (uint64, error) {
	parts, err := b.Parts()
	if err != nil {
		return 0, errors.Join(err, b.way())
	}
	head, err := parts.Log.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("check the broker: %w", err)
	}
	return head, nil
}

// way says what is the matter with the connection, or with the tries to make one.
func (b *Bus) way() error {
	if conn := b.conn.Load(); conn != nil {
		return config.Reachable(conn)
	}
	if met := b.met.Load(); met != nil {
		return *met
	}
	return nil
}
