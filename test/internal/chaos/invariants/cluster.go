package invariants

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
)

// page is the workload that answers for a suspended store. It stands by in every other.
const page = "suspended"

// cluster: a namespace for live stores only, and all of a store where it has been made.
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
	kept, asleep := 0, 0
	for id, state := range c.last {
		if !state.Kept() {
			continue
		}
		kept++
		if !spaces[id.Namespace()] {
			c.offend(Lost, id, "it is %s and has no namespace", state.Status)
			continue
		}
		c.whole(id, state)
		if state.InFlight() {
			continue
		}
		c.asRunning(id, state)
		c.asSaid(id, state)
		if state.Standing == store.SuspendedStanding {
			asleep++
			c.asleep(id)
		} else {
			c.open(id)
		}
	}
	c.counted("namespaces", len(c.e.Cluster.Namespaces))
	c.counted("stores that stand or are suspended, each with namespace, release as the log says, workload and Secret", kept)
	c.counted("suspended stores, each with nothing but its page", asleep)
}

// whole: one deployed release, one workload beside the page, and the Secret.
func (c *checker) whole(id store.ID, state store.State) {
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
			c.offend(Lost, id, "it is %s and has no %s", state.Status, what)
		case n > 1:
			c.offend(Doubled, id, "it has %d of %s", n, what)
		}
	}
	once("deployed release", deployed)
	once("credentials", c.e.Cluster.Credentials[space])
	shops := 0
	for _, w := range c.e.Cluster.Workloads[space] {
		if w.Name != page {
			shops++
		}
	}
	once("workload", shops)
}

// asRunning: the release that is deployed was made of what the log says stands, and runs as it says.
func (c *checker) asRunning(id store.ID, state store.State) {
	for _, release := range c.e.Cluster.Releases[id.Namespace()] {
		if release.Status != "deployed" || state.Running == nil {
			continue
		}
		if why := Astray(state, release.Values); why != "" {
			c.offend(Lost, id, "release %s has %s", release.Name, why)
		}
	}
}

// asSaid: a store runs where the installation wants its stores, and the log knows that it took that over.
func (c *checker) asSaid(id store.ID, state store.State) {
	pool := c.e.Cluster.Pool
	for i, wanted := range c.e.Cluster.Pools[id.Namespace()] {
		if wanted != pool {
			c.offend(Lost, id, "its %s wants nodes %q, and the installation says %q", c.e.Cluster.Workloads[id.Namespace()][i].Name, wanted, pool)
		}
	}
	if state.Running != nil && (state.Running.Settings != "") != (pool != "") {
		c.offend(Lost, id, "it stands as settings %q made it, and the installation says %q", state.Running.Settings, pool)
	}
}

// Astray says in what a release's values aren't what the log says stands; empty when they are.
func Astray(state store.State, values Values) string {
	running := state.Running
	if values.Plan.Name != running.Plan {
		return fmt.Sprintf("the plan %q, and %q stands", values.Plan.Name, running.Plan)
	}
	// What a pack gives by itself stands in both.
	if has, stands := jsonOf(values.Options), jsonOf(running.Options); has != stands {
		return fmt.Sprintf("the options %s, and %s stand", has, stands)
	}
	runs := values.Running == nil || *values.Running
	if suspended := state.Standing == store.SuspendedStanding; runs == suspended {
		return fmt.Sprintf("running %v, and it is %s", runs, state.Status)
	}
	return ""
}

func jsonOf(options map[string]any) string {
	if len(options) == 0 {
		return "{}"
	}
	data, err := json.Marshal(options)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// asleep: nothing of a suspended store runs but the page.
func (c *checker) asleep(id store.ID) {
	answered := false
	for _, w := range c.e.Cluster.Workloads[id.Namespace()] {
		switch {
		case w.Name == page:
			answered = w.Wanted > 0
		case w.Wanted > 0 || w.Pods > 0:
			c.offend(Lost, id, "it is Suspended, and %s runs %d pods of %d", w.Name, w.Pods, w.Wanted)
		}
	}
	if !answered {
		c.offend(Lost, id, "it is Suspended, and its page doesn't run")
	}
}

// open: what a store that stands runs is its shop.
func (c *checker) open(id store.ID) {
	for _, w := range c.e.Cluster.Workloads[id.Namespace()] {
		switch {
		case w.Name == page && w.Wanted > 0:
			c.offend(Lost, id, "it stands, and the page says that it is suspended")
		case w.Name != page && w.Wanted == 0:
			c.offend(Lost, id, "it stands, and %s is to run no pod", w.Name)
		}
	}
}

// ofSpace is the store whose namespace has that name.
func ofSpace(name string) (store.ID, bool) {
	id, ofStore := strings.CutPrefix(name, "store-")
	return store.ID(id), ofStore
}

// spaces: a store has one namespace in its life, and it goes only when somebody wanted it gone.
func (c *checker) spaces() {
	first := map[string]string{}
	for _, space := range c.e.Spaces {
		id, ofStore := ofSpace(space.Name)
		if !ofStore {
			continue
		}
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

// passwords: a store has the same ones from when they were made until its deletion.
func (c *checker) passwords() {
	first := map[string]string{}
	for _, secret := range c.e.Secrets {
		id, ofStore := ofSpace(secret.Namespace)
		if !ofStore {
			continue
		}
		before, known := first[secret.Namespace]
		switch {
		case known && before != secret.Digest:
			c.offend(Lost, id, "its passwords were changed")
		case secret.Kind == "DELETED" && !c.wanted(id, store.DeleteCommand):
			c.offend(Lost, id, "its passwords were removed, and nobody had asked for it")
		}
		if !known {
			first[secret.Namespace] = secret.Digest
		}
	}
	c.counted("stores whose passwords were looked at, each the same all the time", len(first))
}

func (c *checker) wanted(id store.ID, command store.Type) bool {
	for _, entry := range c.history[id] {
		if entry.Message.Type == command {
			return true
		}
	}
	return false
}
