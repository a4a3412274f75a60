package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/monitoring"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// ofTheLog is what the chart calls the volume of its first broker, and disk where one for it is on the node.
	ofTheLog = "data-store-platform-nats-0"
	disk     = "/run/disk-of-the-log"
	// filled is as much of it, in MiB, as lies between what the alert says and what the broker refuses.
	filled = 12
	// lookAgain is between two looks at what the kubelet says, which measures anew after a minute or two, and for whom a look is one at every pod.
	lookAgain = 5 * time.Second
)

// The fault of the one alert that only a kubelet can raise: a volume under the name of a broker's fills up. Kubelets measure none that are
// folders of their node, as all others of this cluster are; this one is a disk. No broker writes there: what it does on a full disk is
// its own tests' (deploy/local/internal/broker).
func TestAVolumeOfTheLogThatFillsIsTold(t *testing.T) {
	b := setup(t)
	clone, err := filepath.Abs(clone)
	if err != nil {
		t.Fatal(err)
	}
	node := b.nodeName()
	b.claimDisk(node)
	pod := b.writer()

	empty := b.measured(node, 0)
	if err := monitoring.Steady(empty, empty).Quiet(t.Context(), clone, "StorePlatformLogFilling"); err != nil {
		t.Fatalf("of an empty volume: %v", err)
	}
	said, err := b.kubernetes.Exec(t.Context(), monitoring.Namespace, pod, "dd", "if=/dev/zero", "of=/data/log", "bs=1M", fmt.Sprint("count=", filled))
	if err != nil {
		t.Fatalf("fill the volume: %v\n%s", err, said)
	}
	full := b.measured(node, filled<<20)
	if err := monitoring.Steady(empty, full).Shows(t.Context(), clone, []string{"Volumes of the bundled broker"}, "StorePlatformLogFilling"); err != nil {
		t.Errorf("of a volume that has filled: %v", err)
	}
}

// measured is what the kubelet says once it has found so much on the volume.
func (b *bench) measured(node string, least float64) (said *monitoring.Scrape) {
	b.Helper()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	waittest.Eventually(b.T, func() error {
		select {
		case <-again.C:
		case <-b.Context().Done():
		}
		page, err := b.kubernetes.Text(b.Context(), "/api/v1/nodes/"+node+"/proxy/metrics")
		if err != nil {
			return err
		}
		said = monitoring.NewScrape()
		if err := said.Add("kubelet", page); err != nil {
			return err
		}
		used, found := said.Value("kubelet_volume_stats_used_bytes", fmt.Sprintf("namespace=%q", monitoring.Namespace), fmt.Sprintf("persistentvolumeclaim=%q", ofTheLog))
		if !found || used < least {
			return fmt.Errorf("the kubelet has measured the volume: %t, and found %.0f bytes of %.0f", found, used, least)
		}
		return nil
	})
	return said
}

// nodeName is that of the cluster's one node. Those that a test makes up, and that have no machine, are marked.
func (b *bench) nodeName() string {
	b.Helper()
	var nodes struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"items"`
	}
	if status, err := b.kubernetes.Do(b.Context(), http.MethodGet, "/api/v1/nodes?labelSelector=%21part-of", nil, &nodes); err != nil || status != http.StatusOK || len(nodes.Items) != 1 {
		b.Fatalf("list the nodes: %d, there are %d: %v", status, len(nodes.Items), err)
	}
	return nodes.Items[0].Metadata.Name
}

// claimDisk gives the node a disk, and the platform's namespace the claim to it. Both go with the test, as does all that lets makes.
func (b *bench) claimDisk(node string) {
	b.Helper()
	volumes := b.kubernetes.Node(b.T).Volumes()
	if err := volumes.Disk(b.Context(), disk); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := volumes.Discard(context.WithoutCancel(b.Context()), disk); err != nil {
			b.Errorf("discard the disk: %v", err)
		}
	})
	size, once := map[string]any{"storage": "16Mi"}, []string{"ReadWriteOnce"}
	here := map[string]any{"key": "kubernetes.io/hostname", "operator": "In", "values": []string{node}}
	b.lets("/api/v1/persistentvolumes", ofTheLog, map[string]any{
		"capacity": size, "accessModes": once, "local": map[string]any{"path": disk}, "persistentVolumeReclaimPolicy": "Retain",
		"claimRef":     map[string]any{"namespace": monitoring.Namespace, "name": ofTheLog},
		"nodeAffinity": map[string]any{"required": map[string]any{"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{here}}}}},
	})
	b.lets("/api/v1/namespaces/"+monitoring.Namespace+"/persistentvolumeclaims", ofTheLog, map[string]any{
		"accessModes": once, "resources": map[string]any{"requests": size}, "volumeName": ofTheLog, "storageClassName": "",
	})
}

// writer runs a pod that has the volume.
func (b *bench) writer() (name string) {
	b.Helper()
	name = "writes-a-log"
	pods := "/api/v1/namespaces/" + monitoring.Namespace + "/pods"
	b.lets(pods, name, map[string]any{
		"terminationGracePeriodSeconds": 1,
		"securityContext":               map[string]any{"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"containers": []any{map[string]any{
			"name": name, "image": platform.ShellImage, "imagePullPolicy": "Never", "command": []string{"sleep", "86400"},
			"securityContext": map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []string{"ALL"}}},
			"volumeMounts":    []any{map[string]any{"name": "data", "mountPath": "/data"}},
		}},
		"volumes": []any{map[string]any{"name": "data", "persistentVolumeClaim": map[string]any{"claimName": ofTheLog}}},
	})
	return name
}

// lets makes an object, which is gone when the test is over: what was made before it, and is still in use by it, goes after it.
func (b *bench) lets(collection, name string, spec map[string]any) {
	b.Helper()
	object := map[string]any{"metadata": map[string]any{"name": name}, "spec": spec}
	if refusal, err := b.kubernetes.Refusal(b.Context(), collection, object); err != nil || refusal != "" {
		b.Fatalf("make one of %s: %s %v", collection, refusal, err)
	}
	path := collection + "/" + name
	b.Cleanup(func() {
		ctx := context.WithoutCancel(b.Context())
		_, err := b.kubernetes.Do(ctx, http.MethodDelete, path, nil, nil)
		err = errors.Join(err, waittest.Until(ctx, func() error {
			status, err := b.kubernetes.Do(ctx, http.MethodGet, path, nil, nil)
			if err == nil && status != http.StatusNotFound {
				err = fmt.Errorf("it is still there: %d", status)
			}
			return err
		}))
		if err != nil {
			b.Errorf("remove %s: %v", path, err)
		}
	})
}
