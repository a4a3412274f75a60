// Package orders keeps the shop's orders: a log of JSON lines in one file, and what it says in memory.
//
// An order is acknowledged after its line was synced to disk. A process that is killed while it writes
// leaves a torn last line, which nobody was told about and which Open cuts off. Nothing else is ever
// changed or removed, so the file needs no format beyond that and can be read with any tool.
package orders

import (
	"time"
)

// Order is what a customer has bought, with prices as they were then.
type Order struct {
	// ID is random, as whoever knows it may read the order; Number is for people and counts from 1.
	ID     string `json:"id"`
	Number int    `json:"number"`
	// Key makes placing an order repeatable: an order with a known key is the one placed before.
	Key      string    `json:"key,omitempty"`
	PlacedAt time.Time `json:"placedAt"`
	Customer Customer  `json:"customer"`
	Lines    []Line    `json:"lines"`
	Currency string    `json:"currency"`
	// Amounts are in hundredths of the currency.
	Shipping int64  `json:"shipping"`
	Total    int64  `json:"total"`
	Payment  string `json:"payment"`
	Note     string `json:"note,omitempty"`
}

// CashOnDelivery is the only way to pay.
const CashOnDelivery = "cash_on_delivery"

// Customer says whom to deliver to.
type Customer struct {
	Name       string `json:"name"`
	Email      string `json:"email"`
	Phone      string `json:"phone,omitempty"`
	Street     string `json:"street"`
	PostalCode string `json:"postalCode"`
	City       string `json:"city"`
	Country    string `json:"country"`
}

// Line is one product of an order.
type Line struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Price    int64  `json:"price"`
	Quantity int    `json:"quantity"`
}

// Amount is what the line costs.
func (l Line) Amount() int64 { return l.Price * int64(l.Quantity) }

// Pieces is how many things are in the parcel.
func (o Order) Pieces() int {
	pieces := 0
	for _, line := range o.Lines {
		pieces += line.Quantity
	}
	return pieces
}
