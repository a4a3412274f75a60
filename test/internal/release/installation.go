// Package release records what a release leaves on the disk, and opens it again with the services of the tree that it is
// called from: the broker's folder, the read model, and what the API answered of them.
//
// cmd/release-state records, when a release is tagged; test/upgrade holds every later tree against the recordings.
// Broker, PostgreSQL, gateway and events are the processes that they are in production. The workers' loop is the real one
// too, on their durable consumers; only its hand is a script, since a cluster is no part of what is recorded.
package release

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// AdminKey sees all tenants' stores.
const AdminKey = "the-key-of-recorded-releases"

// Programs are where the built programs are.
type Programs struct{ broker, gateway, events string }

// FindPrograms finds what an installation runs.
func FindPrograms(ctx context.Context) (p Programs, err error) {
	for name, path := range map[string]*string{"store-broker": &p.broker, "store-gateway": &p.gateway, "store-events": &p.events} {
		if *path, err = programtest.Path(ctx, name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Installation is a platform without a cluster, in a folder of its own.
type Installation struct {
	// API is the gateway's URL, Gateway its process.
	API     string
	Gateway *parts.Process

	repo, dir string
	// feed is where the gateways expect events to serve it.
	feed     string
	programs Programs
	broker   *parts.Broker
	postgres *parts.Postgres
	closers  []func()
}

// Folder is where the broker keeps streams and buckets below an installation's folder.
func Folder(dir string) string { return filepath.Join(dir, "log") }

// Open prepares an installation in dir, whose log may be there already, and starts broker and PostgreSQL.
func Open(ctx context.Context, repo string, programs Programs, dir string) (*Installation, error) {
	in := &Installation{repo: repo, programs: programs, dir: dir}
	if err := in.open(ctx); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

func (in *Installation) open(ctx context.Context) (err error) {
	if in.broker, err = parts.NewBroker(in.repo, in.programs.broker, in.dir); err != nil {
		return err
	}
	command, err := in.broker.Command(parts.SyncAlways)
	if err != nil {
		return err
	}
	broker, err := parts.Start(filepath.Join(in.dir, "broker.out"), command)
	if err != nil {
		return err
	}
	in.stopAtEnd(broker)
	in.postgres, err = parts.StartPostgres(ctx, filepath.Join(in.dir, "postgres.out"))
	return err
}

// Database is the URL of the one database.
func (in *Installation) Database() string {
	return in.postgres.URL()
}

// Serve starts gateway and events. A tenant may have maxStores.
func (in *Installation) Serve(ctx context.Context, maxStores int) error {
	feed, err := in.ServeGateway(ctx, maxStores)
	if err != nil {
		return err
	}
	_, err = in.startEvents(ctx, in.programs.events, feed)
	return err
}

// ServeGateway starts the gateway alone, and answers where it expects the feed to be.
func (in *Installation) ServeGateway(ctx context.Context, maxStores int) (feed string, err error) {
	api, err := porttest.Address()
	if err != nil {
		return "", err
	}
	if feed, err = porttest.Address(); err != nil {
		return "", err
	}
	in.API, in.feed = "http://"+api, feed
	// The admin key makes passwords the admin's alone, and tenants are told by the address that a proxy forwards. Who asks does nothing else, and more
	// often than anybody may.
	in.Gateway, err = in.start(ctx, "gateway", in.programs.gateway, in.API, "LISTEN="+api, "EVENTS_URL=http://"+feed, "AUTH=open", "ADMIN_API_KEY="+AdminKey,
		"TRUST_PROXY=127.0.0.0/8", "MAX_STORES="+strconv.Itoa(maxStores), "RATE_LIMIT_ENABLED=false")
	return feed, err
}

// Beside is the same installation, asked through one more gateway, whose program is another release's. It ends with the
// first.
func (in *Installation) Beside(ctx context.Context, program string) (*Installation, error) {
	return in.beside(ctx, program, "AUTH=open")
}

// Peopled is the same installation, asked through one more gateway, at which anybody may sign up. It ends with the first.
func (in *Installation) Peopled(ctx context.Context, settings ...string) (*Installation, error) {
	return in.beside(ctx, in.programs.gateway, append(settings, "AUTH=accounts", "SIGNUP=open", "EVENTS_URL=http://"+in.feed)...)
}

func (in *Installation) beside(ctx context.Context, program string, settings ...string) (*Installation, error) {
	api, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	other := *in
	other.API = "http://" + api
	other.Gateway, err = in.start(ctx, "gateway", program, other.API, append(settings, "LISTEN="+api, "ADMIN_API_KEY="+AdminKey, "TRUST_PROXY=127.0.0.0/8")...)
	return &other, err
}

// Events starts one more replica of events, and answers where it listens: program is a release's, empty the clone's.
func (in *Installation) Events(ctx context.Context, program string) (p *parts.Process, address string, err error) {
	if address, err = porttest.Address(); err != nil {
		return nil, "", err
	}
	if program == "" {
		program = in.programs.events
	}
	p, err = in.startEvents(ctx, program, address)
	return p, address, err
}

func (in *Installation) startEvents(ctx context.Context, program, address string) (*parts.Process, error) {
	return in.start(ctx, "events", program, "http://"+address, "LISTEN="+address, "DATABASE_URL="+in.Database())
}

func (in *Installation) start(ctx context.Context, name, binary, address string, settings ...string) (*parts.Process, error) {
	process, err := parts.Start(filepath.Join(in.dir, name+".out"), in.broker.Service(binary, name, in.broker.Address, settings...))
	if err != nil {
		return nil, err
	}
	in.stopAtEnd(process)
	return process, process.Await(ctx, parts.StartPatience, func(ctx context.Context) error { return parts.Answers(ctx, address+"/readyz") })
}

func (in *Installation) stopAtEnd(p *parts.Process) {
	in.closers = append(in.closers, func() { p.Stop(syscall.SIGTERM, parts.StopPatience) })
}

// Close ends what runs, the newest first, so that the broker's files are whole when it returns.
func (in *Installation) Close() error {
	for len(in.closers) > 0 {
		last := len(in.closers) - 1
		in.closers[last]()
		in.closers = in.closers[:last]
	}
	if in.postgres == nil {
		return nil
	}
	return in.postgres.Close()
}

// makeFolder is where a whole installation may write; the caller removes it.
func makeFolder() (string, error) { return os.MkdirTemp("", "store-release-") }
