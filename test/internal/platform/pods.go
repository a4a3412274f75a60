package platform

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// ShellImage is what the local cluster carries for its volume helper.
const ShellImage = "docker.io/library/busybox:local"

// ShellContainer is one that runs a script, as small as the walls of a store's namespace allow it.
func ShellContainer(name, script string) map[string]any {
	return map[string]any{
		"name": name, "image": ShellImage, "imagePullPolicy": "Never", "command": []string{"/bin/sh", "-c", script},
		"resources": map[string]any{"limits": map[string]string{"cpu": "200m", "memory": "16Mi"}, "requests": map[string]string{"cpu": "10m", "memory": "16Mi"}},
		"securityContext": map[string]any{
			"runAsNonRoot": true, "runAsUser": 65532, "allowPrivilegeEscalation": false,
			"capabilities": map[string]any{"drop": []string{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
	}
}

// AddPod makes a pod of a store's, beside those that fill its quota, which is as it was when the pod is there. It ends at once when
// it is deleted.
func (k *Kubernetes) AddPod(tb testing.TB, id store.ID, name string, spec map[string]any) {
	tb.Helper()
	path := "/api/v1/namespaces/" + id.Namespace()
	var namespace struct {
		Metadata struct{ Labels map[string]string }
	}
	var quota struct {
		Spec struct{ Hard map[string]string }
	}
	k.must(tb, http.MethodGet, path, nil, &namespace)
	k.must(tb, http.MethodGet, path+"/resourcequotas/store", nil, &quota)
	granting := func(hard map[string]string) {
		k.must(tb, http.MethodPatch, path+"/resourcequotas/store", map[string]any{"spec": map[string]any{"hard": hard}}, nil)
	}
	defer granting(quota.Spec.Hard)
	granting(map[string]string{"limits.cpu": "4", "limits.memory": "4Gi", "requests.cpu": "4", "requests.memory": "4Gi"})
	spec = maps.Clone(spec)
	spec["terminationGracePeriodSeconds"], spec["automountServiceAccountToken"] = 0, false
	pod := map[string]any{"spec": spec, "metadata": map[string]any{"name": name, "labels": map[string]string{
		"app.kubernetes.io/managed-by": "store-platform", "store-platform.io/store": string(id),
		"store-platform.io/installation": namespace.Metadata.Labels["store-platform.io/installation"],
	}}}
	// Admission has a watch of its own on quotas.
	waittest.Eventually(tb, func() error {
		status, err := k.Do(tb.Context(), http.MethodPost, path+"/pods", pod, nil)
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("make a pod: %d", status)
		}
		return err
	})
}

// must is Do of what has to succeed.
func (k *Kubernetes) must(tb testing.TB, method, path string, in, out any) {
	tb.Helper()
	if status, err := k.Do(tb.Context(), method, path, in, out); err != nil || status >= http.StatusMultipleChoices {
		tb.Fatalf("%s %s: %d %v", method, path, status, err)
	}
}
