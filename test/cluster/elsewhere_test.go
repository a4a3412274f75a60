package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// stranger claims a host's health for a Service of its own namespace.
const stranger = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: stranger, namespace: %[1]s}
spec:
  ingressClassName: %[2]s
  rules:
  - host: %[3]s
    http:
      paths:
      - {path: /healthz, pathType: Exact, backend: {service: {name: store, port: {name: http}}}}
      - {path: /check, pathType: Exact, backend: {service: {name: store, port: {name: http}}}}
`

// Where another program answers in a shop's place, it is told where was asked, and what came: the page of a store that is suspended,
// to which somebody has led the shop's own questions.
func TestAnExplanationNamesWhereAnotherProgramAnswers(t *testing.T) {
	b := setup(t)
	another, s := b.suspended("A stranger"), b.ready("Answered for")
	feed := b.Follow(t, "", s.ID)
	host, _, _ := strings.Cut(s.ID.Namespace()+"."+b.Base, ":")
	var own struct {
		Spec struct{ IngressClassName string }
	}
	if status, err := b.kubernetes.Do(t.Context(), http.MethodGet, "/apis/networking.k8s.io/v1/namespaces/"+s.ID.Namespace()+"/ingresses/store", nil, &own); err != nil || status != http.StatusOK {
		t.Fatalf("read the shop's route: %d %v", status, err)
	}
	ingress := "/apis/networking.k8s.io/v1/namespaces/" + another.ID.Namespace() + "/ingresses/stranger"
	b.applied(ingress, fmt.Sprintf(stranger, another.ID.Namespace(), own.Spec.IngressClassName, host))
	client := http.Client{Transport: b.Door()}
	e := b.wantsNamed(s.ID, []string{"NotAnswering"}, func() (object, words string) {
		answer, err := client.Get(s.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return "", ""
		}
		return "host/" + host, fmt.Sprintf("GET /healthz answered %d instead of 200 (with Content-Type %q)", answer.StatusCode, answer.Header.Get("Content-Type"))
	})
	if e.Status != store.Degraded {
		t.Errorf("the store is %s", e.Status)
	}
	b.change(http.MethodDelete, ingress, nil)
	feed.UntilType(t, store.Recovered)
}

// node is one that has no machine behind it, and room for one small pod. Nobody comes to it but who tolerates its taint.
const node = `{
	"metadata": {"name": %[1]q, "labels": {"part-of": %[1]q}},
	"spec": {"taints": [{"key": "part-of", "value": %[1]q, "effect": "NoSchedule"}]},
	"status": {
		"allocatable": {"cpu": "30m", "memory": "64Mi", "pods": "9"}, "capacity": {"cpu": "30m", "memory": "64Mi", "pods": "9"},
		"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "made by a test", "lastHeartbeatTime": %[2]q, "lastTransitionTime": %[2]q}]
	}
}`

// ofPlacing reads it of what the scheduler says of the part's pod.
func ofPlacing(b *bench, id store.ID, name string) (object, words string) {
	for _, pod := range b.list("/api/v1/namespaces/" + id.Namespace() + "/pods?labelSelector=part=" + name).Items {
		for _, c := range pod.Status.Conditions {
			if c.Type == "PodScheduled" && c.Status == "False" {
				return "pod/" + pod.Metadata.Name, c.Message
			}
		}
	}
	return "", ""
}

// A node is full when what is on it leaves no room for one more, and gone when its kubelet is silent: the cluster itself says so of both.
// There is no kubelet: the test has said for it once that the node is ready and its pod runs.
func TestAnExplanationNamesANodeThatIsFullOrGone(t *testing.T) {
	b := setup(t)
	id := b.suspended("On a node").ID
	name := "of-" + string(id)
	now := time.Now().UTC().Format(time.RFC3339)
	b.change(http.MethodPost, "/api/v1/nodes", json.RawMessage(fmt.Sprintf(node, name, now)))
	b.Cleanup(func() { b.discard("/api/v1/nodes/" + name) })
	there := map[string]any{
		"nodeSelector": map[string]string{"part-of": name},
		"tolerations":  []map[string]string{{"operator": "Exists"}},
	}
	first := part{name: "a-first", memory: "8Mi", more: there, reasons: []string{"NodeGone"}, said: ofEvent("NodeNotReady", "Pod")}
	path := b.add(id, first)
	b.plays(id, first.name, name)
	b.explains(id, part{name: "b-second", memory: "8Mi", more: there, reasons: []string{"Unschedulable"}, said: ofPlacing})
	b.wantsNamed(id, first.reasons, func() (object, words string) { return first.said(b, id, first.name) })
	// Without a kubelet nobody lets its pod end.
	b.change(http.MethodDelete, path, map[string]string{"propagationPolicy": "Background"})
	waittest.Eventually(t, func() error {
		pods := b.kubernetes.Pods(t, id.Namespace(), "part="+first.name)
		for _, pod := range pods {
			b.discard("/api/v1/namespaces/" + id.Namespace() + "/pods/" + pod.Metadata.Name + "?gracePeriodSeconds=0")
		}
		if len(pods) > 0 {
			return fmt.Errorf("%d pods are left of %s", len(pods), first.name)
		}
		return nil
	})
}

// plays says for a kubelet that the part's pod serves, once it is on the node.
func (b *bench) plays(id store.ID, part, node string) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		var pods struct {
			Items []struct {
				Metadata struct{ Name string }
				Spec     struct{ NodeName string }
			}
		}
		path := "/api/v1/namespaces/" + id.Namespace() + "/pods"
		if _, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, path+"?labelSelector=part="+part, nil, &pods); err != nil {
			return err
		}
		if len(pods.Items) != 1 || pods.Items[0].Spec.NodeName != node {
			return fmt.Errorf("%s isn't on %s: %+v", part, node, pods.Items)
		}
		serves := []map[string]string{{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}}
		_, err := b.kubernetes.Do(b.T.Context(), http.MethodPatch, path+"/"+pods.Items[0].Metadata.Name+"/status", map[string]any{
			"status": map[string]any{"phase": "Running", "conditions": serves},
		}, nil)
		return err
	})
}
