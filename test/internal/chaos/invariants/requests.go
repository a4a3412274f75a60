package invariants

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// requests: whatever clients were told is so, and nothing is there that nobody asked for.
func (c *checker) requests() {
	made := map[[2]string]store.ID{}
	asked := map[store.ID]bool{}
	accepted := 0
	seen := map[sight][]answer{}
	for _, r := range c.e.Requests {
		if r.Verb == string(store.Create) {
			asked[store.DeriveID(r.Tenant, r.Key)] = true
		}
		c.sequence(r, seen)
		c.answered(r)
		if r.HTTP != http.StatusAccepted {
			continue
		}
		accepted++
		c.isInLog(r)
		if r.Verb != string(store.Create) {
			continue
		}
		key := [2]string{r.Tenant, r.Key}
		if before, ok := made[key]; ok && before != r.Store {
			c.offend(Doubled, r.Store, "key %s made it and %s", r.Key, before)
		}
		made[key] = r.Store
	}
	if len(c.e.Requests) > 0 {
		for id := range c.history {
			if !asked[id] {
				c.offend(Doubled, id, "nobody asked for it")
			}
		}
	}
	c.counted("requests", len(c.e.Requests))
	c.answers()
	c.counted("accepted requests, each in the log", accepted)
	c.counted("keys, each of one store", len(made))
}

// answers counts what clients asked for and what kind of answer they got.
func (c *checker) answers() {
	verbs, got := map[string]int{}, map[string]int{}
	for _, r := range c.e.Requests {
		verbs["requests: "+r.Verb]++
		switch {
		case r.HTTP == 0:
			got["answers: none"]++
		case r.HTTP < http.StatusBadRequest:
			got["answers: accepted or shown"]++
		default:
			got["answers: "+cmp.Or(r.Code, http.StatusText(r.HTTP))]++
		}
	}
	for _, counts := range []map[string]int{verbs, got} {
		for _, what := range slices.Sorted(maps.Keys(counts)) {
			c.counted(what, counts[what])
		}
	}
}

// sight is a store as one client sees it, answer a version of it that the client was shown, and when.
type sight struct {
	client string
	store  store.ID
}

type answer struct {
	at           time.Time
	version, tag uint64
}

// sequence: a store that a client was told of is never gone for it, unless it was transferred, and never as it was before.
func (c *checker) sequence(r record.Request, seen map[sight][]answer) {
	if r.Store == "" {
		return
	}
	key := sight{r.Client, r.Store}
	// A client may have two requests under way: only what it knew when it asked counts.
	known, tag := uint64(0), uint64(0)
	for _, a := range seen[key] {
		if a.at.Before(r.Asked) {
			known, tag = max(known, a.version), max(tag, a.tag)
		}
	}
	switch {
	case r.HTTP == http.StatusNotFound && known > 0 && !c.transferred(r.Store, r.Tenant):
		c.offend(Lost, r.Store, "%s was told that it isn't there, having seen version %d", r.Client, known)
	case r.HTTP == http.StatusOK || r.HTTP == http.StatusAccepted:
		if r.Version < known {
			c.offend(Lost, r.Store, "%s was shown version %d after version %d", r.Client, r.Version, known)
		}
		if r.ETag < tag {
			c.offend(Lost, r.Store, "%s was shown ETag %d after ETag %d", r.Client, r.ETag, tag)
		}
		seen[key] = append(seen[key], answer{r.Time, r.Version, r.ETag})
	}
}

func (c *checker) isInLog(r record.Request) {
	history := c.history[r.Store]
	at := slices.IndexFunc(history, func(e storelog.Entry) bool { return e.Message.Seq == r.Generation })
	if at < 0 || !history[at].Message.Type.IsCommand() {
		c.offend(Lost, r.Store, "%s was told that its %s is command %d, which isn't in the log", r.Client, r.Verb, r.Generation)
		return
	}
	got := store.Verb(history[at].Message.Type)
	// A create that is repeated is answered with how its store stands now; to retry a delete is to delete.
	if want := store.Verb(r.Verb); want == store.Delete && got != store.Delete || want == store.Retry && got == store.Create {
		c.offend(Lost, r.Store, "%s asked for %s and was told of command %d, which is %s", r.Client, r.Verb, r.Generation, got)
	}
}
