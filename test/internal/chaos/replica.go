package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/link"
	"github.com/store-platform/store-platform/test/internal/monitoring"
	"github.com/store-platform/store-platform/test/internal/parts"
)

const (
	// restartPause lies between a process's end and its next start.
	restartPause = 300 * time.Millisecond
	// stopPatience is for a process to end when it was asked to: less than a pod of the platform is given.
	stopPatience = 40 * time.Second
)

// Replica is one process that is started again whenever it ends, as a supervisor does.
type Replica struct {
	// Name is like gateway-1, Service like gateway.
	Name, Service string

	lab  *Lab
	make func() (*exec.Cmd, error)
	// address is where a service's replica says whether it is ready, and what it measures.
	address string
	links   map[string]*link.Link

	mu      sync.Mutex
	process *parts.Process
	// older says that the next process is of the release before.
	older bool
	// expected says that the end of the running process is our doing.
	expected bool
	// hold keeps it from being started again.
	hold chan struct{}
}

// run keeps the process running until ctx ends, and then ends it.
func (r *Replica) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, err := r.start()
		if err != nil {
			r.lab.complain("start %s: %v", r.Name, err)
			return
		}
		select {
		case <-ctx.Done():
			p.Signal(syscall.SIGCONT)
			p.Stop(syscall.SIGTERM, stopPatience)
			return
		case <-p.Ended():
		}
		hold := r.ended(p)
		select {
		case <-ctx.Done():
			return
		case <-hold:
		}
		select {
		case <-ctx.Done():
		case <-time.After(restartPause):
		}
	}
}

// become says of which release the next process is, and whether this one is of the other.
func (r *Replica) become(older bool) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed = r.older != older
	r.older = older
	return changed
}

// program is the one to start.
func (r *Replica) program() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.older {
		return r.lab.before["store-"+r.Service]
	}
	return r.lab.programs["store-"+r.Service]
}

func (r *Replica) start() (*parts.Process, error) {
	command, err := r.make()
	if err != nil {
		return nil, err
	}
	p, err := parts.Start(filepath.Join(r.lab.Folder, "log", r.Name+".log"), command)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process, r.expected = p, false
	return p, nil
}

// clinging is how PostgreSQL ends when children of the one before, which was killed, still hold its memory. It is started
// again until they have let go.
const clinging = "pre-existing shared memory block"

// ended notes an end that nobody asked for, and returns what to wait for before the next start.
func (r *Replica) ended(p *parts.Process) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.expected && !r.lab.stopping() && !strings.Contains(p.Tail(), clinging) {
		r.lab.complain("%s ended by itself: %s\n%s", r.Name, p.ProcessState, p.Tail())
	}
	if r.hold != nil {
		return r.hold
	}
	open := make(chan struct{})
	close(open)
	return open
}

// signal reaches the running process and answers it; nil when none runs. With end it is what the process ends by.
func (r *Replica) signal(signal syscall.Signal, end bool) *parts.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return nil
	}
	select {
	case <-r.process.Ended():
		return nil
	default:
	}
	r.expected = r.expected || end
	r.process.Signal(signal)
	return r.process
}

// Roll asks it to end, waits until it has, starts it again and waits until it is ready. It fails when the process
// didn't end properly.
func (r *Replica) Roll(ctx context.Context) error {
	before, err := r.halt(ctx)
	r.release()
	if err != nil {
		return err
	}
	return r.awaitAfter(ctx, before)
}

func (r *Replica) ready(ctx context.Context) error {
	return parts.Answers(ctx, "http://"+r.address+"/readyz")
}

// metrics is the page that Prometheus would ask for.
func (r *Replica) metrics(ctx context.Context) (string, error) {
	page, err := parts.Page(ctx, "http://"+r.address+"/metrics")
	return string(page), err
}

// scrapeOf asks replicas for their pages. Those that can't be reached say nothing.
func (l *Lab) scrapeOf(ctx context.Context, replicas []*Replica) *monitoring.Scrape {
	s := monitoring.NewScrape()
	for _, r := range replicas {
		page, err := r.metrics(ctx)
		if err != nil {
			continue
		}
		if err := s.Add(r.Name, page); err != nil {
			l.complain("%v", err)
		}
	}
	return s
}

// halt asks it to end, waits until it has, and answers the process. Another isn't started before release. It fails when the
// process didn't end properly.
func (r *Replica) halt(ctx context.Context) (*parts.Process, error) {
	r.mu.Lock()
	r.hold = make(chan struct{})
	r.mu.Unlock()
	err := r.end(ctx)
	return r.running(), err
}

func (r *Replica) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.hold)
	r.hold = nil
}

// awaitAfter waits until a process that isn't the one before is ready.
func (r *Replica) awaitAfter(ctx context.Context, before *parts.Process) error {
	return waittest.Until(ctx, func() error {
		if r.running() == before {
			return fmt.Errorf("%s hasn't been started again", r.Name)
		}
		return r.ready(ctx)
	})
}

// running is the newest process.
func (r *Replica) running() *parts.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process
}

// renew ends the process, as an operator does who has changed what it reads when it starts, whatever it is at. One that isn't
// there yet may have read it already, so it is waited for.
func (r *Replica) renew(ctx context.Context) error {
	for {
		if p := r.signal(syscall.SIGTERM, true); p != nil {
			select {
			case <-p.Ended():
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(untilWhole):
		}
	}
}

// end asks the process to end, and waits until it has.
func (r *Replica) end(ctx context.Context) error {
	p := r.signal(syscall.SIGTERM, true)
	if p == nil {
		return fmt.Errorf("%s doesn't run", r.Name)
	}
	select {
	case <-p.Ended():
		if code := p.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("%s ended with %d when it was asked to end\n%s", r.Name, code, p.Tail())
		}
		return nil
	case <-time.After(stopPatience):
		p.Signal(syscall.SIGKILL)
		<-p.Ended()
		return fmt.Errorf("%s hasn't ended after %s\n%s", r.Name, stopPatience, p.Tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}
