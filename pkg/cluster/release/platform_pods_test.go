package release_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

const digest = "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

// components are those that have pods, all of them where databases and brokers are bundled and backups are taken.
var components = []string{"gateway", "events", "provisioner", "janitor", "nats", "postgres", "backup"}

// everywhere is production with a bundled database, and with something said of all pods and of the brokers'.
func everywhere() map[string]any {
	values := production()
	for at, value := range map[string]any{
		"postgres":                   map[string]any{"bundled": true},
		"pods.nodeSelector":          map[string]any{"pool": "platform", "disk": "any"},
		"pods.tolerations":           []any{map[string]any{"key": "platform", "operator": "Exists"}},
		"pods.affinity.nodeAffinity": map[string]any{},
		"pods.priorityClassName":     "platform",
		"pods.annotations":           map[string]any{"mesh/inject": "false", "checksum/config": "theirs"},
		"pods.labels":                map[string]any{"cost": "platform"},
		"pods.extraEnv":              []any{map[string]any{"name": "GODEBUG", "value": "madvdontneed=1"}},
		"nats.pod.nodeSelector.disk": "fast",
		"nats.pod.priorityClassName": "log",
		"nats.pod.tolerations":       []any{},
		"nats.pod.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution": []any{},
		"nats.pod.extraEnv": []any{map[string]any{"name": "GOMEMLIMIT", "value": "900MiB"}},
	} {
		set(values, at, value)
	}
	return values
}

// pods are the templates of the components' pods.
func pods(t *testing.T, objects []*unstructured.Unstructured) map[string]map[string]any {
	t.Helper()
	templates := map[string]map[string]any{}
	for _, object := range objects {
		at := []string{"spec", "template"}
		if object.GetKind() == "CronJob" {
			at = slices.Concat([]string{"spec", "jobTemplate"}, at)
		}
		if template, found, _ := unstructured.NestedMap(object.Object, at...); found {
			component, _, _ := unstructured.NestedString(template, "metadata", "labels", "app.kubernetes.io/component")
			templates[component] = template
		}
	}
	if len(templates) != len(components) {
		t.Fatalf("%d workloads, want %v", len(templates), components)
	}
	return templates
}

// What is said of all pods holds for all, and what a component says itself goes before.
func TestPlatformChartPutsPodsWhereItIsTold(t *testing.T) {
	templates := pods(t, rendered(t, everywhere()))
	for _, component := range components {
		spec, metadata := templates[component]["spec"].(map[string]any), templates[component]["metadata"].(map[string]any)
		selector, tolerations, affinity, class, env := map[string]any{"pool": "platform", "disk": "any"}, 1, 1, "platform", "GODEBUG"
		if component == "nats" {
			selector["disk"], tolerations, affinity, class, env = "fast", 0, 2, "log", "GOMEMLIMIT"
		}
		if !reflect.DeepEqual(spec["nodeSelector"], selector) || spec["priorityClassName"] != class {
			t.Errorf("%s: %v and %v", component, spec["nodeSelector"], spec["priorityClassName"])
		}
		if given, _ := spec["tolerations"].([]any); len(given) != tolerations {
			t.Errorf("%s tolerates %v", component, given)
		}
		if given, _ := spec["affinity"].(map[string]any); len(given) != affinity {
			t.Errorf("%s has the affinity %v", component, given)
		}
		labels, annotations := metadata["labels"].(map[string]any), metadata["annotations"].(map[string]any)
		if labels["cost"] != "platform" || annotations["mesh/inject"] != "false" {
			t.Errorf("%s: %v, %v", component, labels, annotations)
		}
		if component == "nats" && annotations["checksum/config"] == "theirs" {
			t.Error("brokers don't start anew when their configuration changes")
		}
		container := spec["containers"].([]any)[0].(map[string]any)
		if variables := container["env"].([]any); variables[len(variables)-1].(map[string]any)["name"] != env {
			t.Errorf("%s isn't told %s", component, env)
		}
	}
}

// Workloads of the release before are found by their selectors, which can't be changed, and pods by labels that nobody may take.
func TestPlatformChartKeepsItsSelectors(t *testing.T) {
	for _, object := range rendered(t, everywhere()) {
		selector, found, _ := unstructured.NestedStringMap(object.Object, "spec", "selector", "matchLabels")
		if !found || object.GetKind() == "NetworkPolicy" {
			continue
		}
		component := strings.TrimPrefix(object.GetName(), "store-platform-")
		want := map[string]string{
			"app.kubernetes.io/name": "store-platform", "app.kubernetes.io/instance": "platform", "app.kubernetes.io/component": component,
		}
		if !reflect.DeepEqual(selector, want) {
			t.Errorf("%s %s selects by %v", object.GetKind(), object.GetName(), selector)
		}
	}
	for _, label := range []string{"app.kubernetes.io/component", "app.kubernetes.io/version", "helm.sh/chart", "store-platform.io/installation"} {
		values := production()
		set(values, "nats.pod.labels", map[string]any{label: "other"})
		if _, err := renderPlatform(t, values); err == nil || !strings.Contains(err.Error(), label) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// Who has nothing to do with Kubernetes has no account there, whatever is said of accounts.
func TestPlatformChartAnnotatesAccounts(t *testing.T) {
	values, unsaid := production(), production()
	set(values, "nats.existingSecret", "broker")
	set(unsaid, "nats.existingSecret", "broker")
	said := map[string]any{"cloud.example/role": "of-ours"}
	for _, component := range []string{"provisioner", "janitor", "backup"} {
		set(values, component+".serviceAccount.annotations", said)
	}
	before := map[string]map[string]any{}
	for _, object := range rendered(t, unsaid) {
		before[object.GetKind()+" "+object.GetName()] = object.Object
	}
	objects := rendered(t, values)
	for _, component := range []string{"provisioner", "janitor", "backup"} {
		account := one(t, objects, "ServiceAccount", "store-"+component)
		if account.GetAnnotations()["cloud.example/role"] != "of-ours" {
			t.Errorf("%s: %v", account.GetName(), account.Object)
		}
	}
	for _, object := range objects {
		name := object.GetKind() + " " + object.GetName()
		switch {
		case object.GetKind() == "ServiceAccount" && object.GetName() != "store-backup":
			unstructured.RemoveNestedField(object.Object, "metadata", "annotations")
		case name == "ServiceAccount store-backup" || name == "CronJob store-platform-backup":
			continue
		}
		if !reflect.DeepEqual(object.Object, before[name]) {
			t.Errorf("%s is another: %v", name, object.Object)
		}
	}
	for component, template := range pods(t, rendered(t, everywhere())) {
		spec := template["spec"].(map[string]any)
		account, _ := spec["serviceAccountName"].(string)
		worker, mounted := component == "provisioner" || component == "janitor", spec["automountServiceAccountToken"] != false
		if mounted != worker || worker != (account == "store-"+component) {
			t.Errorf("%s has the account %q, mounted: %v", component, account, mounted)
		}
	}
}

func TestPlatformChartTakesImagesByDigest(t *testing.T) {
	values := everywhere()
	for _, component := range []string{"gateway", "events", "provisioner", "janitor", "backup"} {
		set(values, "image.digests."+component, digest)
	}
	set(values, "nats.image", "nats:2.15.2-alpine@"+digest)
	set(values, "postgres.image", "postgres:15-bookworm@"+digest)
	for component, template := range pods(t, rendered(t, values)) {
		for _, container := range template["spec"].(map[string]any)["containers"].([]any) {
			image, _ := container.(map[string]any)["image"].(string)
			if !strings.HasSuffix(image, "@"+digest) || !strings.Contains(strings.TrimSuffix(image, "@"+digest), ":") {
				t.Errorf("%s runs %s", component, image)
			}
		}
	}
	set(values, "image.digests.janitor", "latest")
	if _, err := render(t, values, clustertest.PlatformNamespace, holding()); err == nil || !strings.Contains(err.Error(), "janitor") {
		t.Errorf("a digest that is none: %v", err)
	}
}
