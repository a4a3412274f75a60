package storelog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestTailGoesOnWithNewMessages(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		log := logs[0]
		state := create(t, log)
		var seqs []uint64
		err := log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
			seqs = append(seqs, raw.Seq)
			if len(seqs) == 5 {
				return errEnd
			}
			next, err := log.Append(t.Context(), state, message(store.CredentialsViewed, state.Generation))
			state = next
			return err
		})
		if !errors.Is(err, errEnd) || len(seqs) != 5 || seqs[4] != 5 {
			t.Fatalf("%v, %v", seqs, err)
		}
	})
}

func TestANewerSchemaIsRefusedNotTruncated(t *testing.T) {
	header := nats.Header{"ce-type": {"storeplatform.store.create.v1"}, "ce-time": {"2026-11-01T12:00:00Z"}}
	_, err := storelog.Decode("store.sabcdefghijk.command.apply", header, []byte(`{"state":{"schema":99}}`), 1)
	if !errors.Is(err, storelog.ErrNewerSchema) {
		t.Fatalf("got %v", err)
	}
}

// The golden file freezes the format: whoever changes it must write a reader for the old one first.
func TestMessagesOfTheFirstSchemaCanBeRead(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "ready.v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	header := nats.Header{
		"ce-id": {"an-id"}, "ce-type": {"storeplatform.store.ready.v1"}, "ce-time": {"2026-11-01T12:00:00Z"},
		"ce-tenant": {"127.0.0.1"}, "ce-actor": {"provisioner"}, "ce-causationid": {"7"},
	}
	entry, err := storelog.Decode("store.sabcdefghijk.event", header, data, 12)
	if err != nil {
		t.Fatal(err)
	}
	m, s := entry.Message, entry.State
	if m.Type != store.BecameReady || m.Generation != 7 || m.Actor != "provisioner" || m.Facts.Via != "ingress" {
		t.Fatalf("message: %+v", m)
	}
	if s.Version != 12 || s.Generation != 7 || s.Status != store.Ready || s.URL != "http://store-sabcdefghijk.localhost" ||
		len(s.Steps) != 2 || s.Spec.Options["title"] != "Tea" || !s.CreatedAt.Equal(time.Date(2026, 11, 1, 11, 59, 0, 0, time.UTC)) {
		t.Fatalf("state: %+v", s)
	}
}
