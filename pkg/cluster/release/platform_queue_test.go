package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// asUser is a service's connection to a broker of the chart.
func asUser(t *testing.T, broker *server.Server, user string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(broker.ClientURL(), config.As(user, "p"+user)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// KEDA finds the broker that leads the worker's consumer, by its name, and reads there what isn't settled: what is to come and what was
// taken. It asks as its scaler does, with what the chart tells it.
func TestPlatformBrokersTellHowMuchThereIsToDo(t *testing.T) {
	objects := rendered(t, keda())
	brokers, _ := startBrokers(t, objects, "")
	triggers, _, _ := unstructured.NestedSlice(one(t, objects, "ScaledObject", "store-platform-provisioner").Object, "spec", "triggers")
	told := triggers[0].(map[string]any)["metadata"].(map[string]any)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	gateway, worker := asUser(t, brokers[0], "gateway"), asUser(t, brokers[1], "provisioner")
	stream := jetstream.StreamConfig{Name: storelog.Stream, Subjects: []string{storelog.AllSubjects}, Replicas: len(brokers)}
	if _, err := gateway.CreateStream(ctx, stream); err != nil {
		t.Fatal(err)
	}
	consumer, err := worker.CreateConsumer(ctx, storelog.Stream, jetstream.ConsumerConfig{
		Durable: storelog.Durable("provisioner", ""), FilterSubject: storelog.ApplyCommands(""), AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	const asked, taken = 5, 2
	for range asked {
		if _, err := gateway.Publish(ctx, "store.a.command.apply", nil); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := consumer.Fetch(taken)
	if err != nil {
		t.Fatal(err)
	}
	var messages []jetstream.Msg
	for message := range batch.Messages() {
		messages = append(messages, message)
	}
	lag := func() (open int) {
		for _, broker := range brokers {
			if found, leads := lagAt(t, broker, told); leads {
				open += found
			}
		}
		return open
	}
	tells := func(want int) func() error {
		return func() error {
			if open := lag(); open != want {
				return fmt.Errorf("KEDA is told that %d aren't settled, want %d", open, want)
			}
			return nil
		}
	}
	waittest.Eventually(t, tells(asked))
	for _, message := range messages {
		if err := message.DoubleAck(ctx); err != nil {
			t.Fatal(err)
		}
	}
	waittest.Eventually(t, tells(asked-taken))
}

// lagAt is what a broker says of the consumer, and whether it is the one that knows.
func lagAt(t *testing.T, broker *server.Server, told map[string]any) (open int, leads bool) {
	t.Helper()
	base := "http://" + broker.MonitorAddr().String()
	var self struct {
		Name string `json:"server_name"`
	}
	get(t, base+"/varz", &self)
	var said server.JSInfo
	get(t, base+"/jsz?acc="+url.QueryEscape(told["account"].(string))+"&consumers=true&config=true", &said)
	for _, account := range said.AccountDetails {
		for _, stream := range account.Streams {
			for _, consumer := range stream.Consumer {
				if account.Name == told["account"] && stream.Name == told["stream"] && consumer.Name == told["consumer"] {
					return int(consumer.NumPending) + consumer.NumAckPending, consumer.Cluster != nil && consumer.Cluster.Leader == self.Name
				}
			}
		}
	}
	return 0, false
}

func get(t *testing.T, address string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
