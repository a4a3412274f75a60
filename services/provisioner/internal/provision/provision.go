// Package provision is the provisioner's hand: the steps that take a store from a command to an answered request.
//
//	namespace → isolation → credentials → release → workloads → http
//
// Every step looks at the cluster before it changes it, so another worker resumes at the first that isn't done. The
// Cluster interface has nothing in it that removes: what isn't there can't be called by mistake.
package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/work"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// Cluster is where stores are made.
type Cluster interface {
	// Begin makes the view of one attempt, which writes only while trust lasts.
	Begin(cluster.Trust) (Attempt, error)
	// ObjectLabels go on every object of a store.
	ObjectLabels(store.ID) map[string]string
	// Probe asks the shop itself until it answers as it should, and says by which route.
	Probe(context.Context, cluster.Target) (via string, err error)
}

// Attempt is the cluster as one attempt may use it: each pair looks, and makes it so.
type Attempt interface {
	// Stamp is what has worked on the store last.
	Stamp(context.Context, store.ID) (cluster.Stamp, error)

	// What held data is looked for before it is made anew.
	NamespaceDrift(context.Context, cluster.Namespace) ([]cluster.Drift, error)
	SecretDrift(ctx context.Context, id store.ID, keys []string) ([]cluster.Drift, error)

	NamespaceReady(context.Context, cluster.Namespace) (bool, error)
	EnsureNamespace(context.Context, cluster.Namespace) error

	IsolationDone(context.Context, cluster.Isolation) (bool, error)
	EnsureIsolation(context.Context, cluster.Isolation) error
	// VolumesCanGrow says why the release can't have the volumes that it wants; nil when it can.
	VolumesCanGrow(context.Context, release.Spec) error

	SecretDone(ctx context.Context, id store.ID, keys []string) (bool, error)
	EnsureSecret(ctx context.Context, id store.ID, fresh map[string][]byte) error

	ReleaseDone(context.Context, release.Spec) (bool, error)
	EnsureRelease(context.Context, release.Spec) error

	WorkloadsReady(ctx context.Context, id store.ID, workloads []engine.Workload) (bool, error)
	AwaitWorkloads(context.Context, cluster.Awaited) error
}

// Availability says whether anything can be attempted (hands.Reach).
type Availability interface {
	Available(context.Context) error
}

// Addresses is where stores are found.
type Addresses struct {
	// Scheme is http or https, Domain the base domain with its port, if any, and Host the same without.
	Scheme, Domain, Host string
	// IngressClass is empty where stores get no route.
	IngressClass string
}

func (a Addresses) url(id store.ID) string  { return a.Scheme + "://" + id.Namespace() + "." + a.Domain }
func (a Addresses) host(id store.ID) string { return id.Namespace() + "." + a.Host }

// Hand implements work.Hand.
type Hand struct {
	Reach Availability
	// Images is asked for the images of a store's engine before an attempt; nil where they come from a registry.
	Images    Images
	building  building
	Cluster   Cluster
	Packs     *packs.Set
	Addresses Addresses
	// Registry is the prefix of the engines' images.
	Registry string
	// Settings are what the operator has set for the engines' charts, by the engine's name.
	Settings map[string]map[string]any
	// Stores are what the installation says of all of them, and Said is the digest of that and of their isolation (cluster.Config).
	Stores cluster.Settings
	Said   string
	// Lineage says which log it is that the commands are of (storelog.Log).
	Lineage func(context.Context) (storelog.Lineage, error)
	// Clock divides how long a shop is asked.
	Clock clock.Divisor
}

var _ work.Hand = (*Hand)(nil)

// The steps' names are in the log and in clients: they don't change.
const (
	stepNamespace   = "namespace"
	stepIsolation   = "isolation"
	stepCredentials = "credentials"
	stepRelease     = "release"
	stepWorkloads   = "workloads"
	stepHTTP        = "http"
)

// What a step may take before its attempt ends. A first start pulls images, hence the minutes; how long a shop is asked
// that is shut goes by the installation's clock.
const (
	releaseTimeout   = 5 * time.Minute
	workloadsTimeout = 5 * time.Minute
	httpTimeout      = time.Minute
)

// Operation lists the steps of a store's newest command. They are the same for each verb; what they make differs.
func (h *Hand) Operation(s store.State, trust *work.Trust) (work.Operation, error) {
	p, err := h.plan(s, s.Target(), s.Leaves() != store.SuspendedStanding)
	if err != nil {
		return work.Operation{}, err
	}
	attempt, err := h.Cluster.Begin(trust)
	if err != nil {
		return work.Operation{}, outcome(err)
	}
	via := ""
	done := store.BecameReady
	if !p.running {
		done = store.BecameSuspended
	}
	return work.Operation{
		Steps: p.steps(attempt, h.Cluster, &via),
		Finish: func() (store.Type, store.Facts) {
			return done, store.Facts{URL: p.target.URL, Via: via, Settings: h.Said, Tenant: p.namespace.Tenant}
		},
	}, nil
}

// plan is what one store needs, computed from its state and its pack alone.
type plan struct {
	id        store.ID
	namespace cluster.Namespace
	stamping  stamping
	isolation cluster.Isolation
	release   release.Spec
	engine    packs.Engine
	target    cluster.Target
	// asking is how long the shop is asked.
	asking time.Duration
	// running says that the shop is to be open; a store that is suspended isn't.
	running bool
	// stood says that the store holds its merchant's data.
	stood bool
	// again says that this is the first attempt of a command behind another that has ended.
	again bool
}

// plan is for a store that is to stand as spec says.
func (h *Hand) plan(s store.State, spec store.Spec, running bool) (*plan, error) {
	e, err := h.engineOf(spec)
	if err != nil {
		return nil, err
	}
	size, err := e.Plan(spec.Plan)
	if err != nil {
		return nil, unusable(err)
	}
	url := h.Addresses.url(s.ID)
	values, err := e.Values(engine.Release{
		Store: string(s.ID), Name: spec.Name, Plan: spec.Plan, Options: spec.Options, Running: running,
		Labels: h.Cluster.ObjectLabels(s.ID), Registry: h.Registry, Secret: cluster.SecretName,
		Host: h.Addresses.host(s.ID), URL: url, IngressClass: h.Addresses.IngressClass,
		Installation: h.Settings[e.Name],
	})
	if err != nil {
		return nil, unusable(err)
	}
	return &plan{
		id:        s.ID,
		namespace: cluster.Namespace{Store: s.ID, Tenant: s.Tenant, Engine: e.Name, Plan: size.Name},
		stamping:  stamping{lineage: h.Lineage, store: s.ID, generation: s.Generation, version: e.Version},
		isolation: cluster.Isolation{Store: s.ID, Plan: size, Suspended: !running},
		// A create believes Helm's record, for speed. Whatever else is asked of a store follows upon something that
		// went wrong, perhaps by somebody's hand.
		release: release.Spec{
			Store: s.ID, Chart: e.Chart, Values: values, Settings: h.Stores, Verify: s.Verb != store.Create, Stood: s.Stood,
		},
		engine:  e,
		target:  cluster.Target{Store: s.ID, URL: url, Probe: e.ProbeWhen(running), Check: e.CheckWhen(running)},
		asking:  h.Clock.Of(httpTimeout),
		running: running,
		stood:   s.Stood,
		again:   s.Verb != store.Create && s.Attempt <= 1,
	}, nil
}

// reasonNotCarried is that of a store that waits for a provisioner with its engine.
const reasonNotCarried = "EngineNotCarried"

// engineOf finds the pack that the command was admitted with. Another version of it isn't put in its place: an older
// one over a newer store's data is what no merchant can undo. While the platform is upgraded another provisioner may
// carry the right one, so this is a reason to wait.
func (h *Hand) engineOf(spec store.Spec) (packs.Engine, error) {
	if e, ok := h.Packs.Find(spec.Engine, spec.Version); ok {
		return e, nil
	}
	var carried []string
	for _, e := range h.Packs.Versions(spec.Engine) {
		carried = append(carried, e.Version)
	}
	return packs.Engine{}, &work.Waiting{
		Reason:  reasonNotCarried,
		Message: fmt.Sprintf("Waiting for a provisioner that carries version %s of the engine %s.", spec.Version, spec.Engine),
		Err:     fmt.Errorf("versions carried here: %q", carried),
	}
}
