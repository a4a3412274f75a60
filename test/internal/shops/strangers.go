package shops

import (
	"context"
	"net/http"
	"net/url"

	"github.com/store-platform/store-platform/pkg/query"
)

// Entrances are the paths at which a shop reads what people send.
type Entrances struct {
	// Forms are for everybody.
	Forms []string
	// Files takes its merchant's files; empty where the shop takes none.
	Files string
}

var entrances = map[string]Entrances{
	"sample":      {Forms: []string{"/checkout", "/api/orders"}},
	"medusa":      {Forms: []string{"/", "/store/carts", "/auth/user/emailpass"}, Files: "/admin/uploads"},
	"woocommerce": {Forms: []string{"/", "/wp-login.php"}, Files: "/wp-admin/async-upload.php"},
}

// EntrancesOf are those of an engine's shop.
func EntrancesOf(engine string) Entrances { return entrances[engine] }

// staffed is a shop that knows its merchant by more than a password with each request.
type staffed interface {
	merchant(ctx context.Context, at At, with query.Credential) (*visitor, error)
}

// SignIn answers what a merchant's requests carry. ErrRefused when the credential opens nothing.
func (at At) SignIn(ctx context.Context, with query.Credential) (http.Header, error) {
	shop, is := all[at.Engine].(staffed)
	if !is {
		return http.Header{}, nil
	}
	v, err := shop.merchant(ctx, at, with)
	if err != nil {
		return nil, err
	}
	home, err := url.Parse(at.URL)
	if err != nil {
		return nil, err
	}
	request := http.Request{Header: v.header.Clone()}
	for _, cookie := range v.client.Jar.Cookies(home) {
		request.AddCookie(cookie)
	}
	return request.Header, nil
}
