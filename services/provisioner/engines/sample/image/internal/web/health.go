package web

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

// health answers whether the log of orders is open and as it should be: the platform calls a store ready by it. It writes
// nothing, for anybody can ask it as often as they like; whether the disk takes an order is the check's question.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	status, ready := http.StatusOK, true
	if err := s.Orders.Intact(); err != nil {
		blame(w, fmt.Errorf("look at the orders: %w", err))
		status, ready = http.StatusServiceUnavailable, false
	}
	answer(w, status, map[string]any{
		"ready": ready, "orders": s.Orders.Count(), "products": len(s.Catalogue.Products()),
	})
}

// How old the answer of a look may be: anybody can ask, and each look at the disk writes to it. What is wrong is looked at
// again before the platform, which asks each second then, would take one bad look for two.
const (
	wellFor = 20 * time.Second
	illFor  = time.Second
)

// checkup remembers the newest look at whether orders are kept.
type checkup struct {
	mu     sync.Mutex
	looked time.Time
	err    error
}

// ask looks when it is time. It says, too, whether another cause than before was found, which is worth a line in the log.
func (c *checkup) ask(look func() error) (news bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := wellFor
	if c.err != nil {
		keep = illFor
	}
	if time.Since(c.looked) < keep {
		return false, c.err
	}
	err = look()
	news = err != nil && (c.err == nil || causeOf(err) != causeOf(c.err))
	c.looked, c.err = time.Now(), err
	return news, err
}

// check is the platform's light question: whether the shop keeps what it sells, with the cause as engine.yaml lists it.
func (s *server) check(w http.ResponseWriter, _ *http.Request) {
	news, err := s.checked.ask(s.Orders.Check)
	if news {
		blame(w, fmt.Errorf("check orders: %w", err))
	}
	if err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]any{"ok": false, "cause": causeOf(err)})
		return
	}
	answer(w, http.StatusOK, map[string]any{"ok": true})
}

func causeOf(err error) string {
	switch {
	case errors.Is(err, orders.ErrNoRoom):
		return "OrdersVolumeFull"
	case errors.Is(err, orders.ErrReadOnly):
		return "OrdersReadOnly"
	case errors.Is(err, orders.ErrFull):
		return "OrderBookFull"
	}
	return "OrdersNotKept"
}

// live fails only when a new process would help: a full disk isn't mended by a restart.
func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	if err := s.Orders.Broken(); err != nil {
		blame(w, err)
		answer(w, http.StatusServiceUnavailable, map[string]any{"live": false})
		return
	}
	answer(w, http.StatusOK, map[string]any{"live": true})
}
