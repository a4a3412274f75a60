package snapshot

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Where the way to the backup is cut, also with the error that other readers end with, the broker isn't told that this was
// all, and keeps nothing.
func TestACutConnectionEndsNoRestore(t *testing.T) {
	taken, err := Take(t.Context(), bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	var files bytes.Buffer
	if err := taken.WriteTo(t.Context(), &files); err != nil {
		t.Fatal(err)
	}
	empty := bustest.Connect(t, bustest.StartServer(t, &server.Options{}))
	cut := io.MultiReader(&files, iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := Restore(t.Context(), empty, taken.Head, cut, time.Now(), "a test"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("restored: %v", err)
	}
	js, err := jetstream.New(empty)
	if err != nil {
		t.Fatal(err)
	}
	if stream, err := js.Stream(t.Context(), storelog.Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("it left %v, %v", stream, err)
	}
}
