// Package people signs up at a gateway with AUTH=accounts, by its API as people do, for whoever asks as somebody: tests that run gateways as
// processes, and the bench.
package people

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

const (
	// AdminKey is the gateway's ADMIN_API_KEY.
	AdminKey = "the-key-of-a-test"
	// Password is everybody's.
	Password = "a long sentence"
)

// TenantsEach is how many tenants one account may found.
const TenantsEach = 50

// Person has an account with a proved address, and is signed in.
type Person struct {
	ID, Email string
	// Cookies are the session's and the device's.
	Cookies []*http.Cookie

	gateway string
}

// Tenant is one with a token that may read and command its stores.
type Tenant struct{ ID, Token string }

var operators = regexp.MustCompile(`#invite=([A-Z2-7]{26})\n`)

// OperatorsLink is the secret of the link that a gateway printed where nobody looks after the platform yet, or that store-gateway operator-link
// does; empty where nothing such was said.
func OperatorsLink(said string) string {
	if found := operators.FindStringSubmatch(said); found != nil {
		return found[1]
	}
	return ""
}

// Join makes an account at a gateway of SIGNUP=open. An operator reads out the link that proves its address.
func Join(ctx context.Context, gateway, email string) (Person, error) {
	p := Person{Email: email, gateway: gateway}
	var account struct{ ID string }
	answer, err := p.send(ctx, "/auth/signup", map[string]string{"email": email, "name": "Maria", "password": Password}, &account)
	if err != nil {
		return p, err
	}
	p.ID, p.Cookies = account.ID, answer.Cookies()
	var made struct{ Link string }
	if _, err := p.send(ctx, "/accounts/"+p.ID+"/links", map[string]string{"for": "verify"}, &made, "X-Api-Key", AdminKey); err != nil {
		return p, err
	}
	_, err = p.send(ctx, "/auth/verify", map[string]string{"link": made.Link}, nil)
	return p, err
}

// Found makes a tenant of the person's own.
func (p Person) Found(ctx context.Context) (t Tenant, err error) {
	if _, err := p.send(ctx, "/tenants", map[string]string{"name": "Amber Agency"}, &t); err != nil {
		return t, err
	}
	var token struct{ Token string }
	_, err = p.send(ctx, "/auth/tokens", map[string]any{"name": "deploy", "scopes": []string{"stores:read", "stores:write"}}, &token, "X-Tenant", t.ID)
	t.Token = token.Token
	return t, err
}

// send posts and reads the answer into out, unless that is nil.
func (p Person) send(ctx context.Context, path string, body, out any, header ...string) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.gateway+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", p.gateway)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range p.Cookies {
		request.AddCookie(cookie)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		var why struct{ Code, Detail string }
		_ = json.NewDecoder(answer.Body).Decode(&why)
		return nil, fmt.Errorf("POST %s: %s %s: %s", path, answer.Status, why.Code, why.Detail)
	}
	if out == nil {
		return answer, nil
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return nil, fmt.Errorf("read the answer of POST %s: %w", path, err)
	}
	return answer, nil
}
