package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/cart"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

// basket is items with today's products and prices.
type basket struct {
	Rows     []row
	Goods    int64
	Shipping int64
	Total    int64
	// Missing is what more goods make shipping free.
	Missing int64
}

type row struct {
	Product  catalogue.Product
	Quantity int
	Amount   int64
}

// price drops products that are no longer sold: a cart may be older than the catalogue.
func (s *server) price(items []cart.Item) basket {
	var b basket
	for _, item := range items {
		product, ok := s.Catalogue.Find(item.SKU)
		if !ok {
			continue
		}
		amount := product.Price * int64(item.Quantity)
		b.Rows = append(b.Rows, row{Product: product, Quantity: item.Quantity, Amount: amount})
		b.Goods += amount
	}
	if len(b.Rows) > 0 {
		b.Shipping = s.Catalogue.Shipping(b.Goods)
		b.Missing = max(0, s.Catalogue.FreeFrom()-b.Goods)
	}
	b.Total = b.Goods + b.Shipping
	return b
}

func (b basket) lines() []orders.Line {
	lines := make([]orders.Line, len(b.Rows))
	for i, row := range b.Rows {
		lines[i] = orders.Line{
			SKU: row.Product.SKU, Name: row.Product.Name, Price: row.Product.Price, Quantity: row.Quantity,
		}
	}
	return lines
}

type cartContent struct {
	Basket basket
	// Added is the product that was just put in.
	Added       string
	MaxQuantity int
}

func (s *server) cart(w http.ResponseWriter, r *http.Request) {
	content := cartContent{Basket: s.price(s.Carts.Read(r).Items), MaxQuantity: cart.MaxQuantity}
	if product, ok := s.Catalogue.Find(r.URL.Query().Get("added")); ok {
		content.Added = product.Name
	}
	s.render(w, r, http.StatusOK, "cart", view{Title: "Cart", Here: "cart", Content: content})
}

func (s *server) cartAdd(w http.ResponseWriter, r *http.Request) {
	sku, quantity, err := s.choice(r)
	if err != nil || quantity < 1 {
		s.say(w, r, http.StatusBadRequest, "That didn't work", "The shop doesn't have that, or not that many.")
		return
	}
	s.change(w, r, "/cart?added="+url.QueryEscape(sku), func(c *cart.Cart) { c.Add(sku, quantity) })
}

func (s *server) cartSet(w http.ResponseWriter, r *http.Request) {
	sku, quantity, err := s.choice(r)
	if err != nil {
		s.say(w, r, http.StatusBadRequest, "That didn't work", "The shop doesn't have that, or not that many.")
		return
	}
	s.change(w, r, "/cart", func(c *cart.Cart) { c.Set(sku, quantity) })
}

func (s *server) change(w http.ResponseWriter, r *http.Request, then string, change func(*cart.Cart)) {
	cart := s.Carts.Read(r)
	change(&cart)
	if err := s.Carts.Write(w, cart); err != nil {
		blame(w, fmt.Errorf("write cart: %w", err))
		s.say(w, r, http.StatusInternalServerError, "That didn't work", "The cart couldn't be kept.")
		return
	}
	http.Redirect(w, r, then, http.StatusSeeOther)
}

// choice is the product and quantity of a form.
func (s *server) choice(r *http.Request) (string, int, error) {
	if err := r.ParseForm(); err != nil {
		return "", 0, fmt.Errorf("read form: %w", err)
	}
	product, ok := s.Catalogue.Find(r.PostForm.Get("sku"))
	if !ok {
		return "", 0, fmt.Errorf("find product")
	}
	quantity, err := strconv.Atoi(r.PostForm.Get("quantity"))
	if err != nil || quantity < 0 || quantity > cart.MaxQuantity {
		return "", 0, fmt.Errorf("read quantity")
	}
	return product.SKU, quantity, nil
}
