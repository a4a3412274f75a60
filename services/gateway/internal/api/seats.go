package api

import (
	"errors"
	"sync"
)

var (
	// errNoSeat: as many are being served as may be at once, and errTenantsSeats: as many of the tenant.
	errNoSeat       = errors.New("no seat is left")
	errTenantsSeats = errors.New("the tenant has all its seats")
)

// seats are of those whom this gateway serves for longer than a request takes. Each holds a connection and what was read of it.
type seats struct {
	atOnce, perTenant int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

// enter gives one to a tenant, which then leaves.
func (s *seats) enter(tenant string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.by[tenant] >= s.perTenant:
		return errTenantsSeats
	case s.taken >= s.atOnce:
		return errNoSeat
	}
	if s.by == nil {
		s.by = map[string]int{}
	}
	s.taken++
	s.by[tenant]++
	return nil
}

func (s *seats) leave(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.by[tenant]--; s.by[tenant] == 0 {
		delete(s.by, tenant)
	}
}
