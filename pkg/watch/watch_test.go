package watch_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/watch"
)

// closing is a bucket whose watches a test closes, as the client does when their consumer can't be made anew.
type closing struct {
	jetstream.KeyValue
	begin   chan struct{}
	watches chan jetstream.KeyWatcher
}

func (c closing) Watch(ctx context.Context, keys string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	<-c.begin
	watcher, err := c.KeyValue.Watch(ctx, keys, opts...)
	if err == nil {
		c.watches <- watcher
	}
	return watcher, err
}

// A watch that is closed is begun anew, and what happened meanwhile is told.
func TestAClosedWatchIsBegunAnew(t *testing.T) {
	t.Parallel()
	log, err := storelog.Open(t.Context(), bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketPlatform)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "1")
	put("b", "1")
	watched := closing{kv, make(chan struct{}, 2), make(chan jetstream.KeyWatcher, 2)}
	watched.begin <- struct{}{}
	taken, whole := make(chan string, 8), make(chan map[string]bool, 2)
	err = watch.Bucket(t.Context(), watched, ">", func(e jetstream.KeyValueEntry) { taken <- e.Key() + string(e.Value()) },
		func(keys map[string]bool) { whole <- keys })
	if err != nil {
		t.Fatal(err)
	}
	want := func(entries ...string) {
		t.Helper()
		for _, entry := range entries {
			if have := <-taken; have != entry {
				t.Fatalf("taken is %s, want %s", have, entry)
			}
		}
	}
	want("a1", "b1")
	if keys := <-whole; len(keys) != 2 {
		t.Errorf("there is %v", keys)
	}
	if err := (<-watched.watches).Stop(); err != nil {
		t.Fatal(err)
	}
	put("b", "2")
	if err := kv.Purge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	watched.begin <- struct{}{}
	want("b2", "a")
	if keys := <-whole; len(keys) != 2 {
		t.Errorf("there is %v", keys)
	}
	put("a", "2")
	want("a2")
}
