package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
)

// Visit asks a shop through the door to the stores, as a browser with the store's URL would. The name needn't resolve:
// not every resolver knows *.localhost.
func (p *Platform) Visit(ctx context.Context, s query.Store, method, path string, body any, user, password string) (int, []byte, error) {
	reader := io.Reader(http.NoBody)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = strings.NewReader(string(data))
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, reader)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, p.Stores)
	}}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, data, err
}

// Buy places an order for one of the shop's products and returns the order's id.
func (p *Platform) Buy(tb testing.TB, s query.Store) string {
	tb.Helper()
	var catalogue struct {
		Products []struct {
			SKU string `json:"sku"`
		} `json:"products"`
	}
	p.visitJSON(tb, s, http.MethodGet, "/api/products", nil, "", &catalogue)
	if len(catalogue.Products) == 0 {
		tb.Fatal("the shop sells nothing")
	}
	order := map[string]any{
		"items": []any{map[string]any{"sku": catalogue.Products[0].SKU, "quantity": 2}},
		"customer": map[string]any{
			"name": "Ada Example", "email": "ada@example.org", "street": "Long Street 1", "postalCode": "12345",
			"city": "Sampleton", "country": "DE",
		},
	}
	var placed struct {
		ID string `json:"id"`
	}
	p.visitJSON(tb, s, http.MethodPost, "/api/orders", order, "", &placed)
	if placed.ID == "" {
		tb.Fatal("the order has no id")
	}
	return placed.ID
}

// Orders lists the ids in the shop's order list, which opens to the generated password only.
func (p *Platform) Orders(tb testing.TB, s query.Store, password string) []string {
	tb.Helper()
	var list struct {
		Orders []struct {
			ID string `json:"id"`
		} `json:"orders"`
	}
	p.visitJSON(tb, s, http.MethodGet, "/api/orders", nil, password, &list)
	ids := make([]string, len(list.Orders))
	for i, o := range list.Orders {
		ids[i] = o.ID
	}
	return ids
}

func (p *Platform) visitJSON(tb testing.TB, s query.Store, method, path string, in any, password string, out any) {
	tb.Helper()
	user := ""
	if password != "" {
		user = "admin"
	}
	status, data, err := p.Visit(tb.Context(), s, method, path, in, user, password)
	if err == nil && status >= 300 {
		err = fmt.Errorf("status %d: %s", status, data)
	}
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		tb.Fatalf("%s %s of the shop: %v", method, path, err)
	}
}
