package shops

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"

	"github.com/store-platform/store-platform/pkg/query"
)

// sample is the shop that is kept for trying the platform out.
type sample struct{}

func (sample) Buy(ctx context.Context, at At) (string, error) {
	v := at.visitor()
	var catalogue struct {
		Products []struct {
			SKU string `json:"sku"`
		} `json:"products"`
	}
	if err := v.call(ctx, http.MethodGet, "/api/products", nil, &catalogue); err != nil {
		return "", err
	}
	if len(catalogue.Products) == 0 {
		return "", errors.New("the shop sells nothing")
	}
	order := map[string]any{
		"items": []any{map[string]any{"sku": catalogue.Products[0].SKU, "quantity": 2}},
		"customer": map[string]any{
			"name": givenName + " " + familyName, "email": email, "street": street, "postalCode": postalCode,
			"city": city, "country": country,
		},
	}
	var placed struct {
		ID string `json:"id"`
	}
	if err := v.call(ctx, http.MethodPost, "/api/orders", order, &placed); err != nil {
		return "", err
	}
	if placed.ID == "" {
		return "", errors.New("the order has no id")
	}
	return placed.ID, nil
}

func (sample) Orders(ctx context.Context, at At, with query.Credential) ([]string, error) {
	v := at.visitor()
	v.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(with.Username+":"+with.Password)))
	var list struct {
		Orders []struct {
			ID string `json:"id"`
		} `json:"orders"`
	}
	err := v.call(ctx, http.MethodGet, "/api/orders", nil, &list)
	if statusOf(err) == http.StatusUnauthorized {
		return nil, ErrRefused
	}
	ids := make([]string, len(list.Orders))
	for i, o := range list.Orders {
		ids[i] = o.ID
	}
	return ids, err
}

func (sample) Click(at At, tab *Tab) (string, error) {
	var where string
	err := tab.Do(
		tab.Open(at.URL),
		tab.See("ul.grid .card a"),
		tab.Shoot("shop"),
		tab.Click("ul.grid .card a"),
		tab.See("form.buy button"),
		tab.Shoot("product"),
		tab.Click("form.buy button"),
		tab.See("a[href='/checkout']"),
		tab.Shoot("cart"),
		tab.Click("a[href='/checkout']"),
		tab.See("#name"),
		tab.Type("#name", givenName+" "+familyName),
		tab.Type("#email", email),
		tab.Type("#street", street),
		tab.Type("#postalCode", postalCode),
		tab.Type("#city", city),
		tab.Type("#country", country),
		tab.Shoot("checkout"),
		tab.Click("form.split button.wide"),
		tab.See(".thanks h1"),
		tab.Shoot("order"),
		tab.Where(&where),
	)
	return path.Base(where), err
}

// Enter gives the browser the password with the address, which it keeps for all pages beside it.
func (sample) Enter(at At, tab *Tab, with query.Credential) error {
	u, err := url.Parse(at.URL)
	if err != nil {
		return err
	}
	u.User, u.Path = url.UserPassword(with.Username, with.Password), "/admin/orders"
	return tab.Do(tab.Open(u.String()))
}

func (sample) Shows(link string) (visitor, merchant string) {
	switch link {
	case "storefront":
		return sampleProduct, sampleProduct
	case "admin":
		return "For the shopkeeper", givenName + " " + familyName
	}
	return "", ""
}
