package places

import (
	"fmt"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// queued is a memory of ten thousand that wait, of ten tenants; a page of them is asked for.
func queued(b *testing.B) (*teller, query.LineRequest) {
	l := newTeller(b)
	l.apart = remade
	request := query.LineRequest{Scope: query.All()}
	for i := range 10_000 {
		id := l.ask(fmt.Sprint("tenant", i%10), i)
		if i%(10_000/most) == 0 {
			request.Stores = append(request.Stores, id)
		}
	}
	return l, request
}

// BenchmarkAPageOfPlaces asks for two hundred of ten thousand while each time something else is heard.
func BenchmarkAPageOfPlaces(b *testing.B) {
	l, request := queued(b)
	other := l.ask("tenant0", 10_000)
	for b.Loop() {
		l.tell(other, "tenant0", store.AttemptStarted, store.Facts{Attempt: 1})
		l.tell(other, "tenant0", store.AttemptYielded, store.Facts{})
		if reply, err := l.Answer(b.Context(), request); err != nil || len(reply.Lines) != most {
			b.Fatalf("%d lines, %v", len(reply.Lines), err)
		}
	}
}

// BenchmarkHearWhileAsked hears one message after the other while somebody asks all the time, and says how long the slowest took.
func BenchmarkHearWhileAsked(b *testing.B) {
	l, request := queued(b)
	other := l.ask("tenant0", 10_000)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
			}
			if _, err := l.Answer(b.Context(), request); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	slowest := time.Duration(0)
	for b.Loop() {
		began := time.Now()
		l.tell(other, "tenant0", store.AttemptStarted, store.Facts{Attempt: 1})
		l.tell(other, "tenant0", store.AttemptYielded, store.Facts{})
		slowest = max(slowest, time.Since(began))
	}
	close(end)
	<-ended
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
}
