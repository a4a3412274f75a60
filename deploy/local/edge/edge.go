// Package edge is the local installation's door to the stores: an ingress controller for
// one IngressClass, small enough to read in one sitting and not meant for production.
//
// It watches Ingresses, Services and EndpointSlices, makes a routing table of them
// whenever one changes, and forwards each request, by its Host, to a ready pod. It talks
// to pods directly, so it must run where pod addresses lead somewhere: in the network of
// the cluster's node, while its listener was made outside and inherited. It writes
// nothing into the cluster.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// stopTimeout bounds finishing requests at the end.
const stopTimeout = 3 * time.Second

// Config is read from flags and the environment by kong.
type Config struct {
	Kubeconfig string `env:"KUBECONFIG" required:"" type:"existingfile" help:"How to reach the API server, and as whom."`
	Server     string `env:"KUBERNETES_SERVER" help:"The API server's URL, when it isn't the kubeconfig's."`
	Class      string `env:"INGRESS_CLASS_NAME" default:"local" help:"The IngressClass to serve."`
	Listen     string `env:"LISTEN" help:"Address to listen on; empty means the listener inherited as file descriptor 3."`
}

// inherited is the file descriptor of an inherited listener: the first after the standard ones.
const inherited = 3

// Run serves until ctx ends.
func Run(ctx context.Context, config Config, log *slog.Logger) error {
	listener, err := config.listener()
	if err != nil {
		return err
	}
	door := NewDoor(log)
	server := &http.Server{
		Handler:           door,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	watched := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { watched <- config.watch(ctx, door.Use, log) }()
	log.Info("the door is open", "address", listener.Addr().String(), "class", config.Class)

	select {
	case err = <-watched:
	case err = <-served:
	}
	cancel()
	stop, release := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer release()
	if stopped := server.Shutdown(stop); stopped != nil {
		_ = server.Close()
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c Config) listener() (net.Listener, error) {
	if c.Listen != "" {
		listener, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return nil, fmt.Errorf("listen on LISTEN: %w", err)
		}
		return listener, nil
	}
	file := os.NewFile(inherited, "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("use file descriptor %d as listener (or set LISTEN): %w", inherited, err)
	}
	return listener, nil
}
