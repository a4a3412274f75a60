package work

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// crowd is a broker that counts what it is asked, with a log in which many wait; looks counts how often.
type crowd struct {
	*testBench
	server *server.Server
	looks  atomic.Int64
	pauses timing
}

// waits is how many do: enough for what each costs to be most of what is asked.
const waits = 40

func newCrowd(t *testing.T) *crowd {
	s := bustest.StartServer(t, &server.Options{})
	nc := bustest.Connect(t, s)
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{testBench: &testBench{t: t, nc: nc, log: log}, server: s, pauses: quick}
	c.pauses.waitFirst, c.pauses.waitAtMost = 10*time.Millisecond, 200*time.Millisecond
	// Or a machine that has much else to do counts heartbeats, and what comes again because it took so long, instead of looks.
	c.pauses.ackWait, c.pauses.heartbeat = production.ackWait, production.heartbeat
	return c
}

// start runs two processes with all of their slots, whose hand waits as until says.
func (c *crowd) start(until func() *Waiting) {
	c.t.Helper()
	h := waitingHand(func(store.ID) *Waiting { c.looks.Add(1); return until() })
	for _, holder := range []string{"one", "two"} {
		c.startBy(c.pauses, h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Holder: holder, Slots: 256, Standing: 64})
	}
}

// aLook is how many messages the broker has to do with for each.
func (c *crowd) aLook() float64 {
	c.t.Helper()
	c.awaitLooks(8 * waits)
	operations := func() int64 {
		seen, err := c.server.Varz(nil)
		if err != nil {
			c.t.Fatal(err)
		}
		return seen.InMsgs + seen.OutMsgs
	}
	looked, asked := c.looks.Load(), operations()
	c.awaitLooks(looked + 2*waits)
	return float64(operations()-asked) / float64(c.looks.Load()-looked)
}

// awaitLooks waits until stores have been looked at so often.
func (c *crowd) awaitLooks(n int64) {
	c.t.Helper()
	waittest.Eventually(c.t, func() error {
		if seen := c.looks.Load(); seen < n {
			return fmt.Errorf("%d looks, want %d", seen, n)
		}
		return nil
	})
}

// Ten thousand stores that wait ask less of the broker than 500 operations a second, in two processes with all of their slots:
// what a look costs is counted here, how seldom it comes is the pause.
func TestThousandsThatWaitLeaveTheBrokerInPeace(t *testing.T) {
	c := newCrowd(t)
	never := make(chan struct{})
	for i := range waits {
		c.ask("tenant", i)
	}
	c.start(func() *Waiting { return noCluster(never) })
	perLook := c.aLook()
	second := perLook * 10_000 / production.waitAtMost.Seconds()
	t.Logf("a look costs %.1f messages, ten thousand that wait %.0f a second", perLook, second)
	if second >= 500 {
		t.Errorf("a look costs %.1f messages: ten thousand stores that wait ask for %.0f a second", perLook, second)
	}
	for i := range waits {
		if state, err := c.log.Last(t.Context(), store.DeriveID("tenant", fmt.Sprint(i))); err != nil || state.Reason != "ClusterNotReady" || state.Attempt != 0 {
			t.Fatalf("a store waits as %+v, %v", state, err)
		}
	}
	if head, err := c.log.Head(t.Context()); err != nil || head != 2*waits {
		t.Errorf("%d messages of %d stores, %v: that each waits is to be said once", head, waits, err)
	}
}

// Ten thousand of one tenant that another comes before ask no more of the broker than those that wait for a cluster: what a look
// costs is counted here, how often each looks is the pause, by its place.
func TestThousandsInTheLineLeaveTheBrokerInPeace(t *testing.T) {
	c := newCrowd(t)
	c.pauses.idle = time.Hour
	c.ask("one", 0)
	c.taken(c.worker(c.pauses, provisioner(), Config{})) // so that all the others wait
	for i := range waits {
		c.ask("many", i)
	}
	c.start(func() *Waiting { return nil })
	perLook, perSecond := c.aLook(), 0.0
	for place := range 10_000 {
		perSecond += 1 / production.linePause(place+1).Seconds()
	}
	t.Logf("a look costs %.1f messages, ten thousand in the line look %.0f times a second", perLook, perSecond)
	if perLook*perSecond >= 500 {
		t.Errorf("ten thousand stores in the line ask for %.0f messages a second", perLook*perSecond)
	}
	if head, err := c.log.Head(t.Context()); err != nil || head != waits+1 {
		t.Errorf("%d messages of %d stores, %v: nothing is said of a turn that hasn't come", head, waits+1, err)
	}
}
