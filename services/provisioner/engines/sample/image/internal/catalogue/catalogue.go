// Package catalogue is what the sample shop sells: a dozen things that don't exist, each with a drawing.
package catalogue

import (
	"embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed art
var art embed.FS

// Size is how many products there are at most.
var Size = len(products)

// Product is something for sale. Price is in hundredths of the shop's currency.
type Product struct {
	SKU         string   `json:"sku"`
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Price       int64    `json:"price"`
	Summary     string   `json:"summary"`
	Description string   `json:"description"`
	Details     []string `json:"details"`
	// Tint is the class of the drawing's background, 1 to 4.
	Tint int `json:"-"`
	// Art is an SVG element of ours.
	Art template.HTML `json:"-"`
}

// Catalogue is the products on sale, in the order they are shown in. It doesn't change.
type Catalogue struct {
	Currency Currency
	products []Product
}

// New puts the first size products on sale; size is between 1 and Size.
func New(size int, currency Currency) *Catalogue {
	c := &Catalogue{Currency: currency, products: slices.Clone(products[:size])}
	for i, product := range c.products {
		drawing, err := art.ReadFile("art/" + product.SKU + ".svg")
		if err != nil {
			// A test draws every product, so this is a broken build.
			panic(fmt.Sprintf("catalogue: product without a drawing: %v", err))
		}
		c.products[i].Art = template.HTML(drawing)
		// Shifted by one each row of four, so that equal tints don't stand above each other.
		c.products[i].Tint = (i+i/4)%4 + 1
	}
	return c
}

// Products returns all products.
func (c *Catalogue) Products() []Product { return slices.Clone(c.products) }

// Find returns a product by its SKU.
func (c *Catalogue) Find(sku string) (Product, bool) {
	i := slices.IndexFunc(c.products, func(p Product) bool { return p.SKU == sku })
	if i < 0 {
		return Product{}, false
	}
	return c.products[i], true
}

// Others returns up to n products that come after a product, and goes round at the end.
func (c *Catalogue) Others(sku string, n int) []Product {
	start := slices.IndexFunc(c.products, func(p Product) bool { return p.SKU == sku })
	var others []Product
	for i := 1; i < len(c.products) && len(others) < n; i++ {
		others = append(others, c.products[(start+i)%len(c.products)])
	}
	return others
}

const (
	shippingPrice = 490
	freeFrom      = 5000
)

// Shipping is what delivering goods of this worth costs.
func (c *Catalogue) Shipping(goods int64) int64 {
	if goods >= freeFrom {
		return 0
	}
	return shippingPrice
}

// FreeFrom is the worth of goods that are delivered for nothing.
func (c *Catalogue) FreeFrom() int64 { return freeFrom }

// Currency is what prices are in.
type Currency string

var symbols = map[Currency]string{"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF\u00a0"}

// ParseCurrency accepts the currencies that the shop can write.
func ParseCurrency(code string) (Currency, error) {
	if _, ok := symbols[Currency(code)]; !ok {
		return "", fmt.Errorf("%q is not one of EUR, USD, GBP, CHF", code)
	}
	return Currency(code), nil
}

// Format writes an amount for people.
func (c Currency) Format(amount int64) string {
	symbol, ok := symbols[c]
	if !ok {
		symbol = string(c) + "\u00a0"
	}
	return fmt.Sprintf("%s%d.%02d", symbol, amount/100, amount%100)
}
