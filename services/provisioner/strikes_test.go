package provisioner_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// point is one request of a store's operation: the nth of its name. Counting by name and not in all keeps the points
// where they are when a request is repeated (an API server that hasn't heard of a binding yet refuses a few).
type point struct {
	request string
	nth     int
}

func (p point) String() string { return fmt.Sprintf("%s, no. %d", p.request, p.nth) }

// nameOfCall leaves out a revision's number: a store whose workers were killed has more revisions than another.
func nameOfCall(c *clustertest.Call) string {
	return numberOfRevision.ReplaceAllString(c.String(), "${1}N")
}

var numberOfRevision = regexp.MustCompile(`(/sh\.helm\.release\.v1\.store\.v)\d+$`)

func (p point) reads() bool { return strings.HasPrefix(p.request, "GET ") }

// ending is what becomes of the request at which a worker is killed.
type ending string

const (
	notExecuted ending = "not executed"
	executed    ending = "executed"
	interrupted ending = "interrupted"
)

// strike kills the worker that makes a certain request for a certain store.
type strike struct {
	store store.ID
	point point
	// order is the point's among all of the operation.
	order  int
	ending ending
	// secret holds the store's passwords as they were when the worker ended, if they were.
	secret map[string][]byte

	seen   int
	landed bool
}

func (s *strike) String() string { return fmt.Sprintf("%02d %s, %s", s.order, s.point, s.ending) }

// strikes are those of one test, by store.
type strikes struct {
	b       *bundle
	mu      sync.Mutex
	byStore map[store.ID]*strike
	// behind is what the log held before: an end in there is another operation's.
	behind int
}

func (b *bundle) newStrikes() *strikes { return &strikes{b: b, byStore: make(map[store.ID]*strike)} }

// add plans to kill whoever gets to the point with the store, once.
func (s *strikes) add(id store.ID, order int, p point, e ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byStore[id] = &strike{store: id, point: p, order: order, ending: e}
}

// each treats the requests of one worker.
func (s *strikes) each(w *worker) func(*clustertest.Call) {
	return func(c *clustertest.Call) {
		s.b.awaitDefaultAccount(c)
		strike := s.due(c)
		if strike == nil {
			c.Forward()
			return
		}
		switch strike.ending {
		case notExecuted:
		case executed:
			c.Execute()
		case interrupted:
			c.Interrupt(w.kill)
		}
		w.kill()
		strike.secret = s.b.passwords(strike.store)
		c.Cut()
	}
}

// awaitDefaultAccount holds the request that makes a namespace's default account until Kubernetes' own controller has made
// it: which of the two comes first decides how many requests an operation takes.
func (b *bundle) awaitDefaultAccount(c *clustertest.Call) {
	if c.String() != "POST /api/v1/namespaces/NAMESPACE/serviceaccounts" {
		return
	}
	accounts := b.api.Admin.CoreV1().ServiceAccounts(c.Store().Namespace())
	_ = wait.PollUntilContextCancel(c.Request.Context(), 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := accounts.Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
}

func (s *strikes) due(c *clustertest.Call) *strike {
	s.mu.Lock()
	defer s.mu.Unlock()
	strike := s.byStore[c.Store()]
	if strike == nil || strike.landed || strike.point.request != nameOfCall(c) {
		return nil
	}
	strike.seen++
	if strike.seen < strike.point.nth {
		return nil
	}
	strike.landed = true
	return strike
}

// passwords are nil while there are none.
func (b *bundle) passwords(id store.ID) map[string][]byte {
	secret, err := b.api.Admin.CoreV1().Secrets(id.Namespace()).Get(b.t.Context(), cluster.SecretName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return secret.Data
}

const (
	// abreast is how many workers run at once. Each works on one store at a time, so that its end is the end of that
	// store's operation alone.
	abreast = 6
	// siege bounds a whole test of strikes.
	siege = 20 * time.Minute
)

// besiege runs workers of a service behind the strikes, and replaces each that was killed, until all operations have
// come to the end that is named.
func (b *bundle) besiege(service string, strikes *strikes, end store.Type) {
	b.t.Helper()
	ended := make(chan struct{}, abreast)
	send := func() {
		proxy := b.api.NewProxy(b.t)
		var w *worker
		running := make(chan struct{})
		// Before the first request, which a process may have sent by the time that its starter knows of it.
		proxy.Each(func(c *clustertest.Call) { <-running; strikes.each(w)(c) })
		w = b.run(service, proxy.Kubeconfig(b.t, "store-"+service), 1)
		close(running)
		go func() { _ = w.end(); ended <- struct{}{} }()
	}
	for range abreast {
		send()
	}
	deadline := time.After(siege)
	for {
		missing, grown := b.withoutEnd(strikes, end)
		if len(missing) == 0 {
			return
		}
		select {
		case <-grown:
		case <-ended:
			send()
		case <-deadline:
			b.t.Fatalf("%d stores have no %s within %s, among them %s:\n%s", len(missing), end, siege, missing[0], b.told(missing[0].store))
		}
	}
}

// withoutEnd lists what is still to come, and tells when to look again.
func (b *bundle) withoutEnd(strikes *strikes, end store.Type) ([]*strike, <-chan struct{}) {
	entries, grown := b.history.look()
	done := make(map[store.ID]bool)
	for _, e := range entries[strikes.behind:] {
		if e.Message.Type == end {
			done[e.Message.Store] = true
		}
	}
	var missing []*strike
	for id, strike := range strikes.byStore {
		if !done[id] {
			missing = append(missing, strike)
		}
	}
	return missing, grown
}

// observe runs one operation undisturbed and returns its points in order.
func (b *bundle) observe(service string, id store.ID, end store.Type) []point {
	b.t.Helper()
	return b.observeUntil(service, id, func() { b.awaitType(id, end) })
}

func (b *bundle) observeUntil(service string, id store.ID, ended func()) []point {
	b.t.Helper()
	proxy := b.api.NewProxy(b.t)
	var mu sync.Mutex
	var points []point
	seen := make(map[string]int)
	proxy.Each(func(c *clustertest.Call) {
		b.awaitDefaultAccount(c)
		status := c.Forward()
		if c.Store() != id || status == http.StatusForbidden {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		name := nameOfCall(c)
		seen[name]++
		points = append(points, point{name, seen[name]})
	})
	w := b.run(service, proxy.Kubeconfig(b.t, "store-"+service), 1)
	defer w.kill()
	ended()
	mu.Lock()
	defer mu.Unlock()
	return points
}
