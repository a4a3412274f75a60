package release_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

const platformChart = "../../../deploy/k8s"

// production is what an operator must at least say.
func production() map[string]any {
	return map[string]any{
		"installation": "prod", "baseDomain": "stores.example.org",
		"image":    map[string]any{"registry": "registry.example/team"},
		"postgres": map[string]any{"existingSecret": "database"},
		"ingress":  map[string]any{"className": "public", "namespace": "ingress"},
		"gateway": map[string]any{
			"trustProxy": []any{"10.244.0.0/16", "2001:db8::7"},
			"ingress":    map[string]any{"enabled": true, "tlsSecret": "gateway-tls"},
		},
		"backup": map[string]any{"url": "s3://backups?region=eu-central-1", "keysSecret": "backup-keys", "existingSecret": "backups"},
	}
}

func local(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(platformChart, "values-local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// renderPlatform renders deploy/k8s as `helm install` would, against its schema, in a cluster that holds these.
func renderPlatform(t *testing.T, values map[string]any, there ...*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	t.Helper()
	return render(t, values, clustertest.PlatformNamespace, holding(there...))
}

// render asks no cluster where there is none, as `helm template` doesn't.
func render(t *testing.T, values map[string]any, namespace string, in helmengine.ClientProvider) ([]*unstructured.Unstructured, error) {
	t.Helper()
	loaded, err := loader.LoadDir(platformChart)
	if err != nil {
		t.Fatal(err)
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.37.2", Major: "1", Minor: "37"}
	options := chartutil.ReleaseOptions{Name: "platform", Namespace: namespace, Revision: 1, IsInstall: true}
	rendering, err := chartutil.ToRenderValues(loaded, values, options, capabilities)
	if err != nil {
		return nil, err
	}
	var files map[string]string
	if in == nil {
		files, err = helmengine.Render(loaded, rendering)
	} else {
		files, err = helmengine.RenderWithClientProvider(loaded, rendering, in)
	}
	if err != nil {
		return nil, err
	}
	return documents(t, files), nil
}

func documents(t *testing.T, files map[string]string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range releaseutil.SplitManifests(files[name]) {
			object := new(unstructured.Unstructured)
			if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
				t.Fatalf("%s isn't YAML: %v\n%s", name, err, document)
			}
			if len(object.Object) > 0 {
				objects = append(objects, object)
			}
		}
	}
	return objects
}

func TestPlatformChartRefusesWhatMustBeSaid(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(values map[string]any)
		want  string
	}{
		"mail from nobody":              {func(v map[string]any) { set(v, "gateway.mail.secret", "mail") }, "gateway.publicURL and gateway.mail.from must be set"},
		"providers that lead nowhere":   {func(v map[string]any) { set(v, "gateway.oidc.secret", "providers") }, "gateway.publicURL must be set"},
		"unread":                        {func(v map[string]any) { v["auth"] = map[string]any{"mode": "open"} }, "auth.openIsUnderstood=true"},
		"no installation":               {func(v map[string]any) { delete(v, "installation") }, "installation must be set"},
		"no domain":                     {func(v map[string]any) { delete(v, "baseDomain") }, "baseDomain must be set"},
		"no database":                   {func(v map[string]any) { delete(v, "postgres") }, "postgres.existingSecret must be set"},
		"a typing error":                {func(v map[string]any) { v["gatway"] = map[string]any{} }, "gatway"},
		"a lost backup":                 {func(v map[string]any) { v["backup"] = map[string]any{"url": "file:///tmp"} }, "url"},
		"open backups":                  {func(v map[string]any) { set(v, "backup.keysSecret", "") }, "backup.keysSecret must be set"},
		"anybody's images":              {func(v map[string]any) { set(v, "image.registry", "") }, "image.registry must be set"},
		"two brokers":                   {func(v map[string]any) { v["nats"] = map[string]any{"replicas": 2} }, "replicas"},
		"TLS to a broker that has none": {func(v map[string]any) { set(v, "nats.tls.caSecret", "private-ca") }, "nats.bundled is true"},
		"a client of such a broker":     {func(v map[string]any) { set(v, "nats.tls.clientSecret", "us") }, "nats.bundled is true"},
		"a certificate of no broker": {func(v map[string]any) {
			maps.Copy(v, everythingSet())
			set(v, "nats.tls.serverSecret", "broker-certificate")
		}, "nats.tls.serverSecret is set and nats.bundled is false"},
		"one tenant, by Gateway API": {func(v map[string]any) { set(v, "gateway", routed(nil)) }, "gateway.trustProxy must be set"},
		"a route from nowhere": {func(v map[string]any) {
			set(v, "gateway.httpRoute", map[string]any{"enabled": true})
		}, "gateway.httpRoute.parentRefs must be set"},
		"more than there may be": {func(v map[string]any) {
			set(v, "gateway.autoscaling", map[string]any{"by": "cpu", "minReplicas": 7})
		}, "gateway.autoscaling.maxReplicas is less"},
		"workers by the CPU":        {func(v map[string]any) { set(v, "janitor.autoscaling.by", "cpu") }, "/janitor/autoscaling/by"},
		"KEDA before a closed door": {func(v map[string]any) { set(v, "janitor.autoscaling.by", "keda") }, "networkPolicies.monitorFrom must be set"},
		"KEDA without an address": {func(v map[string]any) {
			maps.Copy(v, everythingSet())
			set(v, "provisioner.autoscaling.by", "keda")
		}, "nats.monitor.endpoint must be set"},
		"one tenant": {func(v map[string]any) {
			v["gateway"] = map[string]any{"ingress": map[string]any{"enabled": true}}
		}, "gateway.trustProxy must be set"},
		"everybody trusted":   {trusting("10.0.0.0/8", "0.0.0.0/0"), "0.0.0.0/0 is everybody"},
		"everybody, in IPv6":  {trusting("::/0"), "::/0 is everybody"},
		"no network":          {trusting("true"), "trustProxy"},
		"two keys":            {func(v map[string]any) { set(v, "auth.adminKey", adminKey); set(v, "auth.existingSecret", "admin") }, "both set"},
		"a key to be guessed": {func(v map[string]any) { set(v, "auth.adminKey", "sesame") }, "adminKey"},
		"a key no header has": {func(v map[string]any) { set(v, "auth.adminKey", "correct horse battery") }, "adminKey"},
		"a password in a URL": {func(v map[string]any) { set(v, "nats.url", "nats://gateway:secret@broker:4222") }, "url"},
		"a token in a URL":    {func(v map[string]any) { set(v, "otlpEndpoint", "https://token@collector:4318") }, "otlpEndpoint"},
		"TLS that nobody sees": {func(v map[string]any) {
			set(v, "storeScheme", "http")
			set(v, "stores", map[string]any{"ingress": map[string]any{"tls": map[string]any{"controller": true}}})
		}, "storeScheme isn't https"},
		"volumes, and not one": {func(v map[string]any) { set(v, "engines.packs", map[string]any{"emptyDir": nil, "secret": nil}) }, "packs"},
	} {
		t.Run(name, func(t *testing.T) {
			values := production()
			c.leave(values)
			if _, err := renderPlatform(t, values); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

// Nobody is told where backups go, so none are taken.
func TestPlatformChartTakesBackupsWhereItIsToldTo(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		want   int
	}{"production": {production(), 1}, "local": {local(t), 0}} {
		objects, err := renderPlatform(t, c.values)
		if err != nil {
			t.Fatal(err)
		}
		jobs := 0
		for _, object := range objects {
			if object.GetKind() == "CronJob" {
				jobs++
			}
		}
		if jobs != c.want {
			t.Errorf("%s: %d jobs, want %d", name, jobs, c.want)
		}
	}
}

func TestPlatformChartIsAccepted(t *testing.T) {
	api := clustertest.Start(t)
	t.Parallel()
	client, err := dynamic.NewForConfig(api.Config)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := discovery.NewDiscoveryClientForConfig(api.Config)
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(direct))
	namespace := restricted(t, api)
	external := production()
	external["engines"] = map[string]any{"settings": map[string]any{"corner": map[string]any{"database": map[string]any{"mode": "external"}}}}
	for name, values := range map[string]map[string]any{
		"production": production(), "local": local(t), "external": external, "everything set": everythingSet(), "placed": everywhere(),
		"encrypted": measured(encrypted()),
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := renderPlatform(t, values)
			if err != nil {
				t.Fatal(err)
			}
			if len(objects) < 20 {
				t.Errorf("only %d objects", len(objects))
			}
			for _, object := range objects {
				dryRun(t, client, mapper, object)
				if spec := podSpec(object); spec != nil {
					dryRunPod(t, client, namespace, object.GetName(), spec)
				}
			}
		})
	}
}

// dryRun has the API server check an object, admission included, and keep nothing.
func dryRun(t *testing.T, client dynamic.Interface, mapper meta.RESTMapper, object *unstructured.Unstructured) {
	t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		t.Errorf("%s %s: %v", kind.Kind, object.GetName(), err)
		return
	}
	options := metav1.ApplyOptions{FieldManager: "charttest", Force: true, DryRun: []string{metav1.DryRunAll}}
	resource := client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		_, err = resource.Namespace(clustertest.PlatformNamespace).Apply(t.Context(), object.GetName(), object, options)
	} else {
		_, err = resource.Apply(t.Context(), object.GetName(), object, options)
	}
	if err != nil {
		t.Errorf("%s %s: %v", kind.Kind, object.GetName(), err)
	}
}

// podSpec is that of a workload's pods, or nil; volumes that a StatefulSet would claim are empty ones.
func podSpec(workload *unstructured.Unstructured) map[string]any {
	at := []string{"spec", "template", "spec"}
	if workload.GetKind() == "CronJob" {
		at = slices.Concat([]string{"spec", "jobTemplate"}, at)
	}
	spec, found, _ := unstructured.NestedMap(workload.Object, at...)
	if !found {
		return nil
	}
	volumes, _, _ := unstructured.NestedSlice(spec, "volumes")
	claims, _, _ := unstructured.NestedSlice(workload.Object, "spec", "volumeClaimTemplates")
	for _, claim := range claims {
		name, _, _ := unstructured.NestedString(claim.(map[string]any), "metadata", "name")
		volumes = append(volumes, map[string]any{"name": name, "emptyDir": map[string]any{}})
	}
	spec["volumes"] = volumes
	return spec
}

// dryRunPod makes the pod that a workload would make: Pod Security refuses pods, and only warns of their templates.
func dryRunPod(t *testing.T, client dynamic.Interface, namespace, name string, spec map[string]any) {
	t.Helper()
	spec["serviceAccountName"] = "any"
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
	pods := client.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(namespace)
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("a pod of %s: %v", name, err)
	}
}

// restricted is a namespace that enforces Pod Security restricted.
func restricted(t *testing.T, api *clustertest.API) string {
	t.Helper()
	namespace, err := api.Admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "chart-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
	if _, err := api.Admin.CoreV1().ServiceAccounts(namespace.Name).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}
