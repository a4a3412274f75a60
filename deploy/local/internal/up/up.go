// Package up is `local up`: it builds what is missing and runs the whole platform as
// separate processes until it is told to stop, then leaves nothing behind but the state
// folder.
//
// What a user needs comes first. The gateway is built and started, and beside it the broker, so that page and API answer
// within two minutes of a cold start; then events, then the workers, then Kubernetes, all at low priority. Meanwhile the
// log takes what is asked for, and the board says what it waits for. What fails is said and tried again.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/postgres"
	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/deploy/local/internal/runas"
	"github.com/store-platform/store-platform/deploy/local/internal/state"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/deploy/local/internal/target"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/platform"
)

// Names of the two settings that choose addresses, for messages.
const (
	APISetting    = "API_ADDR"
	StoresSetting = "STORES_ADDR"
)

// Options are what can be chosen.
type Options struct {
	Repository string
	State      string // folder
	API        string // address of page and API
	Stores     string // address of the door to the stores
	Context    string // a cluster of the user's own; empty means one of our own
	Registry   string // takes the images of the user's own cluster
	Install    bool
	Terminal   *Terminal
}

// run is one `local up`.
type run struct {
	Options
	cache      string
	dir        *state.Dir
	identity   state.Identity
	at         state.Endpoints
	packs      []images.Pack
	builder    *gobuild.Builder
	group      *guard.Group
	supervisor *supervise.Supervisor
	users      map[string]*runas.User // by process
	board      *board
	door       *storesDoor      // nil on the user's own cluster
	postgres   *postgres.Server // set by start
	built      chan struct{}    // closed once all programs are built
	supplier   *supplier
	images     *images.Program
	estimate   estimate
	// Of the goroutine that has the cluster: whether the workers were started, and whether they have had a cluster.
	working, open bool

	mu       sync.Mutex
	binaries map[string]string // paths, by the process
	words    string            // what the cluster is doing, for `local status`
	trouble  map[string]string // what a part failed with last, by its name
	cluster  *kube.Cluster
}

// Run runs everything until ctx ends, or something fails that can't be tried again. It returns
// once everything it started is gone; when hard ends, that is at once.
func Run(ctx, hard context.Context, o Options) error {
	cache, err := buildcache.Root()
	if err != nil {
		return err
	}
	// Asked first: to somebody who runs already, all their ports would seem taken.
	if pid, _, _, err := state.Look(o.State); err != nil {
		return err
	} else if pid != 0 {
		return refusal(&state.RunningError{PID: pid})
	}
	wishes := preflight.Wishes{
		State: o.State, Cache: cache, Context: o.Context, Registry: o.Registry, Install: o.Install,
		Public:    os.Getenv("AUTH_OPEN_PUBLIC") == "yes",
		Addresses: map[string]string{APISetting: o.API, StoresSetting: o.Stores},
	}
	if err := preflight.Check(ctx, wishes, o.Terminal); err != nil {
		return err
	}
	dir, err := state.Hold(o.State)
	if err != nil {
		return refusal(err)
	}
	r := newRun(o, cache, dir)
	err = r.prepare(ctx)
	if err == nil {
		err = r.work(ctx)
	}
	r.stop(hard)
	return errors.Join(unlessEnded(ctx, err), dir.Release())
}

func newRun(o Options, cache string, dir *state.Dir) *run {
	return &run{Options: o, cache: cache, dir: dir, built: make(chan struct{}), binaries: map[string]string{}, trouble: map[string]string{}}
}

// refusal says what to do about a folder that somebody else holds.
func refusal(err error) error {
	var running *state.RunningError
	if errors.As(err, &running) {
		return fmt.Errorf("the platform runs here already (process %d): stop it with Ctrl-C there or `make down`, or choose another folder with --state", running.PID)
	}
	return err
}

// prepare makes everything that fails at once if it fails.
func (r *run) prepare(ctx context.Context) error {
	log, err := r.logs()
	if err != nil {
		return err
	}
	if r.dir.IsNew() {
		// A folder that was removed by hand leaves its read model where PostgreSQL could reach it: it is another log's.
		if err := postgres.Remove(r.State); err != nil {
			return fmt.Errorf("remove what an earlier installation left: %w", err)
		}
	}
	if r.identity, err = r.dir.Identity(broker.Users); err != nil {
		return err
	}
	if r.packs, err = target.Packs(r.Repository, os.Getenv("ENGINES_DIR")); err != nil {
		return err
	}
	if r.builder, err = gobuild.New(ctx, r.Repository, r.cache, log); err != nil {
		return err
	}
	if err := r.makeSupplier(log); err != nil {
		return err
	}
	if err := r.addresses(); err != nil {
		return err
	}
	if err := r.makeUsers(); err != nil {
		return err
	}
	if r.postgres, err = postgres.New(r.State, postgres.Programs(r.State), r.users[events].Group()); err != nil {
		return err
	}
	r.at.Database = r.postgres.URL()
	if r.group, err = guard.New(); err != nil {
		return err
	}
	r.supervisor = supervise.New(r.group, r.dir.Logs(), r.changed)
	r.board = newBoard(r.nats(), r.packs)
	// What a run that was killed said last of its cluster may be that it is ready.
	r.board.say(platform.Cluster{Part: "kubernetes", Message: "starting the platform"})
	return r.dir.Announce(r.at)
}

// nats is this program's own way to the broker.
func (r *run) nats() config.NATS {
	return config.NATS{URL: r.at.Broker, User: broker.Local, Password: r.identity.Passwords[broker.Local]}
}

// makeSupplier refuses folders that aren't there now, and not when a store waits for them.
func (r *run) makeSupplier(log io.Writer) error {
	settings, err := images.Environment(r.packs)
	if err != nil {
		return err
	}
	r.images = &images.Program{
		Find:       func(ctx context.Context) (string, error) { return r.builder.Ensure(ctx, programs[imagesName]) },
		Repository: r.Repository, Install: r.Install, Log: log, Out: r.Terminal,
	}
	r.supplier = newSupplier(r.packs, settings, r.images, r.load, r.Terminal)
	return nil
}

// logs moves the logs of the run before aside and opens this program's own.
func (r *run) logs() (io.Writer, error) {
	previous := r.dir.Path("log.previous")
	err := errors.Join(os.RemoveAll(previous), os.Rename(r.dir.Logs(), previous), os.Mkdir(r.dir.Logs(), 0o755))
	if err != nil {
		return nil, fmt.Errorf("move the old logs aside: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(r.dir.Logs(), "local.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(file, nil)))
	return file, nil
}

// addresses chooses where everything listens.
func (r *run) addresses() error {
	api, err := settled(r.API)
	if err != nil {
		return err
	}
	r.API = api
	brokerAddress, err := freeAddress("127.0.0.1")
	if err != nil {
		return err
	}
	eventsAddress, err := freeAddress("127.0.0.1")
	if err != nil {
		return err
	}
	r.at = state.Endpoints{
		API: "http://" + api, Broker: "nats://" + brokerAddress, Events: "http://" + eventsAddress,
		Kubeconfig: r.dir.Path("kubeconfig"), Base: os.Getenv("BASE_DOMAIN"),
	}
	if r.Context != "" {
		if r.at.Base == "" {
			r.at.Base = "localhost"
		}
		return nil
	}
	if r.door, err = openStoresDoor(r.Stores); err != nil {
		return err
	}
	r.at.Stores = r.door.address()
	_, port, err := net.SplitHostPort(r.at.Stores)
	if err != nil {
		return fmt.Errorf("read the address of the stores' door: %w", err)
	}
	r.at.Base = "localhost:" + port
	return nil
}

// work does everything at once, each part waiting for those it needs. A part that fails is tried again, and the others go
// on. What ends the run: its being told to, a gateway that can't be built, and the end of the guard, without which what
// runs here could outlive this program. What it needs from the beginning, addresses among it, was seen to by prepare.
func (r *run) work(ctx context.Context) error {
	r.plan()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.services(ctx) })
	group.Go(func() error {
		if r.Context != "" {
			return r.foreign(ctx)
		}
		return r.own(ctx)
	})
	for _, one := range []part{
		{postgresName, r.startPostgres},
		// The gateway needs no broker to show its page, and says of the rest that it waits. Most of the broker is one package,
		// which keeps one core busy, so it is compiled beside the gateway, on what that leaves. They share nothing but what this
		// program is made of; events shares most of the gateway, and so comes after it.
		r.started(brokerName, r.startBroker),
		{"board", r.board.run},
		{imagesName, func(ctx context.Context) error { return r.supplier.run(ctx, r.nats()) }},
	} {
		group.Go(func() error { r.persist(ctx, one); return nil })
	}
	group.Go(func() error { r.pulse(ctx); return nil })
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-r.group.Ended():
			return errors.New("the process that guards the others was killed")
		}
	})
	return group.Wait()
}

// stop ends everything in the order in which nothing misses what it needs to end well:
// who takes work first, then who does it, then what they stand on.
func (r *run) stop(hard context.Context) {
	if r.supervisor != nil {
		began := time.Now()
		r.Terminal.Say("stopping", "everything (Ctrl-C again to do so at once)")
		for _, names := range [][]string{{gateway}, {provisioner, janitor}, {events}, {edge}} {
			r.stopAll(hard, names)
		}
		r.mu.Lock()
		cluster := r.cluster
		r.mu.Unlock()
		if cluster != nil {
			if err := cluster.Stop(); err != nil {
				r.Terminal.Say("kubernetes", "%v", err)
			}
		}
		r.stopAll(hard, []string{postgresName})
		r.stopAll(hard, []string{brokerName})
		r.Terminal.Say("stopped", "in %.1f s; state is kept in %s", time.Since(began).Seconds(), r.State)
	}
	if r.group != nil {
		r.group.Kill()
	}
	if r.door != nil {
		r.door.close()
	}
}

func (r *run) stopAll(hard context.Context, names []string) {
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() { r.supervisor.Stop(hard, name) })
	}
	all.Wait()
}

// changed is told of each change of a process.
func (r *run) changed(s supervise.Status) {
	if s.State == supervise.Pausing {
		r.Terminal.Say(s.Name, "ended (%s); starting again in %s", s.Ended, s.Pause)
	}
	r.report()
}

// report writes what `local status` prints.
func (r *run) report() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.dir.Report(state.Status{Cluster: r.words, Trouble: maps.Clone(r.trouble), Processes: r.supervisor.Status()}); err != nil {
		slog.Warn("write the status", "error", err)
	}
}
