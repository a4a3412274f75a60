package sweep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/janitor/internal/livetest"
)

const (
	tenant   = "tenant"
	patience = time.Minute
)

func TestMain(m *testing.M) {
	guard.Main()
	if os.Getenv(victim) != "" {
		dieSweeping()
		return
	}
	os.Exit(m.Run())
}

// bundle is a log and a namespace listing of an installation that is this test's alone. No janitor works beside it: what
// a sweep submits stays where it is.
type bundle struct {
	t            *testing.T
	api          *clustertest.API
	kubeconfig   string
	installation string
	nc           *nats.Conn
	log          *storelog.Log
	claims       *claim.Book
	leases       *lease.Bucket
	platform     jetstream.KeyValue
	// ahead is how much the sweeper's clock differs from the real one.
	ahead atomic.Int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupWith(t, func(installation string) string { return installation })
}

// setupWith lets the log belong to somebody else.
func setupWith(t *testing.T, owner func(installation string) string) *bundle {
	t.Helper()
	t.Parallel()
	api := clustertest.Start(t)
	installation := "sweep-" + string(api.NewID(t))
	b := onBroker(t, installation, owner(installation))
	b.api, b.kubeconfig = api, api.Kubeconfig(t, clustertest.Janitor)
	return b
}

// onBroker is for who says what the cluster shows.
func onBroker(t *testing.T, installation, owner string) *bundle {
	t.Helper()
	return onLog(t, bustest.StartFor(t, owner), installation)
}

// onLog is for who has made the log.
func onLog(t *testing.T, nc *nats.Conn, installation string) *bundle {
	t.Helper()
	b := &bundle{t: t, installation: installation, nc: nc}
	livetest.Start(t, b.nc)
	var err error
	if b.log, err = storelog.Open(t.Context(), b.nc); err != nil {
		t.Fatal(err)
	}
	b.claims = claim.NewBook(b.bucket(storelog.BucketClaims))
	if b.leases, err = lease.Open(t.Context(), b.log); err != nil {
		t.Fatal(err)
	}
	b.platform = b.bucket(storelog.BucketPlatform)
	return b
}

func (b *bundle) bucket(name string) jetstream.KeyValue {
	b.t.Helper()
	kv, err := b.log.Bucket(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return kv
}

func (b *bundle) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// cluster sees what the janitor may see.
func (b *bundle) cluster() Cluster {
	b.t.Helper()
	c, err := connect(b.kubeconfig, b.installation)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func connect(kubeconfig, installation string) (*cluster.Cluster, error) {
	return cluster.Connect(cluster.Config{Kubeconfig: kubeconfig, Installation: installation})
}

func (b *bundle) sweeper(where Cluster) *Sweeper {
	b.t.Helper()
	s, err := New(Config{
		Installation: b.installation, Holder: "test", Cluster: where, Now: b.now,
		Live:      live(b.nc),
		Available: func(context.Context) error { return nil },
		Open:      func(ctx context.Context) (*storelog.Log, error) { return storelog.Open(ctx, b.nc) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// live asks as the janitor does.
func live(nc *nats.Conn) func(context.Context, query.LiveRequest) (query.LiveReply, error) {
	return func(ctx context.Context, r query.LiveRequest) (query.LiveReply, error) {
		return question.Ask(ctx, nc, query.Live, r)
	}
}

// sweep sweeps once and returns the report.
func (b *bundle) sweep() platform.Sweep {
	b.t.Helper()
	return b.sweepIn(b.cluster())
}

func (b *bundle) sweepIn(where Cluster) platform.Sweep {
	b.t.Helper()
	if err := b.sweeper(where).Sweep(b.t.Context()); err != nil {
		b.t.Fatalf("sweep: %v", err)
	}
	return b.report()
}

func (b *bundle) report() platform.Sweep {
	b.t.Helper()
	report, err := platform.ReadSweep(b.t.Context(), b.platform, store.DefaultCluster)
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

// say appends to a store's history; events belong to its newest command.
func (b *bundle) say(id store.ID, types ...store.Type) store.State {
	b.t.Helper()
	var after store.State
	for _, t := range types {
		after = b.append(id, store.Message{Type: t})
	}
	return after
}

func (b *bundle) append(id store.ID, m store.Message) store.State {
	b.t.Helper()
	after, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		m.Store, m.Tenant, m.Actor = id, tenant, "test"
		if m.Time.IsZero() {
			m.Time = time.Now()
		}
		if m.Generation == 0 && !m.Type.IsCommand() {
			m.Generation = s.Generation
		}
		return &m, nil
	})
	if err != nil {
		b.t.Fatalf("append %s: %v", m.Type, err)
	}
	return after
}

// What stores have been through.
var (
	ready   = []store.Type{store.CreateCommand, store.AttemptStarted, store.BecameReady}
	deleted = append(slices.Clone(ready), store.DeleteCommand, store.AttemptStarted, store.BecameDeleted)
)

// store is one with a history, with a claim unless it is deleted, and with a namespace if here.
func (b *bundle) store(here bool, history ...store.Type) store.ID {
	b.t.Helper()
	id := b.api.NewID(b.t)
	if b.say(id, history...); b.last(id).Status != store.Deleted {
		b.claim(time.Now(), id)
	}
	if here {
		b.place(id)
	}
	return id
}

// place makes the store's namespace as a worker would have that woke up late.
func (b *bundle) place(id store.ID) *corev1.Namespace {
	b.t.Helper()
	made, err := b.api.Admin.CoreV1().Namespaces().Create(b.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: id.Namespace(), Labels: map[string]string{
			cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelInstallation: b.installation, cluster.LabelStore: string(id),
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatalf("make the namespace of store %s: %v", id, err)
	}
	return made
}

// history is everything that was said of a store.
func (b *bundle) history(id store.ID) []store.Message {
	b.t.Helper()
	head, err := b.log.Head(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var all []store.Message
	end := errors.New("the end")
	err = b.log.Tail(b.t.Context(), 0, func(raw storelog.Raw) error {
		// What can't be read was written by a test, not by a sweep.
		if entry, err := raw.Entry(); err == nil && entry.Message.Store == id {
			all = append(all, entry.Message)
		}
		if raw.Seq == head {
			return end
		}
		return nil
	})
	if !errors.Is(err, end) {
		b.t.Fatalf("read the log: %v", err)
	}
	return all
}

// swept is what a sweep has said of a store.
func (b *bundle) swept(id store.ID) []store.Message {
	b.t.Helper()
	return slices.DeleteFunc(b.history(id), func(m store.Message) bool { return m.Actor != Actor })
}

// wantCommand wants exactly one message of a sweep, a command.
func (b *bundle) wantCommand(id store.ID, t store.Type, reason string) {
	b.t.Helper()
	said := b.swept(id)
	if len(said) != 1 || said[0].Type != t || said[0].Facts.Reason != reason || said[0].Facts.Message == "" || said[0].Tenant != tenant {
		b.t.Errorf("sweeps said %+v of store %s, want one %s because of %s", said, id, t, reason)
	}
}

// wantAlone wants the log silent about the stores and their namespaces, where they have one, as they were.
func (b *bundle) wantAlone(ids ...store.ID) {
	b.t.Helper()
	for _, id := range ids {
		if head, err := b.log.Head(b.t.Context()); err != nil || head > 0 {
			if said := b.swept(id); len(said) != 0 {
				b.t.Errorf("sweeps said %+v of store %s", said, id)
			}
		}
		b.wantNamespace(id)
	}
}

func (b *bundle) wantNamespace(id store.ID) {
	b.t.Helper()
	live, err := b.api.Admin.CoreV1().Namespaces().Get(b.t.Context(), id.Namespace(), metav1.GetOptions{})
	if err != nil || live.DeletionTimestamp != nil {
		b.t.Errorf("the namespace of store %s was touched: %v", id, err)
	}
}

// wantFindings compares by kind; the wanted are written "kind n".
func wantFindings(t *testing.T, report platform.Sweep, want ...string) {
	t.Helper()
	var have []string
	for _, f := range report.Findings {
		have = append(have, fmt.Sprintf("%s %d", f.Kind, f.Count))
	}
	if !slices.Equal(have, want) {
		t.Errorf("found %v, want %v", have, want)
	}
}

func wantAlarm(t *testing.T, report platform.Sweep, reason string, says ...string) {
	t.Helper()
	if report.Alarm == nil || report.Alarm.Reason != reason {
		t.Fatalf("the alarm is %+v, want %s", report.Alarm, reason)
	}
	for _, words := range says {
		if !strings.Contains(report.Alarm.Message, words) {
			t.Errorf("the alarm %q doesn't say %q", report.Alarm.Message, words)
		}
	}
}

func wantSubmitted(t *testing.T, report platform.Sweep, want int) {
	t.Helper()
	if report.Submitted != want {
		t.Errorf("%d commands were submitted, want %d", report.Submitted, want)
	}
}

// between is a cluster in which something happens right before the second look.
type between struct {
	Cluster
	looks atomic.Int32
	act   func()
}

func (b *between) Namespaces(ctx context.Context) ([]cluster.Sighting, error) {
	if b.looks.Add(1) == 2 {
		b.act()
	}
	return b.Cluster.Namespaces(ctx)
}

// edited is a cluster whose second look shows something else.
type edited struct {
	Cluster
	looks atomic.Int32
	edit  func([]cluster.Sighting) []cluster.Sighting
}

func (e *edited) Namespaces(ctx context.Context) ([]cluster.Sighting, error) {
	seen, err := e.Cluster.Namespaces(ctx)
	if err == nil && e.looks.Add(1) == 2 {
		seen = e.edit(seen)
	}
	return seen, err
}

// awaitLine reads until the line comes.
func awaitLine(t *testing.T, from *bufio.Scanner, line string) {
	t.Helper()
	for from.Scan() {
		if from.Text() == line {
			return
		}
	}
	t.Fatalf("%q was never said: %v", line, from.Err())
}
