package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// workFolder holds everything that a run writes; it is removed at the next run's beginning, logs included.
const workFolder = ".local/bench"

const startPatience, stopPatience, poll = parts.StartPatience, parts.StopPatience, parts.Poll

// lab is what rows share.
type lab struct {
	repo, work, cache string
	out               io.Writer
	sizes             sizes
	cold              bool
	// running is the installation that rows share, nil while there is none.
	running *installation
	// warm says that a platform ran in this run, so that all it builds is in the cache.
	warm bool
	// ups counts the starts, so that each has its own log.
	ups int
}

func (l *lab) open() error {
	base, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the cache folder: %w", err)
	}
	l.cache, l.work = filepath.Join(base, "store-platform"), filepath.Join(l.repo, workFolder)
	if err := l.down(context.Background()); err != nil {
		return fmt.Errorf("remove what the last run left: %w", err)
	}
	if err := os.RemoveAll(l.work); err != nil {
		return fmt.Errorf("remove what the last run left: %w", err)
	}
	if err := os.MkdirAll(l.path("log"), 0o755); err != nil {
		return fmt.Errorf("make the folder of the run: %w", err)
	}
	return nil
}

func (l *lab) path(elements ...string) string {
	return filepath.Join(append([]string{l.work}, elements...)...)
}

// program is one of the platform's.
func (b *bench) program(name string) string {
	b.Helper()
	path, err := programtest.Path(b.ctx, name)
	b.must("find "+name, err)
	return path
}

// start runs a command until stop or the end of the row.
func (b *bench) start(name string, command *exec.Cmd) *parts.Process {
	b.Helper()
	p, err := b.launch(b.name+"-"+name, command)
	b.must("start "+name, err)
	b.Cleanup(func() { p.Stop(syscall.SIGTERM, stopPatience) })
	return p
}

// launch runs a command with its output in a file of the run.
func (l *lab) launch(name string, command *exec.Cmd) (*parts.Process, error) {
	return parts.Start(l.logFile(name), command)
}

// logFile is the file of the run for what one process says.
func (l *lab) logFile(name string) string { return l.path("log", name+".log") }

// await asks until try succeeds, the process ends or patience is over.
func (b *bench) await(doing string, p *parts.Process, patience time.Duration, try func() error) {
	b.Helper()
	b.must(doing, p.Await(b.ctx, patience, func(context.Context) error { return try() }))
}

// freeAddress is where nobody listens now.
func (b *bench) freeAddress() string {
	b.Helper()
	address, err := porttest.Address()
	b.must("find a free port", err)
	return address
}

// relay hands connections on from one address to another until the row ends.
func (b *bench) relay(from, to string) {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.ctx, "tcp", from)
	b.must("listen for another", err)
	b.Cleanup(func() { _ = listener.Close() })
	go platform.Relay(listener, func() (net.Conn, error) { return net.Dial("tcp", to) })
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
