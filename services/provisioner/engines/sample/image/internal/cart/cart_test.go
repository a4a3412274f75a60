package cart

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func TestSet(t *testing.T) {
	var cart Cart
	cart.Add("kite", 2)
	cart.Add("kite", 3)
	cart.Add("mug", 1)
	if cart.Pieces() != 6 || len(cart.Items) != 2 {
		t.Fatalf("after adding: %+v", cart)
	}
	cart.Set("kite", MaxQuantity+5)
	if cart.quantity("kite") != MaxQuantity {
		t.Errorf("more than the most: %+v", cart)
	}
	cart.Set("kite", 0)
	cart.Set("lamp", 0)
	if len(cart.Items) != 1 || cart.Items[0].SKU != "mug" {
		t.Errorf("after removing: %+v", cart)
	}
}

func TestOrderKeyFollowsTheContent(t *testing.T) {
	cart := Cart{Key: "k", Items: []Item{{"kite", 1}}}
	first := cart.OrderKey()
	if first != cart.OrderKey() {
		t.Error("the same cart has two keys")
	}
	cart.Add("kite", 1)
	if first == cart.OrderKey() {
		t.Error("another cart has the same key")
	}
}

func written(t *testing.T, jar *Jar, cart Cart) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := jar.Write(w, cart); err != nil {
		t.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

func read(jar *Jar, value string) Cart {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: value})
	return jar.Read(r)
}

func TestCookieRoundTrip(t *testing.T) {
	jar := NewJar(key, true)
	cookie := written(t, jar, Cart{Key: "k", Items: []Item{{"kite", 2}}})
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", cookie)
	}
	got := read(jar, cookie.Value)
	if got.Key != "k" || len(got.Items) != 1 || got.Items[0] != (Item{"kite", 2}) {
		t.Errorf("read %+v", got)
	}
}

func TestForgedCookieIsAnEmptyCart(t *testing.T) {
	jar := NewJar(key, false)
	value := written(t, jar, Cart{Key: "k", Items: []Item{{"kite", 2}}}).Value
	content, signature, _ := strings.Cut(value, ".")
	foreign := written(t, NewJar([]byte(strings.Repeat("x", 32)), false), Cart{Items: []Item{{"kite", 2}}}).Value
	other := written(t, jar, Cart{Key: "k", Items: []Item{{"kite", 3}}}).Value
	otherContent, _, _ := strings.Cut(other, ".")
	for name, forged := range map[string]string{
		"empty": "", "no signature": content, "empty signature": content + ".", "not base64": "%.%",
		"another key": foreign, "another content": otherContent + "." + signature, "longer": value + "A",
	} {
		cart := read(jar, forged)
		if len(cart.Items) != 0 || cart.Key == "k" || cart.Key == "" {
			t.Errorf("%s: %+v", name, cart)
		}
	}
}
