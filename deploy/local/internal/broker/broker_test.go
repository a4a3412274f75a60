package broker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const id = store.ID("sabcdefghijk")

// patience bounds every wait on a broker.
const patience = time.Minute

// bundle is a broker with the local configuration and a connection per user.
type bundle struct {
	url   string
	conns map[string]*nats.Conn
	// refused receives what the broker refuses any of them.
	refused chan error
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupFor(t, store.DefaultCluster)
}

// setupFor is a broker of an installation with these clusters.
func setupFor(t *testing.T, clusters ...string) *bundle {
	t.Helper()
	passwords := passwords(clusters...)
	dir := filepath.Join(t.TempDir(), `a "folder" with spaces`)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := broker.ConfigFor(broker.Settings{Address: "127.0.0.1:-1", Store: filepath.Join(dir, "log"), Passwords: passwords}, clusters)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "broker.conf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways {
		t.Error("writes aren't fsynced")
	}
	if options.HTTPPort != 0 || options.HTTPSPort != 0 {
		t.Error("a stranger may ask the monitor")
	}
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the broker doesn't accept connections")
	}
	b := &bundle{url: s.ClientURL(), conns: map[string]*nats.Conn{}, refused: make(chan error, 100)}
	for user, password := range passwords {
		nc, err := nats.Connect(b.url, append(config.As(user, password), nats.ErrorHandler(
			func(_ *nats.Conn, _ *nats.Subscription, err error) { b.refused <- err }))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		b.conns[user] = nc
	}
	if err := storelog.Ensure(t.Context(), b.conns[broker.Gateway], storelog.Settings{Replicas: 1}); err != nil {
		t.Fatalf("the gateway can't make the log: %v", err)
	}
	return b
}

func passwords(clusters ...string) map[string]string {
	all := map[string]string{}
	for _, user := range broker.UsersOf(clusters) {
		all[user] = "password of " + user
	}
	return all
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func (b *bundle) log(t *testing.T, user string) *storelog.Log {
	t.Helper()
	log, err := storelog.Open(t.Context(), b.conns[user])
	if err != nil {
		t.Fatalf("%s opens the log: %v", user, err)
	}
	return log
}

func (b *bundle) bucket(t *testing.T, user, name string) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(b.conns[user])
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), name)
	if err != nil {
		t.Fatalf("%s opens bucket %s: %v", user, name, err)
	}
	return kv
}

func (b *bundle) allowed(t *testing.T) {
	t.Helper()
	for user, nc := range b.conns {
		if err := nc.Flush(); err != nil {
			t.Fatalf("flush %s: %v", user, err)
		}
	}
	select {
	case err := <-b.refused:
		t.Errorf("refused: %v", err)
	default:
	}
}

func TestEachUserCanDoItsWork(t *testing.T) {
	b, ctx := setup(t), t.Context()
	gateway, provisioner := b.log(t, broker.Gateway), b.log(t, broker.Provisioner)
	wanted := create(t, gateway)
	doWork(t, provisioner, broker.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	if _, err := provisioner.Append(ctx, wanted, store.Message{
		Type: store.AttemptStarted, Store: id, Actor: "provisioner", Generation: wanted.Generation, Time: time.Now(),
	}); err != nil {
		t.Fatalf("the provisioner appends an event: %v", err)
	}
	log := b.log(t, broker.Janitor)
	if _, err := gateway.Append(ctx, store.State{}, store.Message{
		Type: store.DeleteCommand, Store: "stuvwxyzabcd", Tenant: "t", Actor: "gateway", Time: time.Now(),
	}); err != nil {
		t.Fatalf("the gateway appends a delete: %v", err)
	}
	doWork(t, log, broker.Janitor, storelog.DeleteCommands(store.DefaultCluster))
	for _, worker := range []*storelog.Log{provisioner, log} {
		watchCommands(t, worker)
	}
	read := errors.New("read both")
	if err := b.log(t, broker.Events).Tail(ctx, 0, func(r storelog.Raw) error {
		if r.Seq == 2 {
			return read
		}
		return nil
	}); !errors.Is(err, read) {
		t.Fatalf("events reads the log: %v", err)
	}
	noteAndRead(t, gateway, b.log(t, broker.Events))
	for _, user := range []string{broker.Provisioner, broker.Janitor} {
		leases, err := lease.Open(ctx, b.log(t, user))
		if err != nil {
			t.Fatalf("%s opens the leases: %v", user, err)
		}
		l, err := leases.Take(ctx, string(id), user)
		if err != nil {
			t.Fatalf("%s takes a lease: %v", user, err)
		}
		if err := errors.Join(l.Renew(ctx), l.Release(ctx)); err != nil {
			t.Fatalf("%s renews and releases: %v", user, err)
		}
	}
	for _, user := range []string{broker.Gateway, broker.Janitor} {
		book := claim.NewBook(b.bucket(t, user, storelog.BucketClaims))
		nonce, err := book.Claim(ctx, user, id, 1, time.Now())
		if err := errors.Join(err, book.GiveBack(ctx, user, id, nonce), book.Release(ctx, user, id)); err != nil {
			t.Fatalf("%s claims, gives back and releases: %v", user, err)
		}
	}
	for _, user := range []string{broker.Provisioner, broker.Local} {
		if _, err := engine.Publish(ctx, b.bucket(t, user, storelog.BucketPacks), engine.Rank, nil, nil); err != nil {
			t.Fatalf("%s publishes packs: %v", user, err)
		}
	}
	if err := engine.PublishBefore(ctx, b.bucket(t, broker.Provisioner, storelog.BucketCatalog), nil); err != nil {
		t.Fatalf("the provisioner publishes for gateways of the release before: %v", err)
	}
	packs, before := b.bucket(t, broker.Gateway, storelog.BucketPacks), b.bucket(t, broker.Gateway, storelog.BucketCatalog)
	if _, err := engine.Watch(ctx, packs, before); err != nil {
		t.Fatalf("the gateway watches the catalog: %v", err)
	}
	for user, subject := range map[string]string{broker.Provisioner: query.Credentials.Subject, broker.Events: query.Stores.Subject} {
		service, err := micro.AddService(b.conns[user], micro.Config{Name: user, Version: "1.0.0"})
		if err != nil {
			t.Fatalf("%s serves: %v", user, err)
		}
		ignore := micro.HandlerFunc(func(micro.Request) {})
		if err := errors.Join(service.AddEndpoint("e", ignore, micro.WithEndpointSubject(subject)), service.Stop()); err != nil {
			t.Fatalf("%s serves: %v", user, err)
		}
	}
	b.allowed(t)
}

// A whole course under this user is the backup's own test. What it says while it takes and brings is refused without a
// word to it, so that is held here.
func TestTheBackupAsksAndAnswers(t *testing.T) {
	b := setup(t)
	for _, subject := range []string{
		"$JS.API.STREAM.SNAPSHOT.STORES", "$JS.SNAPSHOT.ACK.STORES.x.131072.1",
		"$JS.API.STREAM.RESTORE.STORES", "$JS.SNAPSHOT.RESTORE.STORES.x",
	} {
		if err := b.conns[broker.Backup].Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	b.allowed(t)
}

// What a sweep asks of the broker beyond the rest of the janitor's work.
func TestTheProvisionerAsksForMends(t *testing.T) {
	b, ctx := setup(t), t.Context()
	_, err := b.log(t, broker.Provisioner).Append(ctx, store.State{}, store.Message{
		Type: store.MendCommand, Store: id, Tenant: "t", Actor: "keeper", Time: time.Now(),
	})
	if err != nil {
		t.Errorf("the provisioner asks for a mend: %v", err)
	}
	b.allowed(t)
}

func TestTheJanitorSweeps(t *testing.T) {
	b, ctx := setup(t), t.Context()
	log := b.log(t, broker.Janitor)
	say := func(before store.State, m store.Message) store.State {
		m.Store, m.Tenant, m.Actor, m.Time = id, "t", "sweep", time.Now()
		after, err := log.Append(ctx, before, m)
		if err != nil {
			t.Fatalf("the janitor appends %s: %v", m.Type, err)
		}
		return after
	}
	state := say(store.State{}, store.Message{Type: store.RetryCommand})
	say(say(state, store.Message{Type: store.DeleteCommand}), store.Message{Type: store.Superseded, Generation: state.Generation})
	if ids, _, err := log.Stores(ctx, store.DefaultCluster); err != nil || len(ids) != 1 {
		t.Errorf("it lists %v, %v", ids, err)
	}
	if _, err := log.SweepsPaused(ctx); err != nil {
		t.Errorf("it asks whether sweeps are paused: %v", err)
	}
	doWork(t, b.log(t, broker.Provisioner), broker.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	if _, err := log.JetStream().Consumer(ctx, storelog.Stream, broker.Provisioner); err != nil {
		t.Errorf("it asks what the other hand was handed: %v", err)
	}
	book := claim.NewBook(b.bucket(t, broker.Janitor, storelog.BucketClaims))
	closed := book.Close(ctx, "t-gone")
	if listed, err := book.List(ctx); closed != nil || err != nil || book.Forget(ctx, listed, time.Now().Add(claim.Remembered)) != nil {
		t.Errorf("it lists who has claims, and forgets who was closed: %v", errors.Join(closed, err))
	}
	if _, err := book.Reconcile(ctx, "t", claim.Evidence{Last: log.Last}, time.Now()); err != nil {
		t.Errorf("it mends claims: %v", err)
	}
	report := platform.Sweep{By: broker.Janitor}
	if err := platform.PublishSweep(ctx, b.bucket(t, broker.Janitor, storelog.BucketPlatform), store.DefaultCluster, report); err != nil {
		t.Errorf("it publishes its report: %v", err)
	}
	if read, err := platform.ReadSweep(ctx, b.bucket(t, broker.Gateway, storelog.BucketPlatform), store.DefaultCluster); err != nil || read.By != report.By {
		t.Errorf("the gateway reads the report: %+v, %v", read, err)
	}
	b.allowed(t)
}

func TestTheSupervisorTellsAndTheOthersHear(t *testing.T) {
	b, ctx := setup(t), t.Context()
	heard := make(chan platform.Cluster, 10)
	if _, err := platform.Watch(ctx, b.bucket(t, broker.Gateway, storelog.BucketPlatform), func(c platform.Cluster) { heard <- c }); err != nil {
		t.Fatal(err)
	}
	if err := platform.Publish(ctx, b.bucket(t, broker.Local, storelog.BucketPlatform), store.DefaultCluster, platform.Cluster{Part: "containerd"}); err != nil {
		t.Fatal(err)
	}
	for heardLast := ""; heardLast != "containerd"; {
		select {
		case c := <-heard:
			heardLast = c.Part
		case <-time.After(patience):
			t.Fatalf("the gateway heard %q last", heardLast)
		}
	}
	if _, err := b.bucket(t, broker.Local, storelog.BucketPacks).Put(ctx, "offered", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	answer, err := b.conns[broker.Provisioner].Subscribe(query.Credentials.Subject, func(m *nats.Msg) { _ = m.Respond([]byte("secret")) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Unsubscribe() }()
	b.allowed(t)
	if _, err := b.conns[broker.Gateway].RequestWithContext(ctx, query.Credentials.Subject, nil); err != nil {
		t.Errorf("the gateway asks the provisioner: %v", err)
	}
}

// create asks for a store as the gateway does.
func create(t *testing.T, gateway *storelog.Log) store.State {
	t.Helper()
	wanted, err := gateway.Append(t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: "t", Actor: "gateway", Time: time.Now(),
		Facts: store.Facts{Spec: &store.Spec{Name: "n", Engine: "sample"}},
	})
	if err != nil {
		t.Fatalf("the gateway appends a command: %v", err)
	}
	return wanted
}

// watchCommands makes the consumer through which a worker hears of newer commands, and pulls from it.
func watchCommands(t *testing.T, log *storelog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	consumer, err := log.JetStream().OrderedConsumer(ctx, storelog.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{storelog.Commands(store.DefaultCluster)}, HeadersOnly: true,
	})
	if err != nil {
		t.Fatalf("follow the commands: %v", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatalf("follow the commands: %v", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	if _, err := messages.Next(); err != nil {
		t.Fatalf("hear of a command: %v", err)
	}
}

// doWork pulls one message as a worker does: through its durable consumer, acknowledged and known to be.
func doWork(t *testing.T, log *storelog.Log, durable, filter string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	consumer, err := log.JetStream().CreateOrUpdateConsumer(ctx, storelog.Stream, jetstream.ConsumerConfig{
		Durable: durable, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatalf("make a durable consumer: %v", err)
	}
	msg, err := consumer.Next()
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	if err := errors.Join(msg.InProgress(), msg.DoubleAck(ctx)); err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
}

func TestAStrangerHasNothing(t *testing.T) {
	b := setup(t)
	for _, options := range [][]nats.Option{
		nil,
		{nats.UserInfo("stranger", "x")},
		{nats.UserInfo(broker.Gateway, "")},
		{nats.UserInfo(broker.Gateway, "x")},
		{nats.UserInfo(broker.Gateway, "password of "+broker.Janitor)},
	} {
		if nc, err := nats.Connect(b.url, options...); !errors.Is(err, nats.ErrAuthorization) {
			nc.Close()
			t.Errorf("a stranger got %v", err)
		}
	}
}

func TestEveryUserNeedsAPassword(t *testing.T) {
	if _, err := broker.Config(broker.Settings{Address: "127.0.0.1:4222"}); err == nil {
		t.Error("a configuration without passwords was made")
	}
}
