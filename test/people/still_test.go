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

// staysStill is somebody who aims at a button of the form before it is known where else they may sign in: what comes late moves nothing that
// is there.
func (p *page) staysStill() {
	p.Helper()
	providers, answer := late()
	behind := p.door(map[string]doorman{"/auth/oidc": providers})
	aims := shops.Steps(p.Cursor("#gate-name"), p.Lacks("#gate", "Example House"),
		p.Still("#gate-others button", answer, p.Says("#gate-providers", "Sign in with Example House")))
	opens := shops.Steps(p.Open("about:blank"), p.Open(behind+"/#invite=si_of-nobody"))
	if err := p.Do(opens, aims, p.Phone(opens, aims)); err != nil {
		p.Fatal(err)
	}
}

// doorman does something about a request before it is let through, or answers it himself.
type doorman func(w http.ResponseWriter, r *http.Request, through http.Handler)

// door is before the gateway, with doormen by path. The page is asked for there, and so is all that it asks for.
func (in *installation) door(men map[string]doorman) string {
	in.Helper()
	gateway, err := url.Parse(in.api)
	if err != nil {
		in.Fatal(err)
	}
	// It doesn't say that it is a proxy: the gateway trusts none here.
	through := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(gateway)
		r.Out.Host = r.In.Host
	}}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if man, there := men[r.URL.Path]; there {
			man(w, r, through)
			return
		}
		through.ServeHTTP(w, r)
	}))
	in.Cleanup(func() {
		door.CloseClientConnections()
		door.Close()
	})
	return door.URL
}

// late lets nobody through but one for each time that the act is done.
func late() (doorman, shops.Act) {
	let := make(chan struct{})
	man := func(w http.ResponseWriter, r *http.Request, through http.Handler) {
		select {
		case <-let:
			through.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
	return man, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		select {
		case let <- struct{}{}:
			return chromedp.Void{}, nil
		case <-ctx.Done():
			return chromedp.Void{}, ctx.Err()
		}
	}
}
