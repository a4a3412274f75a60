package release

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/metadata"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// Labels by which Helm finds its revisions.
const (
	labelOwner   = "owner"
	labelName    = "name"
	labelVersion = "version"
)

// Record is what Helm says of the store's newest revision; nil where there is none. Each revision has the whole chart in it, so
// the newest is told by names alone, and only that one is read.
func Record(ctx context.Context, op *cluster.Operation, id store.ID) (*query.Release, error) {
	newest, err := newestRevision(ctx, op, id)
	if err != nil || newest == 0 {
		return nil, err
	}
	made, err := newStorage(op, id.Namespace()).Get(Name, newest)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		// Helm keeps only the last few, and another may just have been made.
		return nil, nil
	}
	if err != nil {
		return nil, failed(op, fmt.Errorf("read release: %w", err))
	}
	return &query.Release{
		Revision: made.Version, Status: made.Info.Status.String(), Description: store.Bounded(made.Info.Description), At: made.Info.LastDeployed.Time,
	}, nil
}

func newestRevision(ctx context.Context, op *cluster.Operation, id store.ID) (newest int, err error) {
	client, err := metadata.NewForConfig(op.RESTConfig())
	if err != nil {
		return 0, failed(op, fmt.Errorf("build client: %w", err))
	}
	found, err := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(id.Namespace()).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{labelOwner: "helm", labelName: Name}.String(),
	})
	if err != nil {
		return 0, failed(op, fmt.Errorf("list releases: %w", err))
	}
	for _, secret := range found.Items {
		if revision, err := strconv.Atoi(secret.Labels[labelVersion]); err == nil {
			newest = max(newest, revision)
		}
	}
	return newest, nil
}
