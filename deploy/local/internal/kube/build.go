package kube

import (
	"bufio"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/pkg/guard"
)

// busyboxPath is where Debian's busybox-static puts it.
const busyboxPath = "/bin/busybox"

// errorLines is how many of a failed build's last lines its error repeats.
const errorLines = 15

// Builder says what Build makes and where.
type Builder struct {
	Repo  string   // root of the clone
	Cache string   // see buildcache.Root
	Nice  bool     // at low priority, beside what the user is waiting for
	Only  []string // names of parts; nil means all
	// Pack writes images into an archive at path. It isn't asked when Only leaves the images out.
	Pack func(ctx context.Context, path string, images []Image) error
}

// Build makes what is missing of the parts, one after the other. With everything in place
// it needs no network and takes milliseconds; cold it takes a quarter of an hour on two
// cores. Builds of other processes on the same cache are waited for. When ctx ends, every
// compiler it started ends too.
func Build(ctx context.Context, b Builder, progress Progress) (*Toolbox, error) {
	if progress == nil {
		progress = func(string, string, int, int) {}
	}
	tools := &Toolbox{cache: b.Cache, dirs: map[string]string{}}
	for _, r := range recipes {
		if b.Only != nil && !slices.Contains(b.Only, r.Name) {
			continue
		}
		key, err := r.key(b.Repo)
		if err != nil {
			return nil, fmt.Errorf("name the build of %s: %w", r.Name, err)
		}
		dir, err := buildcache.Ensure(ctx, b.Cache, r.Name, key, func(ctx context.Context, dir string) error {
			return b.compile(ctx, r, dir, progress)
		})
		if err != nil {
			return nil, err
		}
		tools.dirs[r.Name] = dir
	}
	if b.Only == nil || slices.Contains(b.Only, partImages) {
		if err := b.images(ctx, tools, progress); err != nil {
			return nil, err
		}
	}
	return tools, nil
}

// compile runs `go build` and reports each package that it compiles. How many there will be is asked for before: what
// another part or a worker had compiled isn't compiled again.
func (b Builder) compile(ctx context.Context, r recipe, dir string, progress Progress) error {
	title := strings.TrimSpace(r.Title + " " + r.Version)
	progress(r.Name, "fetching the source of "+title, 0, 0)
	stale := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, r.flags()...)
	total := 0
	err := b.run(ctx, r, append(stale, r.targets...),
		func(string) { total++ },
		func(line string) bool {
			if module, ok := strings.CutPrefix(line, "go: downloading "); ok {
				progress(r.Name, "fetching "+module, 0, 0)
				return true
			}
			return false
		})
	if err != nil {
		return fmt.Errorf("list the packages: %w", err)
	}
	done := 0
	progress(r.Name, "building "+title, 0, total)
	return b.run(ctx, r, r.arguments(dir), nil, func(line string) bool {
		if strings.ContainsAny(line, " :#") {
			return false
		}
		done++
		progress(r.Name, "building "+title, done, max(done, total))
		return true
	})
}

// run runs one go command. Lines of standard error that onError doesn't take are kept
// for the error.
func (b Builder) run(ctx context.Context, r recipe, arguments []string, onOutput func(string), onError func(string) bool) error {
	name := "go"
	if b.Nice {
		name, arguments = "nice", append([]string{"-n", "10", "go"}, arguments...)
	}
	command := exec.Command(name, arguments...)
	command.Dir = source(b.Repo)
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED="+r.cgo)
	var complaints []string
	errorWriter := newLineWriter(func(line string) {
		if !onError(line) {
			complaints = append(complaints, line)
		}
	})
	command.Stderr = errorWriter
	outputWriter := newLineWriter(func(line string) {
		if onOutput != nil {
			onOutput(line)
		}
	})
	command.Stdout = outputWriter
	err := guard.Run(ctx, command)
	errorWriter.close()
	outputWriter.close()
	if err == nil || ctx.Err() != nil {
		return err
	}
	if len(complaints) > errorLines {
		complaints = complaints[len(complaints)-errorLines:]
	}
	return fmt.Errorf("%w:\n%s", err, strings.Join(complaints, "\n"))
}

// images packs the built programs that run as pods. busybox is what local-path's helper
// pods make and remove folders with: its `sh` must be static to run from scratch.
func (b Builder) images(ctx context.Context, tools *Toolbox, progress Progress) error {
	if err := tools.check(partPause, partCoreDNS, partLocalPath); err != nil {
		return err
	}
	if !isStatic(busyboxPath) {
		return fmt.Errorf("pack the helper image: %s isn't a static program; install busybox-static", busyboxPath)
	}
	busybox, err := os.ReadFile(busyboxPath)
	if err != nil {
		return fmt.Errorf("pack the helper image: %w", err)
	}
	words := []string{packVersion, fmt.Sprintf("%x", sha256.Sum256(busybox))}
	for _, part := range []string{partPause, partCoreDNS, partLocalPath} {
		words = append(words, filepath.Base(tools.dirs[part]))
	}
	key, err := buildcache.NewKey(words...).String()
	if err != nil {
		return err
	}
	dir, err := buildcache.Ensure(ctx, b.Cache, partImages, key, func(ctx context.Context, dir string) error {
		progress(partImages, "packing images", 0, 1)
		return b.Pack(ctx, filepath.Join(dir, imagesArchive), clusterImages(tools))
	})
	if err != nil {
		return err
	}
	tools.dirs[partImages] = dir
	return nil
}

func isStatic(path string) bool {
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// lineWriter hands what is written to it to a function, line by line, on a goroutine of its own.
type lineWriter struct {
	*io.PipeWriter
	done chan struct{}
}

func newLineWriter(take func(line string)) *lineWriter {
	reader, writer := io.Pipe()
	w := &lineWriter{PipeWriter: writer, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		lines := bufio.NewScanner(reader)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			take(lines.Text())
		}
		_ = reader.CloseWithError(errors.New("line too long"))
	}()
	return w
}

func (w *lineWriter) close() {
	_ = w.Close()
	<-w.done
}
