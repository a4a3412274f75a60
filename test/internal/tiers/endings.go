package tiers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// killWithin bounds the moment at which the supervisor is killed, which SEED draws: from before it has started anything
// until after a warm platform with its cluster is up.
const killWithin = 45 * time.Second

// usualSeed draws a moment at which Kubernetes is being started.
const usualSeed = 4

// seed is SEED, or the same one each time.
func seed() (uint64, error) {
	text := os.Getenv("SEED")
	if text == "" {
		return usualSeed, nil
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read SEED: %w", err)
	}
	return number, nil
}

// checkEndings ends the platform in both ways and looks at what is left of it. They count as tests of the cluster tier.
func (r *shift) checkEndings(ctx context.Context) {
	if r.cluster.process == nil {
		return
	}
	began := time.Now()
	seen := expectSomething(r.cluster.state(r.runner))
	r.cluster.stop(r.runner)
	r.spent(r.cluster.process)
	r.settle("Ctrl-C leaves nothing behind", began, "", errors.Join(seen, expectNothingLeft(r.cluster.state(r.runner))))

	if ctx.Err() != nil {
		return
	}

	began = time.Now()
	drawn, err := seed()
	moment := time.Duration(rand.New(rand.NewPCG(drawn, 0)).Int64N(int64(killWithin)))
	if err == nil {
		err = r.killAfter(ctx, moment)
	}
	r.settle(fmt.Sprintf("SIGKILL after %s leaves nothing behind (SEED=%d)", moment.Round(time.Millisecond), drawn), began, "", err)

	began = time.Now()
	r.settle("it starts again after the kill", began, "", r.startAgain(ctx))
}

func (r *shift) killAfter(ctx context.Context, moment time.Duration) error {
	c := newCluster()
	if err := c.launch(r.runner); err != nil {
		return err
	}
	select {
	case <-c.ended:
		return fmt.Errorf("the platform ended by itself: %w\n%s", c.err, r.tailOfLog())
	case <-ctx.Done():
		c.stop(r.runner)
		return ctx.Err()
	case <-time.After(moment):
	}
	if err := c.process.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the platform: %w", err)
	}
	<-c.ended
	r.spent(c.process)
	return expectNothingLeft(c.state(r.runner))
}

// startAgain finds the first store, which an earlier run of this installation made, in the log and in a list: what was
// killed in the middle of anything must come back, Postgres too.
func (r *shift) startAgain(ctx context.Context) error {
	if err := os.Remove(filepath.Join(r.cluster.state(r.runner), endpointsFile)); err != nil && !os.IsNotExist(err) {
		return err
	}
	c := newCluster()
	if err := c.launch(r.runner); err != nil {
		return err
	}
	defer func() {
		c.stop(r.runner)
		r.spent(c.process)
	}()
	return errors.Join(c.askForFirstStore(ctx, r.runner), c.awaitList(ctx, r.runner))
}
