package tiers

import (
	"context"
	"fmt"
	"time"
)

// runChaos is `make chaos`: the same as the API-server tier's minutes of chaos, for as long as MINUTES says, with the
// trouble that SEED says.
func runChaos(ctx context.Context, r *runner) error {
	kubeconfig, stop, err := r.startAPIServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	program := r.localPath("chaos")
	if output, err := r.command(ctx, "test", "go", "build", "-o", program, "./cmd/chaos").CombinedOutput(); err != nil {
		return fmt.Errorf("build chaos: %w\n%s", err, output)
	}
	began := time.Now()
	run := r.command(ctx, ".", program)
	run.Stdout, run.Stderr = r.out, r.out
	run.Env = append(run.Env, "TEST_KUBECONFIG="+kubeconfig)
	r.settle("chaos", began, "", run.Run())
	return nil
}
