package directory

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// opened is the directory of a broker's log, which is made.
func opened(t *testing.T, nc *nats.Conn) *Directory {
	t.Helper()
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1, Accounts: true})
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), log, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAllGatewaysHaveTheSameKey(t *testing.T) {
	nc := bustest.Start(t)
	first, second := opened(t, nc), opened(t, nc)
	if first.digest("email", "a@example.com") != second.digest("email", "a@example.com") {
		t.Error("two gateways look for the same address in two places")
	}
	if first.digest("email", "a@example.com") == first.digest("other", "a@example.com") {
		t.Error("two kinds of things share a place")
	}
}

// A pass is good once, whoever tries and at however many gateways.
func TestAPassIsSpentOnce(t *testing.T) {
	nc := bustest.Start(t)
	d := opened(t, nc)
	secret, err := d.links.issue(t.Context(), Link{Purpose: VerifyEmail, Account: "a"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if link, err := d.links.look(t.Context(), secret); err != nil || link.Account != "a" {
		t.Fatalf("%+v, %v", link, err)
	}
	var spent atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch _, err := d.links.spend(t.Context(), secret); {
			case err == nil:
				spent.Add(1)
			case !errors.Is(err, ErrUnknown):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if spent.Load() != 1 {
		t.Errorf("it was spent %d times", spent.Load())
	}
	if _, err := d.links.look(t.Context(), secret); !errors.Is(err, ErrUnknown) {
		t.Errorf("behind that: %v", err)
	}
	if _, err := d.sessions.look(t.Context(), secret); !errors.Is(err, ErrUnknown) {
		t.Errorf("as another kind: %v", err)
	}
}

func TestAPassEndsByItself(t *testing.T) {
	d := opened(t, bustest.Start(t))
	secret, err := d.links.issue(t.Context(), Link{Purpose: VerifyEmail}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	waittest.Eventually(t, func() error {
		_, err := d.links.look(t.Context(), secret)
		if errors.Is(err, ErrUnknown) {
			return nil
		}
		return fmt.Errorf("it opens still (%v)", err)
	})
}

// What is gone may come again: the mark that it left is nothing.
func TestWhatWasRemovedCanBeMadeAnew(t *testing.T) {
	d := opened(t, bustest.Start(t))
	for range 2 {
		if err := d.leads.create(t.Context(), "x", Lead{Account: "a"}); err != nil {
			t.Fatal(err)
		}
		if err := d.leads.create(t.Context(), "x", Lead{Account: "b"}); !errors.Is(err, ErrTaken) {
			t.Fatalf("another's: %v", err)
		}
		if err := d.leads.remove(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.leads.change(t.Context(), "x", func(*Lead) (bool, error) { return true, nil }); !errors.Is(err, ErrUnknown) {
			t.Fatalf("what is gone was changed: %v", err)
		}
	}
}
