package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/api"
)

// client asks one gateway.
type client struct{ base, token string }

// ask sends a request whose body is nil or becomes JSON, and decodes the answer into told; nil is for none. header are names and values by turns.
func (c *client) ask(ctx context.Context, method, path string, body, told any, header ...string) (*http.Response, error) {
	response, err := c.send(ctx, method, path, body, header...)
	if err != nil {
		return response, err
	}
	data, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return response, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if err := strictly(data, told); err != nil {
		return response, fmt.Errorf("%s %s is answered %s: %w", method, path, data, err)
	}
	return response, nil
}

// send is ask of an answer whose body is the caller's to read and to close. A refusal is an *api.Problem, and has none.
func (c *client) send(ctx context.Context, method, path string, body any, header ...string) (*http.Response, error) {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the body: %w", err)
		}
		sent = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return nil, err
	}
	request.Header = c.header()
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	data, err := io.ReadAll(response.Body)
	refused := &api.Problem{}
	if err = errors.Join(err, response.Body.Close()); err == nil {
		err = strictly(data, refused)
	}
	if err != nil {
		return response, fmt.Errorf("%s %s is answered %s: %w", method, path, response.Status, err)
	}
	return response, refused
}

func (c *client) header() http.Header {
	header := http.Header{}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	return header
}

// strictly refuses what the type doesn't know. A client that is to outlive the gateway's next release takes it.
func strictly(data []byte, told any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(told)
}

// live is a connection to the feed.
type live struct{ conn *websocket.Conn }

// listen connects to the feed behind the list of stores: what happens from now on is told.
func (c *client) listen(ctx context.Context) (*live, error) {
	var page api.StoreList
	if _, err := c.ask(ctx, http.MethodGet, "/stores?limit=1", nil, &page); err != nil {
		return nil, fmt.Errorf("list the stores: %w", err)
	}
	address := strings.Replace(c.base, "http", "ws", 1) + "/feed?since=" + url.QueryEscape(page.Feed)
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, address, c.header())
	if err != nil {
		return nil, fmt.Errorf("connect to the feed: %w", err)
	}
	return &live{conn}, nil
}

func (l *live) close() { _ = l.conn.Close() }

// until reads until the store is as it is wanted; ctx ends it.
func (l *live) until(ctx context.Context, id string, so func(api.Store) bool) (api.Store, error) {
	defer context.AfterFunc(ctx, l.close)()
	for {
		_, data, err := l.conn.ReadMessage()
		if err != nil {
			return api.Store{}, fmt.Errorf("read the feed: %w", err)
		}
		var told api.Message
		if err := strictly(data, &told); err != nil {
			return api.Store{}, fmt.Errorf("the feed says %s: %w", data, err)
		}
		if told.Type == api.Reset {
			return api.Store{}, fmt.Errorf("the feed can't be continued: %s", told.Reason)
		}
		if told.Store != nil && told.Store.ID == id && so(*told.Store) {
			return *told.Store, nil
		}
	}
}
