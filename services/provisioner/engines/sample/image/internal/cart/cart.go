// Package cart keeps a visitor's cart in a signed cookie: the shop remembers nothing about people who
// haven't ordered, and a cart survives a restart.
package cart

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// MaxQuantity is how many pieces of one product a cart holds.
const MaxQuantity = 20

const (
	cookieName = "cart"
	// lifetime of a cart, in seconds.
	lifetime = 14 * 24 * 60 * 60
)

// Cart is what a visitor wants to buy, in the order of choosing.
type Cart struct {
	Items []Item `json:"items"`
	// Key is made with the cart (OrderKey).
	Key string `json:"key"`
}

// OrderKey makes ordering a cart repeatable: sent twice by a double click, it is one order. What is in
// the cart is part of it, as a second window may bring an ordered cart back and go on shopping.
func (c *Cart) OrderKey() string {
	digest := sha256.New()
	for _, item := range c.Items {
		fmt.Fprintf(digest, "%q %d\n", item.SKU, item.Quantity)
	}
	return c.Key + "-" + hex.EncodeToString(digest.Sum(nil)[:8])
}

// Item is a product and how many of it.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Add puts more of a product into the cart.
func (c *Cart) Add(sku string, quantity int) {
	c.Set(sku, c.quantity(sku)+quantity)
}

// Set makes the cart hold quantity pieces of a product; none removes it.
func (c *Cart) Set(sku string, quantity int) {
	quantity = min(quantity, MaxQuantity)
	i := slices.IndexFunc(c.Items, func(item Item) bool { return item.SKU == sku })
	switch {
	case quantity <= 0 && i >= 0:
		c.Items = slices.Delete(c.Items, i, i+1)
	case quantity <= 0:
	case i >= 0:
		c.Items[i].Quantity = quantity
	default:
		c.Items = append(c.Items, Item{SKU: sku, Quantity: quantity})
	}
}

func (c *Cart) quantity(sku string) int {
	for _, item := range c.Items {
		if item.SKU == sku {
			return item.Quantity
		}
	}
	return 0
}

// Pieces is how many things the cart holds.
func (c *Cart) Pieces() int {
	pieces := 0
	for _, item := range c.Items {
		pieces += item.Quantity
	}
	return pieces
}

// Jar reads and writes carts. Safe for concurrent use.
type Jar struct {
	key    []byte
	secure bool
}

// NewJar signs with key. Secure keeps the cookie off plain http.
func NewJar(key []byte, secure bool) *Jar { return &Jar{key: key, secure: secure} }

// Read returns the visitor's cart. A cookie that is missing, forged or of another key is an empty cart:
// the visitor can't do anything about it but start over.
func (j *Jar) Read(r *http.Request) Cart {
	cookie, err := r.Cookie(cookieName)
	if err == nil {
		if cart, ok := j.decode(cookie.Value); ok {
			return cart
		}
	}
	return Cart{Key: rand.Text()}
}

// Write stores the cart with the visitor.
func (j *Jar) Write(w http.ResponseWriter, cart Cart) error {
	value, err := j.encode(cart)
	if err != nil {
		return err
	}
	http.SetCookie(w, j.cookie(value, lifetime))
	return nil
}

// Clear forgets the cart.
func (j *Jar) Clear(w http.ResponseWriter) { http.SetCookie(w, j.cookie("", -1)) }

func (j *Jar) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: j.secure, SameSite: http.SameSiteLaxMode,
	}
}

func (j *Jar) encode(cart Cart) (string, error) {
	content, err := json.Marshal(cart)
	if err != nil {
		return "", err
	}
	encoded := base64.RawURLEncoding.EncodeToString(content)
	return encoded + "." + base64.RawURLEncoding.EncodeToString(j.sign(encoded)), nil
}

func (j *Jar) decode(value string) (Cart, bool) {
	encoded, signature, ok := strings.Cut(value, ".")
	if !ok {
		return Cart{}, false
	}
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, j.sign(encoded)) {
		return Cart{}, false
	}
	content, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return Cart{}, false
	}
	var cart Cart
	if err := json.Unmarshal(content, &cart); err != nil {
		return Cart{}, false
	}
	return cart, true
}

// sign names its purpose, so that the key could sign something else one day.
func (j *Jar) sign(encoded string) []byte {
	mac := hmac.New(sha256.New, j.key)
	mac.Write([]byte("cart\x00" + encoded))
	return mac.Sum(nil)
}
