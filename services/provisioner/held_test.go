package provisioner_test

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// The requests at which these tests stop a worker.
const (
	makeNamespace  = "POST /api/v1/namespaces"
	makeVolume     = "POST /api/v1/namespaces/NAMESPACE/persistentvolumeclaims"
	makeDeployment = "POST /apis/apps/v1/namespaces/NAMESPACE/deployments"
	endRevision    = "PUT /api/v1/namespaces/NAMESPACE/secrets/sh.helm.release.v1.store.v1"
	lookAtPods     = "GET /apis/apps/v1/namespaces/NAMESPACE/deployments"
)

// held is a request that is on its way for as long as a test wants.
type held struct {
	b *bundle
	// left is closed when the worker has sent the request, given up when the worker has stopped waiting for its answer.
	left, givenUp chan struct{}
	arrive        chan struct{}
	release       func()
	answered      chan int
	// inTime says of a request that has landed that the worker still waited for its answer.
	inTime bool
}

// hold asks for a store, and returns when its first request of that name is on its way.
func (b *bundle) hold(proxy *clustertest.Proxy, request string) (*held, store.ID) {
	b.t.Helper()
	id := b.api.NewID(b.t)
	h := b.holdOf(proxy, id, request)
	b.createAs(id, "sample")
	h.awaitLeft()
	return h, id
}

// holdOf stops the store's first request of that name behind the proxy. Everything else passes.
func (b *bundle) holdOf(proxy *clustertest.Proxy, id store.ID, request string) *held {
	h := &held{b: b, left: make(chan struct{}), givenUp: make(chan struct{}), arrive: make(chan struct{}), answered: make(chan int, 1)}
	var taken atomic.Bool
	proxy.Each(func(c *clustertest.Call) {
		if c.Store() != id || c.String() != request || !taken.CompareAndSwap(false, true) {
			c.Forward()
			return
		}
		close(h.left)
		go func() { <-c.Request.Context().Done(); close(h.givenUp) }()
		<-h.arrive
		// A request that is given up on while it is passed on doesn't return here.
		status := 0
		defer func() { h.answered <- status }()
		if c.Request.Context().Err() != nil {
			status = c.Execute()
			c.Cut()
		}
		status = c.Forward()
		h.inTime = c.Request.Context().Err() == nil
	})
	h.release = sync.OnceFunc(func() { close(h.arrive) })
	b.t.Cleanup(h.release)
	return h
}

func (h *held) awaitLeft() { h.b.t.Helper(); h.b.awaitClosed(h.left, "the request that is to be held") }

// land lets the request arrive and returns the API server's answer, 0 if the worker gave up on it meanwhile.
func (h *held) land() int {
	h.b.t.Helper()
	h.release()
	select {
	case status := <-h.answered:
		return status
	case <-time.After(patience):
		h.b.t.Fatal("the held request got no answer")
		return 0
	}
}

// beginnings bounds how often a case is begun anew.
const beginnings = 5

// untilMade plays a case with one store after another until it was made: a worker waits for no request longer than for
// some seconds, and one that has given up on it when it lands makes another case.
func (b *bundle) untilMade(play func() (id store.ID, made bool)) store.ID {
	b.t.Helper()
	for range beginnings {
		if id, made := play(); made {
			return id
		}
	}
	b.t.Fatalf("begun %d times, the case was never made: what was held didn't land while its worker waited", beginnings)
	return ""
}

func (b *bundle) awaitClosed(c <-chan struct{}, what string) {
	b.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		b.t.Fatalf("it didn't come to that: %s", what)
	}
}
