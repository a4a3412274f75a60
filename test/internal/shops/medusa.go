package shops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
)

// medusa is Medusa with the platform's storefront.
type medusa struct{}

// medusaConfig is what the storefront asks before anything else.
type medusaConfig struct {
	Key    string `json:"publishableKey"`
	Region struct {
		ID string `json:"id"`
	} `json:"region"`
	Country  string `json:"country"`
	Provider string `json:"paymentProvider"`
}

func (m medusa) Buy(ctx context.Context, at At) (string, error) {
	v := at.visitor()
	var config medusaConfig
	if err := v.call(ctx, http.MethodGet, "/store-config", nil, &config); err != nil {
		return "", err
	}
	v.header.Set("x-publishable-api-key", config.Key)
	var list struct {
		Products []struct {
			Variants []struct {
				ID string `json:"id"`
			} `json:"variants"`
		} `json:"products"`
	}
	if err := v.call(ctx, http.MethodGet, "/store/products?limit=1&region_id="+config.Region.ID, nil, &list); err != nil {
		return "", err
	}
	if len(list.Products) == 0 || len(list.Products[0].Variants) == 0 {
		return "", errors.New("the shop sells nothing")
	}
	cart, err := m.fill(ctx, v, config, list.Products[0].Variants[0].ID)
	if err != nil {
		return "", err
	}
	return m.complete(ctx, v, config, cart)
}

// fill makes a cart with one thing in it, an address and a way of delivery.
func (m medusa) fill(ctx context.Context, v *visitor, config medusaConfig, variant string) (string, error) {
	var made struct {
		Cart struct {
			ID string `json:"id"`
		} `json:"cart"`
	}
	if err := v.call(ctx, http.MethodPost, "/store/carts", map[string]any{"region_id": config.Region.ID}, &made); err != nil {
		return "", err
	}
	cart := "/store/carts/" + made.Cart.ID
	if err := v.call(ctx, http.MethodPost, cart+"/line-items", map[string]any{"variant_id": variant, "quantity": 1}, nil); err != nil {
		return "", err
	}
	err := v.call(ctx, http.MethodPost, cart, map[string]any{"email": email, "shipping_address": map[string]any{
		"first_name": givenName, "last_name": familyName, "address_1": street, "city": city, "postal_code": postalCode,
		"country_code": strings.ToLower(config.Country),
	}}, nil)
	if err != nil {
		return "", err
	}
	var ways struct {
		Options []struct {
			ID string `json:"id"`
		} `json:"shipping_options"`
	}
	if err := v.call(ctx, http.MethodGet, "/store/shipping-options?cart_id="+made.Cart.ID, nil, &ways); err != nil {
		return "", err
	}
	if len(ways.Options) == 0 {
		return "", errors.New("the shop delivers nowhere")
	}
	return made.Cart.ID, v.call(ctx, http.MethodPost, cart+"/shipping-methods", map[string]any{"option_id": ways.Options[0].ID}, nil)
}

// complete pays by hand, which is promising to, and orders.
func (medusa) complete(ctx context.Context, v *visitor, config medusaConfig, cart string) (string, error) {
	var payment struct {
		Collection struct {
			ID string `json:"id"`
		} `json:"payment_collection"`
	}
	if err := v.call(ctx, http.MethodPost, "/store/payment-collections", map[string]any{"cart_id": cart}, &payment); err != nil {
		return "", err
	}
	sessions := "/store/payment-collections/" + payment.Collection.ID + "/payment-sessions"
	if err := v.call(ctx, http.MethodPost, sessions, map[string]any{"provider_id": config.Provider}, nil); err != nil {
		return "", err
	}
	var placed struct {
		Type  string `json:"type"`
		Order struct {
			ID string `json:"id"`
		} `json:"order"`
	}
	if err := v.call(ctx, http.MethodPost, "/store/carts/"+cart+"/complete", nil, &placed); err != nil {
		return "", err
	}
	if placed.Type != "order" || placed.Order.ID == "" {
		return "", fmt.Errorf("completing the cart made a %q", placed.Type)
	}
	return placed.Order.ID, nil
}

func (medusa) merchant(ctx context.Context, at At, with query.Credential) (*visitor, error) {
	v := at.visitor()
	var session struct {
		Token string `json:"token"`
	}
	err := v.call(ctx, http.MethodPost, "/auth/user/emailpass", map[string]any{"email": with.Username, "password": with.Password}, &session)
	if statusOf(err) == http.StatusUnauthorized {
		return nil, ErrRefused
	}
	if err != nil {
		return nil, err
	}
	v.header.Set("Authorization", "Bearer "+session.Token)
	return v, nil
}

func (m medusa) Orders(ctx context.Context, at At, with query.Credential) ([]string, error) {
	v, err := m.merchant(ctx, at, with)
	if err != nil {
		return nil, err
	}
	var list struct {
		Orders []struct {
			ID string `json:"id"`
		} `json:"orders"`
	}
	if err := v.call(ctx, http.MethodGet, "/admin/orders?fields=id&limit=100", nil, &list); err != nil {
		return nil, err
	}
	ids := make([]string, len(list.Orders))
	for i, o := range list.Orders {
		ids[i] = o.ID
	}
	return ids, nil
}

func (medusa) Click(at At, tab *Tab) (string, error) {
	const settled = "main[aria-busy]"
	var where string
	err := tab.Do(
		tab.Open(at.URL),
		tab.See("[data-testid=product-card]"), tab.Gone(settled),
		tab.Shoot("shop"),
		tab.Click("[data-testid=product-card]"),
		tab.See("h1"), tab.Gone(settled),
		tab.Shoot("product"),
		tab.Click("#add"),
		tab.See("[data-testid=added] a"),
		tab.Click("[data-testid=added] a"),
		tab.See("[data-testid=cart-total]"),
		tab.Shoot("cart"),
		tab.Click("main a[href='/checkout']"),
		tab.See("#email"), tab.Gone(settled),
		tab.Type("#email", email),
		tab.Type("#first_name", givenName),
		tab.Type("#last_name", familyName),
		tab.Type("#address_1", street),
		tab.Type("#postal_code", postalCode),
		tab.Type("#city", city),
		tab.Shoot("checkout"),
		tab.Click("[data-testid=place-order]"),
		tab.See("[data-testid=order-number]"),
		tab.Shoot("order"),
		tab.Where(&where),
	)
	return path.Base(where), err
}

func (medusa) Enter(at At, tab *Tab, with query.Credential) error {
	return tab.Do(
		tab.Open(at.URL+"/app/login"),
		tab.Type("input[name=email]", with.Username),
		tab.Type("input[name=password]", with.Password),
		tab.Click("button[type=submit]"),
		tab.Gone("input[name=password]"),
	)
}

func (medusa) Shows(link string) (visitor, merchant string) {
	const signIn = "Welcome to Medusa"
	switch link {
	case "storefront":
		return sampleProduct, sampleProduct
	case "admin", "orders", "customers":
		return signIn, email
	case "products":
		return signIn, sampleProduct
	case "settings":
		return signIn, "Default region"
	}
	return "", ""
}
