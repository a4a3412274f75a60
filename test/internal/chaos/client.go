package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

const (
	// requestTimeout is when a client gives up on an answer, and asks again elsewhere.
	requestTimeout = 10 * time.Second
	// stores is how many a client wants at once.
	stores = 8
	// squatted is one in how many creates meets a foreign namespace.
	squatted = 12
	// again is how long it leaves a gateway alone that couldn't answer.
	again = 400 * time.Millisecond
	// Of a hundred draws so many are for a look, from toLook on for a wish, and the last for a deletion.
	toLook, shortOfDelete = 65, 85
)

// client is a tenant's program: it asks for stores, looks at them, and wants of them what can be wanted, at any gateway, and
// writes down every answer.
type client struct {
	lab     *Lab
	name    string
	tenant  string
	address string
	random  *rand.Rand
	records *record.Writer
	http    *http.Client
	// gateways are those that it asks by turns.
	gateways []string

	// asked counts its requests, of which two may be under way.
	asked   atomic.Int64
	created int
	stores  []owned
	// enough is how many it wants at once.
	enough int
}

// owned is a store that the client knows of.
type owned struct {
	id       store.ID
	status   store.Status
	squatted bool
}

// newClient makes the turn's n-th. Two clients share a tenant.
func (t *turn) newClient(n int) (*client, error) { return t.clientOf("client", n) }

func (t *turn) clientOf(kind string, n int) (*client, error) {
	name := t.clientName(kind, n)
	records, err := record.Create(filepath.Join(t.Folder, strings.Replace(record.RequestsGlob, "*", name, 1)))
	if err != nil {
		return nil, err
	}
	enough := stores
	if t.before != nil {
		enough = mixStores
	}
	return &client{
		enough: enough, lab: t.Lab, name: name, address: t.address(n / 2), tenant: t.tenant(n), records: records,
		random: rand.New(rand.NewPCG(t.seed, uint64(n)+1)), gateways: t.gateways,
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}, nil
}

// run works until ctx ends, and finishes what it is at: an answer that is still to come is waited for.
func (c *client) run(ctx context.Context) {
	defer c.http.CloseIdleConnections()
	for ctx.Err() == nil {
		c.step(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(50*time.Millisecond + time.Duration(c.random.IntN(600))*time.Millisecond):
		}
	}
}

// step does one thing. What is drawn doesn't depend on answers, so that a seed draws the same whatever happens.
func (c *client) step(ctx context.Context) {
	wish, which, twice, foreign := c.random.IntN(100), c.random.Uint64(), c.random.IntN(5) == 0, c.random.IntN(squatted) == 0
	change := changeWish(c.random.Uint64(), c.name)
	if len(c.stores) == 0 || wish < 35 && len(c.stores) < c.enough {
		c.create(ctx, twice, foreign)
		return
	}
	at := int(which % uint64(len(c.stores)))
	s := &c.stores[at]
	if wish < toLook {
		c.look(ctx, s)
	}
	switch {
	case s.status == store.Deleted:
		c.stores = slices.Delete(c.stores, at, at+1)
	case s.status == store.Failed && wish < shortOfDelete:
		c.unsquat(ctx, s)
		c.command(ctx, s, string(store.Retry), nil, twice)
	case wish >= toLook:
		verb, schema := drawnWish(wish - toLook)
		if c.lab.before != nil && schema > store.FirstSchema {
			return // a gateway of the release before has never heard of it
		}
		if verb == string(store.Delete) {
			c.unsquat(ctx, s)
		}
		c.command(ctx, s, verb, change, twice)
	}
}

func (c *client) create(ctx context.Context, twice, foreign bool) {
	c.created++
	key := fmt.Sprintf("%s-%d", c.name, c.created)
	id := store.DeriveID(c.tenant, key)
	if foreign {
		c.lab.cluster.squat(context.WithoutCancel(ctx), id)
	}
	body := map[string]any{"name": "Shop " + key, "engine": "sample"}
	var answers [2]record.Request
	var both sync.WaitGroup
	both.Go(func() {
		answers[0] = c.insist(ctx, record.Request{Verb: string(store.Create), Key: key}, http.MethodPost, "/stores", body)
	})
	if twice {
		both.Go(func() {
			answers[1] = c.insist(ctx, record.Request{Verb: string(store.Create), Key: key}, http.MethodPost, "/stores", body)
		})
	}
	both.Wait()
	accepted := answers[0].HTTP == http.StatusAccepted || answers[1].HTTP == http.StatusAccepted
	if accepted {
		c.stores = append(c.stores, owned{id: id, squatted: foreign})
	} else if foreign {
		c.unsquat(ctx, &owned{id: id, squatted: true})
	}
}

func (c *client) look(ctx context.Context, s *owned) {
	answer := c.once(ctx, record.Request{Verb: readVerb, Store: s.id}, http.MethodGet, "/stores/"+string(s.id), nil)
	if answer.HTTP == http.StatusOK {
		s.status = answer.Status
	}
}

func (c *client) unsquat(ctx context.Context, s *owned) {
	if !s.squatted {
		return
	}
	if err := c.lab.cluster.leave(ctx, s.id); err != nil {
		c.lab.complain("%v", err)
	}
	s.squatted = false
}

// insist asks again, at another gateway, until it has an answer that another try wouldn't change, or ctx
// ends.
func (c *client) insist(ctx context.Context, r record.Request, method, path string, body any) record.Request {
	return c.insistWith(ctx, func() record.Request { return c.once(ctx, r, method, path, body) })
}

func (c *client) insistWith(ctx context.Context, once func() record.Request) record.Request {
	for {
		answer := once()
		if answer.HTTP != 0 && answer.HTTP < http.StatusInternalServerError || ctx.Err() != nil {
			return answer
		}
		select {
		case <-ctx.Done():
			return answer
		case <-time.After(again):
		}
	}
}

// once asks the next gateway and writes the answer down.
func (c *client) once(ctx context.Context, r record.Request, method, path string, body any) record.Request {
	r.Client, r.Tenant, r.Asked = c.name, c.tenant, time.Now()
	answer, err := c.ask(context.WithoutCancel(ctx), r, method, "http://"+c.gateways[int(c.asked.Add(1))%len(c.gateways)]+path, body)
	answer.Time = time.Now()
	if err != nil {
		answer.Error = err.Error()
	}
	c.records.Write(answer)
	return answer
}

func (c *client) ask(ctx context.Context, r record.Request, method, url string, body any) (record.Request, error) {
	var reader io.Reader = http.NoBody
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return r, err
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return r, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("X-Forwarded-For", c.address)
	if r.Key != "" {
		request.Header.Set("Idempotency-Key", r.Key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return r, err
	}
	// Only an answer that came whole is one.
	r.HTTP = response.StatusCode
	if r.HTTP >= 300 {
		var problem struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		}
		err = json.Unmarshal(data, &problem)
		r.Code, r.Error = problem.Code, problem.Detail
		return r, err
	}
	var s query.Store
	err = json.Unmarshal(data, &s)
	r.Store, r.Generation, r.Version, r.Status, r.Name, r.ExpiresAt = s.ID, s.Generation, s.Version, s.Status, s.Name, s.ExpiresAt
	if tag, quoted := strconv.Unquote(response.Header.Get("ETag")); quoted == nil {
		r.ETag, _ = strconv.ParseUint(tag, 10, 64)
	}
	return r, err
}
