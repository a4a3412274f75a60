package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// Where the way to the backup is cut, also with the error that other readers end with, the broker isn't told that this was
// all, and keeps nothing.
func TestACutConnectionEndsNoRestore(t *testing.T) {
	taken, err := Take(t.Context(), bustest.Start(t), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var files bytes.Buffer
	if err := taken.WriteTo(t.Context(), &files); err != nil {
		t.Fatal(err)
	}
	empty := bustest.Connect(t, bustest.StartServer(t, &server.Options{}))
	cut := io.MultiReader(io.LimitReader(&files, int64(files.Len()/2)), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := Restore(t.Context(), empty, taken.Head, cut); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("restored: %v", err)
	}
	js, err := jetstream.New(empty)
	if err != nil {
		t.Fatal(err)
	}
	waittest.Eventually(t, func() error {
		if _, err := js.Stream(t.Context(), storelog.Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("it left a stream: %v", err)
		}
		return nil
	})
}
