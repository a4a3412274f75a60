package imagebuild

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/guard"
)

// tool is a program that builds Dockerfiles.
type tool interface {
	// identity goes into the key of what it builds.
	identity() string
	// packages are the Debian packages that it takes and this machine lacks.
	packages() []string
	// build fills the job's folder with the archive.
	build(ctx context.Context, j *job) error
}

// engineTimeout is how long a Docker engine has to answer; one that doesn't is as good as none.
const engineTimeout = 5 * time.Second

// tool decides what builds: Docker where its engine runs, since whoever has one wants their images there; else buildah.
func (b *Builder) tool(ctx context.Context) (tool, error) {
	asking, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	if exec.CommandContext(asking, "docker", "version", "--format", "{{.Server.Version}}").Run() == nil {
		return docker{b}, nil
	}
	base, err := newBase(ctx)
	return buildah{b, base}, err
}

// tailLines is how much of what a failed build said its error repeats.
const tailLines = 12

// lineBytes bounds each of them.
const lineBytes = 300

// run runs one program of a build. Each line that it prints goes to the log and to take, which tells whether it was about
// progress; what it said last besides is in the error.
func (b *Builder) run(ctx context.Context, doing string, command *exec.Cmd, take func(line string) bool) error {
	read, write := io.Pipe()
	var tail []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			line := lines.Text()
			if b.Log != nil {
				fmt.Fprintln(b.Log, line)
			}
			if take != nil && take(line) {
				continue
			}
			tail = keep(tail, line)
		}
		// A line longer than that is nothing anybody reads; the program mustn't wait for it.
		_, _ = io.Copy(io.Discard, read)
	}()
	command.Stdout, command.Stderr = write, write
	err := guard.Run(ctx, command)
	_ = write.Close()
	<-ended
	if err == nil || ctx.Err() != nil {
		return err
	}
	var missing *exec.Error
	if errors.As(err, &missing) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &images.BuildError{Doing: doing, Tail: tail, Err: err}
}

// keep adds a line that says something, without what redraws a terminal.
func keep(tail []string, line string) []string {
	line = strings.TrimSpace(line[strings.LastIndexByte(line, '\r')+1:])
	if line == "" || strings.HasPrefix(line, "--> ") {
		return tail
	}
	if len(line) > lineBytes {
		line = strings.ToValidUTF8(line[:lineBytes], "") + "…"
	}
	tail = append(tail, line)
	return tail[max(0, len(tail)-tailLines):]
}

// environment is the caller's: proxies and certificates are the user's business. What is said is in one language, so that
// progress can be read from it, and temporary files lie where a killed build's are cleared.
func environment(dir string) []string {
	return append(os.Environ(), "LC_ALL=C.UTF-8", "TMPDIR="+dir, "DOCKER_BUILDKIT=1")
}
