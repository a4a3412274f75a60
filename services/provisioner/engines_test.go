package provisioner_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/engines"
)

func shipped(t *testing.T) []engine.Pack {
	t.Helper()
	packs, err := engine.Load(engines.Packs)
	if err != nil || len(packs) == 0 {
		t.Fatalf("load the packs: %d, %v", len(packs), err)
	}
	return packs
}

// answerTo is what a shop of that engine says when it is well.
func answerTo(probe engine.Probe) []byte {
	switch probe.JSON {
	case engine.JSONArray:
		return []byte("[]")
	case engine.JSONObject:
		body, err := json.Marshal(probe.Fields)
		if err != nil {
			panic(err)
		}
		return body
	}
	return []byte(probe.Contains)
}

// serveAs makes the test's shop one of that engine.
func (s *shop) serveAs(probe engine.Probe) {
	body := answerTo(probe)
	s.answer.Store(&answer{status: probe.Status, uri: probe.Path, body: body})
}

// answer is what a shop says to its probe; everything else isn't found.
type answer struct {
	status int
	uri    string
	body   []byte
}

func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	if r.URL.RequestURI() != a.uri {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// Every engine comes up in every plan, from manifests that this Kubernetes takes without a word against a field, in a
// namespace that takes restricted pods only and within the plan's quota: a pod too many would never be made.
func TestEveryEngineFitsEveryPlan(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		for _, plan := range pack.Plans {
			t.Run(pack.Name+" "+plan.Name, func(t *testing.T) {
				b := setup(t).serving()
				b.shop.serveAs(pack.Probe)
				b.start("provisioner")
				id := b.api.NewID(t)
				b.createOf(id, pack, plan.Name)
				b.requireAttempts(t, b.awaitType(id, store.BecameReady), 1)
				for _, running := range []bool{true, false} {
					b.requireTaken(t, id, pack, plan, running)
				}
				b.requireRoom(t, id)
			})
		}
	}
}

// createOf appends what the gateway would for a store of a pack.
func (b *bundle) createOf(id store.ID, pack engine.Pack, plan string) {
	b.t.Helper()
	b.command(id, store.CreateCommand, &store.Spec{Name: "Test", Engine: pack.Name, Version: pack.Version, Plan: plan})
}

// requireTaken has the API server judge every manifest of the release, unknown and doubled fields included. Helm asks for
// no such judgement, so a field that is misspelt is lost without a word.
func (b *bundle) requireTaken(t *testing.T, id store.ID, pack engine.Pack, plan engine.Plan, running bool) {
	t.Helper()
	files, err := engine.Chart(engines.Packs, pack)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pack.Values(engine.Release{
		Store: string(id), Name: "Test", Plan: plan.Name, Secret: "store-credentials", Host: "store.example.org",
		URL: "https://store.example.org", IngressClass: "local", Running: running,
	})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := release.Spec{Store: id, Chart: files, Values: values}.Objects()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(b.api.Config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(b.api.Admin.Discovery())
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for _, object := range objects {
		kind := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			t.Fatal(err)
		}
		object.SetName(object.GetName() + "-once-more")
		_, err = client.Resource(mapping.Resource).Namespace(id.Namespace()).Create(t.Context(), object, metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
		})
		// A second one of what the plan has room for once is refused for that reason alone.
		if err != nil && !strings.Contains(err.Error(), "exceeded quota") {
			t.Errorf("%s %s: %v", kind.Kind, object.GetName(), err)
		}
	}
}

// requireRoom: nothing of the store's quota is overdrawn, and its pods were all made.
func (b *bundle) requireRoom(t *testing.T, id store.ID) {
	t.Helper()
	quota, err := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace()).Get(t.Context(), "store", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, hard := range quota.Status.Hard {
		if used := quota.Status.Used[name]; used.Cmp(hard) > 0 {
			t.Errorf("%s: %s of %s", name, used.String(), hard.String())
		}
	}
}

// An engine that nobody has compiled in: a folder beside the shipped ones, which an operator mounts. All that differs from
// an engine of ours is in its files.
func TestAnEngineByConfigurationAlone(t *testing.T) {
	dir := t.TempDir()
	fourth(t, dir)
	packs, err := engine.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t).serving()
	b.environment = append(b.environment, "ENGINES_DIR="+dir)
	b.shop.serveAs(packs[0].Probe)
	b.start("provisioner")
	b.start("janitor")
	id := b.api.NewID(t)
	b.createOf(id, packs[0], "")
	b.awaitType(id, store.BecameReady)
	deployments, err := b.api.Admin.AppsV1().Deployments(id.Namespace()).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(deployments.Items) != 1 || deployments.Items[0].Name != "bakery" {
		t.Fatalf("the store consists of %v, %v", deployments.Items, err)
	}
	reply, code := b.credentials(string(id))
	if code != "" || len(reply.Credentials) != 1 || reply.Credentials[0].Username != "baker" {
		t.Errorf("code %q, %d credentials", code, len(reply.Credentials))
	}
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	b.requireGone(id)
}

// fourth writes a pack of an engine that nothing else has in common with those that ship.
func fourth(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"engine.yaml": `name: bakery
title: Bakery
tier: stable
version: 0.1.0
description: An engine that somebody else has written.
plans:
  - {name: loaf, title: Loaf, cpu: 100m, memory: 64Mi, storage: 64Mi, default: true}
options:
  - {name: flour, title: Flour, type: enum, enum: [rye, wheat], default: rye}
links:
  - {name: storefront, title: Shop, path: /bread}
credentials:
  - name: baker
    title: Oven
    username: baker
    secretKey: oven
    generate: {length: 16}
probe: {service: bakery, port: 80, path: "/oven?warm=yes", status: 203, contains: warm}
images: {oven: "example.org/bakery:0.1.0"}
workloads:
  - {kind: Deployment, name: bakery, progress: Heating the oven}
`,
		"chart/Chart.yaml":  "apiVersion: v2\nname: bakery\nversion: 0.1.0\n",
		"chart/values.yaml": "{}\n",
		"chart/templates/bakery.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: bakery
spec:
  selector: {matchLabels: {app: bakery}}
  template:
    metadata: {labels: {app: bakery}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: oven
          image: {{ .Values.images.oven | quote }}
          env:
            - {name: FLOUR, value: {{ .Values.options.flour | quote }}}
            - {name: OVEN, valueFrom: {secretKeyRef: {name: {{ .Values.secret.name }}, key: oven}}}
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: {{ .Values.plan.cpu }}, memory: {{ .Values.plan.memory }}}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata:
  name: bakery
spec:
  selector: {app: bakery}
  ports: [{port: 80, targetPort: 8080}]
`,
	} {
		path := filepath.Join(dir, "bakery", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
