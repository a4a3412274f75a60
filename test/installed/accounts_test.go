package installed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/people"
)

// As the chart is by itself, nobody is let in but by an account: the first operator comes by the link that the notes tell how to print, and a script
// by a token, which makes a store that becomes Ready and is visited.
func TestTheChartLetsPeopleSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("an installation more: run by make test-long")
	}
	i := prepare(t, "accounts")
	values := i.values()
	delete(values, "auth")
	notes := i.Install(t, values)
	i.AwaitReady(t)
	_, command, found := strings.Cut(notes, "exec deployment/store-platform-gateway -- ")
	if !found {
		t.Fatalf("the notes don't say how somebody becomes an operator:\n%s", notes)
	}
	command, _, _ = strings.Cut(command, "\n")
	gateway := i.Pods(t, i.Namespace, component+"=gateway")[0].Metadata.Name
	said, err := i.Exec(t.Context(), i.Namespace, gateway, strings.Fields(command)...)
	link := people.OperatorsLink(said)
	if err != nil || link == "" {
		t.Fatalf("%s says %q, %v", command, said, err)
	}

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := &http.Client{Jar: jar}
	i.asks(t, person, "/auth/signup", object{"email": "maria@example.com", "name": "Maria", "password": "a long sentence", "invite": link})
	i.asks(t, person, "/tenants", object{"name": "Agency"})
	token, _ := i.asks(t, person, "/auth/tokens", object{"name": "CI", "scopes": []string{"stores:read", "stores:write"}})["token"].(string)

	bearer := []string{"Authorization", "Bearer " + token}
	var s query.Store
	if _, err := i.Call(t.Context(), http.MethodPost, "/stores", object{"name": "By a token", "engine": "sample"}, &s, bearer...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.removeNamespace(t, s.ID) })
	path := "/stores/" + string(s.ID)
	waittest.Eventually(t, func() error {
		if _, err := i.Call(t.Context(), http.MethodGet, path, nil, &s, bearer...); err != nil {
			return err
		}
		if s.Status != store.Ready {
			return errors.New(fmt.Sprint(s.Version, s.Status, s.Steps))
		}
		return nil
	})
	if status, page, err := i.Visit(t.Context(), s, http.MethodGet, "/", nil, "", ""); err != nil || status != http.StatusOK || !bytes.Contains(page, []byte(s.Name)) {
		t.Errorf("its page is answered %d %v %.200s", status, err, page)
	}
	if status, code := ask(t, i.Platform, path, ""); status != http.StatusUnauthorized {
		t.Errorf("without the token it is answered %d %s", status, code)
	}
}

// asks sends what a page of the gateway's sends for somebody, and answers what is made by it.
func (i *installation) asks(t *testing.T, person *http.Client, path string, body object) (made map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.API+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", i.API)
	resp, err := person.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusCreated {
		err = json.Unmarshal(answer, &made)
	}
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s is answered %d %s, %v", path, resp.StatusCode, answer, err)
	}
	return made
}
