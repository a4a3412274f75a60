package release

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// Answers are what a release's API said of its state.
type Answers struct {
	// Creates are the requests that made the stores, in their order.
	Creates []Create `json:"creates"`
	// Lists, Stores and Histories are the bodies of GET /stores (by tenant's address), /stores/{id} and
	// /stores/{id}/events (by id).
	Lists     map[string]any   `json:"lists"`
	Stores    map[store.ID]any `json:"stores"`
	Histories map[store.ID]any `json:"histories"`
	// DeadLetters are the bodies of GET /dead-letters by tenant's address, nil of a release that recorded none.
	DeadLetters map[string]any `json:"deadLetters,omitempty"`
	// Engines is the body of GET /engines.
	Engines any `json:"engines"`
	// SweepsPaused is the reason that the log has for it.
	SweepsPaused string `json:"sweepsPaused,omitempty"`
	// Beginning is the cursor of the log before its first message, Feed what the feed told behind it to an operator.
	Beginning string `json:"beginning"`
	Feed      []any  `json:"feed"`
}

// Create is a request for a store and what came of it.
type Create struct {
	Address string          `json:"address"`
	Key     string          `json:"key"`
	Body    json.RawMessage `json:"body"`
	Store   store.ID        `json:"store"`
}

// Admin is the address of whoever has the admin key.
const Admin = ""

// Call asks the gateway on behalf of the tenant with this address and decodes the answer, a problem too.
func (in *Installation) Call(ctx context.Context, address, method, path string, body []byte, key string) (int, any, error) {
	request, err := http.NewRequestWithContext(ctx, method, in.API+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header = as(address)
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	data, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return 0, nil, err
	}
	var answer any
	if response.StatusCode == http.StatusNoContent {
		return response.StatusCode, answer, nil
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, nil, fmt.Errorf("%s %s: %s: %w", method, path, response.Status, err)
	}
	return response.StatusCode, answer, nil
}

func as(address string) http.Header {
	header := http.Header{}
	if address == Admin {
		header.Set("X-Api-Key", AdminKey)
	} else {
		header.Set("X-Forwarded-For", address)
	}
	return header
}

// Ask asks everything again that was recorded. The read model may still be catching up.
func (in *Installation) Ask(ctx context.Context, recorded Answers) (Answers, error) {
	now := Answers{
		Creates: recorded.Creates, Lists: map[string]any{}, Stores: map[store.ID]any{}, Histories: map[store.ID]any{},
		Beginning: recorded.Beginning,
	}
	var err error
	get := func(address, path string) any {
		status, answer, failed := in.Call(ctx, address, http.MethodGet, path, nil, "")
		if failed == nil && status != http.StatusOK {
			failed = fmt.Errorf("GET %s: %d %v", path, status, answer)
		}
		err = errors.Join(err, failed)
		return answer
	}
	for _, c := range recorded.Creates {
		now.Stores[c.Store] = get(c.Address, "/stores/"+string(c.Store))
		history, failed := in.History(ctx, c.Address, c.Store)
		now.Histories[c.Store], err = history, errors.Join(err, failed)
	}
	// Behind the histories: with these the read model has caught up, a list of a new gateway doesn't know with what.
	addresses := map[string]bool{Admin: true}
	for _, c := range recorded.Creates {
		addresses[c.Address] = true
	}
	if recorded.DeadLetters != nil {
		now.DeadLetters = map[string]any{}
	}
	for address := range addresses {
		now.Lists[address] = get(address, "/stores?deleted=true&limit=200")
		if now.DeadLetters != nil {
			now.DeadLetters[address] = get(address, "/dead-letters?limit=200")
		}
	}
	now.Engines = get(Admin, "/engines")
	if err != nil {
		return now, err
	}
	if now.SweepsPaused, err = in.sweepsPaused(ctx); err != nil {
		return now, err
	}
	now.Feed, err = in.Feed(ctx, recorded.Beginning, messagesOf(now.Histories))
	return now, err
}

func (in *Installation) sweepsPaused(ctx context.Context) (string, error) {
	log, closeLog, err := in.OpenLog(ctx)
	if err != nil {
		return "", err
	}
	defer closeLog()
	return log.SweepsPaused(ctx)
}

// History is the body of a store's /events, as soon as the read model is where the store was when it was asked for: events
// answers from behind rather than late.
func (in *Installation) History(ctx context.Context, address string, id store.ID) (history any, err error) {
	path := "/stores/" + string(id)
	get := func(path string) (map[string]any, error) {
		status, answer, err := in.Call(ctx, address, http.MethodGet, path, nil, "")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("GET %s: %d %v", path, status, answer)
		}
		body, _ := answer.(map[string]any)
		return body, err
	}
	s, err := get(path)
	if err != nil {
		return nil, err
	}
	version, _ := s["version"].(float64)
	err = waittest.Until(ctx, func() error {
		page, err := get(path + "/events?limit=200")
		if err != nil {
			return err
		}
		history = page
		events, _ := page["events"].([]any)
		if told := lastSeq(events); told < version {
			return fmt.Errorf("the history of %s ends at %.0f, the store is at %.0f", id, told, version)
		}
		return nil
	})
	return history, err
}

// lastSeq is the sequence of the newest of a history's events, 0 for none.
func lastSeq(events []any) float64 {
	if len(events) == 0 {
		return 0
	}
	last, _ := events[len(events)-1].(map[string]any)
	seq, _ := last["seq"].(float64)
	return seq
}

// messagesOf counts the messages of all histories, which is how many the feed has for an operator.
func messagesOf(histories map[store.ID]any) int {
	count := 0
	for _, h := range histories {
		page, _ := h.(map[string]any)
		events, _ := page["events"].([]any)
		count += len(events)
	}
	return count
}

// Feed reads count events behind a cursor, as an operator.
func (in *Installation) Feed(ctx context.Context, since string, count int) ([]any, error) {
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(in.API, "http", "ws", 1)+"/feed?since="+since, as(Admin))
	if err != nil {
		return nil, fmt.Errorf("connect to the feed: %w", err)
	}
	defer conn.Close()
	if err := errors.Join(response.Body.Close(), conn.SetReadDeadline(time.Now().Add(parts.StartPatience))); err != nil {
		return nil, err
	}
	var told []any
	for len(told) < count {
		var message map[string]any
		if err := conn.ReadJSON(&message); err != nil {
			return told, fmt.Errorf("read the feed behind %d events: %w", len(told), err)
		}
		switch message["type"] {
		case "event":
			told = append(told, message)
		case "reset":
			return told, fmt.Errorf("the feed can't continue from %s: %v", since, message["reason"])
		}
	}
	return told, nil
}
