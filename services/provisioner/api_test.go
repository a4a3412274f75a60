// Tests of the provisioner and the janitor together, as the processes they are, on a real API server without nodes: the
// test plays the kubelet and the shop. Other than in the cluster tier, a step can be held for as long as a test needs.
package provisioner_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// patience bounds every wait.
const patience = 5 * time.Minute

// These tests wait for leases to run out and for another try, a quarter as long as in production: seven and a half seconds
// are longer than a busy machine stalls. One test of each kind waits as long as production does; so do those that hold a
// request while they do something, since how long a worker waits for an answer is bounded by its lease.
const (
	hurried    clock.Divisor = 4
	production clock.Divisor = 1
)

const baseDomain = "localhost:8088"

// programs are the paths of the services.
var programs = map[string]string{}

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	guard.Main()
	if os.Getenv(clustertest.Variable) == "" {
		return m.Run()
	}
	for _, service := range []string{"provisioner", "janitor"} {
		path, err := programtest.Path(context.Background(), "store-"+service)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		programs[service] = path
	}
	return m.Run()
}

// bundle is an installation of its own for one test: broker, log, API server (shared, but nobody sees what carries
// another installation's label), shop and kubelet. Workers are started by the test, with the rights they have in
// production.
type bundle struct {
	t            *testing.T
	installation string
	broker       *bustest.Broker
	nc           *nats.Conn
	settings     storelog.Settings
	log          *storelog.Log
	history      *history
	api          *clustertest.API
	// kubeconfigs is where each service looks for the cluster.
	kubeconfigs map[string]string
	ingress     string
	shop        *shop
	// unscheduled holds the stores whose pods no node has room for.
	unscheduled *sync.Map
	// environment are more settings of the services.
	environment []string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupBy(t, hurried)
}

func setupBy(t *testing.T, clock clock.Divisor) *bundle {
	t.Helper()
	api := clustertest.Start(t)
	t.Parallel()
	settings := storelog.Settings{Replicas: 1, Installation: "test-" + strings.ToLower(rand.Text()[:8]), Clock: clock}
	broker := bustest.StartBroker(t, settings)
	nc := broker.Connect()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatalf("open the log: %v", err)
	}
	b := &bundle{
		t: t, installation: settings.Installation, broker: broker, nc: nc, settings: settings, log: log,
		history: follow(t, log), api: api, shop: &shop{}, unscheduled: new(sync.Map),
		kubeconfigs: map[string]string{
			"provisioner": api.Kubeconfig(t, clustertest.Provisioner), "janitor": api.Kubeconfig(t, clustertest.Janitor),
		},
	}
	door := httptest.NewServer(b.shop)
	t.Cleanup(door.Close)
	b.ingress = door.Listener.Addr().String()
	return b
}

// shop answers for all stores, once it is open.
type shop struct {
	open atomic.Bool
	host atomic.Pointer[string]
	// answer is the sample engine's when it is nil.
	answer atomic.Pointer[answer]
	// front says what visitors of one store meet instead of its shop; nil where all shops are alike.
	front atomic.Pointer[func(store.ID) front]
	// shut holds the stores that nobody answers for.
	shut sync.Map
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.host.Store(&r.Host)
	met := itsShop
	if f := s.front.Load(); f != nil {
		met = (*f)(storeAt(r.Host))
	}
	if _, shut := s.shut.Load(storeAt(r.Host)); shut {
		met = nobody
	}
	switch {
	case !s.open.Load(), met == nobody:
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	case met == itsPage:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<!doctype html>"+engine.SuspendedMark)
		return
	}
	if a := s.answer.Load(); a != nil {
		a.write(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"ready":true}`)
}

// serving gives the platform a kubelet that starts every pod and a shop that answers.
func (b *bundle) serving() *bundle {
	b.shop.open.Store(true)
	b.startKubelet()
	return b
}

// worker is a service's process.
type worker struct {
	*exec.Cmd
	output *output
	// end waits until the process has ended, and may be called again.
	end func() error
}

// start runs a service until the test ends, unless the test ends it before.
func (b *bundle) start(service string) *worker {
	b.t.Helper()
	w := b.run(service, b.kubeconfigs[service], 8)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("%s (pid %d) wrote:\n%s", service, w.Process.Pid, w.output)
		}
	})
	return w
}

// startBehind runs a service whose every request to Kubernetes passes a proxy.
func (b *bundle) startBehind(service string) (*worker, *clustertest.Proxy) {
	b.t.Helper()
	proxy := b.api.NewProxy(b.t)
	b.kubeconfigs[service] = proxy.Kubeconfig(b.t, "store-"+service)
	return b.start(service), proxy
}

// run starts a process that works on so many stores at once.
func (b *bundle) run(service, kubeconfig string, slots int) *worker {
	b.t.Helper()
	w := &worker{Cmd: exec.Command(programs[service]), output: &output{}}
	w.Env = []string{
		// They live for seconds, many of them.
		"GOGC=400", "NATS_URL=" + b.broker.URL, "KUBECONFIG=" + kubeconfig, "INSTALLATION=" + b.installation,
		"BASE_DOMAIN=" + baseDomain, "INGRESS_CLASS_NAME=local", "INGRESS_ADDR=" + b.ingress, "SLOTS=" + strconv.Itoa(slots),
	}
	w.Env = append(w.Env, b.environment...)
	w.Dir = b.t.TempDir()
	w.Stderr = w.output
	w.end = sync.OnceValue(w.Wait)
	if err := guard.Join(w.Cmd); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		b.t.Fatalf("start %s: %v", service, err)
	}
	b.t.Cleanup(w.kill)
	return w
}

// kill ends the process as a power cut would.
func (w *worker) kill() {
	_ = w.Process.Kill()
	_ = w.end()
}

// create asks for a store of the sample engine.
func (b *bundle) create() store.ID {
	b.t.Helper()
	id := b.api.NewID(b.t)
	b.createAs(id, "sample")
	return id
}

func (b *bundle) createAs(id store.ID, engine string) {
	b.t.Helper()
	b.command(id, store.CreateCommand, &store.Spec{Name: "Test", Engine: engine, Version: "1.0.0", Plan: "small"})
}

// command appends what the gateway would.
func (b *bundle) command(id store.ID, verb store.Type, spec *store.Spec) {
	b.t.Helper()
	_, err := b.log.Update(b.t.Context(), id, func(store.State) (*store.Message, error) {
		return &store.Message{
			Type: verb, Store: id, Tenant: tenantOf(id), Actor: "test", Time: time.Now(),
			Facts: store.Facts{Spec: spec},
		}, nil
	})
	if err != nil {
		b.t.Fatalf("append %s: %v", verb, err)
	}
}

func (b *bundle) state(id store.ID) store.State {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	s, err := b.log.Last(ctx, id)
	if err != nil {
		b.t.Fatalf("read the store: %v", err)
	}
	return s
}
