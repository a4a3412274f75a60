package answers

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/cache"
)

const (
	// lookKept is how old what is shown of a look may be: a page that is loaded again and again costs the API server as much as one.
	lookKept = 5 * time.Second
	// lookWithin bounds one look, so that whoever asked is answered without it.
	lookWithin = 3 * time.Second
	// looksKept bounds the memory; what was asked for last stays.
	looksKept = 256
	// looksPerSecond leave the cluster's requests to those who work, however many stores somebody asks for.
	looksPerSecond, looksAtOnce = 10, 20
)

// shared are looks at the cluster that those share who ask for the same: one looks, and what it has found is everybody's for a
// while, that it found nothing too.
type shared[V any] struct {
	pace  *rate.Limiter
	under singleflight.Group
	kept  *cache.LRUExpireCache
}

func newPace() *rate.Limiter { return rate.NewLimiter(looksPerSecond, looksAtOnce) }

func newShared[V any](pace *rate.Limiter) *shared[V] {
	return &shared[V]{pace: pace, kept: cache.NewLRUExpireCache(looksKept)}
}

// get says no where others are in the way for longer than ctx lasts. look is bounded by a time of its own: whoever has asked for it
// may be gone, and others wait for it.
func (s *shared[V]) get(ctx context.Context, key string, look func(context.Context) V) (found V, had bool) {
	if kept, ok := s.kept.Get(key); ok {
		return kept.(V), true
	}
	looked := s.under.DoChan(key, func() (any, error) {
		if kept, ok := s.kept.Get(key); ok {
			return kept, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
		defer cancel()
		if err := s.pace.Wait(ctx); err != nil {
			return nil, err
		}
		v := look(ctx)
		s.kept.Add(key, v, lookKept)
		return v, nil
	})
	select {
	case <-ctx.Done():
		return found, false
	case result := <-looked:
		found, had = result.Val.(V)
		return found, had
	}
}
