// Package teardown is the janitor's hand for a delete: the store's namespace, and with it all that the store was in the
// cluster, then its claim on its tenant's quota.
//
//	namespace → claims
//
// A delete never fails. What stands in its way is written down with its reason, and tried again until somebody has
// moved it. The Cluster interface has nothing in it that creates: what isn't there can't be called by mistake.
package teardown

import (
	"context"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/work"
)

// Cluster is where stores are removed from.
type Cluster interface {
	// Begin makes the view of one attempt, which writes only while trust lasts.
	Begin(cluster.Trust) (Attempt, error)
}

// Attempt is the cluster as one attempt may use it.
type Attempt interface {
	// NamespaceGone says whether there is nothing left.
	NamespaceGone(context.Context, store.ID) (bool, error)
	// DeleteNamespace asks for the removal, by UID, and refuses a namespace that isn't this store's of this
	// installation.
	DeleteNamespace(context.Context, store.ID) error
	// AwaitNamespaceGone waits until nothing is left.
	AwaitNamespaceGone(context.Context, store.ID) error
}

// Claims are the tenants' claims on their quotas (claim.Book).
type Claims interface {
	Held(ctx context.Context, tenant string) ([]store.ID, error)
	Release(ctx context.Context, tenant string, id store.ID) error
}

// Availability says whether anything can be attempted (hands.Reach).
type Availability interface {
	Available(context.Context) error
}

// Hand implements work.Hand.
type Hand struct {
	Reach   Availability
	Cluster Cluster
	Claims  Claims
}

var _ work.Hand = (*Hand)(nil)

// Available says whether there is a cluster to remove from; more than that a delete never waits for.
func (h *Hand) Available(ctx context.Context, _ store.State) error { return h.Reach.Available(ctx) }

// The steps' names are in the log and in clients: they don't change.
const (
	stepNamespace = "namespace"
	stepClaims    = "claims"
)

// namespaceTimeout covers pods that use the whole of their grace to stop, and volumes that are wiped after them.
const namespaceTimeout = 4 * time.Minute

// Operation lists the steps that end a store.
func (h *Hand) Operation(s store.State, trust *work.Trust) (work.Operation, error) {
	attempt, err := h.Cluster.Begin(trust)
	if err != nil {
		return work.Operation{}, outcome(err)
	}
	return work.Operation{
		Steps:  []work.Step{namespaceStep(attempt, s.ID), claimsStep(h.Claims, s)},
		Finish: func() (store.Type, store.Facts) { return store.BecameDeleted, store.Facts{} },
	}, nil
}

func namespaceStep(a Attempt, id store.ID) work.Step {
	return work.Step{
		Name: stepNamespace, Timeout: namespaceTimeout,
		Done: func(ctx context.Context) (bool, error) {
			gone, err := a.NamespaceGone(ctx, id)
			return gone, outcome(err)
		},
		Apply: func(ctx context.Context, _ work.Tell) error {
			if err := a.DeleteNamespace(ctx, id); err != nil {
				return outcome(err)
			}
			return outcome(a.AwaitNamespaceGone(ctx, id))
		},
	}
}

// claimsStep comes last: a claim that is given back early would let the tenant have one store more than its quota for
// as long as the namespace takes.
func claimsStep(claims Claims, s store.State) work.Step {
	return work.Step{
		Name: stepClaims,
		Done: func(ctx context.Context) (bool, error) {
			held, err := claims.Held(ctx, s.Tenant)
			return !slices.Contains(held, s.ID), err
		},
		Apply: func(ctx context.Context, _ work.Tell) error { return claims.Release(ctx, s.Tenant, s.ID) },
	}
}

// outcome makes everything the cluster says a reason to try again: a delete never fails.
func outcome(err error) error {
	e := cluster.Classify(err)
	if e == nil {
		return nil
	}
	if e.Kind == cluster.Refused {
		// The loop finds in it whether the lease was lost or a newer command came.
		return err
	}
	return &work.Transient{Reason: e.Reason, Message: e.Sentence, Err: e.Words()}
}
