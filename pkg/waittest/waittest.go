// Package waittest waits in tests for what no message announces: it asks again until it is so. It gives up when nothing has
// moved for a while, and never because the whole has taken long: nobody can guess what a busy machine takes for the whole,
// and everybody can see that nothing moves.
package waittest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FactorEnv names the variable that makes all tests so many times more patient (2, 0.5), for a machine that is slow at
// everything.
const FactorEnv = "TEST_PATIENCE"

const (
	// patience is longer than anything is silent that goes on: a worker's lease that runs out, a shop that starts beside
	// fifteen others. It costs the time of tests that fail.
	patience = 3 * time.Minute
	// pause lies between two questions.
	pause = 100 * time.Millisecond
)

// Patience is how long nothing may move. It is also the bound of one thing that can't be seen moving, such as a request.
func Patience() time.Duration {
	text := os.Getenv(FactorEnv)
	if text == "" {
		return patience
	}
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil || factor <= 0 {
		panic(fmt.Sprintf("%s is %q, which is no factor", FactorEnv, text))
	}
	return time.Duration(factor * float64(patience))
}

// Eventually waits until try succeeds, and ends the test when nothing moves any more.
func Eventually(tb testing.TB, try func() error) {
	tb.Helper()
	if err := Until(tb.Context(), try); err != nil {
		tb.Fatal(err)
	}
}

// Until waits until try succeeds. What moves is told by the words of its errors: they say what is there, and nothing that
// is another each time, such as the time. The error is ctx's, or that nothing has moved for Patience; either holds try's
// last one.
func Until(ctx context.Context, try func() error) error {
	w := watch{since: time.Now(), seen: map[string]bool{}}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if w.stands(err, time.Now()) {
			return fmt.Errorf("nothing has moved for %s: %w", Patience(), err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// NotBefore is an error of what has said when it goes on: until then, nobody expects it to move.
func NotBefore(at time.Time, err error) error { return &paused{at, err} }

type paused struct {
	at  time.Time
	err error
}

func (p *paused) Error() string { return p.err.Error() }
func (p *paused) Unwrap() error { return p.err }

// watch looks for what hasn't been seen before: what fails in two ways by turns doesn't move.
type watch struct {
	seen  map[string]bool
	since time.Time
}

// stands tells whether nothing has moved for too long.
func (w *watch) stands(err error, now time.Time) bool {
	if text := words(err); !w.seen[text] {
		w.seen[text], w.since = true, now
	}
	var p *paused
	if errors.As(err, &p) && p.at.After(w.since) {
		w.since = p.at
	}
	return now.Sub(w.since) >= Patience()
}

// words are what an error says without the ports of a connection, of which one is another each time.
func words(err error) string {
	var failed *net.OpError
	if errors.As(err, &failed) {
		return strings.ReplaceAll(err.Error(), failed.Error(), fmt.Sprintf("%s %s", failed.Op, failed.Err))
	}
	return err.Error()
}
