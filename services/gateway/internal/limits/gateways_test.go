package limits

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// await waits until all of them count so many.
func await(t *testing.T, want int, gateways ...*Gateways) {
	t.Helper()
	waittest.Eventually(t, func() error {
		for _, g := range gateways {
			if n := g.Count(); n != want {
				return fmt.Errorf("a gateway counts %d, want %d", n, want)
			}
		}
		return nil
	})
}

// join has a gateway live until the test ends or die is called.
func join(t *testing.T, nc *nats.Conn, forgotten time.Duration) (g *Gateways, die func()) {
	t.Helper()
	g = NewGateways()
	ctx, cancel := context.WithCancel(context.Background())
	if err := g.Join(ctx, nc, forgotten); err != nil {
		t.Fatal(err)
	}
	die = func() { cancel(); g.Wait() }
	t.Cleanup(die)
	return g, die
}

// Who comes is known at once, and knows the others at once: their next beat is further off than this test waits.
func TestAGatewayThatComesIsCountedAtOnce(t *testing.T) {
	s := bustest.StartServer(t, &server.Options{})
	var all []*Gateways
	for n := range 3 {
		g, _ := join(t, bustest.Connect(t, s), silent*time.Hour)
		all = append(all, g)
		await(t, n+1, all...)
	}
}

func TestAGatewayThatDiesIsForgotten(t *testing.T) {
	s := bustest.StartServer(t, &server.Options{})
	const forgotten = 250 * time.Millisecond
	first, _ := join(t, bustest.Connect(t, s), forgotten)
	second, _ := join(t, bustest.Connect(t, s), forgotten)
	third, die := join(t, bustest.Connect(t, s), forgotten)
	await(t, 3, first, second, third)
	die()
	await(t, 2, first, second)
}

// A stranger's beats, and one's own that don't come back, say nothing of who isn't heard.
func TestSilenceOfTheBrokerForgetsNobody(t *testing.T) {
	g, dead, alive := NewGateways(), rand.Text(), rand.Text()
	g.hear("no gateway")
	g.hear(dead)
	for range 10 * silent {
		g.hear(alive)
	}
	if n := g.Count(); n != 3 {
		t.Errorf("by others' beats alone %d are left of 3", n)
	}
	// Held up on the way, all come back at once.
	for range 10 * silent {
		g.due = true
	}
	for range 10 * silent {
		g.hear(g.id)
	}
	if n := g.Count(); n != 3 {
		t.Errorf("by one's own beats of a moment %d are left of 3", n)
	}
	for n := 1; n < silent; n++ {
		if g.Count() != 3 {
			t.Fatalf("%d of its own beats have made it forget", n)
		}
		g.due = true
		g.hear(alive)
		g.hear(g.id)
	}
	if n := g.Count(); n != 2 {
		t.Errorf("it counts %d, want itself and the one that lives", n)
	}
}

// What is kept for a broker that is away would make others believe in a gateway that died meanwhile.
func TestNothingIsSaidForLater(t *testing.T) {
	s := bustest.StartServer(t, &server.Options{})
	nc := bustest.Connect(t, s)
	s.Shutdown()
	s.WaitForShutdown()
	waittest.Eventually(t, func() error {
		if nc.IsConnected() {
			return errors.New("the connection doesn't end")
		}
		return nil
	})
	NewGateways().beat(nc)
	if waiting, err := nc.Buffered(); err != nil || waiting != 0 {
		t.Errorf("%d bytes wait for the broker (%v)", waiting, err)
	}
}
