package gateway

import (
	"net/http"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// before takes away the log's write level and its key to tenants' names, neither of which a log has that the release before
// has made, and ends the gateway.
func (b *testBundle) before() {
	b.t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := js.Stream(b.t.Context(), "STORES")
	if err != nil {
		b.t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	delete(config.Metadata, "store-platform.io/write-level")
	delete(config.Metadata, tenantKey)
	if _, err := js.UpdateStream(b.t.Context(), config); err != nil {
		b.t.Fatal(err)
	}
	if level, err := b.log.AskWriteLevel(b.t.Context()); err != nil || level != store.FirstSchema {
		b.t.Fatalf("the write level is %d (%v)", level, err)
	}
	// A gateway hears of the level when it opens the log.
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
}

type level struct{ WriteLevel, Newest int }

func TestAnUpgradeEndsWhenAnOperatorSaysSo(t *testing.T) {
	b := setup(t)
	b.before()
	keyed := func(c *Config) { c.AdminKey = "sesame" }
	b.start(keyed)
	b.await("the gateway is ready again", func() bool { return b.get("/readyz").status == http.StatusOK })
	other, operator := b.second(keyed), []string{"X-Api-Key", "sesame"}
	s, waiting, failed := b.ready(`{"name":"Tea"}`), b.create(`{}`), b.failed()
	end := b.head()
	for _, gateway := range []*testBundle{b, other} {
		for _, a := range []answer{
			gateway.patch(s.ID, `{"name":"Coffee"}`), gateway.patch(s.ID, `{"ttl":"2h"}`), gateway.patch(s.ID, `{"plan":"large"}`),
			gateway.command(s.ID, "suspend"), gateway.command(waiting.ID, "cancel"), gateway.transfer(s.ID, "t-4kq7wmzc3e"),
			gateway.transferAll("ip:loopback", "t-4kq7wmzc3e", ""),
		} {
			if p := wantProblem(t, a, http.StatusConflict, problem.Upgrading); !p.Retryable {
				t.Errorf("problem %+v", p)
			}
		}
	}
	if b.head() != end || len(b.looks()) != 0 || b.held("t-4kq7wmzc3e") != 0 {
		t.Error("what was refused was written")
	}
	b.accepted(failed.ID, "retry")
	b.delete(waiting.ID)
	for seq := uint64(1); seq <= b.head(); seq++ {
		raw, err := b.log.Message(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if entry, err := raw.Entry(); err != nil || entry.Message.Schema != store.FirstSchema {
			t.Errorf("message %d is of schema %d (%v)", seq, entry.Message.Schema, err)
		}
	}
	for _, a := range []answer{b.get("/log"), b.do(http.MethodPost, "/log/raise", "")} {
		wantProblem(t, a, http.StatusUnauthorized, problem.AdminKeyRequired)
	}
	if got := decoded[level](t, b.get("/log", operator...)); got != (level{store.FirstSchema, store.Schema}) {
		t.Errorf("the log says %+v", got)
	}
	for range 2 {
		a := b.do(http.MethodPost, "/log/raise", "", operator...)
		if got := decoded[level](t, a); a.status != http.StatusOK || got != (level{store.Schema, store.Schema}) {
			t.Errorf("raised to %d %+v", a.status, got)
		}
	}
	// At once, and through a gateway that was open before and wasn't told.
	if a := other.patch(s.ID, `{"name":"Coffee","plan":"large"}`); a.status != http.StatusAccepted {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	if got := decoded[level](t, other.get("/log", operator...)); got.WriteLevel != store.Schema {
		t.Errorf("the log says %+v", got)
	}
	if off := other.command(s.ID, "cancel"); decoded[query.Store](t, off).LastOperation.Outcome != store.Cancelled {
		t.Errorf("called off with %d %s", off.status, off.body)
	}
	b.accepted(s.ID, "suspend")
}
