package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/people"
)

// bus is the platform's broker in a process of its own, with the platform's users and a log.
type bus struct {
	b *bench
	*parts.Broker
	dir     string
	process *parts.Process
}

// How the broker treats an acknowledged write. Loading a large log is no part of any measurement, so it doesn't wait
// for the disk; everything that is measured does.
const (
	whileLoading   = parts.SyncLater
	whileMeasuring = parts.SyncAlways
)

// newBus makes an empty broker that is run by run.
func (b *bench) newBus() *bus {
	b.Helper()
	dir, err := os.MkdirTemp(b.work, "broker-")
	b.must("make the broker's folder", err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	broker, err := parts.NewBroker(b.repo, b.program("store-broker"), dir)
	b.must("make the broker", err)
	return &bus{b: b, dir: dir, Broker: broker}
}

// run starts the broker, or starts it again with other settings.
func (s *bus) run(sync string) {
	s.b.Helper()
	if s.process != nil {
		s.process.Stop(syscall.SIGTERM, stopPatience)
	}
	command, err := s.Command(sync)
	s.b.must("configure the broker", err)
	s.process = s.b.start("broker", command)
	s.b.await("reach the broker", s.process, startPatience, func() error {
		nc, err := s.Dial("gateway")
		if err == nil {
			nc.Close()
		}
		return err
	})
}

// connect opens a connection that ends with the row.
func (s *bus) connect(user string) *nats.Conn {
	s.b.Helper()
	nc, err := s.Dial(user)
	s.b.must("connect as "+user, err)
	s.b.Cleanup(nc.Close)
	return nc
}

// log opens the log as the gateway, which may make it.
func (s *bus) log() *storelog.Log {
	s.b.Helper()
	nc := s.connect("gateway")
	s.b.must("make the log", storelog.Ensure(s.b.ctx, nc, storelog.Settings{Replicas: 1}))
	log, err := storelog.Open(s.b.ctx, nc)
	s.b.must("open the log", err)
	return log
}

// service prepares one of the platform's services as `local up` runs it.
func (s *bus) service(name string, more ...string) *exec.Cmd {
	s.b.Helper()
	return s.Service(s.b.program("store-"+name), name, s.Address, more...)
}

// gateway starts one of open mode and answers its URL. It believes this machine's X-Forwarded-For.
func (s *bus) gateway(events string) string {
	s.b.Helper()
	url, _ := s.startGateway(events, "AUTH=open")
	return url
}

// people starts one with accounts, where everybody may sign up.
func (s *bus) people(events string) (url string, p *parts.Process) {
	s.b.Helper()
	return s.startGateway(events, "AUTH=accounts", "SIGNUP=open", "ADMIN_API_KEY="+people.AdminKey)
}

func (s *bus) startGateway(events string, more ...string) (url string, p *parts.Process) {
	s.b.Helper()
	address := s.b.freeAddress()
	p = s.b.start("gateway", s.service("gateway", append(more, "LISTEN="+address, "EVENTS_URL=http://"+events,
		"TRUST_PROXY=127.0.0.0/8", "MAX_STORES=1000", "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0")...))
	s.b.await("reach the gateway", p, startPatience, func() error { return parts.Answers(s.b.ctx, "http://"+address+"/readyz") })
	return "http://" + address, p
}

// writers append at once where nothing is measured.
const writers = 64

// load writes the histories of count stores, each of these messages behind its create. Tenants have twenty stores.
func (s *bus) load(log *storelog.Log, count int, events ...store.Message) {
	s.b.Helper()
	s.loadFor(log, count, func(n int) string { return tenantOf(log, n) }, events)
}

// tenantOf is whose the n-th store is, of those that load writes.
func tenantOf(log *storelog.Log, n int) string {
	return log.Naming().Tenant(netip.AddrFrom4([4]byte{10, 255, byte(n / 20 / 256), byte(n / 20)}))
}

// loadFor is load of stores whose tenants are told by their numbers.
func (s *bus) loadFor(log *storelog.Log, count int, tenant func(n int) string, events []store.Message) {
	s.b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	failures := make(chan error, writers)
	for range writers {
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= count {
					return
				}
				if err := history(s.b.ctx, log, tenant(n), n, events); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failures)
	var err error
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	s.b.must("load the log", err)
}

func history(ctx context.Context, log *storelog.Log, tenant string, n int, events []store.Message) error {
	state, err := log.Append(ctx, store.State{}, create(tenant, store.DeriveID(tenant, fmt.Sprint(n)), n))
	for _, m := range events {
		if err != nil {
			return err
		}
		m.Store, m.Actor, m.Time, m.Generation = state.ID, "provisioner", time.Now(), state.Generation
		state, err = log.Append(ctx, state, m)
	}
	return err
}

// create asks for a store as the gateway does.
func create(tenant string, id store.ID, n int) store.Message {
	return store.Message{
		Type: store.CreateCommand, Store: id, Tenant: tenant, Actor: tenant, Time: time.Now(),
		Facts: store.Facts{Request: strings.Repeat("0", 64), Spec: &store.Spec{
			Name: fmt.Sprintf("Store %d", n), Engine: "sample", Version: "1.0.0", Plan: "small",
			Options: map[string]any{"currency": "EUR", "sampleProducts": 12, "tagline": "Good things for small rooms"},
		}},
	}
}
