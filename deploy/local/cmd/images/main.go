// images builds the images of engines, packs and pushes them. It is a program of its own because of what that links: the
// supervisor (cmd/local) is compiled before anybody sees a page, and runs this one when it comes to images; `local
// images`, which is `make images`, becomes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/pkg/guard"
)

type commands struct {
	State string `env:"STATE_DIR" type:"path" placeholder:"DIR" help:"Folder for what is kept between runs (default: .local in the clone)."`

	Images imagesCommand `cmd:"" help:"Build the images of engines, and load them into the cluster of the up that runs here, if one does."`
	Serve  serveCommand  `cmd:"" hidden:"" help:"Do what the supervisor asks for on standard input."`
}

func main() {
	guard.Main()
	var args commands
	parsed := kong.Parse(&args, kong.Name("local"))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(&args); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}
