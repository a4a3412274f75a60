// store-broker is nats-server in a small program: what `local up` runs where no
// nats-server is installed.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats-server/v2/server"
)

// startTimeout bounds recovering the log at start: a second for a million messages.
const startTimeout = 2 * time.Minute

type arguments struct {
	Config string `arg:"" type:"existingfile" help:"A nats-server configuration file."`
}

func main() {
	var args arguments
	kong.Parse(&args, kong.Name("store-broker"), kong.Description("Runs nats-server until SIGTERM or SIGINT."))
	if err := run(args.Config); err != nil {
		fmt.Fprintln(os.Stderr, "store-broker:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	options.NoSigs = true
	broker, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("make the broker: %w", err)
	}
	broker.ConfigureLogger()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	broker.Start()
	if !broker.ReadyForConnections(startTimeout) {
		broker.Shutdown()
		return fmt.Errorf("not listening on %s after %s", options.Host, startTimeout)
	}
	<-stop
	broker.Shutdown()
	broker.WaitForShutdown()
	return nil
}
