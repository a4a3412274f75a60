package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// Problem is an answer of the gateway that isn't what was asked for.
type Problem struct {
	// Code is the gateway's word for it, empty where it says none.
	Code string
	said string
}

func (p *Problem) Error() string { return p.said }

// credentialsUnavailable is the code while no provisioner is there to read passwords.
const credentialsUnavailable = "credentials_unavailable"

// Call asks the gateway and decodes its answer into out, when that isn't nil and the status is below 300. Any other
// status is a *Problem.
func (p *Platform) Call(ctx context.Context, method, path string, in, out any, headers ...string) (int, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.API+path, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= 300 {
		problem := &Problem{said: fmt.Sprintf("%s %s: %s: %s", method, path, response.Status, data)}
		var named struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(data, &named) == nil {
			problem.Code = named.Code
		}
		return response.StatusCode, problem
	}
	if out == nil {
		return response.StatusCode, nil
	}
	return response.StatusCode, json.Unmarshal(data, out)
}

// Create asks for a store of the smallest engine and returns it as accepted.
func (p *Platform) Create(tb testing.TB, name string, headers ...string) query.Store {
	tb.Helper()
	return p.CreateOf(tb, "sample", name, headers...)
}

// CreateOf asks for a store of an engine and returns it as accepted.
func (p *Platform) CreateOf(tb testing.TB, engine, name string, headers ...string) query.Store {
	tb.Helper()
	var s query.Store
	status, err := p.Call(tb.Context(), http.MethodPost, "/stores", map[string]any{"name": name, "engine": engine}, &s, headers...)
	if err != nil || status != http.StatusAccepted {
		tb.Fatalf("create %s: %d %v", name, status, err)
	}
	return s
}

// Delete asks for a store to be gone.
func (p *Platform) Delete(tb testing.TB, id store.ID) {
	tb.Helper()
	if status, err := p.Call(tb.Context(), http.MethodDelete, "/stores/"+string(id), nil, nil); err != nil || status != http.StatusAccepted {
		tb.Fatalf("delete %s: %d %v", id, status, err)
	}
}

// Get reads one store.
func (p *Platform) Get(tb testing.TB, id store.ID) query.Store {
	tb.Helper()
	var s query.Store
	if _, err := p.Call(tb.Context(), http.MethodGet, "/stores/"+string(id), nil, &s); err != nil {
		tb.Fatal(err)
	}
	return s
}

// History reads all that happened to a store.
func (p *Platform) History(ctx context.Context, id store.ID) ([]query.Event, error) {
	var page struct {
		Events []query.Event `json:"events"`
	}
	_, err := p.Call(ctx, http.MethodGet, "/stores/"+string(id)+"/events?limit=200", nil, &page)
	return page.Events, err
}

// Credentials reads the generated passwords that the store's owner is shown. While no provisioner can read them it asks
// again: the only one may have been killed by a test, and an owner would try again too.
func (p *Platform) Credentials(tb testing.TB, id store.ID) []query.Credential {
	tb.Helper()
	var reply query.CredentialsReply
	waittest.Eventually(tb, func() error {
		_, err := p.Call(tb.Context(), http.MethodGet, "/stores/"+string(id)+"/credentials", nil, &reply)
		var problem *Problem
		if err != nil && !(errors.As(err, &problem) && problem.Code == credentialsUnavailable) {
			tb.Fatal(err)
		}
		return err
	})
	if len(reply.Credentials) == 0 || reply.Credentials[0].Password == "" {
		tb.Fatalf("store %s has no credentials: %+v", id, reply)
	}
	return reply.Credentials
}
