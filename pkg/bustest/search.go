package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Holding names the messages of all streams, buckets included, that have one of these texts anywhere in them, in whatever case: what is to be gone
// is looked for where nobody has thought of putting it.
func Holding(tb testing.TB, nc *nats.Conn, texts ...string) (places []string) {
	tb.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, looked := context.Background(), 0
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
			whole := bytes.ToLower(append(fmt.Appendf(nil, "%s %v ", msg.Subject, msg.Header), msg.Data...))
			if slices.ContainsFunc(texts, func(text string) bool { return bytes.Contains(whole, bytes.ToLower([]byte(text))) }) {
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
