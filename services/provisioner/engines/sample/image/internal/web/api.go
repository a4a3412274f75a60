package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/cart"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

// apiFault is the body of an error; Fields holds what is wrong with which input.
type apiFault struct {
	Error  string            `json:"error"`
	Fields map[string]string `json:"fields,omitempty"`
}

// orderRequest is what POST /api/orders takes. An Idempotency-Key header makes it repeatable.
type orderRequest struct {
	Items    []cart.Item     `json:"items"`
	Customer orders.Customer `json:"customer"`
	Note     string          `json:"note"`
}

func answer(w http.ResponseWriter, status int, body any) {
	content, err := json.Marshal(body)
	if err != nil {
		blame(w, fmt.Errorf("encode answer: %w", err))
		status, content = http.StatusInternalServerError, []byte(`{"error":"The answer is broken."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(content, '\n'))
}

func (s *server) apiProducts(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"currency": s.Catalogue.Currency, "products": s.Catalogue.Products(),
	})
}

func (s *server) apiOrders(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"count": s.Orders.Count(), "orders": s.Orders.Latest(listed),
	})
}

func (s *server) apiPlaceOrder(w http.ResponseWriter, r *http.Request) {
	// A form of another site can't send this type without asking first, whatever the browser.
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		answer(w, http.StatusUnsupportedMediaType, apiFault{Error: "The body must be application/json."})
		return
	}
	var request orderRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		answer(w, http.StatusBadRequest, apiFault{Error: "The body isn't an order: " + err.Error()})
		return
	}
	draft, fault := s.draftRequest(request)
	if fault != nil {
		answer(w, http.StatusUnprocessableEntity, fault)
		return
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if len(key) > 200 {
			answer(w, http.StatusUnprocessableEntity, apiFault{Error: "The Idempotency-Key has more than 200 characters."})
			return
		}
		// A prefix keeps keys that callers choose apart from those of carts.
		draft.Key = "api-" + key
	}
	s.apiPlace(w, draft)
}

func (s *server) apiPlace(w http.ResponseWriter, draft orders.Order) {
	order, placed, err := s.Orders.Place(draft)
	switch {
	case errors.Is(err, orders.ErrFull):
		answer(w, http.StatusServiceUnavailable, apiFault{Error: "The order book is full."})
		return
	case err != nil:
		blame(w, fmt.Errorf("place order: %w", err))
		answer(w, http.StatusServiceUnavailable, apiFault{Error: "The order couldn't be kept, so it wasn't placed."})
		return
	case !placed && !(reflect.DeepEqual(order.Lines, draft.Lines) && order.Customer == draft.Customer):
		answer(w, http.StatusUnprocessableEntity, apiFault{Error: "The Idempotency-Key belongs to another order."})
		return
	}
	w.Header().Set("Location", "/orders/"+order.ID)
	status := http.StatusCreated
	if !placed {
		status = http.StatusOK
	}
	answer(w, status, order)
}

// draftRequest prices and checks a request as the pages do, but refuses what they would leave out.
func (s *server) draftRequest(request orderRequest) (orders.Order, *apiFault) {
	var chosen cart.Cart
	for i, item := range request.Items {
		if _, ok := s.Catalogue.Find(item.SKU); !ok {
			return orders.Order{}, &apiFault{Error: "The order isn't complete.", Fields: map[string]string{
				fmt.Sprintf("items[%d].sku", i): "The shop doesn't sell this.",
			}}
		}
		if item.Quantity < 1 || item.Quantity > cart.MaxQuantity {
			return orders.Order{}, &apiFault{Error: "The order isn't complete.", Fields: map[string]string{
				fmt.Sprintf("items[%d].quantity", i): fmt.Sprintf("Must be from 1 to %d.", cart.MaxQuantity),
			}}
		}
		chosen.Add(item.SKU, item.Quantity)
	}
	if len(chosen.Items) == 0 {
		return orders.Order{}, &apiFault{Error: "The order isn't complete.", Fields: map[string]string{
			"items": "At least one is needed.",
		}}
	}
	draft := s.draft(s.price(chosen.Items), request.Customer, request.Note)
	inputs := fields(draft)
	if check(inputs) {
		return draft, nil
	}
	fault := &apiFault{Error: "The order isn't complete.", Fields: map[string]string{}}
	for _, input := range inputs {
		if input.Fault == "" {
			continue
		}
		name := "customer." + input.Name
		if input.Name == "note" {
			name = "note"
		}
		fault.Fields[name] = input.Fault
	}
	return orders.Order{}, fault
}
