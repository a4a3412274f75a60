package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// workFolder holds everything that a run writes; it is removed at the next run's beginning, logs included.
const workFolder = ".local/bench"

const (
	// startPatience is for one process to answer, stopPatience for one to end when it was asked to.
	startPatience = time.Minute
	stopPatience  = 30 * time.Second
	// poll is how often is asked what can't be waited for.
	poll = 20 * time.Millisecond
)

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

// goEnvironment builds as deploy/local does: with other flags the same packages would be compiled once more.
func goEnvironment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath"))
}

// build makes a program of the clone, as `local up` does.
func (b *bench) build(module, program string) string {
	b.Helper()
	binary := b.path("bin", filepath.Base(program))
	command := exec.CommandContext(b.ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "./cmd/"+program)
	command.Dir, command.Env = filepath.Join(b.repo, module), goEnvironment()
	if output, err := command.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %w\n%s", program, err, output)
	}
	return binary
}

// process is a program that a row runs.
type process struct {
	*exec.Cmd
	log   string
	ended chan struct{}
}

// start runs a command until stop or the end of the row.
func (b *bench) start(name string, command *exec.Cmd) *process {
	b.Helper()
	p, err := b.launch(b.name+"-"+name, command)
	b.must("start "+name, err)
	b.Cleanup(func() { p.stop(syscall.SIGTERM, stopPatience) })
	return p
}

// launch runs a command with its output in a file of the run. It gets a process group of its own, so that a Ctrl-C
// reaches it by us and not a second time by the terminal.
func (l *lab) launch(name string, command *exec.Cmd) (*process, error) {
	p := &process{Cmd: command, log: l.path("log", name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if command.Stdout == nil {
		command.Stdout = log
	}
	command.Stderr = log
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process, or its whole group by force when it doesn't follow.
func (p *process) stop(signal syscall.Signal, patience time.Duration) {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = syscall.Kill(-p.Process.Pid, signal)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// tail is the end of what the process said.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-2048):]))
}

// await asks until try succeeds, the process ends or patience is over.
func (b *bench) await(doing string, p *process, patience time.Duration, try func() error) {
	b.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			b.Fatalf("%s: %s ended: %w\n%s", doing, filepath.Base(p.Path), err, p.tail())
		case <-deadline:
			b.Fatalf("%s, %s: %w\n%s", doing, patience, err, p.tail())
		case <-b.ctx.Done():
			b.Fatal(b.ctx.Err())
		case <-tick.C:
		}
	}
}

// get expects a page to be there.
func (b *bench) get(url string) error {
	request, err := http.NewRequestWithContext(b.ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// freeAddress is where nobody listens now.
func (b *bench) freeAddress() string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.must("find a free port", err)
	defer listener.Close()
	return listener.Addr().String()
}

// environment is this program's without what its make, or a user's settings for a platform, would change.
func environment(more ...string) []string {
	ours := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KUBE_CONTEXT", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL", "SLOTS", "HELM_SLOTS":
			return true
		}
		return false
	})
	return append(ours, more...)
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
