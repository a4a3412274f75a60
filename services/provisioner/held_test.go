package provisioner_test

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
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
}

// hold stops the first request of that name behind the proxy. Everything else passes.
func (b *bundle) hold(proxy *clustertest.Proxy, request string) *held {
	h := &held{b: b, left: make(chan struct{}), givenUp: make(chan struct{}), arrive: make(chan struct{}), answered: make(chan int, 1)}
	var taken atomic.Bool
	proxy.Each(func(c *clustertest.Call) {
		if c.String() != request || !taken.CompareAndSwap(false, true) {
			c.Forward()
			return
		}
		close(h.left)
		go func() { <-c.Request.Context().Done(); close(h.givenUp) }()
		<-h.arrive
		if c.Request.Context().Err() == nil {
			h.answered <- c.Forward()
			return
		}
		h.answered <- c.Execute()
		c.Cut()
	})
	h.release = sync.OnceFunc(func() { close(h.arrive) })
	b.t.Cleanup(h.release)
	return h
}

func (h *held) awaitLeft() { h.b.t.Helper(); h.b.awaitClosed(h.left, "the request that is to be held") }

// land lets the request arrive and returns the API server's answer.
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

func (b *bundle) awaitClosed(c <-chan struct{}, what string) {
	b.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		b.t.Fatalf("it didn't come to that: %s", what)
	}
}
