package cluster_test

import (
	"slices"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// linksOpen: behind every link is a page with something on it, for a visitor and for the merchant who is signed in, and the
// page misses nothing that it asks for. What is answered with a 200 may still be blank.
func (c *conformance) linksOpen() {
	c.answers()
	c.open(c.pack.Links, c.door.Shows)
}

// wordpressOpens holds the same of what WordPress has without the plugin.
func (c *conformance) wordpressOpens() {
	waittest.Eventually(c.T, c.visit)
	shows := func(link string) (visitor, merchant string) {
		switch link {
		case "storefront":
			return c.at.Name, c.at.Name
		case "admin":
			return c.door.Shows(link)
		}
		return "", ""
	}
	c.open(slices.DeleteFunc(slices.Clone(c.pack.Links), func(link engine.Link) bool {
		visitor, _ := shows(link.Name)
		return visitor == ""
	}), shows)
}

func (c *conformance) open(links []engine.Link, shows func(link string) (visitor, merchant string)) {
	tab := shops.OpenTab(c.T, c.Platform, c.pack.Name+"-links")
	look := func(who string, stranger bool) {
		for _, link := range links {
			c.T.Run(who+"/"+link.Name, func(t *testing.T) {
				visitor, text := shows(link.Name)
				if stranger {
					text = visitor
				}
				expectSight(t, tab, shops.Sight{Name: who + "-" + link.Name, Address: c.at.URL + link.Path, Shows: text, Stranger: stranger})
			})
		}
	}
	look("visitor", true)
	if err := c.door.Enter(c.at, tab, c.admin()); err != nil {
		c.Fatalf("sign in: %v", err)
	}
	look("merchant", false)
}

func expectSight(t *testing.T, tab *shops.Tab, sight shops.Sight) {
	t.Helper()
	if sight.Shows == "" {
		t.Fatal("nobody has written down what is there")
	}
	faults, err := tab.Look(sight)
	if err != nil {
		t.Error(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}
