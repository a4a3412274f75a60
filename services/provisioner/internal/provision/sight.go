package provision

import (
	"context"
	"errors"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/work"
)

// Watch is the cluster as the keeper may use it: it looks, and has nothing to change anything with.
type Watch interface {
	// Failing and Stamped are from memory; the others ask.
	Failing(store.ID, []engine.Workload) *cluster.Error
	Stamped(store.ID) cluster.Stamp
	ProbeOnce(context.Context, cluster.Target) (via string, err error)
	CheckOnce(context.Context, cluster.Target) (via string, err error)
	Look(cluster.Trust) (Look, error)
}

// Look is one look at what the steps made. Each method lists what isn't as its step makes it.
type Look interface {
	NamespaceDrift(context.Context, cluster.Namespace) ([]cluster.Drift, error)
	IsolationDrift(context.Context, cluster.Isolation) ([]cluster.Drift, error)
	SecretDrift(ctx context.Context, id store.ID, keys []string) ([]cluster.Drift, error)
	ReleaseDrift(context.Context, release.Spec) ([]cluster.Drift, error)
	ReleaseDone(context.Context, release.Spec) (bool, error)
	// VolumesCanGrow says why the release can't have the volumes that it wants; nil when it can.
	VolumesCanGrow(context.Context, release.Spec) error
}

var errNeverStood = errors.New("no operation has said how the store stands")

// Sight is one store that is kept, as its last operation that succeeded left it.
type Sight struct {
	plan  *plan
	watch Watch
	// undone says that the operation since then wasn't done whole: what it changed is in the cluster, and nobody wants it.
	undone bool
}

// Sight says what to look at. It fails as an operation would, where the platform doesn't carry the store's engine.
func (h *Hand) Sight(s store.State, watch Watch) (*Sight, error) {
	if s.Running == nil {
		return nil, errNeverStood
	}
	s.Tenant = s.MadeAs()
	p, err := h.plan(s, s.Running.Spec, s.Standing != store.SuspendedStanding)
	if err != nil {
		return nil, err
	}
	undone := s.Outcome == store.Unsuccessful || s.Outcome == store.Cancelled
	return &Sight{plan: p, watch: watch, undone: undone}, nil
}

// Ahead says that the cluster has more of the store than this log; nil where it hasn't.
func (v *Sight) Ahead(log storelog.Lineage) *cluster.Error {
	found := v.watch.Stamped(v.plan.id)
	if !log.Lacks(found.Epoch, found.Generation, v.plan.stamping.generation) {
		return nil
	}
	return cluster.Ahead(v.plan.id, found)
}

// Undone says that what the store's newest operation changed isn't wanted any more: it failed, or was called off.
func (v *Sight) Undone() bool { return v.undone }

// Failing says which workload doesn't serve and why; nil when all do.
func (v *Sight) Failing() *cluster.Error { return v.watch.Failing(v.plan.id, v.plan.workloads()) }

// Check asks the shop the engine's light question, once. It is engine.ErrNoCheck where the engine has none.
func (v *Sight) Check(ctx context.Context) error {
	if v.plan.target.Check == nil {
		return engine.ErrNoCheck
	}
	_, err := v.watch.CheckOnce(ctx, v.plan.target)
	return err
}

// Probe asks the shop once as the last step of a store's making did.
func (v *Sight) Probe(ctx context.Context) error {
	_, err := v.watch.ProbeOnce(ctx, v.plan.target)
	return err
}

// Drift lists what of the store isn't as it was made, in the order in which it was. It ends with what makes the rest
// moot: without its namespace nothing of a store is there, without its rights nothing can be seen.
func (v *Sight) Drift(ctx context.Context, trust cluster.Trust) ([]cluster.Drift, error) {
	look, err := v.watch.Look(trust)
	if err != nil {
		return nil, err
	}
	found, err := look.NamespaceDrift(ctx, v.plan.namespace)
	if err != nil || len(found) > 0 {
		return found, err
	}
	isolation, err := look.IsolationDrift(ctx, v.plan.isolation)
	if err != nil || unseen(isolation) {
		return isolation, err
	}
	secret, err := look.SecretDrift(ctx, v.plan.id, v.plan.secretKeys())
	if err != nil {
		return nil, err
	}
	made, err := look.ReleaseDrift(ctx, v.plan.release)
	if err != nil {
		return nil, err
	}
	if v.undone && len(made) == 0 {
		if made, err = v.leftBehind(ctx, look); err != nil {
			return nil, err
		}
	}
	found = append(append(isolation, secret...), made...)
	if len(found) == 0 {
		return nil, nil
	}
	// A namespace on its way out loses its objects one by one: what is missing then is no finding of its own.
	if gone, err := look.NamespaceDrift(ctx, v.plan.namespace); err != nil || len(gone) > 0 {
		return gone, err
	}
	return found, nil
}

// leftBehind is what an operation that failed or was called off has changed of the release. A mend goes back to what stood.
func (v *Sight) leftBehind(ctx context.Context, look Look) ([]cluster.Drift, error) {
	done, err := look.ReleaseDone(ctx, v.plan.release)
	if err != nil || done {
		return nil, err
	}
	return []cluster.Drift{{Kind: "Release", Name: release.Name, Fields: []string{"values"}}}, nil
}

func unseen(isolation []cluster.Drift) bool {
	return len(isolation) == 1 && isolation[0].Name == cluster.StoreRole
}

// unlessLost keeps whatever is done about a store that stood from making anew what held a merchant's data: what it made would be empty, and Ready.
func unlessLost(find func(context.Context) ([]cluster.Drift, error), apply applies) applies {
	return func(ctx context.Context, tell work.Tell) error {
		found, err := find(ctx)
		if err != nil {
			return outcome(err)
		}
		for _, d := range found {
			// What is there and isn't this store's is told by who wants to change it.
			if d.Beyond && d.Missing {
				return &work.Permanent{Reason: cluster.ReasonDataMissing, Message: cluster.DataMissingSentence, Err: wordsOf(d)}
			}
		}
		return apply(ctx, tell)
	}
}

// wordsOf is a drift as the cause of an error.
type wordsOf cluster.Drift

func (w wordsOf) Error() string { return cluster.Drift(w).Words() }
