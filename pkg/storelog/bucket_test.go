package storelog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// A ticket is looked for milliseconds after it was made, by a service behind another broker.
func TestWhatABucketWasGivenIsReadAtOnce(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				write, err := logs[i%len(logs)].Bucket(t.Context(), storelog.BucketTickets)
				if err != nil {
					t.Error(err)
					return
				}
				read, err := logs[(i+1)%len(logs)].Bucket(t.Context(), storelog.BucketTickets)
				if err != nil {
					t.Error(err)
					return
				}
				for n := range 120 {
					key := fmt.Sprintf("ticket-%d-%d", i, n)
					if _, err := write.Create(t.Context(), key, nil); storelog.Unanswered(err) {
						continue
					} else if err != nil {
						t.Errorf("write %s: %v", key, err)
					}
					if _, err := read.Get(t.Context(), key); err != nil {
						t.Errorf("read %s: %v", key, err)
					}
				}
			})
		}
		group.Wait()
	})
}

func TestABucketOfTheReleaseBeforeKeepsWhatItHolds(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		js := open(t, b.Conns[0]).JetStream()
		b.AwaitStepDown(t)
		drop(t, js, storelog.BucketClaims)
		old, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
			Bucket: storelog.BucketClaims, Description: "A tenant's stores, counted exactly", Storage: jetstream.FileStorage, Replicas: b.Replicas(),
		})
		if err != nil {
			t.Fatal(err)
		}
		var revision uint64
		insist(t, func(ctx context.Context) (err error) {
			revision, err = old.Put(ctx, "tenant.x", []byte("held"))
			return err
		})
		if err := ensure(t, b, ""); err != nil {
			t.Fatal(err)
		}
		kv, err := open(t, b.Conns[0]).Bucket(t.Context(), storelog.BucketClaims)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := kv.Get(t.Context(), "tenant.x")
		if err != nil || string(entry.Value()) != "held" || entry.Revision() != revision {
			t.Fatalf("%v, %v", entry, err)
		}
		if _, err := kv.Update(t.Context(), "tenant.x", []byte("more"), revision); err != nil && !storelog.Unanswered(err) {
			t.Fatal(err)
		}
		insist(t, func(ctx context.Context) error {
			stream, err := js.Stream(ctx, "KV_"+storelog.BucketClaims)
			if err == nil && stream.CachedInfo().Config.AllowDirect {
				t.Fatal("replicas still answer from behind")
			}
			return err
		})
	})
}

func TestASecondGatewayWritesNothingAnew(t *testing.T) {
	nc := bustest.StartFor(t, "one")
	b := bustest.Brokers{Conns: []*nats.Conn{nc}}
	asked := bustest.Listen(t, nc, "$JS.API.STREAM.UPDATE.>")
	if err := ensure(t, b, "one"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := asked.Pending(); err != nil || n != 0 {
		t.Fatalf("%d streams were updated, %v", n, err)
	}
}
