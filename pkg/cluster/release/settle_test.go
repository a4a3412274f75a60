package release

import (
	"bytes"
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
)

// made is a chart's: a volume, one with a class of its own, a route, a workload and a cron job.
const made = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: cache}
spec: {storageClassName: local, resources: {requests: {storage: 1Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: store, annotations: {a: chart, b: chart}}
spec: {rules: [{host: store.example}, {http: {}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store}
spec: {template: {spec: {nodeSelector: {arch: arm}, tolerations: [{key: chart, operator: Exists}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}
`

// stamped are the specs of what was made, and the annotations of the route, by kind and name.
func stamped(t *testing.T, s stamp) map[string]string {
	t.Helper()
	s.labels = map[string]string{"x": "y"}
	out, err := s.Run(bytes.NewBufferString(made))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, document := range bytes.Split(out.Bytes(), []byte("---\n"))[1:] {
		object, err := decode(document)
		if err != nil {
			t.Fatal(err)
		}
		at := object.Object["spec"]
		if template, ok, _ := unstructured.NestedMap(object.Object, "spec", "template", "spec"); ok {
			at = template
		}
		if annotations := object.GetAnnotations(); annotations != nil {
			at = []any{annotations, at}
		}
		text, err := json.Marshal(at)
		if err != nil {
			t.Fatal(err)
		}
		found[object.GetKind()+" "+object.GetName()] = string(text)
	}
	return found
}

func TestAnInstallationsSettingsAreOnWhatAChartMakes(t *testing.T) {
	t.Parallel()
	settings, err := cluster.ParseSettings([]byte(`storageClass: fast
ingress: {annotations: {b: platform}, tls: {issuer: letsencrypt}}
nodeSelector: {pool: shops}
tolerations: [{key: shops, operator: Exists}]
`))
	if err != nil {
		t.Fatal(err)
	}
	const volume = `{"resources":{"requests":{"storage":"1Gi"}},"storageClassName":"fast"}`
	want := map[string]string{
		"PersistentVolumeClaim data":  volume,
		"PersistentVolumeClaim cache": volume,
		"Ingress store": `[{"a":"chart","b":"platform","cert-manager.io/cluster-issuer":"letsencrypt"},` +
			`{"rules":[{"host":"store.example"},{"http":{}}],"tls":[{"hosts":["store.example"],"secretName":"store-tls"}]}]`,
		"Deployment store": `{"nodeSelector":{"arch":"arm","pool":"shops"},"tolerations":[{"key":"chart","operator":"Exists"},{"key":"shops","operator":"Exists"}]}`,
		// Its job has neither: Helm can't change what Kubernetes doesn't know.
		"CronJob cron": `{"jobTemplate":{"metadata":{"labels":{"x":"y"}},"spec":{"template":{"metadata":{"labels":{"x":"y"}},` +
			`"spec":{"containers":[],"nodeSelector":{"pool":"shops"},"tolerations":[{"key":"shops","operator":"Exists"}]}}}}}`,
	}
	for what, got := range stamped(t, stamp{settings: settings}) {
		if got != want[what] {
			t.Errorf("%s is\n%s, want\n%s", what, got, want[what])
		}
		delete(want, what)
	}
	if len(want) > 0 {
		t.Errorf("missed: %v", want)
	}
	// Volumes that are there keep their class, whatever is said now: Kubernetes would refuse another.
	first := "first"
	for name, s := range map[string]stamp{
		"a class that is said later": {settings: settings, classes: map[string]*string{"data": &first}},
		"one that is said no more":   {classes: map[string]*string{"data": &first}},
	} {
		if got, want := stamped(t, s)["PersistentVolumeClaim data"], `{"resources":{"requests":{"storage":"1Gi"}},"storageClassName":"first"}`; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	const without = `{"resources":{"requests":{"storage":"1Gi"}}}`
	if got := stamped(t, stamp{settings: settings, classes: map[string]*string{"data": nil}})["PersistentVolumeClaim data"]; got != without {
		t.Errorf("a volume that was made without a class: %s", got)
	}
	plain := stamped(t, stamp{})
	if got, want := plain["PersistentVolumeClaim cache"], `{"resources":{"requests":{"storage":"1Gi"}},"storageClassName":"local"}`; got != want {
		t.Errorf("where nothing is said: %s", got)
	}
	if got, want := plain["Ingress store"], `[{"a":"chart","b":"chart"},{"rules":[{"host":"store.example"},{"http":{}}]}]`; got != want {
		t.Errorf("where nothing is said: %s", got)
	}
}

// Stores that were made before there were settings aren't made anew for there being none.
func TestADigestIsAsItWasWithoutSettings(t *testing.T) {
	t.Parallel()
	spec := Spec{Chart: []engine.ChartFile{{Name: "Chart.yaml", Data: []byte("name: x")}}, Values: map[string]any{"a": 1}}
	digest, err := spec.digest()
	if err != nil || digest != "9f83d0d98e62a370c330d6fdb0e7e783a8f5249a" {
		t.Errorf("%s, %v", digest, err)
	}
	spec.Settings.StorageClass = "fast"
	if other, err := spec.digest(); err != nil || other == digest {
		t.Errorf("with settings %s, %v", other, err)
	}
}
