package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

// adminName goes with the generated password, and is written in the pack's engine.yaml.
const adminName = "admin"

// listed is how many orders the lists show.
const listed = 200

// adminOnly lets in who knows the password.
func (s *server) adminOnly(next http.HandlerFunc) http.Handler {
	// Digests have one length, so comparing takes the same time for any guess.
	wantName, wantPassword := sha256.Sum256([]byte(adminName)), sha256.Sum256([]byte(s.AdminPassword))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		gotName, gotPassword := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))
		same := subtle.ConstantTimeCompare(gotName[:], wantName[:]) &
			subtle.ConstantTimeCompare(gotPassword[:], wantPassword[:])
		if same != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="orders", charset="UTF-8"`)
			s.say(w, r, http.StatusUnauthorized, "For the shopkeeper",
				"The order list needs the shop's generated password. The platform shows it with the store.")
			return
		}
		next(w, r)
	})
}

type adminContent struct {
	Orders []orders.Order
	Count  int
	// Sales are what the orders shown come to, in each currency that the shop has had.
	Sales string
}

func (s *server) adminOrders(w http.ResponseWriter, r *http.Request) {
	content := adminContent{Orders: s.Orders.Latest(listed), Count: s.Orders.Count()}
	content.Sales = sales(content.Orders)
	s.render(w, r, http.StatusOK, "admin", view{Title: "Orders", Here: "admin", Content: content})
}

func sales(all []orders.Order) string {
	sums := map[string]int64{}
	for _, order := range all {
		sums[order.Currency] += order.Total
	}
	var words []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		words = append(words, catalogue.Currency(currency).Format(sums[currency]))
	}
	return strings.Join(words, " and ")
}
