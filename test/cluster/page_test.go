package cluster_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// All that can be asked of a store a merchant does on the page, and sees what became of it there without asking again.
func TestAMerchantDoesItAllOnThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("two minutes of a browser beside all that disturbs stores: run by make test-long")
	}
	b := setup(t)
	tab := shops.OpenTab(t, b.Platform, "page")
	p := &page{bench: b, Tab: tab}
	p.do("#new",
		tab.Cursor("#create-name"), tab.Type("#create-name", "Made on the page"),
		tab.Click(`#create-engines label:has(input[value="sample"])`), tab.Press("Create store"),
		tab.Says("#detail .pill", "Ready"), tab.Says("#detail-name", "Made on the page"),
	)
	p.find("Made on the page")
	t.Cleanup(func() { b.remove(p.id) })

	p.do("#store/"+string(p.id),
		tab.Click("#detail .change summary"), tab.Type("#change-name", "Renamed there"), tab.Choose("#change-ttl", "24h"),
		tab.Press("Save changes"), tab.Says("#detail-name", "Renamed there"), tab.Says("#detail .facts", "Deleted by itself"),
		tab.Shoot("changed"),
	)
	p.do("#store/"+string(p.id),
		tab.Click("#detail .change summary"), tab.Type("#change-name", " "), tab.Press("Save changes"), tab.Says("#change-name-error", "seen"),
		tab.Press("Take it back"), tab.Choose("#change-options-currency", "USD"), tab.Press("Save changes"),
	)
	p.until(func(s query.Store) bool {
		return s.Options["currency"] == "USD" && s.Status == store.Ready && s.Operation == ""
	})

	p.overtaken()

	p.do("#store/"+string(p.id),
		tab.Press("Suspend…"), tab.Press("Suspend it"), tab.Cursor("#detail-name"), tab.Says("#detail .pill", "Suspended"), tab.Shoot("suspended"),
	)
	suspended := p.until(func(s query.Store) bool { return s.Status == store.Suspended && s.Operation == "" })
	status, text, err := b.Visit(t.Context(), suspended, http.MethodGet, "/", nil, "", "")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(strings.ToLower(string(text)), "suspended") {
		t.Errorf("its visitors are answered %d %v %.200s", status, err, text)
	}
	p.do("#store/"+string(p.id), tab.Press("Resume"), tab.Says("#detail .pill", "Ready"))

	p.until(func(s query.Store) bool { return s.Operation == "" })
	p.do("#store/"+string(p.id),
		tab.Press("Delete"), tab.Type("#confirm-name", "Renamed last"), tab.Press("Delete store"), tab.Cursor("#detail-name"),
		tab.Says("#detail .pill", "Deleted"),
	)
}

// overtaken types a name, which is there still after a look elsewhere, and before it is sent somebody else gives another, of
// which the feed brings nothing: who types is told first.
func (p *page) overtaken() {
	p.Helper()
	there := "#store/" + string(p.id)
	p.do(there,
		p.Says("#connection", "Live"), p.Click("#detail .change summary"), p.Type("#change-name", "Renamed last"),
		p.Click(`.sidebar a[href="#new"]`), p.Cursor("#create-name"), p.Click(`#list a[href="`+there+`"]`), p.See("#change-name"),
		p.Deafen(), p.Says("#connection", "Reconnecting"),
	)
	if _, err := p.Call(p.Context(), http.MethodPatch, "/stores/"+string(p.id), map[string]string{"name": "Renamed by another"}, nil); err != nil {
		p.Fatal(err)
	}
	if err := p.Do(
		p.Press("Save changes"), p.Says("#detail .change", "Renamed by another"), p.Shoot("overtaken"),
		p.Press("Save changes"), p.Says("#detail-name", "Renamed last"),
	); err != nil {
		p.Fatal(err)
	}
}

// page is the gateway's, with one store on it.
type page struct {
	*bench
	*shops.Tab
	id store.ID
}

// do performs acts at a place of the page, opened anew, during which nothing on it may fail but what is refused.
func (p *page) do(place string, acts ...shops.Act) {
	p.Helper()
	// From one place of a page to another, or to the same, a browser doesn't load it again.
	if err := p.Do(p.Open("about:blank")); err != nil {
		p.Fatal(err)
	}
	faults, err := p.DoAt(p.API+"/"+place, acts...)
	if err != nil {
		p.Fatal(err)
	}
	for _, fault := range faults {
		if !strings.Contains(fault, fmt.Sprint("answers ", http.StatusUnprocessableEntity)) {
			p.Error(fault)
		}
	}
}

// find learns which store it is from its name.
func (p *page) find(name string) {
	p.Helper()
	var list struct{ Stores []query.Store }
	if _, err := p.Call(p.Context(), http.MethodGet, "/stores", nil, &list); err != nil {
		p.Fatal(err)
	}
	for _, s := range list.Stores {
		if s.Name == name {
			p.id = s.ID
			return
		}
	}
	p.Fatalf("no store is called %q", name)
}

func (p *page) until(so func(query.Store) bool) (s query.Store) {
	p.Helper()
	waittest.Eventually(p.T, func() error {
		if s = p.Get(p.T, p.id); so(s) {
			return nil
		}
		return errors.New(fmt.Sprint(s.Version, s.Status, s.Operation, s.Steps))
	})
	return s
}
