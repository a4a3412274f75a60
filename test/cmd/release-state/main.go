// release-state records what the tree leaves on the disk, so that later trees can be held against it. It is run once for
// every release, when that is tagged, and before what is written to the log changes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/test/internal/release"
	"github.com/store-platform/store-platform/test/internal/repo"
)

type arguments struct {
	Release string `arg:"" help:"The release's tag, as in v0.1.0, or the commit of a tree that has none: the name of its folder below test/upgrade/testdata."`
}

func main() {
	var args arguments
	kong.Parse(&args, kong.Name("release-state"), kong.Description("Records the state that this tree leaves on the disk."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := repo.Root()
	if err == nil {
		err = release.Record(ctx, root, filepath.Join(root, "test", "upgrade", "testdata", args.Release))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release-state:", err)
		os.Exit(1)
	}
}
