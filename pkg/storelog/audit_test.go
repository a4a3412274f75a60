package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func look(tenant, actor string, n int) storelog.AuditEntry {
	return storelog.AuditEntry{
		What: storelog.CredentialsViewed, At: time.Unix(int64(n), 0), Tenant: tenant, Store: store.DeriveID(tenant, fmt.Sprint(n)),
		Actor: actor, From: "ip:203.0.113.9",
	}
}

func openAudit(t *testing.T, nc *nats.Conn) (*storelog.Audit, jetstream.Stream) {
	t.Helper()
	log := open(t, nc)
	audit, err := log.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stream jetstream.Stream
	insist(t, func(ctx context.Context) (err error) {
		stream, err = log.JetStream().Stream(ctx, storelog.AuditStream)
		return err
	})
	return audit, stream
}

// audited reads what the stream holds, count entries.
func audited(t *testing.T, audit *storelog.Audit, count int) []storelog.Audited {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var read []storelog.Audited
	err := audit.Tail(ctx, 0, func(a storelog.Audited) error {
		if read = append(read, a); len(read) == count {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatalf("read %d of %d: %v", len(read), count, err)
	}
	return read
}

// Names hold dots, wildcards, blanks and nothing that a subject may be made of.
var hostile = []string{"ip:203.0.113.7", "ip:2001:db8::", "a.b.>", "*", "", "ä ö\t\x00", "admin"}

func TestNoiseOfOnePushesOutOnlyItsOwn(t *testing.T) {
	nc := bustest.Start(t)
	audit, stream := openAudit(t, nc)
	for i, tenant := range hostile {
		if err := audit.Append(t.Context(), look(tenant, "admin", i)); err != nil {
			t.Fatal(err)
		}
	}
	each := int(stream.CachedInfo().Config.MaxMsgsPerSubject)
	for i := range 3 * each {
		if err := audit.Append(t.Context(), look("ip:203.0.113.7", "ip:203.0.113.7", i)); err != nil {
			t.Fatal(err)
		}
	}
	read := audited(t, audit, len(hostile)+each)
	for i, tenant := range hostile {
		if got := read[i]; got.Err != nil || got.Entry.Tenant != tenant || got.Entry.Actor != "admin" {
			t.Errorf("entry %d is %+v, want the look at a store of %q", i, got, tenant)
		}
	}
	if first := read[len(hostile)].Entry; !first.At.Equal(time.Unix(int64(2*each), 0)) {
		t.Errorf("of the noise %s is the oldest that is kept", first.At)
	}
}

// Full, it forgets the oldest first and refuses nobody, also where a release made it that refused; and who makes noise is
// held to what is one's own before that.
// Tenants and tokens are an account's to make, as many as it likes.
func TestNoiseOfAnAccountIsOneHoweverManyTenantsItMakes(t *testing.T) {
	nc := bustest.Start(t)
	audit, stream := openAudit(t, nc)
	each := int(stream.CachedInfo().Config.MaxMsgsPerSubject)
	evidence := storelog.AuditEntry{What: storelog.TokenMade, Tenant: "t-1", Actor: "a-owner", Subject: "token"}
	if err := audit.Append(t.Context(), evidence); err != nil {
		t.Fatal(err)
	}
	for n := range 2 * each {
		noise := storelog.AuditEntry{What: storelog.TokenMade, Tenant: fmt.Sprint("t-", n), From: fmt.Sprint("t-", n), Actor: "a-noisy"}
		if n%2 == 0 {
			noise.Actor += fmt.Sprint("/", n)
		}
		if err := audit.Append(t.Context(), noise); err != nil {
			t.Fatal(err)
		}
	}
	read := audited(t, audit, 1+each)
	if read[0].Entry.Actor != "a-owner" || read[1].Entry.Tenant != fmt.Sprint("t-", each) {
		t.Errorf("left are %+v, then %+v", read[0].Entry, read[1].Entry)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != uint64(1+each) {
		t.Errorf("there are %d entries, not %d, %v", info.State.Msgs, 1+each, err)
	}
}

func TestAFullAuditMakesRoomByAge(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		nc := b.Conns[0]
		audit, stream := openAudit(t, nc)
		config := streams(t, nc)[storelog.AuditStream]
		config.Discard = jetstream.DiscardNew
		reshape(t, open(t, nc), config)
		bustest.Ensure(t, nc, storelog.Settings{Replicas: b.Replicas()})
		config = streams(t, nc)[storelog.AuditStream]
		config.MaxMsgs, config.MaxMsgsPerSubject = 5, 2
		reshape(t, open(t, nc), config)
		said := 0
		say := func(tenants ...string) {
			t.Helper()
			for _, tenant := range tenants {
				if err := audit.Append(t.Context(), look(tenant, "admin", said)); err != nil {
					t.Fatalf("look %d, at %s's: %v", said, tenant, err)
				}
				said++
			}
		}
		holds := func(want ...string) {
			t.Helper()
			for i, got := range audited(t, audit, len(want)) {
				if said := fmt.Sprint(got.Entry.Tenant, got.Entry.At.Unix()); said != want[i] {
					t.Errorf("entry %d is %s, want %s", i, said, want[i])
				}
			}
		}
		say("quiet", "noisy", "noisy", "noisy", "noisy", "noisy", "c", "d")
		holds("quiet0", "noisy4", "noisy5", "c6", "d7")
		b.AwaitStepDown(t)
		say("e", "f")
		holds("noisy5", "c6", "d7", "e8", "f9")
		if err := stream.Purge(t.Context()); err == nil {
			t.Error("the audit can be purged")
		}
		if err := stream.DeleteMsg(t.Context(), 1); err == nil {
			t.Error("an entry can be deleted")
		}
	})
}

// A broker that has no room at all refuses, and says of what: the log may have room.
func TestAnAuditWithoutRoomSaysThatItIsTheAudit(t *testing.T) {
	nc := bustest.Connect(t, bustest.StartServer(t, &server.Options{JetStreamMaxStore: 64 << 10}))
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
	audit, _ := openAudit(t, nc)
	var err error
	for n := 0; n < 64 && err == nil; n++ {
		err = audit.Append(t.Context(), look(strings.Repeat("t", 3<<10)+fmt.Sprint(n), "admin", n))
	}
	if !errors.Is(err, storelog.ErrAuditFull) || errors.Is(err, storelog.ErrLogFull) {
		t.Errorf("got %v", err)
	}
}

func TestAnAuditSaysThatItIsNearlyFull(t *testing.T) {
	nc := bustest.Start(t)
	audit, _ := openAudit(t, nc)
	for n := range 9 {
		if err := audit.Append(t.Context(), look("a", "admin", n)); err != nil {
			t.Fatal(err)
		}
	}
	for most, nearly := range map[int64]bool{-1: false, 11: false, 10: true, 9: true} {
		config := streams(t, nc)[storelog.AuditStream]
		config.MaxMsgs = most
		reshape(t, open(t, nc), config)
		if audit, _ := openAudit(t, nc); audit.NearlyFull() != nearly {
			t.Errorf("9 entries of %d: nearly full %t", most, !nearly)
		}
	}
}

func TestAnEntryThatCannotBeReadIsTold(t *testing.T) {
	nc := bustest.Start(t)
	audit, _ := openAudit(t, nc)
	for _, data := range []string{"{", `{"what":"other"}`, `{"what":"credentials_viewed","tenant":"a"}`} {
		if _, err := nc.Request("audit.credentials_viewed.x", []byte(data), 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for i, got := range audited(t, audit, 3) {
		if readable := i == 2; (got.Err == nil) != readable || got.Entry.What != storelog.CredentialsViewed || (got.Entry.Tenant == "a") != readable {
			t.Errorf("entry %d is %+v", i, got)
		}
	}
}

// An operator who keeps more, or without end, is left with it.
func TestTheAuditKeepsWhatIsLarger(t *testing.T) {
	nc := bustest.Start(t)
	config := streams(t, nc)[storelog.AuditStream]
	larger, endless := config, config
	larger.MaxMsgs, larger.MaxAge = 2*config.MaxMsgs, 2*config.MaxAge
	endless.MaxMsgs, endless.MaxAge, endless.MaxMsgsPerSubject, endless.MaxMsgSize = -1, 0, -1, -1
	for name, want := range map[string]jetstream.StreamConfig{"larger": larger, "endless": endless} {
		reshape(t, open(t, nc), want)
		bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
		if have := streams(t, nc)[storelog.AuditStream]; !reflect.DeepEqual(have, want) {
			t.Errorf("%s: it has %+v", name, have)
		}
	}
}
