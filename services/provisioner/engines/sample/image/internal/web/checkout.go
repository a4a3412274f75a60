package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

// field is one input of the checkout, for the form and for the API.
type field struct {
	Name         string
	Label        string
	Type         string
	Autocomplete string
	Hint         string
	Max          int
	Optional     bool
	Half         bool

	Value string
	Fault string
}

// fields lists the checkout's inputs, in the order of the form, with the order's values in them.
func fields(order orders.Order) []field {
	c := order.Customer
	return []field{
		{Name: "name", Label: "Name", Type: "text", Autocomplete: "name", Max: 100, Value: c.Name},
		{Name: "email", Label: "E-mail", Type: "email", Autocomplete: "email", Max: 254, Half: true, Value: c.Email},
		{Name: "phone", Label: "Phone", Type: "tel", Autocomplete: "tel", Max: 40, Half: true, Optional: true,
			Hint: "Only if the courier can't find you.", Value: c.Phone},
		{Name: "street", Label: "Street and number", Type: "text", Autocomplete: "street-address", Max: 200, Value: c.Street},
		{Name: "postalCode", Label: "Postal code", Type: "text", Autocomplete: "postal-code", Max: 20, Half: true, Value: c.PostalCode},
		{Name: "city", Label: "City", Type: "text", Autocomplete: "address-level2", Max: 100, Half: true, Value: c.City},
		{Name: "country", Label: "Country", Type: "text", Autocomplete: "country-name", Max: 60, Value: c.Country},
		{Name: "note", Label: "Note for us", Type: "textarea", Max: 500, Optional: true, Value: order.Note},
	}
}

// check fills in what is wrong with each field, and says whether all are well.
func check(fields []field) bool {
	well := true
	for i := range fields {
		fields[i].Fault = fields[i].fault()
		well = well && fields[i].Fault == ""
	}
	return well
}

func (f field) fault() string {
	switch {
	case f.Value == "" && f.Optional:
		return ""
	case f.Value == "":
		return "Please fill this in."
	case !utf8.ValidString(f.Value) || strings.ContainsFunc(f.Value, f.forbidden):
		return "This holds characters that can't be printed."
	case utf8.RuneCountInString(f.Value) > f.Max:
		return fmt.Sprintf("At most %d characters fit here.", f.Max)
	}
	switch f.Type {
	case "email":
		address, err := mail.ParseAddress(f.Value)
		if err != nil || address.Address != f.Value || !strings.Contains(f.Value[strings.LastIndex(f.Value, "@"):], ".") {
			return "This doesn't look like an e-mail address."
		}
	case "tel":
		if strings.Trim(f.Value, "0123456789 +-/().") != "" {
			return "This doesn't look like a phone number."
		}
	}
	return ""
}

func (f field) forbidden(c rune) bool {
	return unicode.IsControl(c) && (f.Type != "textarea" || c != '\n')
}

// tidy removes what people don't see that they typed.
func tidy(order *orders.Order) {
	c := &order.Customer
	for _, value := range []*string{
		&c.Name, &c.Email, &c.Phone, &c.Street, &c.PostalCode, &c.City, &c.Country, &order.Note,
	} {
		*value = strings.TrimSpace(strings.ReplaceAll(*value, "\r\n", "\n"))
	}
}

type checkoutContent struct {
	Basket basket
	Fields []field
	Faulty bool
}

func (s *server) checkout(w http.ResponseWriter, r *http.Request) {
	basket := s.price(s.Carts.Read(r).Items)
	if len(basket.Rows) == 0 {
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "checkout", view{Title: "Checkout", Here: "cart", Content: checkoutContent{
		Basket: basket, Fields: fields(orders.Order{}),
	}})
}

func (s *server) placeOrder(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.say(w, r, http.StatusBadRequest, "That didn't work", "The form couldn't be read.")
		return
	}
	cart := s.Carts.Read(r)
	basket := s.price(cart.Items)
	if len(basket.Rows) == 0 {
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
		return
	}
	form := r.PostForm
	order := s.draft(basket, orders.Customer{
		Name: form.Get("name"), Email: form.Get("email"), Phone: form.Get("phone"), Street: form.Get("street"),
		PostalCode: form.Get("postalCode"), City: form.Get("city"), Country: form.Get("country"),
	}, form.Get("note"))
	order.Key = cart.OrderKey()
	inputs := fields(order)
	if !check(inputs) {
		s.render(w, r, http.StatusUnprocessableEntity, "checkout", view{
			Title: "Checkout", Here: "cart",
			Content: checkoutContent{Basket: basket, Fields: inputs, Faulty: true},
		})
		return
	}
	order, _, err := s.Orders.Place(order)
	if err != nil {
		blame(w, fmt.Errorf("place order: %w", err))
		text := "Your order couldn't be kept, so it wasn't placed. Your cart is as it was; please try again in a while."
		if errors.Is(err, orders.ErrFull) {
			text = "The shop's order book is full, so your order wasn't placed."
		}
		s.say(w, r, http.StatusServiceUnavailable, "Not ordered", text)
		return
	}
	s.Carts.Clear(w)
	http.Redirect(w, r, "/orders/"+order.ID, http.StatusSeeOther)
}

// draft is an order that is priced and tidied, but neither checked nor placed.
func (s *server) draft(basket basket, customer orders.Customer, note string) orders.Order {
	order := orders.Order{
		Customer: customer,
		Note:     note,
		Lines:    basket.lines(),
		Currency: string(s.Catalogue.Currency),
		Shipping: basket.Shipping,
		Total:    basket.Total,
		Payment:  orders.CashOnDelivery,
	}
	tidy(&order)
	return order
}

func (s *server) order(w http.ResponseWriter, r *http.Request) {
	order, ok := s.Orders.Find(r.PathValue("id"))
	if !ok {
		s.notFound(w, r)
		return
	}
	s.render(w, r, http.StatusOK, "order", view{Title: fmt.Sprintf("Order %d", order.Number), Content: order})
}
