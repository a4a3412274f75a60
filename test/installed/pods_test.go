package installed_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// losesPods has one pod of each kind go as a drained node has it, and holds that the cluster is told to wait with the next one of
// the same kind until there is another in its place. The database, of which there is one, is killed.
func (i *installation) losesPods(t *testing.T) {
	t.Helper()
	kinds := map[string][]platform.Pod{}
	for _, pod := range i.Pods(t, i.Namespace, ofTheChart) {
		kind := pod.Metadata.Labels[component]
		kinds[kind] = append(kinds[kind], pod)
	}
	if len(kinds) != 6 {
		t.Fatalf("there are %d kinds of pods", len(kinds))
	}
	for kind, pods := range kinds {
		if kind == "postgres" {
			status, err := i.Do(t.Context(), http.MethodDelete, i.Path("/api/v1", "pods", pods[0].Metadata.Name), object{"gracePeriodSeconds": 0}, nil)
			if err != nil || status >= 300 {
				t.Fatalf("kill the database: %d %v", status, err)
			}
			continue
		}
		// A pod whose probe has just failed makes the first wait, too; kubectl drain asks again.
		waittest.Eventually(t, func() error {
			if status := i.evict(t, pods[0]); status != http.StatusCreated {
				return fmt.Errorf("evicting the first of %d of %s is answered %d", len(pods), kind, status)
			}
			return nil
		})
		if status := i.evict(t, pods[1]); status != http.StatusTooManyRequests {
			t.Errorf("evicting a second of %d of %s beside the first is answered %d", len(pods), kind, status)
		}
	}
	waittest.Eventually(t, func() error {
		for _, now := range i.Pods(t, i.Namespace, "") {
			kind := now.Metadata.Labels[component]
			if gone := kinds[kind]; len(gone) > 0 && gone[0].Metadata.UID == now.Metadata.UID {
				return fmt.Errorf("a pod of %s hasn't gone yet", kind)
			}
		}
		return nil
	})
	i.AwaitReady(t)
}

// evict asks for it as kubectl drain does, and answers the status.
func (i *installation) evict(t *testing.T, pod platform.Pod) int {
	t.Helper()
	status, err := i.Do(t.Context(), http.MethodPost, i.Path("/api/v1", "pods", pod.Metadata.Name, "eviction"), object{
		"apiVersion": "policy/v1", "kind": "Eviction", "metadata": object{"name": pod.Metadata.Name, "namespace": i.Namespace},
	}, nil)
	if err != nil {
		t.Fatalf("evict %s: %v", pod.Metadata.Name, err)
	}
	return status
}
