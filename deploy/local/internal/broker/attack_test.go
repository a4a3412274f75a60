package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// attempt publishes what a hijacked service might, and the broker must refuse it.
func (b *bundle) attempt(t *testing.T, user, publish string) {
	t.Helper()
	b.mustRefuse(t, user, publish, b.conns[user].Publish(publish, []byte("{}")))
}

// listen is attempt for one that wants to hear.
func (b *bundle) listen(t *testing.T, user, subscribe string) {
	t.Helper()
	_, err := b.conns[user].SubscribeSync(subscribe)
	b.mustRefuse(t, user, subscribe, err)
}

// mustRefuse waits for the broker's word on what the user did, which didn't fail by itself.
func (b *bundle) mustRefuse(t *testing.T, user, subject string, err error) {
	t.Helper()
	if err := errors.Join(err, b.conns[user].Flush()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-b.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s and %s: %v", user, subject, err)
		}
	case <-time.After(patience):
		t.Errorf("%s was let through to %s", user, subject)
	}
}

// A paused or deleted durable stops all creates or all deletes, a pulled or acknowledged message is a command that
// nobody works on, and nothing else would tell.
func TestNobodyTouchesAnothersDurable(t *testing.T) {
	b := setup(t)
	for _, user := range broker.Users {
		for durable, owner := range map[string]string{
			broker.Provisioner: broker.Provisioner, broker.Janitor: broker.Janitor,
			storelog.DurableOfStanding(broker.Provisioner, store.DefaultCluster): broker.Provisioner,
		} {
			refused := []string{
				"$JS.API.CONSUMER.DELETE.STORES." + durable,
				"$JS.API.CONSUMER.PAUSE.STORES." + durable,
				"$JS.API.CONSUMER.RESET.STORES." + durable,
				"$JS.API.CONSUMER.UNPIN.STORES." + durable,
				"$JS.API.CONSUMER.DURABLE.CREATE.STORES." + durable,
			}
			if user != owner {
				refused = append(refused,
					"$JS.API.CONSUMER.CREATE.STORES."+durable,
					"$JS.API.CONSUMER.CREATE.STORES."+durable+"."+storelog.ApplyCommands(store.DefaultCluster),
					"$JS.API.CONSUMER.MSG.NEXT.STORES."+durable,
					"$JS.ACK.STORES."+durable+".1.2.3.4.0",
					"$JS.ACK._.hash.STORES."+durable+".1.2.3.4.0.token",
				)
				if user != broker.Janitor || durable != owner {
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
		for _, stream := range []string{"STORES", "AUDIT", "KV_claims", "KV_leases", "KV_packs", "KV_catalog", "KV_platform", "KV_tickets"} {
			for _, verb := range []string{"NAMES.", "LIST.", "CREATE."} {
				b.attempt(t, user, "$JS.API.CONSUMER."+verb+stream)
			}
			b.attempt(t, user, "$JS.API.CONSUMER.PAUSE."+stream+".x")
			b.attempt(t, user, "$JS.API.STREAM.DELETE."+stream)
			b.attempt(t, user, "$JS.API.STREAM.PURGE."+stream)
			b.attempt(t, user, "$JS.API.STREAM.MSG.DELETE."+stream)
			if user != broker.Backup || stream != storelog.Stream {
				b.attempt(t, user, "$JS.API.STREAM.SNAPSHOT."+stream)
				b.attempt(t, user, "$JS.API.STREAM.RESTORE."+stream)
			}
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
		broker.Gateway:     {"packs", "catalog", "platform"},
		broker.Provisioner: {"packs", "catalog"},
		broker.Janitor:     {"claims"},
		broker.Events:      {"platform"},
		broker.Local:       {"packs"},
	}
	for _, user := range broker.Users {
		for _, name := range []string{"claims", "leases", "packs", "catalog", "platform", "tickets"} {
			if strings.Contains(strings.Join(may[user], " "), name) {
				continue
			}
			for _, verb := range []string{"CREATE", "DELETE", "INFO"} {
				b.attempt(t, user, "$JS.API.CONSUMER."+verb+".KV_"+name+".x")
			}
			b.attempt(t, user, "$JS.API.CONSUMER.CREATE.KV_"+name+".x.$KV."+name+".>")
		}
	}
	for _, user := range []string{broker.Gateway, broker.Backup, broker.Local} {
		b.attempt(t, user, "$JS.API.CONSUMER.CREATE.STORES.x")
		b.attempt(t, user, "$JS.API.CONSUMER.MSG.NEXT.STORES.x")
	}
}

// noteAndRead is a look at passwords: the gateway notes it, and events reads who has looked.
func noteAndRead(t *testing.T, gateway, events *storelog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	noted, err := gateway.Audit(ctx)
	if err == nil {
		err = noted.Append(ctx, storelog.AuditEntry{What: storelog.CredentialsViewed, At: time.Now(), Tenant: "t", Store: id, Actor: "t"})
	}
	if err != nil {
		t.Fatalf("the gateway notes a look: %v", err)
	}
	seen := errors.New("seen")
	read, err := events.Audit(ctx)
	if err == nil {
		err = read.Tail(ctx, 0, func(storelog.Audited) error { return seen })
	}
	if !errors.Is(err, seen) {
		t.Fatalf("events reads the audit: %v", err)
	}
}

// Whoever could write it would invent looks, and whoever could read it would learn who looked at what.
func TestTheAuditIsTheGatewaysToWriteAndEventsToRead(t *testing.T) {
	b := setup(t)
	for _, user := range broker.Users {
		if user != broker.Gateway {
			b.attempt(t, user, "audit.credentials_viewed.x")
		}
		if user == broker.Events {
			continue
		}
		for _, subject := range []string{
			"$JS.API.CONSUMER.CREATE.AUDIT.x", "$JS.API.CONSUMER.CREATE.AUDIT.x.audit.>", "$JS.API.CONSUMER.MSG.NEXT.AUDIT.x",
			"$JS.API.STREAM.MSG.GET.AUDIT", "$JS.API.DIRECT.GET.AUDIT", "$JS.API.DIRECT.GET.AUDIT.audit.x.y",
		} {
			b.attempt(t, user, subject)
		}
	}
}

// The address that a consumer pushes to is in the request's body, where permissions don't look. That it can be neither
// the log, nor a bucket, nor the broker's interface, so that a reader gives no orders, is a single broker's own doing.
func TestAReadersConsumerGivesNoOrders(t *testing.T) {
	b := setup(t)
	create(t, b.log(t, broker.Gateway))
	doWork(t, b.log(t, broker.Provisioner), broker.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	if answer := b.push(t, "x", "store."+string(id)+".command.delete"); !strings.Contains(answer, "forms a cycle") {
		t.Errorf("into the log: the broker answers %s", answer)
	}
	targets := []string{
		"$KV.claims.x", "$KV.packs.offered", "$JS.ACK.STORES.provisioner.1.2.3.4.0",
		"$JS.API.CONSUMER.DELETE.STORES.provisioner", "$JS.API.STREAM.UPDATE.STORES",
	}
	for _, to := range targets {
		b.push(t, "to-"+strings.ReplaceAll(to, ".", "-"), to)
	}
	// Where a service listens, the message arrives: the others had their time.
	heard, err := b.conns[broker.Provisioner].SubscribeSync(query.Credentials.Subject)
	if err := errors.Join(err, b.conns[broker.Provisioner].Flush()); err != nil {
		t.Fatal(err)
	}
	b.push(t, "heard", query.Credentials.Subject)
	if _, err := heard.NextMsg(patience); err != nil {
		t.Fatalf("nothing is pushed at all: %v", err)
	}
	for _, to := range targets {
		answer := b.ask(t, "$JS.API.CONSUMER.INFO.STORES.to-"+strings.ReplaceAll(to, ".", "-"), nil)
		if !strings.Contains(answer, `"delivered":{"consumer_seq":0,"stream_seq":0}`) {
			t.Errorf("to %s: %s", to, answer)
		}
	}
}

// push has events make a consumer of the whole log that pushes to a subject, and returns the broker's answer.
func (b *bundle) push(t *testing.T, name, to string) string {
	t.Helper()
	request, err := json.Marshal(map[string]any{"stream_name": storelog.Stream, "config": map[string]any{
		"name": name, "deliver_subject": to, "deliver_policy": "all", "ack_policy": "none", "inactive_threshold": time.Minute,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b.ask(t, "$JS.API.CONSUMER.CREATE.STORES."+name, request)
}

func (b *bundle) ask(t *testing.T, subject string, request []byte) string {
	t.Helper()
	reply, err := b.conns[broker.Events].RequestWithContext(t.Context(), subject, request)
	if err != nil {
		t.Fatalf("events asks %s: %v", subject, err)
	}
	return string(reply.Data)
}

func TestNobodyCanDoMore(t *testing.T) {
	b := setup(t)
	history := "store." + string(id) + "."
	apply, event := history+"command.apply", history+"event"
	for user, subjects := range map[string][]string{
		broker.Gateway: {
			history + "other", "$KV.platform.cluster", "$KV.catalog.sample", "$KV.packs.offered", "$KV.leases.x",
			"$JS.API.STREAM.DELETE.STORES", "$JS.API.STREAM.PURGE.STORES", "$JS.API.STREAM.INFO.RECORDER",
		},
		broker.Provisioner: {history + "command.delete", "$KV.claims.x", "$KV.accounts.x", "$JS.API.STREAM.MSG.GET.KV_passes", "$JS.API.STREAM.UPDATE.STORES"},
		broker.Janitor: {
			history + "other", "$KV.platform.cluster", "$JS.API.STREAM.UPDATE.STORES",
		},
		broker.Events: {
			apply, event, "$JS.API.STREAM.INFO.KV_catalog", "$JS.API.STREAM.INFO.KV_claims",
			"$JS.API.STREAM.MSG.GET.KV_accounts", "$KV.tokens.x",
		},
		broker.Backup: {
			apply, event, "$KV.claims.x", "$JS.API.STREAM.INFO.STORES", "$JS.API.STREAM.MSG.GET.STORES",
			"$JS.SNAPSHOT.RESTORE.KV_claims.x",
			"$JS.API.STREAM.MSG.GET.KV_accounts", "$KV.accounts.account.x", "$KV.tenants.x", "$JS.API.STREAM.SNAPSHOT.KV_passes",
		},
		broker.Local: {apply, event, "$KV.catalog.sample", "$JS.API.STREAM.MSG.GET.STORES"},
	} {
		for _, subject := range subjects {
			b.attempt(t, user, subject)
		}
	}
	for user, subjects := range map[string][]string{
		broker.Gateway:     {"store.>"},
		broker.Provisioner: {"$SRV.PING.events", "$KV.>"},
		broker.Events:      {"$SRV.>", "$SRV.INFO.provisioner"},
		broker.Backup:      {"store.>"},
		broker.Local:       {">"},
	} {
		for _, subject := range subjects {
			b.listen(t, user, subject)
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
	case <-time.After(patience):
		t.Fatal("the janitor listens to the gateway's answers")
	}
}
