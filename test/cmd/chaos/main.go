// chaos is what `make chaos` runs: the platform, broken every few seconds, and the judgement of what became of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/test/internal/chaos"
	"github.com/store-platform/store-platform/test/internal/repo"
)

type arguments struct {
	Minutes    float64 `env:"MINUTES" default:"3" help:"How long the platform is disturbed."`
	Seed       uint64  `env:"SEED" help:"Repeats the trouble of another run; 0 draws one."`
	Kubeconfig string  `env:"TEST_KUBECONFIG" required:"" help:"An administrator's, of an API server without nodes."`
	Folder     string  `default:".local/chaos" help:"Where the run's records and logs go, below the clone; removed first."`
}

func main() {
	var args arguments
	kong.Parse(&args, kong.Name("chaos"), kong.Description("Breaks the platform for a while and judges it."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args arguments) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	folder := filepath.Join(root, args.Folder)
	if filepath.IsAbs(args.Folder) {
		folder = args.Folder
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the last run's folder: %w", err)
	}
	for args.Seed == 0 {
		args.Seed = rand.Uint64N(1_000_000)
	}
	l, err := chaos.Open(ctx, chaos.Options{Repo: root, Folder: folder, Kubeconfig: args.Kubeconfig, Out: os.Stdout, Clock: 1})
	if err != nil {
		return err
	}
	return errors.Join(l.Random(ctx, args.Seed, time.Duration(args.Minutes*float64(time.Minute))), l.Close())
}
