package bench

import (
	"fmt"
	"path"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/people"
)

// asker is who sends requests to a gateway: whoever has an address in open mode, or a token. Its client is fasthttp's, because what a client
// costs is taken from the same processors.
type asker struct {
	b    *bench
	url  string
	http *fasthttp.Client
	// header says who it is, by its name and its value.
	header [2]string
	// store is one of the asker's, once there is one.
	store store.ID
}

// askers are one for each client, each with a tenant of its own.
func (b *bench) askers(url string, header func() [2]string) []*asker {
	b.Helper()
	client := &fasthttp.Client{MaxConnsPerHost: b.sizes.clients}
	all := make([]*asker, b.sizes.clients)
	for n := range all {
		all[n] = &asker{b: b, url: url, http: client, header: header()}
	}
	return all
}

// tokens are of tenants that a gateway has made for people who signed up there.
func (b *bench) tokens(url string) func() [2]string {
	var owner people.Person
	founded := 0
	return func() [2]string {
		b.Helper()
		var err error
		if founded%people.TenantsEach == 0 {
			owner, err = people.Join(b.ctx, url, fmt.Sprintf("owner-%d@example.com", founded))
			b.must("sign up", err)
		}
		founded++
		tenant, err := owner.Found(b.ctx)
		b.must("make a tenant", err)
		return bearing(tenant)
	}
}

func bearing(tenant people.Tenant) [2]string {
	return [2]string{fasthttp.HeaderAuthorization, "Bearer " + tenant.Token}
}

// send asks, and says with what status and where to it was answered; why says what else, of a refusal.
func (a *asker) send(method, path string, body []byte) (status int, location, why string, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(method)
	request.SetRequestURI(a.url + path)
	request.Header.Set(a.header[0], a.header[1])
	if body != nil {
		request.Header.SetContentType("application/json")
		request.SetBody(body)
	}
	if err := a.http.DoTimeout(request, response, startPatience); err != nil {
		return 0, "", "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	if status = response.StatusCode(); status >= fasthttp.StatusMultipleChoices {
		why = string(response.Body())
	}
	return status, string(response.Header.Peek(fasthttp.HeaderLocation)), why, nil
}

// get reads a page and nothing of it.
func (a *asker) get(path string) error {
	status, _, why, err := a.send(fasthttp.MethodGet, path, nil)
	if err == nil && status != fasthttp.StatusOK {
		err = fmt.Errorf("GET %s: %d %s", path, status, why)
	}
	return err
}

var createBody = []byte(`{"name":"Amber Harbour","engine":"sample"}`)

// create makes a store, which is the asker's from then on.
func (a *asker) create() error {
	status, location, why, err := a.send(fasthttp.MethodPost, "/stores", createBody)
	if err == nil && status != fasthttp.StatusAccepted {
		err = fmt.Errorf("post a store: %d %s", status, why)
	}
	a.store = store.ID(path.Base(location))
	return err
}

func (a *asker) read() error { return a.get("/stores/" + string(a.store)) }

// list reads a page of fifty.
func (a *asker) list() error { return a.get("/stores?limit=50") }

// allOf has all askers do the same, requests in all, and answers at what rate.
func (b *bench) allOf(askers []*asker, requests int, act func(*asker) error) float64 {
	b.Helper()
	var next atomic.Int64
	took := b.together(requests, func(count int) error {
		a := askers[next.Add(1)-1]
		for range count {
			if err := act(a); err != nil {
				return err
			}
		}
		return nil
	})
	return rate(requests, took)
}

// awaitCatalog creates until the gateway knows what is on offer.
func (a *asker) awaitCatalog() {
	a.b.Helper()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for deadline := time.Now().Add(startPatience); ; <-tick.C {
		err := a.create()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			a.b.Fatal(err)
		}
	}
}
