package keda_test

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/keda"
)

const (
	hand  = "provisioner"
	asked = 10
)

func scaler(endpoint string) keda.Scaler {
	return keda.Scaler{Endpoint: endpoint, Stream: storelog.Stream, Consumer: hand}
}

// An autoscaler that begins before the first worker would be told of everything that ever happened.
func TestWhereNoWorkerHasBeenAllOfTheLogIsLag(t *testing.T) {
	broker := bustest.StartServer(t, &server.Options{HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT})
	nc := bustest.Connect(t, broker)
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
	s := scaler(broker.MonitorAddr().String())
	log := ask(t, nc)
	lags(t, s, asked)
	work(t, log)
	lags(t, s, asked-1)
}

func TestOfThreeBrokersTheConsumersLeaderTells(t *testing.T) {
	// The scaler looks for all of them at one port, as it finds them in pods, and clients' ports don't matter to it.
	address, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	var scalers []keda.Scaler
	_, conns := bustest.StartClusterWith(t, func(n int, opts *server.Options) {
		opts.HTTPHost = fmt.Sprintf("127.0.0.%d", n+2)
		opts.HTTPPort, _ = strconv.Atoi(port)
		opts.ClientAdvertise = opts.HTTPHost + ":4222"
		scalers = append(scalers, scaler(net.JoinHostPort(opts.HTTPHost, port)))
	})
	log := ask(t, conns[0])
	for _, s := range scalers {
		if lag, err := s.Lag(t.Context()); err == nil {
			t.Errorf("before there is a consumer, its lag is %d", lag)
		}
	}
	work(t, log)
	for _, s := range scalers {
		lags(t, s, asked-1)
	}
}

// ask has stores asked for.
func ask(t *testing.T, nc *nats.Conn) *storelog.Log {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	for n := range asked {
		_, err := log.Append(t.Context(), store.State{}, store.Message{
			Type: store.CreateCommand, Store: store.DeriveID("tenant", strconv.Itoa(n)), Tenant: "tenant", Actor: "test", Time: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return log
}

// work takes three of the commands: one is done, one rests and one is worked on. The scaler can't tell these two apart.
func work(t *testing.T, log *storelog.Log) {
	t.Helper()
	var consumer jetstream.Consumer
	waittest.Eventually(t, func() (err error) {
		consumer, err = log.JetStream().CreateConsumer(t.Context(), storelog.Stream, jetstream.ConsumerConfig{
			Durable: hand, FilterSubject: storelog.ApplyCommands(""), AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour,
		})
		return err
	})
	for _, settle := range []func(jetstream.Msg) error{
		func(m jetstream.Msg) error { return m.DoubleAck(t.Context()) },
		func(m jetstream.Msg) error { return m.NakWithDelay(time.Hour) },
		func(jetstream.Msg) error { return nil },
	} {
		// A consumer of three brokers has nobody to answer for a moment when it is new.
		var msg jetstream.Msg
		waittest.Eventually(t, func() (err error) {
			msg, err = consumer.Next(jetstream.FetchMaxWait(waittest.Patience()))
			return err
		})
		if err := settle(msg); err != nil {
			t.Fatal(err)
		}
	}
}

func lags(t *testing.T, s keda.Scaler, want int) {
	t.Helper()
	waittest.Eventually(t, func() error {
		lag, err := s.Lag(t.Context())
		if err == nil && lag != want {
			err = fmt.Errorf("%s says that the lag is %d, want %d", s.Endpoint, lag, want)
		}
		return err
	})
}
