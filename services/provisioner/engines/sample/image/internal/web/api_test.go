package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const goodOrder = `{"items":[{"sku":"kite","quantity":2},{"sku":"kite","quantity":1}],"customer":{"name":"Ada","email":"ada@example.org",
	"street":"12 Square","postalCode":"1","city":"London","country":"UK"},"note":"Ring"}`

func (s *testShop) placeJSON(body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.MethodPost, "/api/orders", body, append([]string{"Content-Type", "application/json"}, header...)...)
}

func TestAPIListsProducts(t *testing.T) {
	s := setup(t)
	_, body := s.do(http.MethodGet, "/api/products", "")
	var list struct {
		Currency string
		Products []struct {
			SKU, Name string
			Price     int64
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	if list.Currency != "GBP" || len(list.Products) != 12 || list.Products[0].SKU != "harbour-mug" || list.Products[0].Price != 1800 {
		t.Errorf("%+v", list)
	}
}

func TestAPIPlacesOrders(t *testing.T) {
	s := setup(t)
	response, body := s.placeJSON(goodOrder)
	var order struct {
		ID            string
		Number, Total int
	}
	if err := json.Unmarshal([]byte(body), &order); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusCreated || order.Number != 1 || order.Total != 6300 {
		t.Fatalf("%s %s", response.Status, body)
	}
	if page, _ := s.do(http.MethodGet, response.Header.Get("Location"), ""); page.StatusCode != http.StatusOK {
		t.Errorf("its page: %s", page.Status)
	}
}

func TestAPIOrderIsRepeatable(t *testing.T) {
	s := setup(t)
	first, _ := s.placeJSON(goodOrder, "Idempotency-Key", "one")
	again, _ := s.placeJSON(goodOrder, "Idempotency-Key", "one")
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusOK ||
		first.Header.Get("Location") != again.Header.Get("Location") {
		t.Errorf("%s, then %s", first.Status, again.Status)
	}
	other, _ := s.placeJSON(strings.Replace(goodOrder, `"quantity":2`, `"quantity":3`, 1), "Idempotency-Key", "one")
	if other.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another order with the same key: %s", other.Status)
	}
	if s.book.Count() != 1 {
		t.Errorf("%d orders", s.book.Count())
	}
}

func TestAPIRefuses(t *testing.T) {
	s := setup(t)
	for name, test := range map[string]struct {
		body   string
		status int
		names  string
	}{
		"not JSON":         {"sku=kite", 400, ""},
		"an unknown field": {`{"item":[]}`, 400, "item"},
		"nothing":          {`{}`, 422, "items"},
		"what isn't sold":  {`{"items":[{"sku":"yacht","quantity":1}]}`, 422, "items[0].sku"},
		"too many":         {`{"items":[{"sku":"kite","quantity":21}]}`, 422, "items[0].quantity"},
		"none of it":       {`{"items":[{"sku":"kite","quantity":0}]}`, 422, "items[0].quantity"},
		"nobody":           {`{"items":[{"sku":"kite","quantity":1}]}`, 422, "customer.email"},
		"a long note":      {strings.Replace(goodOrder, "Ring", strings.Repeat("a", 501), 1), 422, `"note"`},
		"a huge body":      {strings.Replace(goodOrder, "Ring", strings.Repeat("a", maxBody), 1), 400, ""},
	} {
		response, body := s.placeJSON(test.body)
		if response.StatusCode != test.status || !strings.Contains(body, test.names) {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
	if response, _ := s.do(http.MethodPost, "/api/orders", goodOrder, "Content-Type", "text/plain"); response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("as a plain form would send it: %s", response.Status)
	}
	if s.book.Count() != 0 {
		t.Errorf("%d orders were placed", s.book.Count())
	}
}
