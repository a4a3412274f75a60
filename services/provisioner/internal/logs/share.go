package logs

import "sync"

// shared is what there is so much of, and of which a tenant has so much at most.
type shared struct {
	all, perTenant int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

// take gives a tenant so many, or none and says why.
func (s *shared) take(tenant string, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.by[tenant]+n > s.perTenant:
		return errTenant
	case s.taken+n > s.all:
		return errFull
	}
	if s.by == nil {
		s.by = map[string]int{}
	}
	s.taken += n
	s.by[tenant] += n
	return nil
}

// give takes so many back.
func (s *shared) give(tenant string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= n
	if s.by[tenant] -= n; s.by[tenant] == 0 {
		delete(s.by, tenant)
	}
}
