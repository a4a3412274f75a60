package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// lists asks gateways for what each of some tenants has, as often as it takes to be answered: its own stores, all of them, as
// the log has them, their histories, and nothing of anybody else's.
func (t *turn) lists(ctx context.Context, gateways, tenants []string) {
	stores := t.follower.byTenant()
	for n, tenant := range tenants {
		other := tenants[(n+1)%len(tenants)]
		for _, gateway := range gateways {
			c := asker{address: strings.TrimPrefix(tenant, "ip:"), gateway: gateway}
			if err := c.sees(ctx, stores[tenant], stores[other]); err != nil {
				t.complain("a list of %s at %s: %v", tenant, gateway, err)
			}
		}
	}
}

// byTenant are the stores as the log has them, newest last.
func (f *follower) byTenant() map[string][]store.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	stores := map[string][]store.State{}
	for _, s := range f.states {
		stores[s.Tenant] = append(stores[s.Tenant], s)
	}
	return stores
}

// asker is a tenant at a gateway, or without an address who sits at its machine.
type asker struct{ address, gateway string }

func (a asker) sees(ctx context.Context, own, others []store.State) error {
	if len(own) == 0 || len(others) == 0 {
		return fmt.Errorf("%d stores and %d of another's say nothing", len(own), len(others))
	}
	var page query.StoresReply
	if status, _, err := a.insist(ctx, http.MethodGet, "/stores?deleted=true&limit=200", &page); err != nil || status != http.StatusOK {
		return fmt.Errorf("%d %w", status, err)
	}
	if len(page.Stores) != len(own) {
		return fmt.Errorf("it has %d stores, the log %d", len(page.Stores), len(own))
	}
	for _, s := range own {
		at := slices.IndexFunc(page.Stores, func(l query.Store) bool { return l.ID == s.ID })
		if at < 0 || page.Stores[at].Status != s.Status || page.Stores[at].Version != s.Version {
			return fmt.Errorf("store %s, %s at %d, isn't in it as it is: %v", s.ID, s.Status, s.Version, page.Stores)
		}
	}
	var history query.EventsReply
	last := own[len(own)-1]
	if status, _, err := a.insist(ctx, http.MethodGet, "/stores/"+string(last.ID)+"/events?limit=200", &history); err != nil || status != http.StatusOK {
		return fmt.Errorf("the history of %s: %d %w", last.ID, status, err)
	}
	if n := len(history.Events); n == 0 || history.Events[n-1].Seq != last.Version {
		return fmt.Errorf("the history of %s has %d events and doesn't end at %d", last.ID, n, last.Version)
	}
	if status, _, err := a.insist(ctx, http.MethodGet, "/stores/"+string(others[0].ID), nil); err != nil || status != http.StatusNotFound {
		return fmt.Errorf("another's store is answered with %d %w", status, err)
	}
	return nil
}

// insist asks until the answer is one that another try wouldn't change.
func (a asker) insist(ctx context.Context, method, path string, answer any) (status int, code string, err error) {
	err = waittest.Until(ctx, func() (err error) {
		if status, code, err = a.once(ctx, method, path, answer); err == nil && status >= http.StatusInternalServerError {
			err = fmt.Errorf("%s %s: %d %s", method, path, status, code)
		}
		return err
	})
	return status, code, err
}

// once answers the status, and the code of what isn't an answer.
func (a asker) once(ctx context.Context, method, path string, answer any) (status int, code string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+a.gateway+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if a.address != "" {
		request.Header.Set("X-Forwarded-For", a.address)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", err
	}
	if response.StatusCode != http.StatusOK {
		var problem struct {
			Code string `json:"code"`
		}
		return response.StatusCode, problem.Code, json.Unmarshal(data, &problem)
	}
	if answer != nil {
		err = json.Unmarshal(data, answer)
	}
	return response.StatusCode, "", err
}
