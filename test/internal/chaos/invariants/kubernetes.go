package invariants

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// Labels of what the platform puts into a cluster. They are never changed, so they stand here and not in a package that
// links a client of Kubernetes.
const (
	installationLabel = "store-platform.io/installation"
	storeLabel        = "store-platform.io/store"
)

// metadata is as much of an object as is looked at.
type metadata struct {
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		UID       string            `json:"uid"`
		Labels    map[string]string `json:"labels"`
		Deletion  string            `json:"deletionTimestamp"`
	} `json:"metadata"`
}

func (e *Evidence) readCluster(ctx context.Context, run record.Run) error {
	k, err := platform.OpenKubernetes(run.Kubeconfig)
	if err != nil {
		return err
	}
	c := Cluster{Releases: map[string][]Release{}, Credentials: map[string]int{}, Workloads: map[string]int{}}
	ours := "labelSelector=" + url.QueryEscape(installationLabel+"="+run.Installation)
	spaces, err := list(ctx, k, "/api/v1/namespaces?"+ours)
	if err != nil {
		return err
	}
	for _, n := range spaces {
		c.Namespaces = append(c.Namespaces, Namespace{
			Name: n.Metadata.Name, UID: n.Metadata.UID, Store: store.ID(n.Metadata.Labels[storeLabel]), Leaving: n.Metadata.Deletion != "",
		})
	}
	releases, err := list(ctx, k, "/api/v1/secrets?labelSelector="+url.QueryEscape("owner=helm"))
	if err != nil {
		return err
	}
	for _, r := range releases {
		space := r.Metadata.Namespace
		c.Releases[space] = append(c.Releases[space], Release{
			Name: r.Metadata.Name, Status: r.Metadata.Labels["status"], Revision: r.Metadata.Labels["version"],
		})
	}
	secrets, err := list(ctx, k, "/api/v1/secrets?fieldSelector="+url.QueryEscape("metadata.name=store-credentials"))
	if err != nil {
		return err
	}
	for _, s := range secrets {
		c.Credentials[s.Metadata.Namespace]++
	}
	workloads, err := list(ctx, k, "/apis/apps/v1/deployments?"+ours)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		// The page of a suspended store stands by in every store.
		if w.Metadata.Name != "suspended" {
			c.Workloads[w.Metadata.Namespace]++
		}
	}
	e.Cluster = c
	return nil
}

func list(ctx context.Context, k *platform.Kubernetes, path string) ([]metadata, error) {
	var found struct {
		Items []metadata `json:"items"`
	}
	status, err := k.Do(ctx, http.MethodGet, path, nil, &found)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("list %s: status %d", path, status)
	}
	return found.Items, nil
}
