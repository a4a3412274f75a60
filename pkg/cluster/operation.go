package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// ForbiddenGrace is how long after binding its rights a store's worker may be refused by an API server that hasn't
// heard of the binding yet.
const ForbiddenGrace = 10 * time.Second

const reasonRightsNotYetKnown = "RightsNotYetKnown"

// Operation is Kubernetes as one attempt sees it. It is cheap: connections, limiter and discovery are the cluster's.
type Operation struct {
	cluster *Cluster
	link    *link
	trust   Trust
	guard   *guard
	config  *rest.Config
	client  kubernetes.Interface
	// bound is when the store's rights were bound, in Unix nanoseconds, as far as this operation knows.
	bound *atomic.Int64
}

// Operation makes the view of one attempt. The error is of kind Unreachable when there is no kubeconfig yet.
func (c *Cluster) Operation(trust Trust) (*Operation, error) {
	l, err := c.connect()
	if err != nil {
		return nil, err
	}
	return newOperation(c, l, trust, new(atomic.Int64))
}

// Until is the same operation, trusted until the deadline at most.
func (o *Operation) Until(deadline time.Time) (*Operation, error) {
	return newOperation(o.cluster, o.link, deadlineTrust{Trust: o.trust, deadline: deadline}, o.bound)
}

func newOperation(c *Cluster, l *link, trust Trust, bound *atomic.Int64) (*Operation, error) {
	transport := &guard{next: l.http.Transport, trust: trust, margin: c.cfg.Clock.Of(trustMargin)}
	// Credentials and TLS are inside the shared transport. With them here too, client-go would build another one and
	// the guard would stand beside it.
	config := rest.AnonymousClientConfig(l.config)
	config.TLSClientConfig = rest.TLSClientConfig{}
	config.Transport = transport
	config.RateLimiter = l.config.RateLimiter
	typed := rest.CopyConfig(config)
	typed.ContentType, typed.AcceptContentTypes = protobuf, protobufOrJSON
	client, err := kubernetes.NewForConfigAndClient(typed, &http.Client{Transport: transport})
	if err != nil {
		return nil, wrap(fmt.Errorf("build client: %w", err), Permanent, "ConfigInvalid", "The platform's cluster configuration is wrong.")
	}
	return &Operation{cluster: c, link: l, trust: trust, guard: transport, config: config, client: client, bound: bound}, nil
}

// Cluster is where the operation takes place.
func (o *Operation) Cluster() *Cluster { return o.cluster }

// Client speaks to Kubernetes through the operation's guard.
func (o *Operation) Client() kubernetes.Interface { return o.client }

// RESTConfig is for clients that build their own transport (Helm): every one made from it passes the guard.
func (o *Operation) RESTConfig() *rest.Config { return rest.CopyConfig(o.config) }

// Discovery is the cluster's cached one, shared by all operations and not guarded: it only reads.
func (o *Operation) Discovery() discovery.CachedDiscoveryInterface { return o.link.discovery }

// Mapper is built on Discovery.
func (o *Operation) Mapper() meta.ResettableRESTMapper { return o.link.mapper }

// Tell is the package's Classify, knowing what became of the operation's requests where err doesn't tell any more.
func (o *Operation) Tell(err error) *Error {
	e := Classify(err)
	if e == nil || e.Reason != ReasonUnexpected && e.Reason != reasonWebhookRefused {
		return e
	}
	was := o.guard.met.quoted(err)
	if was == nil {
		return e
	}
	found := *Classify(was)
	found.Detail, found.Err = err.Error(), &flattened{text: err, was: was}
	if refused := (*refusedObject)(nil); errors.As(was, &refused) {
		found.Detail = refused.object + ": " + found.Detail
	}
	return &found
}

// Classify is Tell, knowing when the store's rights were bound.
func (o *Operation) Classify(err error) *Error {
	e := o.Tell(err)
	if e == nil || e.Kind != Forbidden || time.Since(time.Unix(0, o.bound.Load())) > ForbiddenGrace {
		return e
	}
	return &Error{Kind: Transient, Reason: reasonRightsNotYetKnown, Sentence: "The cluster is still learning the platform's rights; it is tried again.", Detail: e.Detail, Err: e.Err}
}

// fail classifies what a step ran into and says what it was doing.
func (o *Operation) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	return o.Classify(fmt.Errorf("%s: %w", doing, err))
}
