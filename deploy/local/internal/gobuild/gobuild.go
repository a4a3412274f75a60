// Package gobuild builds the platform's own programs into the build cache.
//
// A program's key is made of everything its binary is made of: the Go version, the
// sources of its module and of the local modules that it replaces others by, and their
// go.sum files, which pin the rest. So a second clone, or a second start, builds nothing
// and needs no network.
package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/pkg/guard"
)

// Program is one main package of the repository.
type Program struct {
	Name    string // of the binary
	Module  string // folder of its module, relative to the repository
	Package string // folder of the package, relative to the module
	// Low builds at low priority, beside what somebody waits for.
	Low bool
}

// Builder builds programs of one clone. Made by New.
type Builder struct {
	repository string
	cache      string
	toolchain  string
	output     io.Writer
}

// New makes a builder for the clone at repository that keeps binaries in cache and writes
// what the Go tool says to output.
func New(ctx context.Context, repository, cache string, output io.Writer) (*Builder, error) {
	version := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT")
	version.Dir = filepath.Join(repository, "pkg")
	version.Env = environment()
	text, err := version.Output()
	if err != nil {
		return nil, fmt.Errorf("ask the Go tool for its version: %w", err)
	}
	return &Builder{repository: repository, cache: cache, toolchain: string(text), output: output}, nil
}

// Module names a module for Program by its folder, wherever that lies.
func (b *Builder) Module(folder string) (string, error) {
	module, err := filepath.Rel(b.repository, folder)
	if err != nil {
		return "", fmt.Errorf("find the module in %s: %w", folder, err)
	}
	return module, nil
}

// Has tells whether Ensure would find the program built.
func (b *Builder) Has(p Program) bool {
	key, err := b.key(p)
	return err == nil && buildcache.Has(b.cache, p.Name, key)
}

// Ensure answers the path of the program's binary, building it when it isn't in the cache.
func (b *Builder) Ensure(ctx context.Context, p Program) (string, error) {
	key, err := b.key(p)
	if err != nil {
		return "", err
	}
	dir, err := buildcache.Ensure(ctx, b.cache, p.Name, key, func(ctx context.Context, dir string) error {
		return b.build(ctx, p, dir)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, p.Name), nil
}

func (b *Builder) build(ctx context.Context, p Program, dir string) error {
	// Temporary files of a build that is killed lie in the folder that the next one clears.
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	words := []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", filepath.Join(dir, p.Name), "./" + filepath.ToSlash(p.Package)}
	if p.Low {
		words = append([]string{"nice", "-n", "10"}, words...)
	}
	var said bytes.Buffer
	command := exec.Command(words[0], words[1:]...)
	command.Dir = filepath.Join(b.repository, p.Module)
	command.Env = append(environment(), "GOTMPDIR="+work)
	command.Stdout = io.MultiWriter(b.output, &said)
	command.Stderr = command.Stdout
	if err := guard.Run(ctx, command); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return os.RemoveAll(work)
}

// environment is the caller's, since proxies, caches and certificates of the Go tool are
// the user's business, with what decides about the binary fixed.
func environment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
}

func (b *Builder) key(p Program) (string, error) {
	modules, err := b.modules(p.Module, nil)
	if err != nil {
		return "", fmt.Errorf("find the modules of %s: %w", p.Name, err)
	}
	key := buildcache.NewKey("gobuild 1", b.toolchain, p.Package)
	for _, module := range modules {
		key.Tree(filepath.Join(b.repository, module), false)
	}
	return key.String()
}

// modules adds module and the local modules that stand in for others in it, as folders
// relative to the repository.
func (b *Builder) modules(module string, found []string) ([]string, error) {
	if slices.Contains(found, module) {
		return found, nil
	}
	found = append(found, module)
	path := filepath.Join(b.repository, module, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return nil, err
	}
	for _, replace := range file.Replace {
		if !modfile.IsDirectoryPath(replace.New.Path) {
			continue
		}
		next := filepath.Join(module, filepath.FromSlash(replace.New.Path))
		if filepath.IsAbs(replace.New.Path) || !filepath.IsLocal(next) {
			return nil, errors.New(path + " replaces a module by a folder outside the repository")
		}
		if found, err = b.modules(next, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}
