package directory

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// restore has the bucket of accounts look as a restore leaves it, with these to be erased again.
func restore(t *testing.T, nc *nats.Conn, erased ...string) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), storelog.StreamOf(storelog.BucketAccounts))
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Metadata = storelog.RestoredBucket(config.Metadata, time.Now())
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for page, id := range erased {
		data, err := json.Marshal([]string{id})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), storelog.SubjectOfEraseAgain(page), data); err != nil {
			t.Fatal(err)
		}
	}
}

// Restored, nobody is let in until somebody has come by a link from the machine; and then everybody is, at every gateway.
func TestWhoWasRestoredWaitsForAnOperator(t *testing.T) {
	nc := bustest.Start(t)
	before := opened(t, nc)
	account, err := before.SignUp(t.Context(), Account{Email: "maria@example.com", Name: "Maria", Hash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := before.NewSession(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	restore(t, nc)
	first, second := opened(t, nc), opened(t, nc)
	for _, d := range []*Directory{first, second} {
		if _, err := d.SignedIn(t.Context(), session, ""); !errors.Is(err, ErrUnconfirmed) {
			t.Fatalf("let in: %v", err)
		}
	}
	link, err := first.FirstOperatorLink(t.Context())
	if err != nil || link == "" {
		t.Fatalf("no link is offered: %v", err)
	}
	if _, err := first.BecomeOperator(t.Context(), link, account); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Directory{first, second, opened(t, nc)} {
		if _, err := d.Stands(t.Context(), principal.Credential{Kind: principal.BySession, ID: d.sessions.keyOf(session)}, ""); err != nil {
			t.Errorf("confirmed, and not let in: %v", err)
		}
	}
}

// Whom a backup still holds, and who was erased since, is gone again before the directory is open; whatever depended on them.
func TestWhoWasErasedIsErasedAgain(t *testing.T) {
	nc := bustest.Start(t)
	before := opened(t, nc)
	account, err := before.SignUp(t.Context(), Account{Email: "maria@example.com", Name: "Maria", Hash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	link, err := before.OperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The only operator, and the only owner.
	if account, err = before.BecomeOperator(t.Context(), link, account); err != nil {
		t.Fatal(err)
	}
	tenant, err := before.NewTenant(t.Context(), account.ID, "Agency")
	if err != nil {
		t.Fatal(err)
	}
	restore(t, nc, "a-aaaaaaaaaa", account.ID)
	after := opened(t, nc)
	if _, err := after.Account(t.Context(), account.ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("the account is there: %v", err)
	}
	if _, err := after.ByAddress(t.Context(), "maria@example.com"); !errors.Is(err, ErrUnknown) {
		t.Errorf("it is found by its address: %v", err)
	}
	if have, err := after.Tenant(t.Context(), tenant.ID); err != nil || len(have.Members) != 0 {
		t.Errorf("the tenant has %+v, %v", have.Members, err)
	}
	keys, err := after.log.Keys(t.Context(), storelog.BucketAccounts, ">")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		value, err := storelog.ReadValue(t.Context(), after.accounts.kv, key)
		if err != nil || strings.Contains(string(value.Data), "maria") || value.Data != nil && strings.HasPrefix(key, storelog.KeyEraseAgain) {
			t.Errorf("%s holds %s, %v", key, value.Data, err)
		}
	}
	// It goes into the next backup's list.
	if value, err := storelog.ReadValue(t.Context(), after.accounts.kv, storelog.KeyErased+"."+account.ID); err != nil || value.Data == nil {
		t.Errorf("nothing says that it was erased: %v", err)
	}
}
