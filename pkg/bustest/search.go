package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Holding names the messages of all streams, buckets included, that have a text anywhere in them, in whatever case: what is to be gone
// is looked for where nobody has thought of putting it.
func Holding(tb testing.TB, nc *nats.Conn, text string) (places []string) {
	tb.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, looked := context.Background(), 0
	wanted := bytes.ToLower([]byte(text))
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			tb.Fatal(err)
		}
		for seq, last := max(1, stream.CachedInfo().State.FirstSeq), stream.CachedInfo().State.LastSeq; seq <= last; seq++ {
			msg, err := stream.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				tb.Fatal(err)
			}
			looked++
			whole := fmt.Appendf(nil, "%s %v ", msg.Subject, msg.Header)
			if bytes.Contains(bytes.ToLower(append(whole, msg.Data...)), wanted) {
				places = append(places, fmt.Sprintf("%s %d %s", name, seq, msg.Subject))
			}
		}
	}
	if err := names.Err(); err != nil {
		tb.Fatal(err)
	}
	if looked == 0 {
		tb.Error("there is nothing to look through")
	}
	return places
}
