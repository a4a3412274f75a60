package cluster_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// shellImage is what the local cluster carries for its volume helper.
const shellImage = "docker.io/library/busybox:local"

// shop is the store's running pod.
func (b *bench) shop(s query.Store) platform.Pod {
	b.Helper()
	for _, pod := range b.kubernetes.Pods(b.T, s.ID.Namespace(), "store-platform.io/store="+string(s.ID)) {
		if pod.Status.Phase == "Running" && pod.Status.IP != "" {
			return pod
		}
	}
	b.Fatalf("store %s has no running pod", s.ID)
	return platform.Pod{}
}

// service is the address of the store's Service. By address, so that only the way is tried and not the name.
func (b *bench) service(s query.Store) string {
	b.Helper()
	var service struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	status, err := b.kubernetes.Do(b.Context(), http.MethodGet, "/api/v1/namespaces/"+s.ID.Namespace()+"/services/store", nil, &service)
	if err != nil || status != http.StatusOK {
		b.Fatalf("read the Service: %d %v", status, err)
	}
	return service.Spec.ClusterIP
}

func TestAStoresPodsReachTheirOwnStoreOnly(t *testing.T) {
	b := setup(t)
	one, other := b.ready("Next door"), b.ready("Behind the wall")
	from, target := b.shop(one), b.shop(other)
	// By nc: the wget of a static busybox crashes.
	script := func(host, port string) string {
		return `printf 'GET /healthz HTTP/1.0\r\n\r\n' | busybox nc -w 5 ` + host + " " + port + " | busybox grep -q ready"
	}
	ask := func(name, script string) int {
		return b.kubernetes.RunIn(t, one.ID.Namespace(), from.Metadata.Name, name, shellImage, script)
	}
	// Again and again: the node learns the way to a Service a moment after its pod is ready.
	again := "n=0; until " + script(b.service(one), "80") + `; do n=$((n+1)); [ $n -lt 60 ] || exit 1; busybox sleep 1; done`
	if code := ask("own-service", again); code != 0 {
		t.Fatalf("a pod can't reach its own store: it ended with %d", code)
	}
	if code := ask("other-pod", script(target.Status.IP, "8080")); code == 0 {
		t.Fatal("a pod of one store reached another store's pod")
	}
	if code := ask("other-service", script(b.service(other), "80")); code == 0 {
		t.Fatal("a pod of one store reached another store's Service")
	}
}

func TestAStoresNamespaceRefusesWhatIsNotRestricted(t *testing.T) {
	b := setup(t)
	s := b.ready("Restricted")
	pod := func(privileged bool) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"name": "try"},
			"spec": map[string]any{
				"restartPolicy": "Never", "securityContext": map[string]any{"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
				"containers": []any{map[string]any{"name": "try", "image": shellImage, "securityContext": map[string]any{
					"privileged": privileged, "allowPrivilegeEscalation": privileged, "capabilities": map[string]any{"drop": []string{"ALL"}},
				}}},
			},
		}
	}
	for _, privileged := range []bool{true, false} {
		words, err := b.kubernetes.Refusal(t.Context(), "/api/v1/namespaces/"+s.ID.Namespace()+"/pods?dryRun=All", pod(privileged))
		if err != nil || strings.Contains(words, "PodSecurity") != privileged {
			t.Fatalf("privileged %v: %q %v", privileged, words, err)
		}
	}
	if s := b.Get(t, s.ID); s.Status != store.Ready {
		t.Fatalf("the store's own pods run under the same rule: %s", s.Status)
	}
}
