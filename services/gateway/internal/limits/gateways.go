package limits

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/platform"
)

// Forgotten is how long after its last beat a gateway is one no more.
const Forgotten = 10 * time.Second

// silent is how many of its own beats a gateway hears without one of another's before it forgets that.
const silent = 5

// Gateways counts those that live, by what they say themselves: each beats on a subject of the broker's that keeps nothing.
//
// Time passes for it by its own beats as the broker gives them back. So a gateway that is cut off from the broker, or one whose
// broker is away, goes on with the number that it knew last: hearing nobody says nothing of the others.
type Gateways struct {
	id string

	mu sync.Mutex
	// unheard is, of each other gateway, how many of this one's beats came back since its last.
	unheard map[string]int
	// due: a beat of this one's is under way. Several that were held up on the way and come at once are one.
	due bool

	count   atomic.Int64
	beating sync.WaitGroup
}

// NewGateways knows of this one only.
func NewGateways() *Gateways {
	g := &Gateways{id: rand.Text(), unheard: map[string]int{}}
	g.count.Store(1)
	return g
}

// Count is how many live, this one among them.
func (g *Gateways) Count() int { return int(g.count.Load()) }

// Join says over conn that this gateway lives, and hears of the others, until ctx ends; Wait waits for that. forgotten is how
// long the others are to be believed alive without a word.
func (g *Gateways) Join(ctx context.Context, conn *nats.Conn, forgotten time.Duration) error {
	heard, err := platform.HearGateways(conn, func(id string) {
		// Who has just come hears at once of all others, and not only when they beat next.
		if g.hear(id) {
			g.say(conn)
		}
	})
	if err != nil {
		return err
	}
	g.beating.Go(func() {
		tick := time.NewTicker(forgotten / silent)
		defer tick.Stop()
		for {
			g.beat(conn)
			select {
			case <-ctx.Done():
				if err := heard.Unsubscribe(); err != nil && conn.IsConnected() {
					slog.Warn("stop listening for other gateways", "error", err)
				}
				return
			case <-tick.C:
			}
		}
	})
	return nil
}

// Wait returns when this gateway has stopped to beat.
func (g *Gateways) Wait() { g.beating.Wait() }

func (g *Gateways) beat(conn *nats.Conn) {
	g.mu.Lock()
	g.due = true
	g.mu.Unlock()
	g.say(conn)
}

// say sends nothing while there is no connection: it would be kept for later, when it isn't true any more.
func (g *Gateways) say(conn *nats.Conn) {
	if !conn.IsConnected() {
		return
	}
	if err := platform.SayGateway(conn, g.id); err != nil {
		slog.Debug("tell other gateways of this one", "error", err)
	}
}

// hear takes a beat, and says whether it is a stranger's. What doesn't look like one is no gateway's.
func (g *Gateways) hear(id string) (stranger bool) {
	if len(id) != len(g.id) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if id != g.id {
		_, known := g.unheard[id]
		g.unheard[id] = 0
		stranger = !known
	} else if g.due {
		g.due = false
		for other := range g.unheard {
			if g.unheard[other]++; g.unheard[other] >= silent {
				delete(g.unheard, other)
			}
		}
	}
	g.count.Store(int64(1 + len(g.unheard)))
	return stranger
}
