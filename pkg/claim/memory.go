package claim

import (
	"errors"
	"sync"
)

const (
	// remembered is of how many tenants is known what was written last, and longest of how many stores each may have: a megabyte
	// or two, at a hundred bytes a store. With more the value is what a claim costs, and not the way to it.
	remembered = 1024
	longest    = 20
)

// errForgotten: this Book has written nothing of the tenant's, or not lately.
var errForgotten = errors.New("nothing is remembered of the tenant")

// page is what a tenant's key held at a revision.
type page struct {
	held     held
	revision uint64
}

// memory is what a Book itself has written last, by tenant. Who creates several stores does so one behind the other, and then
// reading each time what was just written is more than half of what a claim costs, and a third of a whole create: a broker answers
// all reads one by one, and each of them waits until the disk has taken a write.
type memory struct {
	mu    sync.Mutex
	pages map[string]page
}

// take gives a page away: whoever changes it puts back what became of it, or nothing where that isn't known.
func (m *memory) take(tenant string) (p page, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, known = m.pages[tenant]
	delete(m.pages, tenant)
	return p, known
}

// keep forgets anybody where it is full: who is forgotten is read.
func (m *memory) keep(p page) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(p.held.Stores) > longest {
		return
	}
	for tenant := range m.pages {
		if len(m.pages) < remembered {
			break
		}
		delete(m.pages, tenant)
	}
	m.pages[p.held.Tenant] = p
}
