package release_test

import (
	"reflect"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// as is an object's specification as YAML says it.
func as(t *testing.T, text string) map[string]any {
	t.Helper()
	var spec map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

func wantSpec(t *testing.T, object *unstructured.Unstructured, text string) {
	t.Helper()
	if want := as(t, text); !reflect.DeepEqual(object.Object["spec"], want) {
		t.Errorf("%s %s: %v, want %v", object.GetKind(), object.GetName(), object.Object["spec"], want)
	}
}

// keda has both workers scaled by the broker's word.
func keda() map[string]any {
	values := production()
	for _, worker := range []string{"provisioner", "janitor"} {
		set(values, worker+".autoscaling.by", "keda")
	}
	set(values, "networkPolicies.monitorFrom", []any{
		map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "keda"}}},
	})
	return values
}

// scaled has everything scaled by HorizontalPodAutoscalers.
func scaled() map[string]any {
	values := production()
	for at, value := range map[string]any{
		"gateway.autoscaling":     map[string]any{"by": "cpu", "maxReplicas": 12.0},
		"events.autoscaling":      map[string]any{"by": "cpu", "target": 50.0},
		"provisioner.autoscaling": map[string]any{"by": "slots", "minReplicas": 1, "maxReplicas": 3, "target": 50},
		"janitor.autoscaling.by":  "slots",
	} {
		set(values, at, value)
	}
	return values
}

// An upgrade says nothing of how many there are where somebody else does, and a budget goes by the least there may be.
func TestPlatformChartScalesServicesByWhatTheyUse(t *testing.T) {
	objects := rendered(t, scaled())
	for _, object := range objects {
		if object.GetKind() != "HorizontalPodAutoscaler" {
			continue
		}
		// The API server of the tests serves no autoscaling.
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, new(autoscalingv2.HorizontalPodAutoscaler), true); err != nil {
			t.Errorf("%s: %v", object.GetName(), err)
		}
	}
	wantSpec(t, one(t, objects, "HorizontalPodAutoscaler", "store-platform-gateway"), `
scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: store-platform-gateway}
minReplicas: 2
maxReplicas: 12
metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]`)
	wantSpec(t, one(t, objects, "HorizontalPodAutoscaler", "store-platform-provisioner"), `
scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: store-platform-provisioner}
minReplicas: 1
maxReplicas: 3
metrics:
  - type: Pods
    pods:
      metric: {name: work_busy, selector: {matchLabels: {lane: all}}}
      target: {type: AverageValue, averageValue: "128"}`)
	for _, c := range []struct {
		objects             []*unstructured.Unstructured
		component           string
		replicas, budgetted bool
	}{
		{objects, "gateway", false, true}, {objects, "events", false, true}, {objects, "janitor", false, true},
		{objects, "provisioner", false, false}, {rendered(t, production()), "janitor", true, true}, {rendered(t, keda()), "janitor", false, true},
	} {
		deployment := one(t, c.objects, "Deployment", "store-platform-"+c.component)
		if _, said := deployment.Object["spec"].(map[string]any)["replicas"]; said != c.replicas {
			t.Errorf("%s: that there are so many is said: %v", c.component, said)
		}
		budgetted := false
		for _, object := range c.objects {
			budgetted = budgetted || object.GetKind() == "PodDisruptionBudget" && object.GetName() == deployment.GetName()
		}
		if budgetted != c.budgetted {
			t.Errorf("%s has a budget: %v", c.component, budgetted)
		}
	}
}

// KEDA asks about the consumer by which a worker takes its commands, where it may: what it is told is what its scaler reads
// (kedacore/keda, pkg/scalers/nats_jetstream_scaler.go), since no API server here knows its kind.
func TestPlatformChartScalesWorkersByTheirQueue(t *testing.T) {
	objects := rendered(t, keda())
	for worker, want := range map[string]struct{ most, lag string }{
		string(store.Provisioner): {"8", "179"}, string(store.Janitor): {"4", "44"},
	} {
		object := one(t, objects, "ScaledObject", "store-platform-"+worker)
		if object.GetAPIVersion() != "keda.sh/v1alpha1" {
			t.Errorf("%s is of %s", object.GetName(), object.GetAPIVersion())
		}
		wantSpec(t, object, `
scaleTargetRef: {name: store-platform-`+worker+`}
minReplicaCount: 2
maxReplicaCount: `+want.most+`
triggers:
  - type: nats-jetstream
    metricType: AverageValue
    metadata:
      natsServerMonitoringEndpoint: store-platform-nats-peers.`+clustertest.PlatformNamespace+`.svc:8222
      account: $G
      stream: `+storelog.Stream+`
      consumer: `+storelog.Durable(worker, store.DefaultCluster)+`
      lagThreshold: "`+want.lag+`"`)
		for _, object := range objects {
			if object.GetKind() == "HorizontalPodAutoscaler" {
				t.Errorf("beside KEDA's there is %s", object.GetName())
			}
		}
	}
	own := keda()
	set(own, "nats", map[string]any{
		"bundled": false, "url": "nats://broker:4222", "existingSecret": "broker",
		"monitor": map[string]any{"endpoint": "brokers.nats.svc:8222", "account": "PLATFORM"},
	})
	triggers, _, _ := unstructured.NestedSlice(one(t, rendered(t, own), "ScaledObject", "store-platform-janitor").Object, "spec", "triggers")
	metadata := triggers[0].(map[string]any)["metadata"].(map[string]any)
	if metadata["natsServerMonitoringEndpoint"] != "brokers.nats.svc:8222" || metadata["account"] != "PLATFORM" {
		t.Errorf("of a broker of one's own it is told %v", metadata)
	}
}

// The monitor asks for no password, so nobody reaches it but who is named, and who is can ask each broker by itself.
func TestPlatformChartAsksBrokersOnlyWhereToldTo(t *testing.T) {
	for _, c := range []struct {
		values map[string]any
		want   []any
	}{{production(), nil}, {keda(), as(t, `from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: keda}}}]`)["from"].([]any)}} {
		objects := rendered(t, c.values)
		rules, _, _ := unstructured.NestedSlice(one(t, objects, "NetworkPolicy", "store-platform-nats").Object, "spec", "ingress")
		var from []any
		for _, rule := range rules {
			for _, port := range rule.(map[string]any)["ports"].([]any) {
				if name := port.(map[string]any)["port"]; name == "monitor" || name == 8222.0 {
					from = append(from, rule.(map[string]any)["from"].([]any)...)
				}
			}
		}
		if !reflect.DeepEqual(from, c.want) {
			t.Errorf("the monitor is open to %v, want %v", from, c.want)
		}
		peers := one(t, objects, "Service", "store-platform-nats-peers").Object["spec"].(map[string]any)
		if ports, _ := peers["ports"].([]any); peers["clusterIP"] != "None" || len(ports) != 2 || ports[1].(map[string]any)["port"] != 8222.0 {
			t.Errorf("brokers by themselves: %v", peers)
		}
	}
}
