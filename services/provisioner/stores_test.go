package provisioner_test

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// says is the setting of an installation that says this of all stores.
func says(t *testing.T, text string) string {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "stores.yaml")
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "STORES_SETTINGS=" + settings
}

// saysOfStores says that they have a registry's credentials, too.
func saysOfStores(t *testing.T, text string) string {
	t.Helper()
	registry := filepath.Join(t.TempDir(), "registry")
	if err := os.WriteFile(registry, []byte(`{"auths":{"registry.example":{"auth":"c2VjcmV0"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return says(t, text+"\npullSecrets: [{name: registry, file: "+registry+"}]\n")
}

// everySetting is all that requireSaid looks for, but for the registry's credentials.
const everySetting = `storageClass: fast
dns: [{namespace: {kubernetes.io/metadata.name: dns}, pods: {app: resolver}}]
ingress: {controller: ingress-nginx, tls: {issuer: letsencrypt}}
proxies: [203.0.113.0/24]
headRoom: {cpu: 100m}
nodeSelector: {pool: shops}
tolerations: [{key: shops, operator: Exists}]`

// What an installation says of its stores reaches those of every engine, and no engine's chart knows of it.
func TestWhatAnInstallationSaysReachesEveryStore(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		t.Run(pack.Name, func(t *testing.T) {
			b := setup(t).serving()
			b.shop.serveAs(pack.Probe)
			b.environment = append(b.environment, saysOfStores(t, everySetting))
			b.start("provisioner")
			id := b.api.NewID(t)
			b.createOf(id, pack, "")
			b.awaitType(id, store.BecameReady)
			b.requireSaid(id, pack, "fast")
		})
	}
}

// requireSaid looks for each of the settings where it belongs. The volumes are of the class that they were made with.
func (b *bundle) requireSaid(id store.ID, pack engine.Pack, class string) {
	b.t.Helper()
	ctx, core := b.t.Context(), b.api.Admin.CoreV1()
	volumes, err := core.PersistentVolumeClaims(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil || len(volumes.Items) == 0 {
		b.t.Fatalf("%d volumes, %v", len(volumes.Items), err)
	}
	for _, volume := range volumes.Items {
		if has := volume.Spec.StorageClassName; has == nil || *has != class {
			b.t.Errorf("volume %s has the class %v, want %s", volume.Name, has, class)
		}
	}
	pods, err := core.Pods(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil || len(pods.Items) == 0 {
		b.t.Fatalf("%d pods, %v", len(pods.Items), err)
	}
	for _, pod := range pods.Items {
		tolerated := false
		for _, toleration := range pod.Spec.Tolerations {
			tolerated = tolerated || toleration.Key == "shops"
		}
		// The account's, by Kubernetes' own admission.
		pulls := pod.Spec.ImagePullSecrets
		if pod.Spec.NodeSelector["pool"] != "shops" || !tolerated || len(pulls) != 1 || pulls[0].Name != "registry" {
			b.t.Errorf("pod %s runs on %v, tolerates %v and pulls with %v", pod.Name, pod.Spec.NodeSelector, pod.Spec.Tolerations, pulls)
		}
	}
	secret, err := core.Secrets(id.Namespace()).Get(ctx, "registry", metav1.GetOptions{})
	if err != nil || secret.Type != corev1.SecretTypeDockerConfigJson || len(secret.Data[corev1.DockerConfigJsonKey]) == 0 {
		b.t.Errorf("the registry's credentials: %v, %v", secret.Type, err)
	}
	routes, err := b.api.Admin.NetworkingV1().Ingresses(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil || len(routes.Items) == 0 {
		b.t.Fatalf("%d routes, %v", len(routes.Items), err)
	}
	for _, route := range routes.Items {
		if route.Annotations["cert-manager.io/cluster-issuer"] != "letsencrypt" || len(route.Spec.TLS) != 1 {
			b.t.Errorf("route %s has %v and %v", route.Name, route.Annotations, route.Spec.TLS)
		}
	}
	b.requireIsolationSaid(id, pack)
}

func (b *bundle) requireIsolationSaid(id store.ID, pack engine.Pack) {
	b.t.Helper()
	ctx := b.t.Context()
	policies := b.api.Admin.NetworkingV1().NetworkPolicies(id.Namespace())
	names, err := policies.Get(ctx, "allow-dns", metav1.GetOptions{})
	if err != nil || names.Spec.Egress[0].To[0].PodSelector.MatchLabels["app"] != "resolver" {
		b.t.Errorf("names are asked of %+v, %v", names.Spec.Egress, err)
	}
	doors, err := policies.Get(ctx, "allow-ingress", metav1.GetOptions{})
	if err != nil || doors.Spec.Ingress[0].From[0].IPBlock == nil {
		b.t.Errorf("let in are %+v, %v", doors.Spec.Ingress, err)
	}
	quota, err := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace()).Get(ctx, "store", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	plan, err := pack.Plan("")
	if err != nil {
		b.t.Fatal(err)
	}
	if cpu := quota.Spec.Hard[corev1.ResourceLimitsCPU]; cpu.String() == plan.CPU {
		b.t.Errorf("the quota is the plan's %s, without room above it", plan.CPU)
	}
}

// Other settings reach a store that stands with whatever is asked of it next; its volumes keep their class.
func TestOtherSettingsReachAStoreThatStands(t *testing.T) {
	b := setup(t).serving()
	plain := b.environment
	b.environment = append(plain, saysOfStores(t, "storageClass: first\nnodeSelector: {pool: one}"))
	before := b.start("provisioner")
	id := b.ready()
	before.kill()
	b.environment = append(plain, saysOfStores(t, "storageClass: second\nnodeSelector: {pool: two}"))
	b.start("provisioner")
	if err := b.ask(id, store.Mend); err != nil {
		t.Fatal(err)
	}
	b.awaitEnds(id, 2)
	d, err := b.api.Admin.AppsV1().Deployments(id.Namespace()).Get(t.Context(), "store", metav1.GetOptions{})
	if err != nil || d.Spec.Template.Spec.NodeSelector["pool"] != "two" {
		t.Errorf("its pods run on %v, %v\n%s", d.Spec.Template.Spec.NodeSelector, err, b.told(id))
	}
	volume, err := b.api.Admin.CoreV1().PersistentVolumeClaims(id.Namespace()).Get(t.Context(), "store-data", metav1.GetOptions{})
	if err != nil || volume.Spec.StorageClassName == nil || *volume.Spec.StorageClassName != "first" {
		t.Errorf("its volume: %v, %v", volume.Spec.StorageClassName, err)
	}
	if s := b.state(id); s.Status != store.Ready {
		t.Errorf("the store is %s: %s\n%s", s.Status, s.Detail, b.told(id))
	}
}
