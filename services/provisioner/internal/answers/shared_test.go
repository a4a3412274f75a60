package answers

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/time/rate"
)

func TestALookIsSharedByWhoeverAsksForIt(t *testing.T) {
	looks := newShared[string](newPace())
	var looked atomic.Int32
	look := func(context.Context) string { looked.Add(1); return "seen" }
	var asking sync.WaitGroup
	for range 100 {
		asking.Go(func() {
			if found, had := looks.get(t.Context(), "a", look); found != "seen" || !had {
				t.Errorf("found %q, %t", found, had)
			}
		})
	}
	asking.Wait()
	if n := looked.Load(); n != 1 {
		t.Errorf("looked %d times", n)
	}
	if looks.get(t.Context(), "b", look); looked.Load() != 2 {
		t.Error("what was seen of one was shown of another")
	}
}

// Whoever began it may be gone, and isn't the only one who waits.
func TestALookOutlivesWhoeverBeganIt(t *testing.T) {
	looks := newShared[string](newPace())
	begun, gone := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	_, had := looks.get(ctx, "a", func(ctx context.Context) string {
		close(begun)
		<-gone
		if ctx.Err() != nil {
			return "cut off"
		}
		return "seen"
	})
	if had {
		t.Error("one who is gone was told")
	}
	close(gone)
	if found, had := looks.get(t.Context(), "a", nil); found != "seen" || !had {
		t.Errorf("found %q, %t", found, had)
	}
}

// However many stores are asked for, those who work with the cluster are left their share of it.
func TestLooksAtManyStoresArePaced(t *testing.T) {
	looks := newShared[string](rate.NewLimiter(0, 1))
	look := func(context.Context) string { return "seen" }
	if _, had := looks.get(t.Context(), "a", look); !had {
		t.Fatal("there was no look at all")
	}
	if found, had := looks.get(t.Context(), "b", look); had {
		t.Errorf("found %q", found)
	}
	if _, had := looks.get(t.Context(), "a", look); !had {
		t.Error("what is known isn't told")
	}
}
