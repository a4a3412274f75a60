package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
)

// ReasonDataLeftOut is why nothing is changed of a store whose data would be out of its programs' sight afterwards.
const ReasonDataLeftOut = "DataLeftOut"

// keepsData refuses what would put an empty volume in the place of one that held a merchant's data: where it is gone, and
// where what is wanted no longer has it. The latter becomes of a setting that says where an engine's new stores have their
// database.
func (e *ensuring) keepsData(ctx context.Context, op *cluster.Operation) error {
	if !e.spec.Stood {
		return nil
	}
	had, always, err := e.volumesBefore()
	if err != nil {
		return failed(op, err)
	}
	for _, v := range had {
		if err := e.there(ctx, op, v); err != nil {
			return err
		}
	}
	for _, v := range always {
		if !isAmong(e.wanted, v) {
			return &cluster.Error{
				Kind: cluster.Permanent, Reason: ReasonDataLeftOut,
				Sentence: "As the platform is set now, the store would lose sight of its data. Nothing was changed.",
				Detail:   "persistentvolumeclaim/" + v.Claim + " is the store's, and isn't in what its engine makes with the settings of today",
			}
		}
	}
	return nil
}

// volumesBefore are those of the newest release that Helm has made whole, and of them those that the ones before it had,
// too: what only the newest has may come from a change that failed behind it and is gone back from. Without Helm's record
// nothing says what a store had but what it is to have.
func (e *ensuring) volumesBefore() (had, always []cluster.Volume, err error) {
	history, err := e.config.Releases.History(Name)
	if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil, fmt.Errorf("read releases: %w", err)
	}
	slices.SortFunc(history, func(a, b *helmrelease.Release) int { return cmp.Compare(b.Version, a.Version) })
	known := false
	for _, made := range history {
		if status := made.Info.Status; status != helmrelease.StatusDeployed && status != helmrelease.StatusSuperseded {
			continue
		}
		objects, err := objects(made)
		if err != nil {
			return nil, nil, invalid(err)
		}
		volumes, err := volumesIn(objects)
		if err != nil {
			return nil, nil, invalid(err)
		}
		if !known {
			had, always, known = volumes, volumes, true
		}
		always = slices.DeleteFunc(slices.Clone(always), func(v cluster.Volume) bool { return !isAmong(volumes, v) })
	}
	if !known {
		had = e.wanted
	}
	return had, always, nil
}

func isAmong(volumes []cluster.Volume, v cluster.Volume) bool {
	return slices.ContainsFunc(volumes, func(other cluster.Volume) bool { return other.Claim == v.Claim && other.Numbered == v.Numbered })
}

// there refuses a volume that is gone, or on its way.
func (e *ensuring) there(ctx context.Context, op *cluster.Operation, v cluster.Volume) error {
	name := v.Claim
	if v.Numbered {
		name += "-0"
	}
	live, err := op.Client().CoreV1().PersistentVolumeClaims(e.spec.Store.Namespace()).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return failed(op, fmt.Errorf("look for volume %s: %w", name, err))
	case err != nil, live.DeletionTimestamp != nil:
		return &cluster.Error{
			Kind: cluster.Permanent, Reason: cluster.ReasonDataMissing,
			Sentence: cluster.DataMissingSentence, Detail: "persistentvolumeclaim/" + name + ": not found",
		}
	}
	return nil
}
