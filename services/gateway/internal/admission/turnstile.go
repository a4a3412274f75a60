package admission

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// turnstile lets one request of a tenant through at a time. Tenants that share a gate by chance wait for each other,
// which costs a claim's time and nothing else.
type turnstile struct {
	seed  maphash.Seed
	gates []chan struct{}
}

const gates = 256

func newTurnstile() turnstile {
	t := turnstile{seed: maphash.MakeSeed(), gates: make([]chan struct{}, gates)}
	for i := range t.gates {
		t.gates[i] = make(chan struct{}, 1)
	}
	return t
}

func (t turnstile) enter(ctx context.Context, tenant string) (leave func(), err error) {
	gate := t.gates[maphash.String(t.seed, tenant)%gates]
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// seen remembers the newest version each tenant was shown, of those who asked last. What is lost of the others is a list that
// may lag behind its own 202 by the projection's milliseconds.
type seen struct {
	mu       sync.Mutex
	versions *simplelru.LRU[string, uint64]
}

const seenTenants = 8192

func newSeen() *seen {
	versions, err := simplelru.NewLRU[string, uint64](seenTenants, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &seen{versions: versions}
}

func (s *seen) note(tenant string, version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, _ := s.versions.Get(tenant)
	s.versions.Add(tenant, max(before, version))
}

func (s *seen) of(tenant string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, _ := s.versions.Get(tenant)
	return version
}
