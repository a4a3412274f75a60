package installed_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// Production as the chart has it by itself: three brokers, two replicas of each service, and the chart's own database.
func TestTheChartFromInstallToUninstall(t *testing.T) {
	i := prepare(t, "course")
	heard := i.serveOutside(t)
	notes := i.Install(t, i.values(), i.amongNeighbours(t))
	i.AwaitReady(t)

	s := i.ready(t, "Bought in, in a cluster")
	i.buysIn(t, s)
	i.isListed(t, s)
	i.meetsItsWalls(t, s)
	i.tellsClientsApart(t, s)
	i.isMeasured(t)
	i.isTraced(t, heard)
	i.losesPods(t)
	i.buysIn(t, s)
	i.isListed(t, s)

	i.Helm(t, "uninstall", i.Name)
	i.outlivesUninstall(t, s)
	i.goesByTheNotes(t, s, notes)
}

// buysIn holds that a customer gets an order to the merchant.
func (i *installation) buysIn(t *testing.T, s query.Store) {
	t.Helper()
	shop, known := shops.Of(s.Engine)
	if !known {
		t.Fatalf("nobody has written down how one buys in a shop of %q", s.Engine)
	}
	at := shops.At{Platform: i.Platform, Store: s}
	order, err := shop.Buy(t.Context(), at)
	if err != nil {
		t.Fatalf("buy: %v", err)
	}
	orders, err := shop.Orders(t.Context(), at, i.Credentials(t, s.ID)[0])
	if err != nil || !slices.Contains(orders, order) {
		t.Fatalf("order %s isn't among %v: %v", order, orders, err)
	}
}

// isListed holds that the read model has it, and its history.
func (i *installation) isListed(t *testing.T, s query.Store) {
	t.Helper()
	waittest.Eventually(t, func() error {
		var list struct {
			Stores []query.Store `json:"stores"`
		}
		if _, err := i.Call(t.Context(), http.MethodGet, "/stores", nil, &list); err != nil {
			return err
		}
		at := slices.IndexFunc(list.Stores, func(other query.Store) bool { return other.ID == s.ID })
		if at < 0 || list.Stores[at].Status != store.Ready {
			return fmt.Errorf("it isn't among the %d that are listed as Ready", len(list.Stores))
		}
		events, err := i.History(t.Context(), s.ID)
		if err == nil && len(events) < 2 {
			err = fmt.Errorf("its history has %d events", len(events))
		}
		return err
	})
}

// outlivesUninstall holds that nothing of the platform is left in its namespace but what is kept, and the store sells on.
func (i *installation) outlivesUninstall(t *testing.T, s query.Store) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if pods := i.Pods(t, i.Namespace, ofTheChart); len(pods) > 0 {
			return fmt.Errorf("%d pods are left", len(pods))
		}
		return nil
	})
	if status, page, err := i.Visit(t.Context(), s, http.MethodGet, "/", nil, "", ""); err != nil || status != http.StatusOK || !bytes.Contains(page, []byte(s.Name)) {
		t.Fatalf("with the platform gone the shop's page is: %d %v %.200s", status, err, page)
	}
}

// goesByTheNotes does what the release's notes say removes every store.
func (i *installation) goesByTheNotes(t *testing.T, s query.Store, notes string) {
	t.Helper()
	_, selector, found := strings.Cut(notes, "kubectl delete namespace --selector ")
	if !found {
		t.Fatalf("the notes name no command that removes the stores:\n%s", notes)
	}
	selector, _, _ = strings.Cut(selector, "\n")
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"items"`
	}
	namespaces := "/api/v1/namespaces"
	if status, err := i.Do(t.Context(), http.MethodGet, namespaces+"?labelSelector="+url.QueryEscape(selector), nil, &list); err != nil || status != http.StatusOK {
		t.Fatalf("list what the notes remove: %d %v", status, err)
	}
	// kubectl deletes them one by one, too.
	if len(list.Items) != 1 || list.Items[0].Metadata.Name != s.ID.Namespace() {
		t.Fatalf("by the selector %q the notes remove %v, and the one store is %s", selector, list.Items, s.ID)
	}
	i.removeNamespace(t, s.ID)
	waittest.Eventually(t, func() error {
		if status := i.Status(t, namespaces+"/"+s.ID.Namespace()); status != http.StatusNotFound {
			return errors.New("its namespace is still there")
		}
		return nil
	})
}
