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
	// Beside ten thousand stores all of them ask more of the API server than who is measured there, and take gigabytes.
	Controllers []string `placeholder:"NAME" help:"Only these controllers, separated by commas; without it those that tests want."`

	Etcd bool `help:"Only etcd, and print its URL: nobody looks on while it is filled. Clients take the API server's certificates of the folder."`
}

func main() {
	guard.Main()
	kube.Main()
	var args arguments
	kong.Parse(&args, kong.Name("apiserver"), kong.Description("Runs a Kubernetes API server without a node."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args arguments) error {
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
	config := kube.Config{Tools: tools, StateDir: args.State, APIAddr: "127.0.0.1:0", Throwaway: true, Controllers: args.Controllers}
	start, where := kube.StartAPI, (*kube.Cluster).Kubeconfig
	if args.Etcd {
		start, where = kube.StartEtcd, (*kube.Cluster).Etcd
	}
	server, err := start(ctx, config, tell())
	if err != nil {
		return err
	}
	fmt.Println(where(server))
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
