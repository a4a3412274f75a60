package provisioner_test

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// trap stands in one step of one verb of one store: what the provisioner asks for there is refused or held.
type trap struct {
	verb store.Verb
	// behind is how many steps are done by then.
	behind int
	// halfway lets all pass but changes of workloads, so that a release is left half changed.
	halfway bool
	// holds says that what comes waits until the trap is opened, instead of being refused for good.
	holds bool

	sprung, opened chan struct{}
	spring, open   func()
}

func newTrap(verb store.Verb, behind int) *trap {
	t := &trap{verb: verb, behind: behind, sprung: make(chan struct{}), opened: make(chan struct{})}
	t.spring = sync.OnceFunc(func() { close(t.sprung) })
	t.open = sync.OnceFunc(func() { close(t.opened) })
	return t
}

// traps are those of one provisioner.
type traps struct {
	b       *bundle
	mu      sync.Mutex
	byStore map[store.ID]*trap
}

// startBehindTraps runs a provisioner that falls into them.
func (b *bundle) startBehindTraps() *traps {
	b.t.Helper()
	all := &traps{b: b, byStore: map[store.ID]*trap{}}
	_, proxy := b.startBehind("provisioner")
	proxy.Each(all.each)
	return all
}

// set lays a trap, or takes away what was there.
func (ts *traps) set(id store.ID, t *trap) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if before := ts.byStore[id]; before != nil {
		before.open()
	}
	ts.byStore[id] = t
}

func (ts *traps) each(c *clustertest.Call) {
	ts.mu.Lock()
	t := ts.byStore[c.Store()]
	ts.mu.Unlock()
	if t == nil || !ts.falls(t, c) {
		c.Forward()
		return
	}
	t.spring()
	if !t.holds {
		c.Refuse(http.StatusUnprocessableEntity, nil, refusal)
		return
	}
	<-t.opened
	c.Forward()
}

// refusal is nothing that is tried again: the first attempt is an operation's last.
const refusal = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not in this form","reason":"Invalid","code":422}`

// falls asks the log where the store's operation is: a worker writes a step down before it begins the next.
func (ts *traps) falls(t *trap, c *clustertest.Call) bool {
	s, err := ts.b.log.Last(context.WithoutCancel(c.Request.Context()), c.Store())
	if err != nil || !t.catches(s) {
		return false
	}
	return !t.halfway || c.Writes() && strings.Contains(c.Request.URL.Path, "/apis/apps/")
}

func (t *trap) catches(s store.State) bool {
	return s.InFlight() && s.Doing() == t.verb && s.Begun && len(s.Steps) == t.behind
}
