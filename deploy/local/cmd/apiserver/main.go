// apiserver runs etcd, the API server and the controller manager of the local cluster and nothing else, for tests that need
// a real API and no node. It prints the path of an administrator's kubeconfig once they answer, and runs until a signal.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/pkg/guard"
)

type arguments struct {
	State string `required:"" type:"path" placeholder:"DIR" help:"Folder for certificates, etcd's data and logs."`
}

func main() {
	guard.Main()
	kube.Main()
	var args arguments
	kong.Parse(&args, kong.Name("apiserver"), kong.Description("Runs a Kubernetes API server without a node."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args.State); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, state string) error {
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the working folder: %w", err)
	}
	repository, err := preflight.Repository(here)
	if err != nil {
		return err
	}
	cache, err := buildcache.Root()
	if err != nil {
		return err
	}
	tools, err := kube.Build(ctx, kube.Builder{Repo: repository, Cache: cache, Only: kube.APIParts()}, tell())
	if err != nil {
		return err
	}
	server, err := kube.StartAPI(ctx, kube.Config{
		Tools: tools, StateDir: state, APIAddr: "127.0.0.1:0", Throwaway: true,
	}, tell())
	if err != nil {
		return err
	}
	fmt.Println(server.Kubeconfig())
	select {
	case <-ctx.Done():
		return server.Stop()
	case reason := <-server.Done():
		return fmt.Errorf("run the API server: %w (stopped: %v)", reason, server.Stop())
	}
}

// tell says on standard error what is being done, each thing once.
func tell() kube.Progress {
	told := ""
	return func(part, message string, _, _ int) {
		if line := part + ": " + message; line != told {
			told = line
			fmt.Fprintln(os.Stderr, line)
		}
	}
}
