package invariants

import (
	"github.com/store-platform/store-platform/pkg/store"
)

// cluster: a namespace for live stores only, and all of a store where one is Ready.
func (c *checker) cluster() {
	spaces := map[string]bool{}
	for _, n := range c.e.Cluster.Namespaces {
		spaces[n.Name] = true
		switch {
		case n.Name != n.Store.Namespace():
			c.offend(Doubled, n.Store, "namespace %s says that it is its own, beside %s", n.Name, n.Store.Namespace())
		case c.live(n.Store) && n.Leaving:
			c.offend(Lost, n.Store, "its namespace is being removed, and it lives")
		case !c.live(n.Store):
			if _, known := c.last[n.Store]; known {
				c.offend(Orphan, n.Store, "namespace %s is there after its deletion", n.Name)
			} else {
				c.offend(Orphan, n.Store, "namespace %s belongs to no store in the log", n.Name)
			}
		}
	}
	ready := 0
	for id, state := range c.last {
		if !state.Stands() {
			continue
		}
		ready++
		if !spaces[id.Namespace()] {
			c.offend(Lost, id, "it is Ready and has no namespace")
			continue
		}
		c.whole(id)
	}
	c.counted("namespaces", len(c.e.Cluster.Namespaces))
	c.counted("Ready stores, each with namespace, release, workload and Secret", ready)
}

// whole: one deployed release, one workload and the Secret of a Ready store.
func (c *checker) whole(id store.ID) {
	space := id.Namespace()
	deployed := 0
	for _, release := range c.e.Cluster.Releases[space] {
		if release.Status == "deployed" {
			deployed++
		}
	}
	once := func(what string, n int) {
		switch {
		case n == 0:
			c.offend(Lost, id, "it is Ready and has no %s", what)
		case n > 1:
			c.offend(Doubled, id, "it has %d of %s", n, what)
		}
	}
	once("deployed release", deployed)
	once("credentials", c.e.Cluster.Credentials[space])
	once("workload", c.e.Cluster.Workloads[space])
}

// spaces: a store has one namespace in its life, and it goes only when somebody wanted it gone.
func (c *checker) spaces() {
	first := map[string]string{}
	for _, space := range c.e.Spaces {
		if len(space.Name) < len("store-") {
			continue
		}
		id := store.ID(space.Name[len("store-"):])
		before, known := first[space.Name]
		switch {
		case known && before != space.UID && c.wanted(id, store.DeleteCommand):
			c.offend(Resurrected, id, "its namespace was there as %s, and again as %s", before, space.UID)
		case known && before != space.UID:
			c.offend(Doubled, id, "its namespace was there as %s, and again as %s", before, space.UID)
		case space.Kind == "DELETED" && !c.wanted(id, store.DeleteCommand):
			c.offend(Lost, id, "its namespace was removed, and nobody had asked for it")
		}
		if !known {
			first[space.Name] = space.UID
		}
	}
	c.counted("namespaces that came or went, each once", len(first))
}

func (c *checker) wanted(id store.ID, command store.Type) bool {
	for _, entry := range c.history[id] {
		if entry.Message.Type == command {
			return true
		}
	}
	return false
}
