package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/sign"
)

//go:embed templates static
var files embed.FS

// pages are the templates by name; each holds the layout and one page.
type pages struct {
	templates map[string]*template.Template
	// version changes with the style sheet, so that browsers may keep it for ever.
	version string
}

func parsePages(currency catalogue.Currency) (pages, error) {
	style, err := files.ReadFile("static/shop.css")
	if err != nil {
		return pages{}, err
	}
	digest := sha256.Sum256(style)
	p := pages{templates: map[string]*template.Template{}, version: hex.EncodeToString(digest[:6])}
	functions := template.FuncMap{
		"money": currency.Format,
		// What was ordered before the shop's currency changed was ordered in the one before.
		"paid": func(order orders.Order, amount int64) string {
			return catalogue.Currency(order.Currency).Format(amount)
		},
		"date": func(t time.Time) string { return t.Format("2 January 2006, 15:04 UTC") },
	}
	for _, name := range []string{"home", "product", "cart", "checkout", "order", "admin", "message"} {
		p.templates[name], err = template.New("layout.html").Funcs(functions).
			ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html")
		if err != nil {
			return pages{}, err
		}
	}
	return p, nil
}

// view is what the layout needs around a page's own Content.
type view struct {
	Shop    Shop
	Sign    sign.Sign
	Title   string
	Version string
	Pieces  int
	// Here is the menu entry that the page belongs to.
	Here    string
	Content any
}

// render answers with a page. It renders to memory first, so that a fault isn't half a page with 200.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Shop, v.Sign, v.Version = s.Shop, s.Sign(), s.pages.version
	if v.Here != "admin" {
		cart := s.Carts.Read(r)
		v.Pieces = cart.Pieces()
	}
	var page bytes.Buffer
	if err := s.pages.templates[name].Execute(&page, v); err != nil {
		blame(w, fmt.Errorf("render %s: %w", name, err))
		http.Error(w, "This page is broken.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The visitor may be gone; there is nobody left to tell.
	_, _ = page.WriteTo(w)
}

// message is the content of a page that only says something.
type message struct {
	Heading string
	Text    string
}

func (s *server) say(w http.ResponseWriter, r *http.Request, status int, heading, text string) {
	s.render(w, r, status, "message", view{Title: heading, Content: message{Heading: heading, Text: text}})
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.say(w, r, http.StatusNotFound, "Nothing here", "This page doesn't exist, or doesn't any more.")
}

func (s *server) foreign(w http.ResponseWriter, r *http.Request) {
	s.say(w, r, http.StatusForbidden, "Not from here", "This form was sent by another site, so nothing was done.")
}

func (s *server) static(w http.ResponseWriter, r *http.Request) {
	content, err := files.ReadFile("static/" + r.PathValue("file"))
	if err != nil || r.PathValue("version") != s.pages.version {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, r.PathValue("file"), time.Time{}, bytes.NewReader(content))
}

// homeContent shows the first product large and all of them below.
type homeContent struct {
	Window   []catalogue.Product
	Products []catalogue.Product
}

func (s *server) home(w http.ResponseWriter, r *http.Request) {
	products := s.Catalogue.Products()
	s.render(w, r, http.StatusOK, "home", view{Here: "home", Content: homeContent{
		Window: products[:min(3, len(products))], Products: products,
	}})
}

type productContent struct {
	Product catalogue.Product
	Others  []catalogue.Product
	// Quantities are what the form offers.
	Quantities []int
}

func (s *server) product(w http.ResponseWriter, r *http.Request) {
	product, ok := s.Catalogue.Find(r.PathValue("sku"))
	if !ok {
		s.notFound(w, r)
		return
	}
	s.render(w, r, http.StatusOK, "product", view{Title: product.Name, Content: productContent{
		Product: product, Others: s.Catalogue.Others(product.SKU, 4), Quantities: []int{1, 2, 3, 4, 5, 6},
	}})
}
