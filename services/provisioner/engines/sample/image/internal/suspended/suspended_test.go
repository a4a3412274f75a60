package suspended

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEverythingIsAnsweredWithThePage(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	for _, asked := range []string{
		"GET /", "GET /healthz", "GET /livez", "GET /cart?added=kite", "GET /static/x/shop.css", "POST /checkout", "POST /api/orders",
		"DELETE /anything", "GET /admin/orders", "GET //a/../b", "HEAD /",
	} {
		method, path, _ := strings.Cut(asked, " ")
		request, err := http.NewRequest(method, server.URL+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "3600" ||
			response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v", asked, response.Status, response.Header)
		}
		if method != http.MethodHead && string(body) != string(page) {
			t.Errorf("%s: another page", asked)
		}
	}
}

func TestThePageHasNoScriptAndNeedsNothingElse(t *testing.T) {
	for _, none := range []string{"<script", "javascript:", "src=", "href=", "url(", "@import", "://"} {
		if strings.Contains(string(page), none) {
			t.Errorf("the page has %s", none)
		}
	}
}

func TestServeUntilToldToEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, slog.New(slog.DiscardHandler)) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	end()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}
