package claim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// witness is a bucket that counts its reads, and loses the answers of writes that were made where it is told to.
type witness struct {
	jetstream.KeyValue
	reads  int
	losing bool
}

func (w *witness) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	w.reads++
	return w.KeyValue.Get(ctx, key)
}

func (w *witness) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	revision, err := w.KeyValue.Update(ctx, key, value, last)
	if err == nil && w.losing {
		w.losing = false
		return 0, nats.ErrTimeout
	}
	return revision, err
}

// witnessed is a bucket with a book, and another gateway's book of the same bucket.
func witnessed(t *testing.T) (w *witness, here, there *claim.Book) {
	t.Helper()
	log, there := open(t, bustest.Start(t))
	bucket, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	w = &witness{KeyValue: bucket}
	return w, claim.NewBook(w), there
}

func take(t *testing.T, book *claim.Book, n, limit int) (nonce string) {
	t.Helper()
	nonce, err := book.Claim(t.Context(), "tenant", id(n), limit, time.Now())
	if err != nil {
		t.Fatalf("claim store %d: %v", n, err)
	}
	return nonce
}

func TestWhoClaimsOneStoreBehindTheOtherIsReadOnce(t *testing.T) {
	w, here, _ := witnessed(t)
	for n := range 5 {
		take(t, here, n, 5)
	}
	if w.reads != 1 {
		t.Errorf("the claims were read %d times", w.reads)
	}
	wantHeld(t, here, id(0), id(1), id(2), id(3), id(4))
}

func TestWhatIsRememberedIsNeverBelieved(t *testing.T) {
	_, here, there := witnessed(t)
	take(t, here, 1, 3)
	take(t, there, 2, 3)
	take(t, here, 3, 3)
	wantHeld(t, there, id(1), id(2), id(3))
	// The other gateway remembers two stores, and there are three.
	if _, err := there.Claim(t.Context(), "tenant", id(4), 3, time.Now()); !errors.Is(err, claim.ErrQuota) {
		t.Errorf("a fourth store of three got %v", err)
	}
	// This one remembers three, and there are two.
	if err := there.Release(t.Context(), "tenant", id(2)); err != nil {
		t.Fatal(err)
	}
	take(t, here, 4, 3)
	wantHeld(t, there, id(1), id(3), id(4))
}

// What was given back is still remembered, and the next to claim it can give it back, too.
func TestWhatWasGivenBackIsClaimedAnew(t *testing.T) {
	_, here, _ := witnessed(t)
	take(t, here, 1, 2)
	for range 2 {
		nonce := take(t, here, 2, 2)
		if err := here.GiveBack(t.Context(), "tenant", id(2), nonce); err != nil {
			t.Fatal(err)
		}
	}
	wantHeld(t, here, id(1))
}

func TestAClaimWhoseAnswerIsLostIsMadeOnceAndCanBeGivenBack(t *testing.T) {
	w, here, there := witnessed(t)
	take(t, here, 1, 2)
	w.losing = true
	nonce := take(t, here, 2, 2)
	wantHeld(t, there, id(1), id(2))
	if err := here.GiveBack(t.Context(), "tenant", id(2), nonce); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, there, id(1))
	take(t, here, 3, 2)
	wantHeld(t, there, id(1), id(3))
}
