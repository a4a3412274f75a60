package chart

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/platform"
)

// sharedRole is the one that all installations of a cluster have in common.
const sharedRole = "/apis/rbac.authorization.k8s.io/v1/clusterroles/store-platform-store"

// KeepSharedRole has it be as it is now when the test is over, where it is there. Called before New, it does that when all else of the
// release is gone: the release before takes the role along.
func KeepSharedRole(tb testing.TB, cluster *platform.Kubernetes) {
	tb.Helper()
	var was Values
	status, err := cluster.Do(tb.Context(), http.MethodGet, sharedRole, nil, &was)
	if err == nil && status == http.StatusNotFound {
		return
	}
	metadata, _ := was["metadata"].(map[string]any)
	if err != nil || status != http.StatusOK {
		tb.Fatalf("read the shared ClusterRole: %d %v", status, err)
	}
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		delete(metadata, field)
	}
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		status, err := cluster.Do(ctx, http.MethodPut, sharedRole, was, nil)
		if err == nil && status == http.StatusNotFound {
			status, err = cluster.Do(ctx, http.MethodPost, sharedRole[:strings.LastIndex(sharedRole, "/")], was, nil)
		}
		if err != nil || status >= http.StatusMultipleChoices {
			tb.Errorf("put the shared ClusterRole back: %d %v", status, err)
		}
	})
}

// TakeOverSharedRole does it by README's annotations, where it is there. The label is, too, where another release has made it.
func (r *Release) TakeOverSharedRole(tb testing.TB) {
	tb.Helper()
	patch := Values{"metadata": Values{
		"labels":      Values{"app.kubernetes.io/managed-by": "Helm"},
		"annotations": Values{"meta.helm.sh/release-name": r.Name, "meta.helm.sh/release-namespace": r.Namespace},
	}}
	status, err := r.Do(tb.Context(), http.MethodPatch, sharedRole, patch, nil)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		tb.Fatalf("take over the shared ClusterRole: %d %v", status, err)
	}
}
