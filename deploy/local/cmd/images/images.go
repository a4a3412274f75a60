package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/imagebuild"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/deploy/local/internal/state"
	"github.com/store-platform/store-platform/deploy/local/internal/target"
	"github.com/store-platform/store-platform/deploy/local/internal/up"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/platform"
)

type imagesCommand struct {
	Engine  string `arg:"" optional:"" help:"Name of an engine (default: all)."`
	More    string `name:"engines-dir" env:"ENGINES_DIR" placeholder:"DIR" help:"Folder with more engine packs."`
	Install bool   `env:"INSTALL" default:"true" negatable:"" help:"As root, install missing Debian packages, after printing the line."`
}

// Run is called by kong.
func (i *imagesCommand) Run(ctx context.Context, args *commands) error {
	repository, path, err := preflight.Places(args.State)
	if err != nil {
		return err
	}
	packs, err := i.packs(repository)
	if err != nil {
		return err
	}
	settings, err := images.Environment(packs)
	if err != nil {
		return err
	}
	terminal := up.NewTerminal(os.Stdout)
	builder, log, err := i.builder(ctx, repository, terminal)
	if err != nil {
		return err
	}
	defer log.Close()
	supply := func(ctx context.Context, pack images.Pack) error {
		return build(ctx, builder, pack, settings, terminal)
	}
	running, err := findRunning(ctx, path)
	if err != nil {
		return err
	}
	if running != nil {
		defer running.Close()
		supply = func(ctx context.Context, pack images.Pack) error {
			return ask(ctx, running, pack, settings, terminal)
		}
	}
	var built []images.Image
	for _, pack := range packs {
		if err := supply(ctx, pack); err != nil {
			return err
		}
		// Whoever has built it: by now it is in the cache.
		image, err := builder.Ensure(ctx, pack, settings, nil)
		if err != nil {
			return err
		}
		built = append(built, image)
	}
	return printSizes(os.Stdout, built)
}

// packs are those asked for.
func (i *imagesCommand) packs(repository string) ([]images.Pack, error) {
	packs, err := target.Packs(repository, i.More)
	if err != nil {
		return nil, err
	}
	builds := func(p images.Pack) bool { return p.Builds() }
	if i.Engine == "" {
		return slices.DeleteFunc(packs, func(p images.Pack) bool { return !builds(p) }), nil
	}
	var names []string
	var versions []images.Pack
	for _, pack := range packs {
		names = append(names, pack.Name)
		if pack.Name == i.Engine {
			versions = append(versions, pack)
		}
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("there is no engine %s: there are %s", i.Engine, strings.Join(slices.Compact(names), ", "))
	}
	if !slices.ContainsFunc(versions, builds) {
		return nil, fmt.Errorf("engine %s brings nothing that images are built of", i.Engine)
	}
	return slices.DeleteFunc(versions, func(p images.Pack) bool { return !builds(p) }), nil
}

func (i *imagesCommand) builder(ctx context.Context, repository string, out io.Writer) (*imagebuild.Builder, io.Closer, error) {
	cache, err := buildcache.Root()
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, nil, fmt.Errorf("make the cache folder: %w", err)
	}
	log, err := os.Create(filepath.Join(cache, "images.log"))
	if err != nil {
		return nil, nil, fmt.Errorf("open the log of builds: %w", err)
	}
	goBuilder, err := gobuild.New(ctx, repository, cache, log)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return &imagebuild.Builder{
		Cache: cache, Go: goBuilder, Log: log,
		Require: func(ctx context.Context, packages []string) error {
			return preflight.Mend(ctx, packages, i.Install, out)
		},
	}, log, nil
}

func build(ctx context.Context, builder *imagebuild.Builder, pack images.Pack, settings images.Settings, terminal *up.Terminal) error {
	began, said := time.Now(), ""
	_, err := builder.Ensure(ctx, pack, settings, func(message string, done, total int) {
		up.Tell(terminal, pack.Name, &said, message, done, total)
	})
	switch {
	case err != nil:
		return err
	case said == "":
		terminal.Say(pack.Name, "built before")
	default:
		terminal.Say(pack.Name, "built in %.0f s", time.Since(began).Seconds())
	}
	return nil
}

// findRunning connects to the platform that runs in a state folder, if one does.
func findRunning(ctx context.Context, path string) (*nats.Conn, error) {
	pid, at, _, err := state.Look(path)
	if err != nil || pid == 0 || at.Broker == "" {
		return nil, err
	}
	identity, err := state.Known(path)
	if err != nil {
		return nil, fmt.Errorf("read who runs in %s: %w", path, err)
	}
	return config.NATS{URL: at.Broker, User: broker.Local, Password: identity.Passwords[broker.Local]}.Connect(ctx, "local images", nil)
}

// askPause is between two questions about a build.
const askPause = 300 * time.Millisecond

// ask has the platform that runs here build and load, in the way that a store of the engine would, and tells what it says.
func ask(ctx context.Context, running *nats.Conn, pack images.Pack, settings images.Settings, terminal *up.Terminal) error {
	request, said := platform.ImagesRequest{Version: pack.Version, Again: true, Settings: settings}, ""
	for {
		state, err := platform.AskImages(ctx, running, pack.Name, request)
		switch {
		case errors.Is(err, platform.ErrNobodyBuilds):
			up.Tell(terminal, pack.Name, &said, "waiting for the platform that is starting here", 0, 0)
		case err != nil:
			return err
		case state.Failed != "" && !request.Again:
			return fmt.Errorf("build the images of %s: %s\n%s", pack.Title, state.Failed, state.Detail)
		case state.Ready && !request.Again:
			terminal.Say(pack.Name, "loaded into the cluster")
			return nil
		default:
			request = platform.ImagesRequest{Version: pack.Version}
			if state.Message != "" {
				up.Tell(terminal, pack.Name, &said, state.Message, state.Done, state.Total)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(askPause):
		}
	}
}

func printSizes(out io.Writer, built []images.Image) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\nIMAGE\tSIZE\tSHARED\tARCHIVE")
	for _, image := range built {
		sizes, err := imagebuild.Sizes(image)
		if err != nil {
			return err
		}
		for _, size := range sizes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", size.Name, megabytes(size.Bytes), megabytes(size.Shared), image.Path)
		}
	}
	return table.Flush()
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
