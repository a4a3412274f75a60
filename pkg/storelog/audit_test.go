package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

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
	stream, err := log.JetStream().Stream(t.Context(), storelog.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
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

// Full, it refuses who is new and goes on for who is there: nothing that it holds is chosen away by others.
func TestAFullAuditRefusesAndForgetsNobody(t *testing.T) {
	nc := bustest.Start(t)
	audit, stream := openAudit(t, nc)
	config := stream.CachedInfo().Config
	config.MaxMsgs, config.MaxMsgsPerSubject = 3, 2
	if _, err := open(t, nc).JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for i, tenant := range []string{"a", "a", "b"} {
		if err := audit.Append(t.Context(), look(tenant, "admin", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := audit.Append(t.Context(), look("c", "admin", 3)); !errors.Is(err, storelog.ErrLogFull) {
		t.Errorf("a full audit says %v", err)
	}
	if err := audit.Append(t.Context(), look("a", "admin", 4)); err != nil {
		t.Errorf("who has entries that may go is refused: %v", err)
	}
	got := audited(t, audit, 3)
	for i, want := range []string{"a1", "b2", "a4"} {
		if said := fmt.Sprint(got[i].Entry.Tenant, got[i].Entry.At.Unix()); said != want {
			t.Errorf("entry %d is %s, want %s", i, said, want)
		}
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("the audit can be purged")
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("an entry can be deleted")
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

// An operator who keeps more is left with it.
func TestTheAuditKeepsWhatIsLarger(t *testing.T) {
	nc := bustest.Start(t)
	_, stream := openAudit(t, nc)
	config := stream.CachedInfo().Config
	config.MaxMsgs, config.MaxAge = 2*config.MaxMsgs, 2*config.MaxAge
	log := open(t, nc)
	if _, err := log.JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.Config.MaxMsgs != config.MaxMsgs || info.Config.MaxAge != config.MaxAge {
		t.Errorf("it has %+v (%v)", info.Config, err)
	}
}
