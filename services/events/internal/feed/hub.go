package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// ringSize is how many messages a client may have missed and still need nothing but memory: minutes of a busy
	// platform, at about 3 KB each.
	ringSize = 16384
	// maxBehind is the most that is replayed. Beyond it a client is better off listing its stores anew.
	maxBehind = 100_000
	// concurrentReplays bounds the readers of Postgres and the stream when many clients come back at once.
	concurrentReplays = 16
	// checkEvery is how often the hub makes sure that the log is still the one it follows, and that it hears it.
	checkEvery   = 2 * time.Second
	checkTimeout = 2 * time.Second
	// deafAfter is how long it may hear nothing of a log that goes on, or doesn't answer, before its clients are better off with
	// another replica: longer than three brokers take to elect a leader, in which time nothing happens that could be told.
	deafAfter = storelog.Patience
	// goodbyes is how long the end of the service waits for clients to answer theirs.
	goodbyes = 4 * time.Second
)

var (
	errClosed   = errors.New("the feed isn't open")
	errNewEpoch = errors.New("the log was made anew")
	errDeaf     = errors.New("the log isn't heard")
)

// restarts are the pauses before the hub follows the log again.
var restarts = again.Pauses{First: 500 * time.Millisecond, Longest: 2 * time.Second}

// Hub is a replica's feed. Its methods are safe for concurrent use.
type Hub struct {
	pool     *pgxpool.Pool
	progress *projection.Progress
	replays  chan struct{}
	handlers sync.WaitGroup
	limits   Limits
	// behind, check, deaf and pace are the constants.
	behind      uint64
	check, deaf time.Duration
	pace        pace
	memory      Memory

	mu sync.Mutex
	// log is nil while the hub follows none.
	log     *storelog.Log
	tickets jetstream.KeyValue
	refusal error
	ring    ring
	// cluster is what was said last of the platform.
	cluster *websocket.PreparedMessage
	// clients are all that are connected; tenants and operators those of them that are up to date.
	clients   map[*client]struct{}
	tenants   map[string]map[*client]struct{}
	operators map[*client]struct{}
	// taken are the seats, takenBy those of each tenant, and of the operators.
	taken   int
	takenBy map[query.Scope]int
	refused struct{ full, crowded int64 }
	slow    int64
	ended   bool
}

// Memory is told what the hub hears: which log it is, then of each message behind its end by then; what was before it reads
// meanwhile. It is package places'.
type Memory interface {
	Begin(epoch string)
	Read(ctx context.Context, log *storelog.Log, head uint64)
	Hear(at time.Time, entry storelog.Entry)
}

// Tell has the hub tell a memory, too; called before Run.
func (h *Hub) Tell(m Memory) { h.memory = m }

// New makes a hub; Run opens it.
func New(pool *pgxpool.Pool, progress *projection.Progress, limits Limits) *Hub {
	return &Hub{
		pool: pool, progress: progress, replays: make(chan struct{}, concurrentReplays), limits: limits,
		behind: maxBehind, check: checkEvery, deaf: deafAfter, ring: newRing(ringSize), takenBy: map[query.Scope]int{},
		pace:    pace{ping: pingEvery, pong: pongTimeout, write: writeTimeout, claim: handshakeTimeout, parting: partingGrace},
		clients: map[*client]struct{}{}, tenants: map[string]map[*client]struct{}{}, operators: map[*client]struct{}{},
	}
}

// Run follows the log until ctx ends; then it has closed its clients. A hub that meets a new log, or a message too new
// for this program, or that hears nothing, closes its clients and begins again at the log's end: they come back with their
// cursors, here or to another replica, and are told where they stand.
func (h *Hub) Run(ctx context.Context, nc *nats.Conn) error {
	_ = again.Always(ctx, restarts, func(works func()) error {
		err := h.follow(ctx, nc, works)
		if ctx.Err() == nil {
			slog.Warn("feed interrupted", "error", err)
			h.refuse(err)
			h.closeAll(restarting, false)
		}
		return err
	})
	h.closeAll(leaving, true)
	h.awaitHandlers()
	return nil
}

func (h *Hub) awaitHandlers() {
	done := make(chan struct{})
	go func() { defer close(done); h.handlers.Wait() }()
	select {
	case <-done:
	case <-time.After(goodbyes):
	}
}

// Ready says why the feed isn't open.
func (h *Hub) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log == nil {
		return errors.Join(errClosed, h.refusal)
	}
	return nil
}

// Stats are for metrics: the last message told, the clients connected, and how many were closed for being slow.
func (h *Hub) Stats() (last uint64, clients int, slow int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.last, len(h.clients), h.slow
}

// Now asks the log that the hub follows which it is and where it ends; it fails while the hub follows none.
func (h *Hub) Now(ctx context.Context) (epoch string, head uint64, err error) {
	h.mu.Lock()
	log := h.log
	h.mu.Unlock()
	if log == nil {
		return "", 0, errClosed
	}
	return log.Now(ctx)
}

// Bound is seq, unless the log ends before: then its end, or what has been heard of it where it doesn't answer. So nobody waits
// for what there isn't. The log is asked only for what hasn't been heard.
func (h *Hub) Bound(ctx context.Context, seq uint64) uint64 {
	heard, _, _ := h.Stats()
	if seq <= heard {
		return seq
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, head, err := h.Now(ctx); err == nil {
		heard = max(heard, head)
	}
	return min(seq, heard)
}

func (h *Hub) refuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log, h.refusal = nil, err
}

// follow tells of one log, from its end on, and says by works when it does.
func (h *Hub) follow(ctx context.Context, nc *nats.Conn, works func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	tickets, err := log.Bucket(ctx, storelog.BucketTickets)
	if err != nil {
		return err
	}
	said, err := log.Bucket(ctx, storelog.BucketPlatform)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	if _, err := platform.Watch(ctx, said, h.sayPlatform); err != nil {
		return err
	}
	h.open(log, tickets, head)
	works()
	group, ctx := errgroup.WithContext(ctx)
	if h.memory != nil {
		h.memory.Begin(log.Epoch())
		group.Go(func() error { h.memory.Read(ctx, log, head); return nil })
	}
	group.Go(func() error {
		return log.Tail(ctx, head, func(raw storelog.Raw) error { return h.take(log.Epoch(), raw) })
	})
	group.Go(func() error { return h.listen(ctx, log) })
	return group.Wait()
}

func (h *Hub) open(log *storelog.Log, tickets jetstream.KeyValue, head uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring.reset(head)
	h.log, h.tickets, h.refusal = log, tickets, nil
}

// listen fails when the log has been made anew, as its consumer would wait for the sequences of the old one, and when nothing
// is heard of it: it doesn't answer, or has had messages for a while of which none has come.
func (h *Hub) listen(ctx context.Context, log *storelog.Log) error {
	check := time.NewTicker(h.check)
	defer check.Stop()
	well := time.Now()
	for before, heard := uint64(0), uint64(0); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-check.C:
		}
		asking, cancel := context.WithTimeout(ctx, checkTimeout)
		epoch, head, err := log.Now(asking)
		cancel()
		if err == nil && epoch != log.Epoch() {
			return fmt.Errorf("%w: %s instead of %s", errNewEpoch, epoch, log.Epoch())
		}
		last, _, _ := h.Stats()
		// What is on its way just now isn't missing: what was there at the check before is.
		if err == nil && (last >= before || last > heard) {
			well = time.Now()
		}
		if since := time.Since(well); since > h.deaf {
			return errors.Join(fmt.Errorf("%w: for %s nothing behind message %d", errDeaf, since.Round(time.Second), last), err)
		}
		before, heard = max(before, head), last
	}
}

// take tells of one message. What can't be decoded is left out here as it is from Postgres.
func (h *Hub) take(epoch string, raw storelog.Raw) error {
	e := event{seq: raw.Seq}
	entry, err := readmodel.Decode(raw)
	if errors.Is(err, storelog.ErrNewerSchema) {
		return err
	}
	if err == nil {
		if h.memory != nil {
			h.memory.Hear(raw.Time, entry)
		}
		if e, err = eventOf(epoch, entry); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring.put(e)
	if e.prepared == nil {
		return nil
	}
	for c := range h.tenants[e.tenant] {
		h.tell(c, e)
	}
	if e.left != nil {
		for c := range h.tenants[e.former] {
			h.tell(c, e)
		}
	}
	for c := range h.operators {
		h.tell(c, e)
	}
	return nil
}

// tell queues an event for a client that is up to date.
func (h *Hub) tell(c *client, e event) {
	if e.seq <= c.after {
		return
	}
	if m := c.told(e); m != nil {
		h.push(c, m)
	}
}

// push never waits: a queue that is full is its client's problem alone.
func (h *Hub) push(c *client, m *websocket.PreparedMessage) {
	select {
	case c.queue <- m:
	default:
		h.slow++
		h.forget(c)
		c.end(tooSlow)
	}
}

func (h *Hub) countSlow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slow++
}

func (h *Hub) sayPlatform(c platform.Cluster) {
	prepared, err := prepare(platformMessage(c))
	if err != nil {
		slog.Error("tell of the platform", "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cluster = prepared
	for _, clients := range h.tenants {
		for c := range clients {
			h.push(c, prepared)
		}
	}
	for c := range h.operators {
		h.push(c, prepared)
	}
}
