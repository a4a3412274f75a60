package directory

import (
	"encoding/json"
	"errors"
	"strconv"
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
		if _, err := js.Publish(t.Context(), storelog.PagesOfEraseAgain+strconv.Itoa(page), data); err != nil {
			t.Fatal(err)
		}
	}
}

// Restored, nobody is let in but who has come since by a link from the machine; and when they have said so everybody is, at every gateway.
func TestWhoWasRestoredWaitsForAnOperator(t *testing.T) {
	nc := bustest.Start(t)
	before := opened(t, nc)
	maria, guest := operator(t, before, "maria@example.com"), signedUp(t, before, "guest@example.com")
	tenant := tenantOf(t, before, maria.ID).ID
	joined(t, before, tenant, maria.ID, guest.ID, principal.Viewer)
	token := newToken(t, before, guest.ID, tenant)
	session, err := before.NewSession(t.Context(), maria)
	if err != nil {
		t.Fatal(err)
	}
	restore(t, nc)
	first, other := opened(t, nc), opened(t, nc)
	link, err := first.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	boss, err := first.BecomeOperator(t.Context(), link, signedUp(t, first, "boss@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	bosss, err := other.NewSession(t.Context(), boss)
	if err != nil {
		t.Fatal(err)
	}
	own := newToken(t, first, boss.ID, tenantOf(t, first, boss.ID).ID)
	let := func(when string, want error) {
		t.Helper()
		for n, d := range []*Directory{first, other, opened(t, nc)} {
			if s, err := d.SignedIn(t.Context(), bosss, ""); err != nil || !s.Operator {
				t.Errorf("%s at %d the operator is %+v, %v", when, n, s, err)
			}
			_, bySession := d.Stands(t.Context(), principal.Credential{Kind: principal.BySession, ID: d.sessions.keyOf(session)}, "")
			for what, err := range map[string]error{
				"a session": bySession, "a token": second(d.Bearing(t.Context(), token, "")), "the operator's token": second(d.Bearing(t.Context(), own, "")),
			} {
				if !errors.Is(err, want) {
					t.Errorf("%s at %d %s: %v, want %v", when, n, what, err, want)
				}
			}
		}
	}
	let("before", ErrUnconfirmed)
	found, err := other.Restored(t.Context())
	if err != nil || !found.Waiting || found.Accounts != 3 || found.Tenants != 2 || found.Members != 3 || found.Tokens != 2 ||
		len(found.Operators) != 1 || found.Operators[0].ID != maria.ID {
		t.Errorf("who waits is %+v, %v", found, err)
	}
	for range 2 {
		if err := other.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	let("behind it", nil)
	if found, err := first.Restored(t.Context()); err != nil || found.Waiting {
		t.Errorf("who waits is %+v, %v", found, err)
	}
}

// Each gateway prints a link behind a restore, and the first that is followed ends the others: they lie in logs by then.
func TestTheFirstWhoComesBehindARestoreEndsTheOtherLinks(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	guest := operator(t, opened(t, nc), "guest@example.com")
	restore(t, nc)
	first, other := opened(t, nc), opened(t, nc)
	links := map[*Directory]string{}
	for _, d := range []*Directory{first, other} {
		link, err := d.FirstOperatorLink(t.Context())
		if err != nil || link == "" {
			t.Fatalf("no link is offered: %v", err)
		}
		links[d] = link
	}
	if _, err := first.BecomeOperator(t.Context(), links[first], signedUp(t, first, "boss@example.com")); err != nil {
		t.Fatal(err)
	}
	if err := other.LookOperatorLink(t.Context(), links[other]); !errors.Is(err, ErrUnknown) {
		t.Errorf("the other link is good: %v", err)
	}
	if _, err := other.BecomeOperator(t.Context(), links[other], guest); !errors.Is(err, ErrUnknown) {
		t.Errorf("by the other link: %v", err)
	}
	if link, err := other.FirstOperatorLink(t.Context()); err != nil || link != "" {
		t.Errorf("there is another link: %q, %v", link, err)
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
