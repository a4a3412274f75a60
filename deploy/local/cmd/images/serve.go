package main

import (
	"context"
	"os"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/imagebuild"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
)

type serveCommand struct{}

// Run is called by kong.
func (serveCommand) Run(ctx context.Context) error {
	repository, _, err := preflight.Places("")
	if err != nil {
		return err
	}
	cache, err := buildcache.Root()
	if err != nil {
		return err
	}
	builder, err := gobuild.New(ctx, repository, cache, os.Stderr)
	if err != nil {
		return err
	}
	return (&imagebuild.Builder{Cache: cache, Go: builder, Log: os.Stderr}).Serve(ctx, os.Stdin, os.Stdout)
}
