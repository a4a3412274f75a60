package broker_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// attempt does what a hijacked service might, and the broker must refuse it.
func (b *bundle) attempt(t *testing.T, user, publish string) {
	t.Helper()
	nc := b.conns[user]
	if err := errors.Join(nc.Publish(publish, []byte("{}")), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-b.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+publish+`"`) {
			t.Errorf("%s publishes %s: %v", user, publish, err)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s was let through to %s", user, publish)
	}
}

// A paused or deleted durable stops all creates or all deletes, a pulled or acknowledged message is a command that
// nobody works on, and nothing else would tell.
func TestNobodyTouchesAnothersDurable(t *testing.T) {
	b := setup(t)
	for _, user := range broker.Users {
		for _, durable := range []string{broker.Provisioner, broker.Janitor} {
			refused := []string{
				"$JS.API.CONSUMER.DELETE.STORES." + durable,
				"$JS.API.CONSUMER.PAUSE.STORES." + durable,
				"$JS.API.CONSUMER.RESET.STORES." + durable,
				"$JS.API.CONSUMER.UNPIN.STORES." + durable,
				"$JS.API.CONSUMER.DURABLE.CREATE.STORES." + durable,
			}
			if user != durable {
				refused = append(refused,
					"$JS.API.CONSUMER.CREATE.STORES."+durable,
					"$JS.API.CONSUMER.CREATE.STORES."+durable+"."+storelog.ApplyCommands,
					"$JS.API.CONSUMER.MSG.NEXT.STORES."+durable,
					"$JS.ACK.STORES."+durable+".1.2.3.4.0",
					"$JS.ACK._.hash.STORES."+durable+".1.2.3.4.0.token",
				)
				if user != broker.Janitor {
					refused = append(refused, "$JS.API.CONSUMER.INFO.STORES."+durable)
				}
			}
			for _, subject := range refused {
				b.attempt(t, user, subject)
			}
		}
	}
}

// A consumer that somebody reads once has a name that can't be guessed: it is safe as long as nobody can ask for names.
func TestNobodyFindsAnothersConsumers(t *testing.T) {
	b := setup(t)
	for _, user := range broker.Users {
		for _, stream := range []string{"STORES", "KV_claims", "KV_leases", "KV_catalog", "KV_platform", "KV_tickets"} {
			for _, verb := range []string{"NAMES.", "LIST.", "CREATE."} {
				b.attempt(t, user, "$JS.API.CONSUMER."+verb+stream)
			}
			b.attempt(t, user, "$JS.API.CONSUMER.PAUSE."+stream+".x")
			b.attempt(t, user, "$JS.API.STREAM.DELETE."+stream)
			b.attempt(t, user, "$JS.API.STREAM.PURGE."+stream)
			b.attempt(t, user, "$JS.API.STREAM.MSG.DELETE."+stream)
			b.attempt(t, user, "$JS.API.STREAM.SNAPSHOT."+stream)
			if user != broker.Gateway {
				b.attempt(t, user, "$JS.API.STREAM.CREATE."+stream)
				b.attempt(t, user, "$JS.API.STREAM.UPDATE."+stream)
			}
		}
		b.attempt(t, user, "$JS.API.STREAM.CREATE.RECORDER")
		b.attempt(t, user, "$JS.API.STREAM.UPDATE.RECORDER")
		b.attempt(t, user, "$JS.API.STREAM.RESTORE.RECORDER")
	}
}

// With a consumer on what it writes, a service could have the broker say its words as if another had.
func TestConsumersAreForWhoNeedsThem(t *testing.T) {
	b := setup(t)
	may := map[string][]string{
		broker.Gateway:     {"catalog", "platform"},
		broker.Provisioner: {"catalog"},
		broker.Janitor:     {"claims"},
		broker.Events:      {"platform"},
		broker.Local:       {"catalog"},
	}
	for _, user := range broker.Users {
		for _, name := range []string{"claims", "leases", "catalog", "platform", "tickets"} {
			if strings.Contains(strings.Join(may[user], " "), name) {
				continue
			}
			for _, verb := range []string{"CREATE", "DELETE", "INFO"} {
				b.attempt(t, user, "$JS.API.CONSUMER."+verb+".KV_"+name+".x")
			}
			b.attempt(t, user, "$JS.API.CONSUMER.CREATE.KV_"+name+".x.$KV."+name+".>")
		}
	}
	for _, user := range []string{broker.Gateway, broker.Local} {
		b.attempt(t, user, "$JS.API.CONSUMER.CREATE.STORES.x")
		b.attempt(t, user, "$JS.API.CONSUMER.MSG.NEXT.STORES.x")
	}
}

// The address that a consumer delivers to is in the request's body, where permissions don't look: that it can't be the
// log's own subjects, so that a reader has nothing said again as a command, is the broker's doing.
func TestTheLogIsNotDeliveredIntoItself(t *testing.T) {
	b := setup(t)
	request, err := json.Marshal(map[string]any{"stream_name": storelog.Stream, "config": map[string]any{
		"name": "x", "deliver_subject": "store." + string(id) + ".command.delete", "ack_policy": "none",
	}})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := b.conns[broker.Events].RequestWithContext(t.Context(), "$JS.API.CONSUMER.CREATE.STORES.x", request)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error == nil || answer.Error.Description != "consumer deliver subject forms a cycle" {
		t.Errorf("the broker answers %s", reply.Data)
	}
}

func TestNobodyCanDoMore(t *testing.T) {
	b := setup(t)
	command, event := "store."+string(id)+".command.apply", "store."+string(id)+".event"
	for _, c := range []struct{ user, publish, subscribe string }{
		{user: broker.Provisioner, publish: command},
		{user: broker.Janitor, publish: "store." + string(id) + ".other"},
		{user: broker.Janitor, publish: "$KV.platform.cluster"},
		{user: broker.Janitor, publish: "$JS.API.STREAM.UPDATE.STORES"},
		{user: broker.Events, publish: command},
		{user: broker.Events, publish: event},
		{user: broker.Local, publish: command},
		{user: broker.Local, publish: event},
		{user: broker.Gateway, publish: "store." + string(id) + ".other"},
		{user: broker.Gateway, publish: "$KV.platform.cluster"},
		{user: broker.Gateway, publish: "$KV.catalog.sample"},
		{user: broker.Gateway, publish: "$KV.leases.x"},
		{user: broker.Gateway, publish: "$JS.API.STREAM.DELETE.STORES"},
		{user: broker.Gateway, publish: "$JS.API.STREAM.PURGE.STORES"},
		{user: broker.Provisioner, publish: "$KV.claims.x"},
		{user: broker.Provisioner, publish: "$JS.API.STREAM.UPDATE.STORES"},
		{user: broker.Local, publish: "$JS.API.STREAM.MSG.GET.STORES"},
		{user: broker.Events, publish: query.CredentialsSubject},
		{user: broker.Janitor, subscribe: query.CredentialsSubject},
		{user: broker.Gateway, subscribe: query.CredentialsSubject},
		{user: broker.Gateway, subscribe: "store.>"},
		{user: broker.Gateway, publish: "$JS.API.STREAM.INFO.RECORDER"},
		{user: broker.Events, publish: "$JS.API.STREAM.INFO.KV_catalog"},
		{user: broker.Events, publish: "$JS.API.STREAM.INFO.KV_claims"},
		{user: broker.Events, subscribe: "$SRV.>"},
		{user: broker.Events, subscribe: "$SRV.INFO.provisioner"},
		{user: broker.Provisioner, subscribe: "$SRV.PING.events"},
		{user: broker.Provisioner, subscribe: "$KV.>"},
		{user: broker.Local, subscribe: ">"},
	} {
		nc := b.conns[c.user]
		var err error
		if c.publish != "" {
			err = nc.Publish(c.publish, []byte("x"))
		} else {
			_, err = nc.SubscribeSync(c.subscribe)
		}
		if err := errors.Join(err, nc.Flush()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-b.refused:
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), c.publish+c.subscribe) {
				t.Errorf("%+v: %v", c, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%+v was let through", c)
		}
	}
}

// What is answered to one user, a store's passwords among it, can't be listened to by another.
func TestNobodyHearsWhatIsAnsweredToAnother(t *testing.T) {
	b := setup(t)
	if _, err := b.conns[broker.Janitor].SubscribeSync(config.Inbox(broker.Gateway) + ".>"); err != nil {
		t.Fatal(err)
	}
	if err := b.conns[broker.Janitor].Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-b.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Fatalf("refused with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the janitor listens to the gateway's answers")
	}
}
