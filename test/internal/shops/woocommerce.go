package shops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
)

// woocommerce is WordPress with WooCommerce.
type woocommerce struct{}

const storeAPI = "/wp-json/wc/store/v1"

func (woocommerce) Buy(ctx context.Context, at At) (string, error) {
	v := at.visitor()
	var products []struct {
		ID int `json:"id"`
	}
	if err := v.call(ctx, http.MethodGet, storeAPI+"/products?per_page=1&type=simple", nil, &products); err != nil {
		return "", err
	}
	if len(products) == 0 {
		return "", errors.New("the shop sells nothing")
	}
	// The cart is known by its token; the nonce is for what would otherwise come from another site's page.
	header, err := v.exchange(ctx, http.MethodGet, storeAPI+"/cart", nil, nil)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"Cart-Token", "Nonce"} {
		v.header.Set(name, header.Get(name))
	}
	if err := v.call(ctx, http.MethodPost, storeAPI+"/cart/add-item", map[string]any{"id": products[0].ID, "quantity": 1}, nil); err != nil {
		return "", err
	}
	address := map[string]any{
		"first_name": givenName, "last_name": familyName, "address_1": street, "city": city, "postcode": postalCode,
		"country": country, "email": email,
	}
	var placed struct {
		ID     int    `json:"order_id"`
		Status string `json:"status"`
	}
	err = v.call(ctx, http.MethodPost, storeAPI+"/checkout", map[string]any{
		"billing_address": address, "shipping_address": address, "payment_method": "cod",
	}, &placed)
	if err != nil {
		return "", err
	}
	if placed.ID == 0 {
		return "", fmt.Errorf("the order has no id, and is %q", placed.Status)
	}
	return strconv.Itoa(placed.ID), nil
}

// merchant signs in by the form, as merchants do: the API takes a password over https only.
func (w woocommerce) merchant(ctx context.Context, at At, with query.Credential) (*visitor, error) {
	v := at.visitor()
	if err := w.signIn(ctx, v, with); err != nil {
		return nil, err
	}
	_, nonce, err := v.send(ctx, http.MethodGet, "/wp-admin/admin-ajax.php?action=rest-nonce", "", nil)
	if err != nil {
		return nil, err
	}
	v.header.Set("X-WP-Nonce", string(nonce))
	return v, nil
}

// Close switches the plugin off, which any administrator of a WordPress can. What is left answers every visitor.
func (w woocommerce) Close(ctx context.Context, at At, with query.Credential) (func(context.Context) error, error) {
	v, err := w.merchant(ctx, at, with)
	if err != nil {
		return nil, err
	}
	become := func(ctx context.Context, status string) error {
		return v.call(ctx, http.MethodPost, "/wp-json/wp/v2/plugins/woocommerce/woocommerce", map[string]any{"status": status}, nil)
	}
	return func(ctx context.Context) error { return become(ctx, "active") }, become(ctx, "inactive")
}

func (w woocommerce) Orders(ctx context.Context, at At, with query.Credential) ([]string, error) {
	v, err := w.merchant(ctx, at, with)
	if err != nil {
		return nil, err
	}
	// Posts would do for a few orders, and are slow for many: a shop that begins with them stays with them.
	var shop struct {
		Settings struct {
			OwnTables bool `json:"HPOS_enabled"`
		} `json:"settings"`
	}
	if err := v.call(ctx, http.MethodGet, "/wp-json/wc/v3/system_status?_fields=settings", nil, &shop); err != nil {
		return nil, err
	}
	if !shop.Settings.OwnTables {
		return nil, errors.New("the shop keeps its orders among its pages")
	}
	var list []struct {
		ID int `json:"id"`
	}
	if err := v.call(ctx, http.MethodGet, "/wp-json/wc/v3/orders?per_page=100", nil, &list); err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = strconv.Itoa(o.ID)
	}
	return ids, nil
}

func (woocommerce) signIn(ctx context.Context, v *visitor, with query.Credential) error {
	// The form first: without its test cookie every password is refused.
	if _, _, err := v.send(ctx, http.MethodGet, "/wp-login.php", "", nil); err != nil {
		return err
	}
	form := url.Values{"log": {with.Username}, "pwd": {with.Password}, "testcookie": {"1"}, "redirect_to": {"/wp-admin/"}}
	response, page, err := v.post(ctx, "/wp-login.php", form)
	switch {
	case err != nil:
		return err
	case response.StatusCode == http.StatusFound:
		return nil
	case response.StatusCode == http.StatusOK && strings.Contains(string(page), "login_error"):
		return ErrRefused
	}
	return &statusError{"sign in", response.StatusCode, page}
}

var orderReceived = regexp.MustCompile(`/order-received/(\d+)`)

func (woocommerce) Click(at At, tab *Tab) (string, error) {
	var where string
	err := tab.Do(
		tab.Open(at.URL+"/shop/"),
		tab.See("main a[href*='/product/']"),
		tab.Shoot("shop"),
		tab.Click("main a[href*='/product/']"),
		tab.See("button[name=add-to-cart]"),
		tab.Shoot("product"),
		tab.Click("button[name=add-to-cart]"),
		tab.See(".woocommerce-message, .wc-block-components-notice-banner"),
		tab.Open(at.URL+"/cart/"),
		tab.See("a.checkout-button"),
		tab.Shoot("cart"),
		tab.Click("a.checkout-button"),
		tab.See("#billing_first_name"),
		tab.Type("#billing_first_name", givenName),
		tab.Type("#billing_last_name", familyName),
		tab.Type("#billing_address_1", street),
		tab.Type("#billing_postcode", postalCode),
		tab.Type("#billing_city", city),
		tab.Type("#billing_email", email),
		// The sum is worked out anew when the address changes, under a cover that swallows clicks.
		tab.Gone(".blockUI.blockOverlay"),
		tab.Shoot("checkout"),
		tab.Click("#place_order"),
		tab.See(".woocommerce-order-overview, [class*=order-confirmation-summary]"),
		tab.Shoot("order"),
		tab.Where(&where),
	)
	if err != nil {
		return "", err
	}
	found := orderReceived.FindStringSubmatch(where)
	if found == nil {
		return "", fmt.Errorf("the last page is %s, which names no order", where)
	}
	return found[1], nil
}

func (woocommerce) Enter(at At, tab *Tab, with query.Credential) error {
	return tab.Do(
		tab.Open(at.URL+"/wp-login.php"),
		// A fifth of a second after it has come, the page selects what is in the field.
		tab.Cursor("#user_login"),
		tab.Type("#user_login", with.Username),
		tab.Type("#user_pass", with.Password),
		tab.Click("#wp-submit"),
		tab.See("#wpadminbar"),
	)
}

func (woocommerce) Shows(link string) (visitor, merchant string) {
	const signIn = "Username or Email Address"
	switch link {
	case "storefront", "shop":
		return sampleProduct, sampleProduct
	case "admin":
		return signIn, "At a Glance"
	case "orders", "customers":
		return signIn, givenName + " " + familyName
	case "products":
		return signIn, sampleProduct
	case "settings":
		return signIn, "Store Address"
	}
	return "", ""
}
