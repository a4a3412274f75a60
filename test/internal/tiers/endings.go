package tiers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// killWithin bounds the random moment at which the supervisor is killed: from before it has started anything until
// after a warm platform with its cluster is up.
const killWithin = 45 * time.Second

// checkEndings ends the platform in both ways and looks at what is left of it. They count as tests of the cluster tier.
func (r *runner) checkEndings(ctx context.Context) {
	began := time.Now()
	r.cluster.stop(r)
	r.settle("Ctrl-C leaves nothing behind", began, "", expectNothingLeft(r.cluster.before, r.cluster.state(r)))

	moment := rand.N(killWithin)
	began = time.Now()
	r.settle(fmt.Sprintf("SIGKILL after %s leaves nothing behind", moment.Round(time.Millisecond)), began, "", r.killAfter(ctx, moment))

	began = time.Now()
	r.settle("it starts again after the kill", began, "", r.startAgain(ctx))
}

func (r *runner) killAfter(ctx context.Context, moment time.Duration) error {
	c := newCluster()
	if err := c.launch(r); err != nil {
		return err
	}
	select {
	case <-c.ended:
		return fmt.Errorf("the platform ended by itself: %w\n%s", c.err, r.tailOfLog())
	case <-ctx.Done():
		c.stop(r)
		return ctx.Err()
	case <-time.After(moment):
	}
	if err := c.process.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the platform: %w", err)
	}
	<-c.ended
	return expectNothingLeft(r.cluster.before, c.state(r))
}

// startAgain finds the first store, which an earlier run of this installation made, in the log and in a list: what was
// killed in the middle of anything must come back, Postgres too.
func (r *runner) startAgain(ctx context.Context) error {
	if err := os.Remove(filepath.Join(r.cluster.state(r), endpointsFile)); err != nil && !os.IsNotExist(err) {
		return err
	}
	c := newCluster()
	if err := c.launch(r); err != nil {
		return err
	}
	defer c.stop(r)
	return errors.Join(c.askForFirstStore(ctx, r), c.awaitList(ctx, r))
}
