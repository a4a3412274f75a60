package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/kube"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// Name is the release's name in every store's namespace.
const Name = "store"

const (
	// deadline bounds one Ensure, so that a Helm that hangs behind a lease that is dutifully renewed can't keep a
	// delete waiting for ever.
	deadline = 5 * time.Minute
	// history is how many revisions are kept: each is a Secret with the whole chart in it.
	history = 3
	// recounts is how often a refused release is tried again: the API server hears of a count a moment after it was made.
	recounts = 2
	// digestLabel is on the revision's Secret and says which chart and values it was made of.
	digestLabel = "store-platform.io/digest"
)

// Spec is the release that is wanted.
type Spec struct {
	Store store.ID
	// Chart is engine.Chart's; Values engine.Pack.Values'. Neither is changed.
	Chart  []engine.ChartFile
	Values map[string]any
	// Settings are what the installation says of all stores: they are put on what the chart makes.
	Settings cluster.Settings
	// Verify says that a release isn't believed to be there because its record says so: its objects are looked at too,
	// one request each, and restored where they aren't as they were made.
	Verify bool
	// Stood says that the store holds data: a volume that it had is neither made anew nor left out.
	Stood bool
}

// Releases makes releases; one for the whole process.
type Releases struct {
	slots chan struct{}

	mu           sync.Mutex
	capabilities *chartutil.Capabilities
}

// Helm names who it changes objects for in one place for the whole program.
func init() { kube.ManagedFieldsManager = cluster.ManagedBy }

// New bounds how many Helm actions run at once. What they cost is processor time and memory for rendering; waiting
// isn't among it.
func New(parallel int) *Releases {
	return &Releases{slots: make(chan struct{}, parallel)}
}

// Ensure brings the release to spec, whatever an earlier worker left of it, and returns when Kubernetes has the
// objects, not when they run. ctx only bounds waiting for a slot: what has begun runs to its end, or to the end of
// op's trust.
func (r *Releases) Ensure(ctx context.Context, op *cluster.Operation, spec Spec) error {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return op.Classify(fmt.Errorf("wait for a turn at Helm: %w", ctx.Err()))
	}
	op, err := op.Until(time.Now().Add(deadline))
	if err != nil {
		return err
	}
	w, err := r.prepare(op, spec)
	if err != nil {
		return err
	}
	if err := w.keepsData(ctx, op); err != nil {
		return err
	}
	if w.restore, err = w.toRestore(ctx, op); err != nil {
		return err
	}
	if w.stamp.classes, err = classesOf(ctx, op, spec.Store); err != nil {
		return err
	}
	if err := w.ensureCounted(ctx, op); err != nil {
		return failed(op, err)
	}
	return nil
}

// ensureCounted takes a refusal for an answer only after the store's quota was counted anew: what an earlier worker was
// about to make when it ended may stand in there and nowhere else, and a larger one than before may not be known yet.
func (e *ensuring) ensureCounted(ctx context.Context, op *cluster.Operation) error {
	for range recounts {
		err := e.ensure(ctx, op)
		// Not op's: just after the rights were given it takes every refusal for a lack of them.
		if refused := op.Tell(err); refused == nil || refused.Kind != cluster.Forbidden {
			return err
		}
		if err := op.Recount(ctx, e.spec.Store); err != nil {
			return err
		}
	}
	return e.ensure(ctx, op)
}

// Deployed says whether Ensure has nothing to do.
func (r *Releases) Deployed(ctx context.Context, op *cluster.Operation, spec Spec) (bool, error) {
	digest, err := spec.digest()
	if err != nil {
		return false, invalid(err)
	}
	last, err := lastRevision(newStorage(op, spec.Store.Namespace()))
	if err != nil {
		return false, failed(op, err)
	}
	if !deployed(last, digest) || !spec.Verify {
		return deployed(last, digest), nil
	}
	drift, err := drifted(ctx, op, last)
	return err == nil && len(drift) == 0, err
}

func deployed(last *helmrelease.Release, digest string) bool {
	return last != nil && last.Info.Status == helmrelease.StatusDeployed && last.Labels[digestLabel] == digest
}

// ensuring is one Ensure.
type ensuring struct {
	spec   Spec
	digest string
	config *action.Configuration
	stamp  *stamp
	// wanted are the volumes of the chart.
	wanted []cluster.Volume
	// restore says that some of what the release made isn't as it was made.
	restore bool
}

// prepare does everything that can go wrong by the pack's fault, before anything is written. Helm's own errors of
// loading and rendering have no type; that they happened here is what tells them apart.
func (r *Releases) prepare(op *cluster.Operation, spec Spec) (*ensuring, error) {
	digest, err := spec.digest()
	if err != nil {
		return nil, invalid(err)
	}
	capabilities, err := r.capabilitiesOf(op)
	if err != nil {
		return nil, failed(op, err)
	}
	objects, err := check(op, spec, capabilities)
	if err != nil {
		return nil, err
	}
	wanted, err := volumesIn(objects)
	if err != nil {
		return nil, invalid(err)
	}
	namespace := spec.Store.Namespace()
	getter := &getter{op: op, namespace: namespace}
	client := kube.New(getter)
	client.Namespace = namespace
	client.Log = debug
	return &ensuring{
		spec: spec, digest: digest,
		config: &action.Configuration{
			RESTClientGetter: getter, KubeClient: client, Releases: newStorage(op, namespace),
			Capabilities: capabilities, Log: debug,
		},
		stamp:  &stamp{labels: op.Cluster().ObjectLabels(spec.Store), settings: spec.Settings},
		wanted: wanted,
	}, nil
}

// ensure has the volumes before Helm, which would change half of a release before it is refused the rest.
func (e *ensuring) ensure(ctx context.Context, op *cluster.Operation) error {
	if err := e.growVolumes(ctx, op); err != nil {
		return err
	}
	return e.ensureRelease()
}

// ensureRelease observes, chooses one action and reads back: Helm reports success also when the write of its last status
// failed.
func (e *ensuring) ensureRelease() error {
	last, err := lastRevision(e.config.Releases)
	if err != nil {
		return err
	}
	switch {
	case last == nil:
		err = e.install()
	case deployed(last, e.digest) && !e.restore:
		return nil
	default:
		if err := e.markFailed(last); err != nil {
			return err
		}
		err = e.upgrade()
	}
	if err != nil {
		return err
	}
	if last, err = lastRevision(e.config.Releases); err != nil {
		return err
	}
	if !deployed(last, e.digest) {
		return errors.New("read back release: it isn't deployed")
	}
	return nil
}

// markFailed marks a revision failed that a dead worker left pending: Helm refuses to touch it otherwise, and an upgrade
// of a failed one adopts whatever it had made.
func (e *ensuring) markFailed(last *helmrelease.Release) error {
	switch last.Info.Status {
	case helmrelease.StatusDeployed, helmrelease.StatusFailed:
		return nil
	}
	last.SetStatus(helmrelease.StatusFailed, "left "+last.Info.Status.String()+" by a worker that ended")
	if err := e.config.Releases.Update(last); err != nil {
		return fmt.Errorf("mark release failed: %w", err)
	}
	return nil
}

func (e *ensuring) install() error {
	chart, values, err := e.spec.load()
	if err != nil {
		return err
	}
	install := action.NewInstall(e.config)
	install.ReleaseName, install.Namespace = Name, e.spec.Store.Namespace()
	install.DisableHooks, install.SkipCRDs, install.DisableOpenAPIValidation = true, true, true
	install.Labels = map[string]string{digestLabel: e.digest}
	install.PostRenderer = e.stamp
	if _, err := install.Run(chart, values); err != nil {
		return fmt.Errorf("install release: %w", err)
	}
	return nil
}

func (e *ensuring) upgrade() error {
	chart, values, err := e.spec.load()
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(e.config)
	upgrade.Namespace, upgrade.MaxHistory = e.spec.Store.Namespace(), history
	upgrade.DisableHooks, upgrade.SkipCRDs, upgrade.DisableOpenAPIValidation = true, true, true
	upgrade.ResetValues = true
	upgrade.Labels = map[string]string{digestLabel: e.digest}
	upgrade.PostRenderer = e.stamp
	if _, err := upgrade.Run(Name, chart, values); err != nil {
		return fmt.Errorf("upgrade release: %w", err)
	}
	return nil
}

// lastRevision is nil when there is no release.
func lastRevision(releases *storage.Storage) (*helmrelease.Release, error) {
	last, err := releases.Last(Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read release: %w", err)
	}
	return last, nil
}

func newStorage(op *cluster.Operation, namespace string) *storage.Storage {
	secrets := driver.NewSecrets(newFence(op.Client().CoreV1().Secrets(namespace)))
	secrets.Log = debug
	releases := storage.Init(secrets)
	releases.Log = debug
	releases.MaxHistory = history
	return releases
}

// capabilitiesOf asks once per process. Helm would ask before every action, without the cache.
func (r *Releases) capabilitiesOf(op *cluster.Operation) (*chartutil.Capabilities, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.capabilities != nil {
		return r.capabilities, nil
	}
	version, err := op.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("ask for the cluster's version: %w", err)
	}
	kinds, err := action.GetVersionSet(op.Discovery())
	if err != nil {
		return nil, fmt.Errorf("ask for the cluster's kinds: %w", err)
	}
	r.capabilities = &chartutil.Capabilities{
		KubeVersion: chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		APIVersions: kinds,
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}
	return r.capabilities, nil
}

// failed classifies what Helm ran into. Much of it has no type; then it is tried again under a name of its own.
func failed(op *cluster.Operation, err error) error {
	e := op.Classify(err)
	if e.Reason != cluster.ReasonUnexpected {
		return e
	}
	return &cluster.Error{Kind: cluster.Transient, Reason: "ReleaseFailed", Sentence: "The store couldn't be installed; it is tried again.", Detail: e.Detail, Err: e.Err}
}

// invalid is for what only a change of the pack can mend.
func invalid(err error) error {
	return &cluster.Error{Kind: cluster.Permanent, Reason: "ChartInvalid", Sentence: "The engine's chart can't be used.", Detail: err.Error(), Err: err}
}

func debug(format string, values ...any) {
	slog.Debug(fmt.Sprintf(format, values...), "from", "helm")
}
