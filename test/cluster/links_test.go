package cluster_test

import (
	"testing"

	"github.com/store-platform/store-platform/test/internal/shops"
)

// linksOpen: behind every link is a page with something on it, for a visitor and for the merchant who is signed in, and the
// page misses nothing that it asks for. A page that is answered with 200 may still be blank.
func (c *conformance) linksOpen() {
	c.answers()
	tab := shops.OpenTab(c.T, c.Platform, c.pack.Name+"-links")
	c.T.Run("visitor", func(t *testing.T) { c.opensLinks(t, tab, true) })
	if err := c.door.Enter(c.at, tab, c.admin()); err != nil {
		c.Fatalf("sign in: %v", err)
	}
	c.T.Run("merchant", func(t *testing.T) { c.opensLinks(t, tab, false) })
}

func (c *conformance) opensLinks(t *testing.T, tab *shops.Tab, stranger bool) {
	for _, link := range c.pack.Links {
		t.Run(link.Name, func(t *testing.T) {
			visitor, merchant := c.door.Shows(link.Name)
			shows, who := merchant, "merchant"
			if stranger {
				shows, who = visitor, "visitor"
			}
			if shows == "" {
				t.Fatal("nobody has written down what is there")
			}
			faults, err := tab.Look(shops.Sight{
				Name: who + "-" + link.Name, Address: c.at.URL + link.Path, Shows: shows, Stranger: stranger,
			})
			if err != nil {
				t.Error(err)
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		})
	}
}
