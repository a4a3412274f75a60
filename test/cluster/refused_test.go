package cluster_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// said is as much of the cluster's events, and of what workloads and pods say of themselves, as is looked at.
type said struct {
	Items []struct {
		Metadata       struct{ Name string }
		InvolvedObject struct{ Kind, Name string }
		Message        string
		Status         struct {
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
}

func (b *bench) list(path string) (found said) {
	b.Helper()
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, path, nil, &found); err != nil || status != http.StatusOK {
		b.Fatalf("GET %s: %d %v", path, status, err)
	}
	return found
}

// event is the newest of the cluster's of a reason about one kind of object in the store, and what it says.
func (b *bench) event(id store.ID, reason, kind string) (object, words string) {
	b.Helper()
	selector := url.QueryEscape("reason=" + reason + ",involvedObject.kind=" + kind)
	events := b.list("/api/v1/namespaces/" + id.Namespace() + "/events?fieldSelector=" + selector).Items
	if len(events) == 0 {
		return "", ""
	}
	last := events[len(events)-1]
	return strings.ToLower(kind) + "/" + last.InvolvedObject.Name, last.Message
}

// ofEvent reads it of an event about the part itself.
func ofEvent(reason, kind string) func(*bench, store.ID, string) (object, words string) {
	return func(b *bench, id store.ID, _ string) (object, words string) { return b.event(id, reason, kind) }
}

// ofCondition reads it of what a deployment says of its pods.
func ofCondition(b *bench, id store.ID, name string) (object, words string) {
	for _, d := range b.list("/apis/apps/v1/namespaces/" + id.Namespace() + "/deployments?fieldSelector=metadata.name=" + name).Items {
		for _, c := range d.Status.Conditions {
			if c.Type == "ReplicaFailure" && c.Status == "True" {
				return "deployment/" + name, c.Message
			}
		}
	}
	return "", ""
}

// unfit are workloads whose pods want more together than the store's plan gives, where each container wants no more than it may.
var unfit = []part{
	{name: "large", copies: 2, memory: "60Mi", reasons: []string{"QuotaExceeded"}, said: ofCondition},
	{name: "large-set", kind: "statefulsets", copies: 2, memory: "60Mi", reasons: []string{"QuotaExceeded"}, said: ofEvent("FailedCreate", "StatefulSet")},
}

// lone is a storage class that nobody makes volumes of.
const lone = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: %s}
provisioner: example.com/nobody
`

// A store's volume isn't to be had in three ways: its claim has no class, one that isn't there, or one that nobody makes volumes of.
// Somebody has put such a claim in the place of its own while it was suspended.
func TestAnExplanationNamesTheVolumeThatIsNotToBeHad(t *testing.T) {
	b := setup(t)
	id := b.suspended("Without a volume").ID
	nobodys := "of-nobody-" + string(id)
	b.applied("/apis/storage.k8s.io/v1/storageclasses/"+nobodys, fmt.Sprintf(lone, nobodys))
	for _, c := range []struct{ class, reason, event string }{
		{"", "NoStorageClass", "FailedBinding"},
		{"nowhere-" + string(id), "VolumeNotMade", "ProvisioningFailed"},
		{nobodys, "VolumeNotBound", "ExternalProvisioning"},
	} {
		b.claimAnew(id, c.class)
		b.ask(id, "resume")
		b.wantsNamed(id, []string{c.reason}, func() (object, words string) { return b.event(id, c.event, "PersistentVolumeClaim") })
		b.ask(id, "cancel")
	}
}

// claimAnew puts a claim of a storage class in the place of the store's own.
func (b *bench) claimAnew(id store.ID, class string) {
	b.Helper()
	claims := "/api/v1/namespaces/" + id.Namespace() + "/persistentvolumeclaims"
	var claim struct {
		Metadata struct{ Labels, Annotations map[string]string } `json:"metadata"`
		Spec     struct{ Resources any }                         `json:"spec"`
	}
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, claims+"/store-data", nil, &claim); err != nil || status != http.StatusOK {
		b.Fatalf("read the claim: %d %v", status, err)
	}
	annotations := map[string]string{}
	for name, value := range claim.Metadata.Annotations {
		// The others are the binder's.
		if strings.HasPrefix(name, "meta.helm.sh/") {
			annotations[name] = value
		}
	}
	b.change(http.MethodDelete, claims+"/store-data", nil)
	waittest.Eventually(b.T, func() error {
		status, err := b.kubernetes.Do(b.T.Context(), http.MethodPost, claims, map[string]any{
			"metadata": map[string]any{"name": "store-data", "labels": claim.Metadata.Labels, "annotations": annotations},
			"spec":     map[string]any{"accessModes": []string{"ReadWriteOnce"}, "storageClassName": class, "resources": claim.Spec.Resources},
		}, nil)
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("make a claim: %d", status)
		}
		return err
	})
}

// applied makes an object that goes with the test.
func (b *bench) applied(path, object string) {
	b.Helper()
	if err := b.kubernetes.Apply(b.T.Context(), path, []byte(object)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.discard(path) })
}

// discard removes an object at a test's end.
func (b *bench) discard(path string) {
	if _, err := b.kubernetes.Do(context.WithoutCancel(b.T.Context()), http.MethodDelete, path, nil, nil); err != nil {
		b.Errorf("remove %s: %v", path, err)
	}
}

// webhook stands before the routes of one store, on the cluster's own network. It holds whoever asks until refuse is called, and says no
// from then on.
const webhook = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: routes.example.com
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 30
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}
  clientConfig: {url: %[3]q, caBundle: %[4]s}
  rules: [{apiGroups: [networking.k8s.io], apiVersions: [v1], resources: [ingresses], operations: [CREATE, UPDATE]}]
`

func (b *bench) webhook(id store.ID) (refuse func()) {
	b.Helper()
	refusing := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct {
				UID    string
				DryRun bool
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !review.Request.DryRun {
			select {
			case <-refusing:
			case <-r.Context().Done():
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": map[string]any{
				"uid": review.Request.UID, "allowed": false, "status": map[string]any{"message": "its host is taken by another route", "code": http.StatusForbidden},
			},
		})
	}))
	_ = server.Listener.Close()
	server.Listener = b.kubernetes.Node(b.T).ListenBeside(b.T)
	server.StartTLS()
	b.Cleanup(server.Close)
	refuse = sync.OnceFunc(func() { close(refusing) })
	b.Cleanup(refuse)
	name := "routes-of-" + string(id)
	authority, err := json.Marshal(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if err != nil {
		b.Fatal(err)
	}
	b.applied(admission+name, fmt.Sprintf(webhook, name, id.Namespace(), server.URL, authority))
	return refuse
}

const admission = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"

// What a webhook keeps waiting is a release that Helm has begun; when it says no it is the webhook, and the route that it said it of.
func TestAnExplanationNamesTheWebhookThatHoldsAndRefuses(t *testing.T) {
	b := setup(t)
	id := b.suspended("Refused").ID
	feed := b.Follow(t, "", id)
	refuse := b.webhook(id)
	routes := "/apis/networking.k8s.io/v1/namespaces/" + id.Namespace() + "/ingresses"
	route := map[string]any{"metadata": map[string]string{"name": "another"}, "spec": map[string]any{
		"defaultBackend": map[string]any{"service": map[string]any{"name": "store", "port": map[string]any{"number": 80}}},
	}}
	words := ""
	waittest.Eventually(t, func() (err error) {
		words, err = b.kubernetes.Refusal(t.Context(), routes+"?dryRun=All", route)
		if err == nil && !strings.HasPrefix(words, "admission webhook ") {
			err = fmt.Errorf("the cluster says %q", words)
		}
		return err
	})
	// What isn't there is made by the next operation.
	b.change(http.MethodDelete, routes+"/store", nil)
	b.ask(id, "resume")
	b.wantsNamed(id, []string{"ReleasePending"}, func() (object, words string) {
		for _, release := range b.list("/api/v1/namespaces/" + id.Namespace() + "/secrets?labelSelector=owner=helm,status=pending-upgrade").Items {
			return "release/" + strings.TrimPrefix(release.Metadata.Name, "sh.helm.release.v1."), "pending-upgrade"
		}
		return "", ""
	})
	refuse()
	seen := feed.UntilType(t, store.BecameFailed)
	e := b.wantsNamed(id, []string{"WebhookRefused"}, func() (object, _ string) { return "ingress/store", words })
	if last := seen[len(seen)-1].Store; e.Status != last.Status {
		t.Errorf("it is %s, and explained as %s", last.Status, e.Status)
	}
}
