package shops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// visitor is a customer or merchant with a memory for cookies, who doesn't follow redirects unless told to.
type visitor struct {
	at     At
	client *http.Client
	header http.Header
}

func (at At) visitor() *visitor {
	// New without options doesn't fail.
	jar, _ := cookiejar.New(nil)
	return &visitor{at: at, header: http.Header{}, client: &http.Client{
		Jar: jar, Transport: at.Door(), Timeout: waittest.Patience(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// statusError is an answer that isn't what was asked for.
type statusError struct {
	what   string
	status int
	body   []byte
}

func (e *statusError) Error() string { return fmt.Sprintf("%s: %d: %.300s", e.what, e.status, e.body) }

// statusOf is the status of a refused request, 0 for any other error.
func statusOf(err error) int {
	var e *statusError
	if errors.As(err, &e) {
		return e.status
	}
	return 0
}

// call sends JSON and decodes the answer into out, unless that is nil. Everything but 2xx is an error.
func (v *visitor) call(ctx context.Context, method, path string, in, out any) error {
	_, err := v.exchange(ctx, method, path, in, out)
	return err
}

func (v *visitor) exchange(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	response, answer, err := v.send(ctx, method, path, "application/json", body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, &statusError{method + " " + path, response.StatusCode, answer}
	}
	if out == nil {
		return response.Header, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w: %.300s", method, path, err, answer)
	}
	return response.Header, nil
}

// post sends a form.
func (v *visitor) post(ctx context.Context, path string, form url.Values) (*http.Response, []byte, error) {
	return v.send(ctx, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func (v *visitor) send(ctx context.Context, method, path, mediaType string, body []byte) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(v.at.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header = v.header.Clone()
	if len(body) > 0 {
		request.Header.Set("Content-Type", mediaType)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, answer, err
}

// Probe asks the shop as the platform does, once.
func (at At) Probe(ctx context.Context, probe engine.Probe) error {
	response, body, err := at.visitor().send(ctx, http.MethodGet, probe.Path, "", nil)
	if err != nil {
		return err
	}
	return probe.Check(response.StatusCode, body)
}

// Look asks for a page and answers its status and where it sends one, empty for nowhere.
func (at At) Look(ctx context.Context, path string) (status int, to string, body []byte, err error) {
	response, body, err := at.visitor().send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return 0, "", nil, err
	}
	return response.StatusCode, response.Header.Get("Location"), body, nil
}
