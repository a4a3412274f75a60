package invariants

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
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

// object is as much of one as is looked at.
type object struct {
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		UID       string            `json:"uid"`
		Labels    map[string]string `json:"labels"`
		Deletion  string            `json:"deletionTimestamp"`
	} `json:"metadata"`
	Data map[string][]byte `json:"data"`
	Spec struct {
		Replicas int `json:"replicas"`
		Template struct {
			Spec struct {
				NodeSelector map[string]string `json:"nodeSelector"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		Replicas int `json:"replicas"`
	} `json:"status"`
}

func (e *Evidence) readCluster(ctx context.Context, run record.Run) error {
	k, err := platform.OpenKubernetes(run.Kubeconfig)
	if err != nil {
		return err
	}
	c := Cluster{
		Releases: map[string][]Release{}, Credentials: map[string]int{}, Workloads: map[string][]Workload{}, Pools: map[string][]string{}, Pool: run.Pool,
	}
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
		release, err := releaseOf(r)
		if err != nil {
			return err
		}
		c.Releases[r.Metadata.Namespace] = append(c.Releases[r.Metadata.Namespace], release)
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
		space := w.Metadata.Namespace
		c.Workloads[space] = append(c.Workloads[space], Workload{w.Metadata.Name, w.Spec.Replicas, w.Status.Replicas})
		c.Pools[space] = append(c.Pools[space], w.Spec.Template.Spec.NodeSelector["pool"])
	}
	e.Cluster = c
	return nil
}

// Deployed are the releases of a namespace that Helm takes for what stands.
func Deployed(ctx context.Context, k *platform.Kubernetes, namespace string) ([]Release, error) {
	path := "/api/v1/namespaces/" + namespace + "/secrets?labelSelector=" + url.QueryEscape("owner=helm,status=deployed")
	kept, err := list(ctx, k, path)
	if err != nil {
		return nil, err
	}
	releases := make([]Release, len(kept))
	for i, o := range kept {
		if releases[i], err = releaseOf(o); err != nil {
			return nil, err
		}
	}
	return releases, nil
}

func releaseOf(o object) (Release, error) {
	values, err := valuesOf(o.Data["release"])
	if err != nil {
		return Release{}, fmt.Errorf("read release %s of %s: %w", o.Metadata.Name, o.Metadata.Namespace, err)
	}
	return Release{
		Name: o.Metadata.Name, Status: o.Metadata.Labels["status"], Revision: o.Metadata.Labels["version"], Values: values,
	}, nil
}

// valuesOf unpacks what Helm keeps of a release: JSON, packed, in base64 once more than a Secret's data is.
func valuesOf(kept []byte) (Values, error) {
	var release struct {
		Config Values `json:"config"`
	}
	packed, err := base64.StdEncoding.DecodeString(string(kept))
	if err != nil {
		return Values{}, err
	}
	unpacking, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Values{}, err
	}
	err = json.NewDecoder(unpacking).Decode(&release)
	return release.Config, err
}

func list(ctx context.Context, k *platform.Kubernetes, path string) ([]object, error) {
	var found struct {
		Items []object `json:"items"`
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
