package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func setup(t *testing.T) (*lease.Bucket, jetstream.KeyValue) {
	t.Helper()
	log, err := storelog.Open(t.Context(), bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketLeases)
	if err != nil {
		t.Fatal(err)
	}
	return lease.NewBucket(kv, storelog.LeaseTTL), kv
}

func TestOneHolderAtATime(t *testing.T) {
	b, _ := setup(t)
	first, err := b.Take(t.Context(), "store", "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Take(t.Context(), "store", "b"); !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("second holder got %v", err)
	}
	if err := first.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first.Remaining() <= 0 || first.Remaining() >= storelog.LeaseTTL {
		t.Fatalf("trusted for %s", first.Remaining())
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first.Remaining() > 0 {
		t.Fatal("a released lease is still trusted")
	}
	if _, err := b.Take(t.Context(), "store", "b"); err != nil {
		t.Fatalf("after release: %v", err)
	}
}

func TestATermThatRanOutCanNotTouchTheNextOne(t *testing.T) {
	b, kv := setup(t)
	late, err := b.Take(t.Context(), "store", "late")
	if err != nil {
		t.Fatal(err)
	}
	// What the broker does when the TTL is over.
	if err := kv.Purge(t.Context(), "store"); err != nil {
		t.Fatal(err)
	}
	next, err := b.Take(t.Context(), "store", "next")
	if err != nil {
		t.Fatal(err)
	}
	if err := late.Renew(t.Context()); !errors.Is(err, lease.ErrLost) {
		t.Fatalf("renewing got %v", err)
	}
	if err := late.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := next.Renew(t.Context()); err != nil {
		t.Fatalf("the next term was disturbed: %v", err)
	}
}

func TestTheBrokerEndsATermThatNobodyRenews(t *testing.T) {
	nc := bustest.Start(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	const ttl = time.Second
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "short", TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	b := lease.NewBucket(kv, ttl)
	if _, err := b.Take(t.Context(), "store", "dead"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := b.Take(ctx, "store", "heir")
		if err == nil {
			return
		}
		if !errors.Is(err, lease.ErrHeld) {
			t.Fatal(err)
		}
	}
}
