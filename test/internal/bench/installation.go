package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// upPatience is for a cold build of everything.
	upPatience = time.Hour
	// downPatience is for `make up` to take everything with it.
	downPatience = 2 * time.Minute
)

// installation is a running `make up` with a store that is Ready.
type installation struct {
	platform.Platform
	process *parts.Process
	first   query.Store
	// How long it took from `make up` to the page, to an API that takes a store, to one that lists it, and to its being Ready.
	page, api, lists, ready time.Duration
}

// installed answers the installation that rows share, with idle services.
func (b *bench) installed() *installation {
	b.Helper()
	if b.running == nil {
		b.Logf("starting a platform")
		b.up("")
	}
	return b.running
}

// state is the installation's folder.
func (l *lab) state() string { return l.path("state") }

// make prepares a target of the Makefile. A cache other than the user's is for cold starts; it holds the Go tool's
// results as well.
func (l *lab) make(target, cache string) *exec.Cmd {
	command := exec.Command("make", "--no-print-directory", target)
	command.Dir = l.repo
	command.Env = parts.Environment("STATE_DIR="+l.state(), "API_ADDR=127.0.0.1:0", "STORES_ADDR=127.0.0.1:0", "MAX_STORES=1000", "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0")
	if cache != "" {
		command.Env = append(command.Env, "XDG_CACHE_HOME="+cache, "GOCACHE="+filepath.Join(cache, "go-build"))
	}
	return command
}

// up runs `make up` and a first store, asked for as soon as the API takes it.
func (b *bench) up(cache string) {
	b.Helper()
	in := &installation{}
	b.ups++
	began := time.Now()
	var err error
	in.process, err = b.launch(fmt.Sprintf("%s-up-%d", b.name, b.ups), b.make("up", cache))
	b.must("make up", err)
	b.running = in
	endpoints := filepath.Join(b.state(), "endpoints.json")
	b.await("wait for the page", in.process, upPatience, func() error {
		data, err := os.ReadFile(endpoints)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &in.Platform); err != nil {
			return err
		}
		return parts.Answers(b.ctx, in.API+"/")
	})
	in.page, in.State = time.Since(began), b.state()
	wish := map[string]any{"name": "The first", "engine": "sample"}
	b.await("ask for the first store", in.process, upPatience, func() error {
		_, err := in.Call(b.ctx, http.MethodPost, "/stores", wish, &in.first, "Idempotency-Key", "the-first")
		return err
	})
	in.api = time.Since(began)
	b.await("list the first store", in.process, upPatience, func() error {
		_, err := in.Call(b.ctx, http.MethodGet, "/stores", nil, nil)
		return err
	})
	in.lists = time.Since(began)
	b.await("wait for the first store", in.process, upPatience, func() error {
		_, err := in.Call(b.ctx, http.MethodGet, "/stores/"+string(in.first.ID), nil, &in.first)
		if err == nil && in.first.Status != store.Ready {
			err = fmt.Errorf("it is %s: %s %s", in.first.Status, in.first.Message, in.first.Detail)
		}
		return err
	})
	in.ready = time.Since(began)
	b.warm = true
}

// close ends the shared installation as Ctrl-C would and removes its state.
func (l *lab) close() error {
	if l.running != nil {
		l.running.process.Stop(syscall.SIGINT, downPatience)
		l.running = nil
	}
	err := l.down(context.Background())
	if err != nil {
		fmt.Fprintf(l.out, "%v\n", err)
	}
	return err
}

// down removes the state of an installation, and the installation if it still runs.
func (l *lab) down(ctx context.Context) error {
	if _, err := os.Stat(l.state()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, downPatience)
	defer cancel()
	command := l.make("down", "")
	down := exec.CommandContext(ctx, command.Path, command.Args[1:]...)
	down.Dir, down.Env = command.Dir, command.Env
	if output, err := down.CombinedOutput(); err != nil {
		return fmt.Errorf("make down: %w\n%s", err, output)
	}
	return nil
}
