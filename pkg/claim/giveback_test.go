package claim_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestAClaimIsGivenBackUnderItsOwnNonceOnly(t *testing.T) {
	book := setup(t)
	first, err := book.Claim(t.Context(), "tenant", id(1), limit, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	// Another request with the same key: the store may be either's, and neither knows.
	second, err := book.Claim(t.Context(), "tenant", id(1), limit, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	alone, err := book.Claim(t.Context(), "tenant", id(2), limit, time.Now())
	if err != nil || alone == "" {
		t.Fatal(alone, err)
	}
	for _, nonce := range []string{first, second, alone, "", "x"} {
		if err := book.GiveBack(t.Context(), "tenant", id(1), nonce); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, book, id(1), id(2))
	}
	for range 2 {
		if err := book.GiveBack(t.Context(), "tenant", id(2), alone); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, book, id(1))
	}
}

// before is what a key holds, as releases before nonces declare it.
type before struct {
	Tenant string `json:"tenant"`
	Stores []struct {
		ID    string    `json:"id"`
		Since time.Time `json:"since"`
	} `json:"stores"`
}

// An older gateway or janitor reads what this one writes, and what it writes is read here. It knows no nonces, so that
// a claim that was in its hands stays until its store comes or a sweep has looked.
func TestClaimsPassThroughAnOlderRelease(t *testing.T) {
	nc := bustest.Start(t)
	log, book := open(t, nc)
	kv, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := book.Claim(t.Context(), "tenant", id(1), limit, start)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	entry, err := kv.Get(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var old before
	if err := json.Unmarshal(entry.Value(), &old); err != nil {
		t.Fatal(err)
	}
	if old.Tenant != "tenant" || len(old.Stores) != 1 || old.Stores[0].ID != string(id(1)) || !old.Stores[0].Since.Equal(start) {
		t.Errorf("an older release reads %+v of %s", old, entry.Value())
	}
	old.Stores = append(old.Stores, old.Stores[0])
	old.Stores[1].ID = string(id(2))
	data, err := json.Marshal(old)
	if err == nil {
		_, err = kv.Update(t.Context(), keys[0], data, entry.Revision())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := book.GiveBack(t.Context(), "tenant", id(1), nonce); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, book, id(1), id(2))
	// A sweep takes back both.
	reconcile(t, book, claim.Evidence{Last: ledger{}.last}, time.Now().Add(2*claim.Grace))
	wantHeld(t, book)
}
