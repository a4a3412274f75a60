package tiers

import (
	"cmp"
	"context"
	"os"
	"time"
)

// longMinutes are those of chaos in a long run.
const longMinutes = "30"

// runChaos is `make chaos`: the same as the API-server tier's minutes of chaos, for as long as MINUTES says, with the
// trouble that SEED says.
func runChaos(ctx context.Context, r *shift) error {
	kubeconfig, stop, err := r.startAPIServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	program, err := r.program("chaos")
	if err != nil {
		return err
	}
	variables, err := r.programVariables()
	if err != nil {
		return err
	}
	began := time.Now()
	run := r.command(ctx, ".", program)
	run.Stdout, run.Stderr = r.out, r.out
	if r.options.Long {
		run.Env = append(run.Env, "MINUTES="+cmp.Or(os.Getenv("MINUTES"), longMinutes))
	}
	run.Env = append(append(run.Env, variables...), "TEST_KUBECONFIG="+kubeconfig)
	err = run.Run()
	r.spent(run)
	r.settle("chaos", began, "", err)
	return nil
}
