package feed

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
)

// Limits bound how many clients a replica serves at once: a connection costs memory that others need, and one tenant
// must not have them all. Operators count as one tenant of their own.
type Limits struct {
	Connections, PerTenant int
}

// Refusal is how a client is turned away while there is no room for it. It may come again.
type Refusal struct {
	// Code is feed.CodeFull or feed.CodeTooMany.
	Code   string
	status int
	detail string
}

func (r *Refusal) Error() string { return r.detail }

// Unwrap is what Fiber understands of it.
func (r *Refusal) Unwrap() error { return fiber.NewError(r.status, r.detail) }

func (h *Hub) full() *Refusal {
	return &Refusal{
		Code: feed.CodeFull, status: http.StatusServiceUnavailable,
		detail: fmt.Sprintf("this replica serves %d clients, as many as it may", h.limits.Connections),
	}
}

func (h *Hub) crowded() *Refusal {
	return &Refusal{
		Code: feed.CodeTooMany, status: http.StatusTooManyRequests,
		detail: fmt.Sprintf("this replica serves %d clients of this tenant, as many as one may have", h.limits.PerTenant),
	}
}

// seat is the room of one client, from before its ticket is spent until its connection has ended.
type seat struct {
	hub *Hub
	// scope is whose share the seat is of: a ticket may come to say more than that, and a tenant's share is one all the same.
	scope query.Scope
	once  sync.Once
	// claim frees the seat of a client that goes away before it has read the answer to its handshake: Fiber then never
	// calls the handler that would.
	claim *time.Timer
}

// room refuses whoever asks while the replica is full.
func (h *Hub) room() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken >= h.limits.Connections {
		h.refused.full++
		return h.full()
	}
	return nil
}

// sit takes a seat of a tenant's share, or of the operators', or says what there is too much of.
func (h *Hub) sit(scope query.Scope) (*seat, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.takenBy[scope] >= h.limits.PerTenant:
		h.refused.crowded++
		return nil, h.crowded()
	case h.taken >= h.limits.Connections:
		h.refused.full++
		return nil, h.full()
	}
	h.taken++
	h.takenBy[scope]++
	s := &seat{hub: h, scope: scope}
	s.claim = time.AfterFunc(h.pace.claim, s.free)
	return s, nil
}

// claimed says whether the client has come in time. If so, its handler frees the seat.
func (s *seat) claimed() bool { return s.claim.Stop() }

// free gives the seat back, once.
func (s *seat) free() {
	s.once.Do(func() {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		s.claim.Stop()
		s.hub.taken--
		if s.hub.takenBy[s.scope]--; s.hub.takenBy[s.scope] == 0 {
			delete(s.hub.takenBy, s.scope)
		}
	})
}

// Refused are for metrics: clients turned away because the replica was full, or because their tenant had its share.
func (h *Hub) Refused() (full, crowded int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refused.full, h.refused.crowded
}
