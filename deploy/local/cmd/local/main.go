// local runs the whole platform on one machine, with a Kubernetes of its own: what
// `make up`, `make down` and `make status` call.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/deploy/local/internal/up"
	"github.com/store-platform/store-platform/pkg/guard"
)

const about = `Runs the whole platform on this machine: broker, PostgreSQL, gateway, events, provisioner, janitor, and a real
Kubernetes with one node, unless KUBE_CONTEXT names one of yours. What is missing is built once and kept in
~/.cache/store-platform for every clone.`

type commands struct {
	State string `env:"STATE_DIR" type:"path" placeholder:"DIR" help:"Folder for what is kept between runs (default: .local in the clone)."`

	Up     upCommand     `cmd:"" default:"withargs" help:"Run until Ctrl-C. Then everything that was started is gone, and the state stays."`
	Down   downCommand   `cmd:"" help:"Stop what runs and remove its state: stores, history, cluster."`
	Status statusCommand `cmd:"" help:"Say what runs, and where."`
	Images imagesCommand `cmd:"" passthrough:"" help:"Build the images of engines, and load them into the cluster of the up that runs here, if one does."`

	Programs programsCommand `cmd:"" hidden:"" help:"Build the platform's programs, and print a line for each: name, tab, path."`
}

type upCommand struct {
	API     string `env:"API_ADDR" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address of page and API. Port 0 takes a free one (${default})."`
	Stores  string `env:"STORES_ADDR" default:"127.0.0.1:8088" placeholder:"ADDR" help:"Address of the door to the stores (${default})."`
	Context string `name:"kube-context" env:"KUBE_CONTEXT" placeholder:"NAME" help:"Use the cluster of this context of your kubeconfig instead of one of our own."`
	Images  string `name:"image-registry" env:"IMAGE_REGISTRY" placeholder:"PREFIX" help:"Push the engines' images below this, for your own cluster. Without it the loader of kind, k3d or minikube is used."`
	Install bool   `env:"INSTALL" default:"true" negatable:"" help:"As root, install missing Debian packages, after printing the line (INSTALL=0: list them instead)."`
}

func main() {
	guard.Main()
	kube.Main()
	var args commands
	parsed := kong.Parse(&args, kong.Name("local"), kong.Description(about))
	if err := parsed.Run(&args); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// places finds the clone that the working folder lies in, and the state folder.
func (c *commands) places() (repository, state string, err error) {
	return preflight.Places(c.State)
}

// Run is called by kong.
func (u *upCommand) Run(args *commands) error {
	repository, state, err := args.places()
	if err != nil {
		return err
	}
	ctx, hard, release := stopping()
	defer release()
	return up.Run(ctx, hard, up.Options{
		Repository: repository, State: state, API: u.API, Stores: u.Stores,
		Context: u.Context, Registry: u.Images, Install: u.Install, Terminal: up.NewTerminal(os.Stdout),
	})
}

// stopping makes two contexts: the first signal ends soft, and with it the run; the second
// ends hard, and with it all patience.
func stopping() (soft, hard context.Context, release func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	soft, endSoft := context.WithCancelCause(context.Background())
	hard, endHard := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	go func() {
		for _, end := range []context.CancelCauseFunc{endSoft, endHard} {
			select {
			case <-signals:
				end(errors.New("told to stop"))
			case <-done:
				return
			}
		}
	}()
	return soft, hard, func() {
		signal.Stop(signals)
		close(done)
		endSoft(nil)
		endHard(nil)
	}
}
