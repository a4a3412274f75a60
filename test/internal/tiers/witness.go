package tiers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/store-platform/store-platform/test/internal/platform"
)

// listPatience is how long a warm platform may take to have everything up that a list needs.
const listPatience = 3 * time.Minute

// askForFirstStore asks for a store as soon as the API answers, while Kubernetes is still being built or started, and
// records what the platform said of it. test/cluster holds that record, and what became of the store, to the promise.
func (c *cluster) askForFirstStore(ctx context.Context, r *runner) error {
	api, err := c.api(ctx, r)
	if err != nil {
		return err
	}
	location, err := createFirst(ctx, api)
	if err != nil {
		return err
	}
	record, err := fetch(ctx, http.MethodGet, api+location, nil, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.state(r), platform.FirstStoreFile), record, 0o600); err != nil {
		return fmt.Errorf("record the first store: %w", err)
	}
	return nil
}

// awaitList waits until stores can be listed, for which broker, events and Postgres must all be there.
func (c *cluster) awaitList(ctx context.Context, r *runner) error {
	api, err := c.api(ctx, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := fetch(ctx, http.MethodGet, api+"/stores", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("list the stores: %w\n%s", err, r.tailOfLog())
		case <-tick.C:
		}
	}
}

// api is where the platform serves, as soon as that is known.
func (c *cluster) api(ctx context.Context, r *runner) (string, error) {
	endpoints, err := c.endpoints(ctx, r)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(endpoints)
	if err != nil {
		return "", fmt.Errorf("read the endpoints: %w", err)
	}
	var p platform.Platform
	if err := json.Unmarshal(data, &p); err != nil {
		return "", fmt.Errorf("decode the endpoints: %w", err)
	}
	return p.API, nil
}

// createFirst repeats the create until it is accepted: the address is known a moment before somebody listens there.
// The key makes that safe.
func createFirst(ctx context.Context, api string) (location string, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"the-first-store"}}
	for {
		created := http.Header{}
		_, err := fetch(ctx, http.MethodPost, api+"/stores", []byte(`{"name":"The first","engine":"sample"}`), header, created)
		if err == nil {
			return created.Get("Location"), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("ask for the first store: %w", err)
		case <-tick.C:
		}
	}
}

func fetch(ctx context.Context, method, url string, body []byte, header http.Header, answered ...http.Header) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, data)
	}
	for _, h := range answered {
		for key, values := range response.Header {
			h[key] = values
		}
	}
	return data, err
}
