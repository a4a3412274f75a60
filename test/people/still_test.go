package people_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"

	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/test/internal/shops"
)

// staysStill is somebody who aims at a button of the form before it is known where else they may sign in: what comes late moves nothing that is
// there.
func (p *page) staysStill() {
	p.Helper()
	behind, answer := p.late("/auth/oidc")
	aims := shops.Steps(p.Cursor("#gate-name"), p.Lacks("#gate", "Example House"),
		p.Still("#gate-others button", answer, p.Says("#gate-providers", "Sign in with Example House")))
	opens := shops.Steps(p.Open("about:blank"), p.Open(behind+"/#invite=si_of-nobody"))
	if err := p.Do(opens, aims, p.Phone(opens, aims)); err != nil {
		p.Fatal(err)
	}
}

// late is the gateway behind a door at which what asks for a path waits until it is let through, which the act does for one.
func (in *installation) late(path string) (string, shops.Act) {
	in.Helper()
	gateway, err := url.Parse(in.api)
	if err != nil {
		in.Fatal(err)
	}
	let := make(chan struct{})
	// Not as a proxy that says so: the gateway trusts none here. The page is asked for at this door, and so is all that it asks for.
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(gateway)
		r.Out.Host = r.In.Host
	}}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			select {
			case <-let:
			case <-r.Context().Done():
				return
			}
		}
		through.ServeHTTP(w, r)
	}))
	in.Cleanup(door.Close)
	return door.URL, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		select {
		case let <- struct{}{}:
			return chromedp.Void{}, nil
		case <-ctx.Done():
			return chromedp.Void{}, ctx.Err()
		}
	}
}
