package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// resize bounds the log to what it has and so many bytes more.
func (b *testBundle) resize(room int64) {
	b.t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := js.Stream(b.t.Context(), storelog.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	info := stream.CachedInfo()
	info.Config.MaxBytes = int64(info.State.Bytes) + room
	if _, err := js.UpdateStream(b.t.Context(), info.Config); err != nil {
		b.t.Fatal(err)
	}
}

// Whoever was refused for good holds nothing: the quota is for stores, not for tries.
func TestACreateThatTheLogRefusedCountsForNothing(t *testing.T) {
	const quota = 3
	b := setup(t, func(c *Config) { c.MaxStores = quota })
	kept := b.create(`{}`, "Idempotency-Key", "kept")
	b.resize(1)
	for n := range 2 * quota {
		var header []string
		if n%2 == 0 {
			header = []string{"Idempotency-Key", fmt.Sprint(n)}
		}
		wantProblem(t, b.do(http.MethodPost, "/stores", `{}`, header...), http.StatusServiceUnavailable, problem.LogFull)
	}
	if held := b.held("ip:loopback"); held != 1 {
		t.Errorf("%d claims, want that of the store that there is", held)
	}
	// A repeat finds its store also while there is no room for another.
	if again := b.create(`{}`, "Idempotency-Key", "kept"); again.ID != kept.ID {
		t.Errorf("a repeat found %s, want %s", again.ID, kept.ID)
	}
	b.resize(1 << 20)
	for range quota - 1 {
		b.create(`{}`)
	}
	wantProblem(t, b.do(http.MethodPost, "/stores", `{}`), http.StatusForbidden, problem.QuotaExceeded)
}
