package chaos

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/postgrestest"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/link"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// quota is the stores that a tenant may have: more than its clients want at once, so that what is refused is rare.
	quota = 60
	// plenty is how many stores a worker works on at once where that isn't what is looked at.
	plenty = 64
	// seats are how many clients of the feed a replica of events serves: more than ever listen, and few enough to be taken.
	seats      = 64
	baseDomain = "localhost:8088"
)

// Lab is an installation of the platform on this machine, every replica and every way between two of them its own, so
// that each can be broken alone.
type Lab struct {
	// Folder is the run's: records, logs, and run.json for the checker.
	Folder string
	// Replicas are the services', Broker and Postgres what they stand on.
	Replicas         []*Replica
	Broker, Postgres *Replica

	repo         string
	kubeconfig   string
	out          io.Writer
	installation string
	programs     map[string]string
	// before are the programs of another release, with which the services begin; nil has the clone's.
	before map[string]string
	// provisioners and slots are as Options say them.
	provisioners, slots int
	// clock is the platform's, lease what it makes of a lease's life.
	clock clock.Divisor
	lease time.Duration
	// turns counts its uses.
	turns    int
	broker   *parts.Broker
	postgres *postgrestest.Server
	// postgresAt is PostgreSQL's address, database the URL of the read model there.
	postgresAt, database string
	api                  *platform.Kubernetes
	cluster              *cluster
	follower             *follower
	links                []*link.Link
	gateways             []string

	running sync.WaitGroup
	stop    context.CancelFunc
	done    <-chan struct{}

	mu         sync.Mutex
	complaints []string
}

// Options are what a lab needs to be told.
type Options struct {
	// Repo is the clone, Folder a new one for the run, Kubeconfig an administrator's of a cluster without nodes.
	Repo, Folder, Kubeconfig string
	Out                      io.Writer
	// Clock divides how long the platform waits.
	Clock clock.Divisor
	// Before are the services' programs of another release, by their names, for Upgrade: they are what is started.
	Before map[string]string
	// Provisioners and Slots, for Scale, are how many of them there are and how many stores each makes at once; where they are 0,
	// as many as are broken elsewhere, and more stores than are asked for.
	Provisioners, Slots int
}

// Open builds and starts everything and returns when a store can be asked for. Close ends it.
func Open(ctx context.Context, o Options) (*Lab, error) {
	l := &Lab{
		Folder: o.Folder, repo: o.Repo, kubeconfig: o.Kubeconfig, out: o.Out, installation: "test-" + strings.ToLower(rand.Text()[:8]),
		before: o.Before, provisioners: o.Provisioners, slots: cmp.Or(o.Slots, plenty), clock: o.Clock, lease: o.Clock.Of(storelog.LeaseTTL),
	}
	began := time.Now()
	ctx, l.stop = context.WithCancel(ctx)
	l.done = ctx.Done()
	if err := l.open(ctx, o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	fmt.Fprintf(l.out, "lab: installation %s in %s, up after %s\n", l.installation, l.Folder, time.Since(began).Round(100*time.Millisecond))
	return l, nil
}

func (l *Lab) open(ctx context.Context, o Options) (err error) {
	for _, folder := range []string{"log", "broker"} {
		if err := os.MkdirAll(filepath.Join(l.Folder, folder), 0o700); err != nil {
			return fmt.Errorf("make the folder of the run: %w", err)
		}
	}
	if l.programs, err = programs(ctx); err != nil {
		return err
	}
	if l.api, err = platform.OpenKubernetes(o.Kubeconfig); err != nil {
		return err
	}
	if err := l.api.ApplyAccess(ctx, l.repo); err != nil {
		return err
	}
	if l.cluster, err = openCluster(ctx, l); err != nil {
		return err
	}
	if err := l.startBroker(ctx); err != nil {
		return err
	}
	if err := l.startPostgres(ctx); err != nil {
		return err
	}
	if err := l.say(""); err != nil {
		return err
	}
	if err := l.startServices(ctx); err != nil {
		return err
	}
	if l.follower, err = follow(ctx, l); err != nil {
		return err
	}
	if err := l.expectLeases(ctx); err != nil {
		return err
	}
	return l.isWhole(ctx)
}

// programs are what the lab runs, by name.
func programs(ctx context.Context) (map[string]string, error) {
	paths := map[string]string{}
	for _, name := range []string{"store-broker", "store-gateway", "store-events", "store-provisioner", "store-janitor", "chaoscheck"} {
		path, err := programtest.Path(ctx, name)
		if err != nil {
			return nil, err
		}
		paths[name] = path
	}
	return paths, nil
}

// expectLeases fails unless the platform's leases live for as long as what is frozen is meant to outlast.
func (l *Lab) expectLeases(ctx context.Context) error {
	nc, err := l.broker.Dial("gateway")
	if err != nil {
		return err
	}
	defer nc.Close()
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	bucket, err := log.Bucket(ctx, storelog.BucketLeases)
	if err != nil {
		return err
	}
	status, err := bucket.Status(ctx)
	if err != nil {
		return fmt.Errorf("ask how long leases live: %w", err)
	}
	if status.TTL() != l.lease {
		return fmt.Errorf("leases live for %s, and what is frozen is to outlast %s", status.TTL(), l.lease)
	}
	return nil
}

// isWhole waits until every replica says that it is ready.
func (l *Lab) isWhole(ctx context.Context) error { return l.areReady(ctx, l.Replicas) }

func (l *Lab) areReady(ctx context.Context, replicas []*Replica) error {
	for _, r := range replicas {
		if err := waittest.Until(ctx, func() error { return r.ready(ctx) }); err != nil {
			return fmt.Errorf("wait for %s: %w\n%s", r.Name, err, r.running().Tail())
		}
	}
	return nil
}

// one is a service's replica, counted from 0, or a part that there is one of.
func (l *Lab) one(service string, n int) *Replica {
	switch service {
	case trouble.Broker:
		return l.Broker
	case trouble.Postgres:
		return l.Postgres
	}
	for _, r := range l.Replicas {
		if r.Service != service {
			continue
		}
		if n == 0 {
			return r
		}
		n--
	}
	return nil
}

// keep starts a replica and keeps it running until Close.
func (l *Lab) keep(ctx context.Context, r *Replica) *Replica {
	r.lab = l
	l.running.Go(func() { r.run(ctx) })
	return r
}

// path makes a link that is the replica's own.
func (l *Lab) path(targets ...string) (*link.Link, error) {
	way, err := link.New(targets...)
	if err == nil {
		l.links = append(l.links, way)
	}
	return way, err
}

func (l *Lab) startBroker(ctx context.Context) (err error) {
	if l.broker, err = parts.NewBroker(l.repo, l.programs["store-broker"], filepath.Join(l.Folder, "broker")); err != nil {
		return err
	}
	// As in production: an autoscaler asks there.
	if l.broker.Monitor, err = porttest.Address(); err != nil {
		return err
	}
	l.Broker = l.keep(ctx, &Replica{
		Name: trouble.Broker, Service: trouble.Broker,
		make: func() (*exec.Cmd, error) { return l.broker.Command(parts.SyncAlways) },
	})
	return nil
}

// Close ends every process, removes the stores' namespaces and says what went wrong on the way.
func (l *Lab) Close() error {
	l.stop()
	for _, way := range l.links {
		way.Heal(true)
	}
	l.running.Wait()
	for _, way := range l.links {
		way.Close()
	}
	var err error
	if l.cluster != nil {
		err = l.cluster.close()
	}
	if l.postgres != nil {
		err = errors.Join(err, l.postgres.Close())
	}
	return err
}

func (l *Lab) stopping() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// complain notes what no process of the platform and no part of the run may do.
func (l *Lab) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complaints = append(l.complaints, text)
	fmt.Fprintln(l.out, "!", text)
}

// Complaints are what was noted so far.
func (l *Lab) Complaints() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.complaints...)
}
