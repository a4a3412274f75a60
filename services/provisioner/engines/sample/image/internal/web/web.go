// Package web is the shop as people and programs see it: pages, forms, the order list and the JSON API.
//
// Pages work without a line of script, so the content policy forbids scripts. Forms are protected
// against other sites by what browsers say about where a request comes from (http.CrossOriginProtection),
// so they carry no tokens. All routes stand in New.
package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/cart"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/sign"
)

// maxBody of a request in bytes: a checkout with every field full is a tenth of it.
const maxBody = 64 << 10

// Shop is what the pages are about.
type Shop struct {
	// Sign is asked for every page.
	Sign          func() sign.Sign
	Catalogue     *catalogue.Catalogue
	Orders        *orders.Book
	Carts         *cart.Jar
	AdminPassword string
	Log           *slog.Logger
}

type server struct {
	Shop
	pages   pages
	checked checkup
}

// New builds the shop's handler.
func New(shop Shop) (http.Handler, error) {
	pages, err := parsePages(shop.Catalogue.Currency)
	if err != nil {
		return nil, err
	}
	s := &server{Shop: shop, pages: pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /products/{sku}", s.product)
	mux.HandleFunc("GET /cart", s.cart)
	mux.HandleFunc("POST /cart/add", s.cartAdd)
	mux.HandleFunc("POST /cart/set", s.cartSet)
	mux.HandleFunc("GET /checkout", s.checkout)
	mux.HandleFunc("POST /checkout", s.placeOrder)
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.Handle("GET /admin/orders", s.adminOnly(s.adminOrders))
	mux.HandleFunc("GET /api/products", s.apiProducts)
	mux.HandleFunc("POST /api/orders", s.apiPlaceOrder)
	mux.Handle("GET /api/orders", s.adminOnly(s.apiOrders))
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /livez", s.live)
	mux.HandleFunc("GET /check", s.check)
	mux.HandleFunc("GET /static/{version}/{file}", s.static)
	mux.HandleFunc("GET /", s.notFound)

	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(s.foreign))
	return s.log(secure(crossOrigin.Handler(limited(mux)))), nil
}

// secure sets what holds for every answer. Referrer-Policy stays at same-origin: with no-referrer
// browsers send "Origin: null" with our own forms.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// quiet routes are asked all day by Kubernetes and the platform, or once a page.
var quiet = map[string]bool{
	"GET /healthz": true, "GET /livez": true, "GET /check": true, "GET /static/{version}/{file}": true,
}

// log writes a line per request with the route's pattern and not the path: an order's id opens it.
func (s *server) log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		// A fault that was in the log before isn't there again.
		if quiet[r.Pattern] && (recorder.status < 500 || recorder.fault == nil) {
			return
		}
		level := slog.LevelInfo
		if recorder.status >= 500 {
			level = slog.LevelError
		}
		attributes := []slog.Attr{
			slog.String("route", r.Pattern), slog.Int("status", recorder.status),
			slog.Duration("took", time.Since(start)),
		}
		if recorder.fault != nil {
			attributes = append(attributes, slog.Any("error", recorder.fault))
		}
		s.Log.LogAttrs(r.Context(), level, "request", attributes...)
	})
}

// recorder remembers what an answer was for its log line.
type recorder struct {
	http.ResponseWriter
	status int
	fault  error
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// blame keeps an error for the log line of the request that it ended.
func blame(w http.ResponseWriter, err error) {
	if r, ok := w.(*recorder); ok {
		r.fault = err
	}
}
