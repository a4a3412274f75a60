package web

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/cart"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/sign"
)

const password = "correct-horse-battery"

type testShop struct {
	t      *testing.T
	server *httptest.Server
	url    string
	folder string
	book   *orders.Book
	client *http.Client
	log    *bytes.Buffer
	// sign is what the shop reads on its board.
	sign atomic.Pointer[sign.Sign]
}

func setup(t *testing.T) *testShop {
	t.Helper()
	folder := t.TempDir()
	book, err := orders.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	shop := &testShop{t: t, folder: folder, book: book, log: log}
	shop.sign.Store(&sign.Sign{Title: "Linden & Rye", Tagline: "Good <things>"})
	handler, err := New(Shop{
		Sign:          func() sign.Sign { return *shop.sign.Load() },
		Catalogue:     catalogue.New(catalogue.Size, "GBP"),
		Orders:        book,
		Carts:         cart.NewJar(bytes.Repeat([]byte("k"), 32), false),
		AdminPassword: password,
		Log:           slog.New(slog.NewJSONHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		_ = book.Close()
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	shop.server, shop.url, shop.client = server, server.URL, &http.Client{Jar: jar}
	return shop
}

// do sends a request and returns the answer, after redirects, with its body.
func (s *testShop) do(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(content)
}

func (s *testShop) post(path string, form url.Values, header ...string) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.MethodPost, path, form.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (s *testShop) fill() {
	s.t.Helper()
	if response, _ := s.post("/cart/add", url.Values{"sku": {"kite"}, "quantity": {"2"}}); response.StatusCode != http.StatusOK {
		s.t.Fatalf("fill cart: %s", response.Status)
	}
}

func address() url.Values {
	return url.Values{
		"name": {"Ada Lovelace"}, "email": {"ada@example.org"}, "street": {"12 St James's Square"},
		"postalCode": {"SW1Y 4JH"}, "city": {"London"}, "country": {"United Kingdom"}, "note": {"Ring\r\ntwice "},
	}
}

func TestEveryPageIsWhole(t *testing.T) {
	s := setup(t)
	s.fill()
	paths := []string{"/", "/cart", "/cart?added=kite", "/checkout"}
	for _, product := range catalogue.New(catalogue.Size, "GBP").Products() {
		paths = append(paths, "/products/"+product.SKU)
	}
	for _, path := range paths {
		response, body := s.do(http.MethodGet, path, "")
		if response.StatusCode != http.StatusOK || !strings.HasSuffix(body, "</html>\n") {
			t.Errorf("%s: %s", path, response.Status)
		}
		if !strings.Contains(body, "Linden &amp; Rye") || strings.Contains(body, "<things>") {
			t.Errorf("%s: title or tagline aren't escaped", path)
		}
		// The content policy would drop them.
		if regexp.MustCompile(`<script|<style|\sstyle=|\son[a-z]+=`).MatchString(body) {
			t.Errorf("%s: has inline script or style", path)
		}
	}
	_, home := s.do(http.MethodGet, "/", "")
	for _, asset := range regexp.MustCompile(`/static/[^"]+`).FindAllString(home, -1) {
		response, _ := s.do(http.MethodGet, asset, "")
		if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s", asset, response.Status)
		}
	}
	for _, path := range []string{"/nowhere", "/products/nothing", "/orders/guess"} {
		if response, _ := s.do(http.MethodGet, path, ""); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

func TestTheSignChangesUnderAnOpenShop(t *testing.T) {
	s := setup(t)
	s.sign.Store(&sign.Sign{Title: "Amber Harbour", Tagline: "Something else"})
	_, home := s.do(http.MethodGet, "/", "")
	if !strings.Contains(home, "<title>Amber Harbour</title>") || !strings.Contains(home, "<h1>Something else</h1>") || strings.Contains(home, "Linden") {
		t.Errorf("the shop still shows another sign:\n%s", home)
	}
}

// What was ordered in another currency isn't owed in the new one.
func TestAnOrderKeepsItsCurrency(t *testing.T) {
	s := setup(t)
	s.fill()
	response, _ := s.post("/checkout", address())
	before := response.Request.URL.Path
	handler, err := New(Shop{
		Sign: func() sign.Sign { return *s.sign.Load() }, Catalogue: catalogue.New(catalogue.Size, "USD"), Orders: s.book,
		Carts: cart.NewJar(bytes.Repeat([]byte("k"), 32), false), AdminPassword: password,
		Log: slog.New(slog.NewJSONHandler(s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	later := httptest.NewServer(handler)
	defer later.Close()
	s.url = later.URL
	if _, page := s.do(http.MethodGet, before, ""); !strings.Contains(page, "£46.90") || strings.Contains(page, "$46.90") {
		t.Error("an order of before is shown in the new currency")
	}
	s.fill()
	s.post("/checkout", address())
	request, err := http.NewRequest(http.MethodGet, s.url+"/admin/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("admin", password)
	answer, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	list, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(list), "£46.90 and $46.90 in the 2 shown") {
		t.Errorf("the sums of the list are others:\n%s", list)
	}
}

func TestBuying(t *testing.T) {
	s := setup(t)
	s.fill()
	s.post("/cart/add", url.Values{"sku": {"garden-tea"}, "quantity": {"1"}})
	_, body := s.post("/cart/set", url.Values{"sku": {"kite"}, "quantity": {"1"}})
	// 21.00 + 9.50, and delivery because that is less than 50.00.
	for _, want := range []string{"£30.50", "£4.90", "£35.40", "£19.50 more"} {
		if !strings.Contains(body, want) {
			t.Errorf("the cart lacks %s", want)
		}
	}
	response, body := s.post("/checkout", address())
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Request.URL.Path, "/orders/") {
		t.Fatalf("checkout: %s at %s", response.Status, response.Request.URL)
	}
	if !strings.Contains(body, "£35.40") || !strings.Contains(body, "12 St James&#39;s Square") {
		t.Error("the confirmation lacks total or address")
	}
	if s.book.Count() != 1 || s.book.Latest(1)[0].Note != "Ring\ntwice" {
		t.Errorf("kept: %+v", s.book.Latest(5))
	}
	if _, body := s.do(http.MethodGet, "/cart", ""); !strings.Contains(body, "nothing in it yet") {
		t.Error("the cart is still full")
	}
	// A request's line is written after its answer, so wait for the requests' end.
	s.server.Close()
	if strings.Contains(s.log.String(), "Ada") || strings.Contains(s.log.String(), s.book.Latest(1)[0].ID) {
		t.Error("the log holds personal data")
	}
}

func TestDoubleClickIsOneOrder(t *testing.T) {
	s := setup(t)
	s.fill()
	// The cookie that the browser has at both clicks.
	shop, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	cookies := s.client.Jar.Cookies(shop)
	first, _ := s.post("/checkout", address())
	s.client.Jar.SetCookies(shop, cookies)
	second, _ := s.post("/checkout", address())
	if s.book.Count() != 1 || first.Request.URL.Path != second.Request.URL.Path {
		t.Errorf("%d orders, at %s and %s", s.book.Count(), first.Request.URL, second.Request.URL)
	}
}

func TestCheckoutNamesWhatIsWrong(t *testing.T) {
	s := setup(t)
	for field, values := range map[string][]string{
		"name":       {"", "   ", strings.Repeat("a", 101), "a\x00b", "a\nb", "\xff"},
		"email":      {"", "ada", "ada@example", "Ada <ada@example.org>", "ada@example.org, eve@example.org"},
		"phone":      {"call me"},
		"street":     {""},
		"postalCode": {"", strings.Repeat("1", 21)},
		"city":       {""},
		"country":    {""},
		"note":       {strings.Repeat("a", 501)},
	} {
		for _, value := range values {
			s.fill()
			form := address()
			form.Set(field, value)
			response, body := s.post("/checkout", form)
			if response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, `id="`+field+`-fault"`) {
				t.Errorf("%s %q: %s", field, value, response.Status)
			}
			if field != "country" && !strings.Contains(body, `value="United Kingdom"`) {
				t.Errorf("%s %q: the form forgot what was typed", field, value)
			}
		}
	}
	if s.book.Count() != 0 {
		t.Errorf("%d orders were placed", s.book.Count())
	}
}

func TestCartRefusesNonsense(t *testing.T) {
	s := setup(t)
	for _, form := range []url.Values{
		{"sku": {"nothing"}, "quantity": {"1"}}, {"sku": {"kite"}, "quantity": {"0"}},
		{"sku": {"kite"}, "quantity": {"-3"}}, {"sku": {"kite"}, "quantity": {"999"}}, {"sku": {"kite"}}, {},
	} {
		if response, _ := s.post("/cart/add", form); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %s", form, response.Status)
		}
	}
	if response, _ := s.post("/checkout", address()); response.Request.URL.Path != "/cart" || s.book.Count() != 0 {
		t.Errorf("checkout of nothing ended at %s", response.Request.URL)
	}
}

func TestOtherSitesCantOrder(t *testing.T) {
	s := setup(t)
	s.fill()
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}} {
		if response, _ := s.post("/checkout", address(), header...); response.StatusCode != http.StatusForbidden {
			t.Errorf("%v: %s", header, response.Status)
		}
	}
	if response, _ := s.post("/cart/add", url.Values{"sku": {"kite"}, "quantity": {"1"}}, "Origin", s.url); response.StatusCode != http.StatusOK {
		t.Errorf("our own form: %s", response.Status)
	}
	if s.book.Count() != 0 {
		t.Errorf("%d orders were placed", s.book.Count())
	}
}

func TestOrderListNeedsThePassword(t *testing.T) {
	s := setup(t)
	s.fill()
	s.post("/checkout", address())
	for _, path := range []string{"/admin/orders", "/api/orders"} {
		for _, who := range []*url.Userinfo{nil, url.UserPassword("admin", ""), url.UserPassword("admin", "wrong"),
			url.UserPassword("root", password), url.UserPassword("", password)} {
			request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.URL.User = who
			response, err := s.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %v: %s", path, who, response.Status)
			}
		}
		request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("admin", password)
		response, err := s.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("Ada Lovelace")) {
			t.Errorf("%s with the password: %s", path, response.Status)
		}
	}
}

func TestOrderThatIsntKeptIsntThankedFor(t *testing.T) {
	s := setup(t)
	s.fill()
	if err := s.book.Close(); err != nil {
		t.Fatal(err)
	}
	response, body := s.post("/checkout", address())
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "wasn&#39;t placed") {
		t.Errorf("checkout: %s", response.Status)
	}
	if _, body := s.do(http.MethodGet, "/cart", ""); !strings.Contains(body, "Pocket Kite") {
		t.Error("the cart was emptied")
	}
	if response, _ := s.do(http.MethodGet, "/livez", ""); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("livez: %s", response.Status)
	}
}
