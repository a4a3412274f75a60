package provision

import (
	"context"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/work"
)

// steps lists what is to be done, in order. via is where the last one leaves the route of its answer.
func (p *plan) steps(a Attempt, c Cluster, via *string) []work.Step {
	credentials := act(func(ctx context.Context) error { return a.EnsureSecret(ctx, p.id, p.engine.NewSecret()) })
	if p.stood {
		credentials = unlessLost(func(ctx context.Context) ([]cluster.Drift, error) { return a.SecretDrift(ctx, p.id, p.secretKeys()) }, credentials)
	}
	return []work.Step{
		p.namespaceStep(a),
		{
			Name:  stepIsolation,
			Done:  look(func(ctx context.Context) (bool, error) { return a.IsolationDone(ctx, p.isolation) }),
			Apply: act(func(ctx context.Context) error { return p.isolate(ctx, a) }),
		},
		{
			Name:  stepCredentials,
			Done:  look(func(ctx context.Context) (bool, error) { return a.SecretDone(ctx, p.id, p.secretKeys()) }),
			Apply: credentials,
		},
		{
			Name: stepRelease, Timeout: releaseTimeout,
			Done:  look(func(ctx context.Context) (bool, error) { return a.ReleaseDone(ctx, p.release) }),
			Apply: act(func(ctx context.Context) error { return a.EnsureRelease(ctx, p.release) }),
		},
		{
			Name: stepWorkloads, Timeout: workloadsTimeout,
			Done: look(func(ctx context.Context) (bool, error) { return a.WorkloadsReady(ctx, p.id, p.workloads()) }),
			Apply: func(ctx context.Context, tell work.Tell) error {
				return outcome(a.AwaitWorkloads(ctx, cluster.Awaited{
					Store: p.id, Workloads: p.workloads(), Failures: p.engine.Failures, Again: p.again, Tell: tell,
				}))
			},
		},
		{
			// Ready says that the shop answers now, not that it did in an earlier attempt.
			Name: stepHTTP, Timeout: p.asking,
			Done: func(context.Context) (bool, error) { return false, nil },
			Apply: act(func(ctx context.Context) (err error) {
				*via, err = c.Probe(ctx, p.target)
				return err
			}),
		},
	}
}

// isolate first sees whether the plan can be had: half of what can't be had whole isn't begun. Where that can't be seen, the
// right to look being among what is made here, it shows when the release is made.
func (p *plan) isolate(ctx context.Context, a Attempt) error {
	if p.stood {
		err := a.VolumesCanGrow(ctx, p.release)
		if why := cluster.Classify(err); why != nil && why.Reason == cluster.ReasonVolumeCannotGrow {
			return why
		}
	}
	return a.EnsureIsolation(ctx, p.isolation)
}

// namespaceStep looks for the stamp once: what is looked at is what is made so then.
func (p *plan) namespaceStep(a Attempt) work.Step {
	ns := p.namespace
	apply := act(func(ctx context.Context) error { return a.EnsureNamespace(ctx, ns) })
	if p.stood {
		apply = unlessLost(func(ctx context.Context) ([]cluster.Drift, error) { return a.NamespaceDrift(ctx, ns) }, apply)
	}
	return work.Step{
		Name: stepNamespace,
		Done: look(func(ctx context.Context) (done bool, err error) {
			if ns.Stamp, err = p.stamping.next(ctx, a); err != nil {
				return false, err
			}
			return a.NamespaceReady(ctx, ns)
		}),
		Apply: apply,
	}
}

func (p *plan) workloads() []engine.Workload { return p.engine.WorkloadsWhen(p.running) }

func (p *plan) secretKeys() []string {
	keys := make([]string, len(p.engine.Credentials))
	for i, credential := range p.engine.Credentials {
		keys[i] = credential.SecretKey
	}
	return keys
}

func look(done func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		ok, err := done(ctx)
		return ok, outcome(err)
	}
}

// applies is work.Step's Apply.
type applies = func(context.Context, work.Tell) error

func act(apply func(context.Context) error) applies {
	return func(ctx context.Context, _ work.Tell) error { return outcome(apply(ctx)) }
}
