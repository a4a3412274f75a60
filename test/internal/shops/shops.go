// Package shops buys in stores as their customers do, and looks at the orders as their merchants do: the one place
// outside the packs that knows engines by name, since each shop has an API and pages of its own.
//
// Everything goes through the door to the stores, by the store's URL. What it finds is what a customer would find.
package shops

import (
	"context"
	"errors"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// ErrRefused means that the shop knows the merchant's page and doesn't open it to this password.
var ErrRefused = errors.New("the shop refuses the password")

// Shop is one engine's shop.
type Shop interface {
	// Buy places an order by the shop's API and returns what Orders will list.
	Buy(ctx context.Context, at At) (string, error)
	// Orders lists the orders as the merchant who was shown the credential. ErrRefused when it opens nothing.
	Orders(ctx context.Context, at At, with query.Credential) ([]string, error)
	// Click places an order by clicks, and returns what Orders will list.
	Click(at At, tab *Tab) (string, error)
	// Enter signs the tab's browser in as the merchant who was shown the credential.
	Enter(at At, tab *Tab, with query.Credential) error
	// Shows is a text of the page that a link leads to: what a visitor reads there, and what the merchant of a shop that has
	// had an order. Both are empty for a link that nobody has written down.
	Shows(link string) (visitor, merchant string)
}

// Closer is a shop that its merchant can close, so that it looks alive and sells nothing.
type Closer interface {
	// Close closes it as the merchant who was shown the credential, and returns what opens it again.
	Close(ctx context.Context, at At, with query.Credential) (open func(context.Context) error, err error)
}

// all are the shops by the name of their engine.
var all = map[string]Shop{
	"sample":      sample{},
	"medusa":      medusa{},
	"woocommerce": woocommerce{},
}

// Of finds the shop of an engine; false when nobody here knows how one buys there.
func Of(engine string) (Shop, bool) {
	shop, known := all[engine]
	return shop, known
}

// At is a store on its platform.
type At struct {
	*platform.Platform
	query.Store
}

// The customer of every order. The country is the one that every engine sells to without being told another.
const (
	givenName  = "Ada"
	familyName = "Example"
	email      = "ada@example.org"
	street     = "Long Street 1"
	postalCode = "12345"
	city       = "Sampleton"
	country    = "DE"
)

// sampleProduct is the first that every engine's new shop sells.
const sampleProduct = "Harbour Mug"
