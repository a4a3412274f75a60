package release_test

import (
	"encoding/base64"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

// looked is what a chart's lookups find.
type looked struct{ client dynamic.Interface }

// holding is a cluster with these objects, and the namespace that every cluster has.
func holding(there ...*unstructured.Unstructured) looked {
	objects := []runtime.Object{existing("v1", "Namespace", "", "kube-system")}
	for _, object := range there {
		objects = append(objects, object)
	}
	return looked{dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), objects...)}
}

func existing(version, kind, namespace, name string) *unstructured.Unstructured {
	object := new(unstructured.Unstructured)
	object.SetAPIVersion(version)
	object.SetKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func (l looked) GetClientFor(version, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	group, err := schema.ParseGroupVersion(version)
	if err != nil {
		return nil, false, err
	}
	resource, _ := meta.UnsafeGuessKindToResource(group.WithKind(kind))
	return l.client.Resource(resource), kind == "Secret", nil
}

// one is the object of a kind with a name.
func one(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

func rendered(t *testing.T, values map[string]any, there ...*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	objects, err := renderPlatform(t, values, there...)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// What renders the chart again and again without asking the cluster would have another password each time.
func TestPlatformChartMakesNothingUpWithoutTheCluster(t *testing.T) {
	unasked := func(values map[string]any) (map[string]*unstructured.Unstructured, error) {
		objects, err := render(t, values, clustertest.PlatformNamespace, nil)
		named := map[string]*unstructured.Unstructured{}
		for _, object := range objects {
			named[object.GetKind()+"/"+object.GetName()] = object
		}
		return named, err
	}
	for name, c := range map[string]struct {
		values  map[string]any
		secrets []string
	}{
		"production": {production(), []string{"nats.existingSecret"}},
		"local":      {local(t), []string{"postgres.existingSecret", "nats.existingSecret"}},
	} {
		for _, setting := range c.secrets {
			if _, err := unasked(c.values); err == nil || !strings.Contains(err.Error(), setting+" must be set") {
				t.Errorf("%s without %s: %v", name, setting, err)
			}
			set(c.values, setting, "ours")
		}
		first, err := unasked(c.values)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := unasked(c.values); err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("%s: rendered twice, it isn't the same (%v)", name, err)
		}
	}
}

// Passwords are made up once, and brokers start anew when one of them was changed.
func TestPlatformChartKeepsWhatItMadeUp(t *testing.T) {
	values := local(t)
	first := rendered(t, values)
	secrets := []*unstructured.Unstructured{one(t, first, "Secret", "store-platform-nats"), one(t, first, "Secret", "store-platform-postgres")}
	// The API server keeps texts as data.
	password, _, _ := unstructured.NestedString(secrets[1].Object, "stringData", "password")
	if len(password) < 32 {
		t.Fatalf("the database's password has %d characters", len(password))
	}
	for _, secret := range secrets {
		secret.SetNamespace(clustertest.PlatformNamespace)
	}
	secrets[1].Object["data"] = map[string]any{"password": base64.StdEncoding.EncodeToString([]byte(password))}
	again := rendered(t, values, secrets...)
	for _, kind := range []string{"Secret/store-platform-nats", "Secret/store-platform-postgres", "StatefulSet/store-platform-nats"} {
		kind, name, _ := strings.Cut(kind, "/")
		before, after := one(t, first, kind, name), one(t, again, kind, name)
		for _, field := range []string{"data", "stringData", "spec"} {
			if kind == "Secret" && field == "data" && name == "store-platform-postgres" {
				continue
			}
			if !reflect.DeepEqual(before.Object[field], after.Object[field]) {
				t.Errorf("%s %s: %s is another at the second install", kind, name, field)
			}
		}
	}
	data := secrets[0].Object["data"].(map[string]any)
	data["gateway"] = base64.StdEncoding.EncodeToString([]byte("changed"))
	changed := rendered(t, values, secrets...)
	if reflect.DeepEqual(one(t, changed, "StatefulSet", "store-platform-nats").Object, one(t, again, "StatefulSet", "store-platform-nats").Object) {
		t.Error("the broker goes on with a password that was changed")
	}
}

// Brokers read their configuration when they start.
func TestPlatformChartStartsBrokersAnew(t *testing.T) {
	stamp := func(values map[string]any) string {
		set(values, "nats.existingSecret", "broker")
		template := one(t, rendered(t, values), "StatefulSet", "store-platform-nats").Object
		at, _, _ := unstructured.NestedString(template, "spec", "template", "metadata", "annotations", "checksum/config")
		return at
	}
	alone := production()
	set(alone, "nats.replicas", 1)
	if same, other := stamp(production()), stamp(alone); same == "" || same != stamp(production()) || same == other {
		t.Errorf("with one configuration %q, with another %q", same, other)
	}
}

// Two installations in one cluster have nothing in common but what bindings in stores' namespaces name, which can't be changed.
func TestTwoInstallationsInOneCluster(t *testing.T) {
	shared := func(namespace string) (names []string) {
		objects, err := render(t, production(), namespace, holding())
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			switch object.GetKind() {
			case "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
				names = append(names, object.GetKind()+"/"+object.GetName())
			}
		}
		return names
	}
	ours, theirs := shared("ours"), shared("theirs")
	if len(ours) != 7 {
		t.Errorf("for the whole cluster are made: %v", ours)
	}
	both := slices.DeleteFunc(slices.Clone(ours), func(name string) bool { return !slices.Contains(theirs, name) })
	if want := []string{"ClusterRole/" + cluster.StoreRole}; !slices.Equal(both, want) {
		t.Errorf("both make %v, want %v", both, want)
	}
	for owner, want := range map[string]int{"": 0, "theirs/platform": 0, clustertest.PlatformNamespace + "/other": 0, clustertest.PlatformNamespace + "/platform": 1} {
		role := existing("rbac.authorization.k8s.io/v1", "ClusterRole", "", cluster.StoreRole)
		if namespace, name, owned := strings.Cut(owner, "/"); owned {
			role.SetAnnotations(map[string]string{"meta.helm.sh/release-namespace": namespace, "meta.helm.sh/release-name": name})
		}
		made := 0
		for _, object := range rendered(t, production(), role) {
			if object.GetKind() == "ClusterRole" && object.GetName() == cluster.StoreRole {
				made++
				if object.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
					t.Error("it goes with the installation that made it, and the other's stores are nobody's")
				}
			}
		}
		if made != want {
			t.Errorf("where %q has made the stores' role, it is made %d times, want %d", owner, made, want)
		}
	}
}

// Traces leave by the port that is named, and by the usual one behind it.
func TestPlatformChartLetsTracesOut(t *testing.T) {
	for endpoint, want := range map[string][]float64{
		"http://collector:4318": {4318}, "http://collector:9411/v1": {9411, 4318}, "http://collector": {80, 4318},
		"https://collector.example": {443, 4318}, "https://[2001:db8::7]:4319": {4319, 4318}, "https://[2001:db8::7]": {443, 4318},
	} {
		values := production()
		set(values, "otlpEndpoint", endpoint)
		policy := one(t, rendered(t, values), "NetworkPolicy", "store-platform-to-bus")
		egress, _, _ := unstructured.NestedSlice(policy.Object, "spec", "egress")
		var ports []float64
		for _, port := range egress[len(egress)-1].(map[string]any)["ports"].([]any) {
			ports = append(ports, port.(map[string]any)["port"].(float64))
		}
		if len(egress) != 2 || !slices.Equal(ports, want) {
			t.Errorf("%s: %v, want %v", endpoint, egress, want)
		}
	}
}

// While pods come and go no request is lost, and a broker that is away empties no Service.
func TestPlatformChartGoesOnAnswering(t *testing.T) {
	objects := rendered(t, production())
	for _, service := range []string{"gateway", "events"} {
		container := containerOf(t, one(t, objects, "Deployment", "store-platform-"+service))
		if _, found, _ := unstructured.NestedMap(container, "lifecycle", "preStop", "sleep"); !found {
			t.Errorf("%s ends before it is known to", service)
		}
	}
	gateway := containerOf(t, one(t, objects, "Deployment", "store-platform-gateway"))
	paths := map[string]string{}
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		paths[probe], _, _ = unstructured.NestedString(gateway, probe, "httpGet", "path")
	}
	if want := map[string]string{"startupProbe": "/readyz", "livenessProbe": "/healthz", "readinessProbe": "/healthz"}; !maps.Equal(paths, want) {
		t.Errorf("the gateway is asked %v, want %v", paths, want)
	}
}

// Of three brokers no two stand on one node while others have none.
func TestPlatformChartSpreadsBrokers(t *testing.T) {
	objects := rendered(t, production())
	for kind, want := range map[string]string{"StatefulSet/store-platform-nats": "DoNotSchedule", "Deployment/store-platform-gateway": "ScheduleAnyway"} {
		kind, name, _ := strings.Cut(kind, "/")
		constraints, _ := podSpec(one(t, objects, kind, name))["topologySpreadConstraints"].([]any)
		if len(constraints) != 1 || constraints[0].(map[string]any)["whenUnsatisfiable"] != want {
			t.Errorf("%s: %v, want %s", name, constraints, want)
		}
	}
}

func containerOf(t *testing.T, workload *unstructured.Unstructured) map[string]any {
	t.Helper()
	return podSpec(workload)["containers"].([]any)[0].(map[string]any)
}
