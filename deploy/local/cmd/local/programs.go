package main

import (
	"fmt"
	"os"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/up"
)

type programsCommand struct {
	Names []string `arg:"" optional:"" placeholder:"NAME" help:"Only these."`
	// Another release's programs, for tests that run them beside ours.
	In string `type:"existingdir" placeholder:"DIR" help:"Of the tree in this folder instead of the clone."`
}

// Run is called by kong. A path holds the key of what the program is built from, so it names its contents, too: for
// the Go tool, which doesn't see what a test executes.
func (p *programsCommand) Run(args *commands) error {
	return args.built(p.In, p.Names, func(name, path string) error {
		_, err := fmt.Printf("%s\t%s\n", name, path)
		return err
	})
}

// built builds programs of the tree (empty: the clone) that aren't in the cache, and tells take of each.
func (c *commands) built(tree string, names []string, take func(name, path string) error) error {
	repository, _, err := c.places()
	if err != nil {
		return err
	}
	if tree != "" {
		repository = tree
	}
	programs, err := up.Programs(names...)
	if err != nil {
		return err
	}
	cache, err := buildcache.Root()
	if err != nil {
		return err
	}
	ctx, _, release := stopping()
	defer release()
	builder, err := gobuild.New(ctx, repository, cache, os.Stderr)
	if err != nil {
		return err
	}
	for _, program := range programs {
		path, err := builder.Ensure(ctx, program)
		if err != nil {
			return err
		}
		if err := take(program.Name, path); err != nil {
			return err
		}
	}
	return nil
}
