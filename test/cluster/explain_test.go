package cluster_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// explanation is what GET /stores/{id}/explain answers, as far as it matters here.
type explanation struct {
	Sentence, Next, For, Runbook, Object string
	Status                               store.Status
	query.Cause
	Missing []string
	Chain   []struct{ Kind, Title, Text, Object string }
}

func (b *bench) explained(id store.ID) (e explanation) {
	b.Helper()
	if status, err := b.Call(b.T.Context(), http.MethodGet, "/stores/"+string(id)+"/explain", nil, &e); err != nil || status != http.StatusOK {
		b.Fatalf("explain %s: %d %v", id, status, err)
	}
	return e
}

// part is a workload that somebody has put into a store's namespace: a container of the shop's image that fails in one way.
type part struct {
	name, image, memory string
	env                 map[string]string
	// reason is what it is to be explained by, and words finds what the cluster itself says of it.
	reason string
	words  func(containerStatus) string
}

type containerStatus struct {
	State struct {
		Waiting *struct{ Reason, Message string }
	}
	LastState struct {
		Terminated *struct {
			Reason, Message string
			ExitCode        int
		}
	}
}

func (s containerStatus) waits() string {
	if s.State.Waiting == nil {
		return ""
	}
	return s.State.Waiting.Message
}

func (s containerStatus) ended() string {
	if s.LastState.Terminated == nil {
		return ""
	}
	return fmt.Sprintf("%d, %s", s.LastState.Terminated.ExitCode, s.LastState.Terminated.Reason)
}

// broken are four ways in which a real container fails. They are judged in the order of their names.
var broken = []part{
	{name: "a-image", image: "registry.invalid/nothing:1", memory: "8Mi", reason: "ImagePullBackOff", words: containerStatus.waits},
	// Its configuration has faults, which it says as it ends.
	{name: "b-crash", memory: "16Mi", env: map[string]string{"SHOP_PRODUCTS": "none"}, reason: "CrashLoopBackOff", words: containerStatus.ended},
	// It reads its password to the end, which isn't there.
	{name: "c-memory", memory: "16Mi", env: map[string]string{"ADMIN_PASSWORD_FILE": "/dev/zero"}, reason: "OutOfMemory", words: containerStatus.ended},
	{name: "d-nul", memory: "8Mi", env: map[string]string{"SHOP_CURRENCY": "EUR\x00"}, reason: "RunContainerError", words: func(s containerStatus) string {
		if s.LastState.Terminated != nil && s.LastState.Terminated.Message != "" {
			return s.LastState.Terminated.Message
		}
		return s.waits()
	}},
}

// What keeps a store from working is named with the pod, by the kubelet's own words, which are read from the cluster. The store is
// suspended: there is room in its quota for what fails beside it, and nothing else of it runs.
func TestAnExplanationNamesWhatTheClusterSays(t *testing.T) {
	b := setup(t)
	s := b.ready("Explained")
	feed := b.Follow(t, "", s.ID)
	if status, err := b.Call(t.Context(), http.MethodPost, "/stores/"+string(s.ID)+"/suspend", nil, nil); err != nil || status != http.StatusAccepted {
		t.Fatalf("suspend: %d %v", status, err)
	}
	feed.UntilType(t, store.BecameSuspended)
	for _, p := range broken {
		b.add(s.ID, p)
	}
	for _, p := range broken {
		b.wantsNamed(s.ID, p)
		b.change(http.MethodDelete, "/apis/apps/v1/namespaces/"+s.ID.Namespace()+"/deployments/"+p.name, map[string]string{"propagationPolicy": "Foreground"})
	}
}

// wantsNamed waits until the store is explained by the part, and wants all there is to say of it.
func (b *bench) wantsNamed(id store.ID, p part) {
	b.Helper()
	var e explanation
	pod, words := "", ""
	waittest.Eventually(b.T, func() error {
		e = b.explained(id)
		pod, words = b.said(id, p)
		if e.Reason == p.reason && e.Object == "pod/"+pod && words != "" && strings.Contains(e.Detail, words) {
			return nil
		}
		return fmt.Errorf("%s is explained by %s of %s: %s (%s says %q)", p.name, e.Reason, e.Object, e.Detail, pod, words)
	})
	if e.Status != store.Suspended || e.Sentence == "" || e.Next == "" || e.For == "" || e.Runbook != "/docs/reasons#"+strings.ToLower(p.reason) {
		b.Errorf("%s is explained by %+v", p.name, e)
	}
	if !slices.ContainsFunc(e.Chain, func(l struct{ Kind, Title, Text, Object string }) bool {
		return l.Title == p.reason && l.Object == e.Object
	}) {
		b.Errorf("%s isn't in the chain %+v", p.name, e.Chain)
	}
}

// said is what the cluster says of the part's container, and the pod's name; nothing while it has none.
func (b *bench) said(id store.ID, p part) (pod, words string) {
	b.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ ContainerStatuses []containerStatus }
		}
	}
	path := "/api/v1/namespaces/" + id.Namespace() + "/pods?labelSelector=part=" + p.name
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, path, nil, &pods); err != nil || status != http.StatusOK {
		b.Fatalf("list the pods of %s: %d %v", p.name, status, err)
	}
	if len(pods.Items) == 0 || len(pods.Items[0].Status.ContainerStatuses) == 0 {
		return "", ""
	}
	return pods.Items[0].Metadata.Name, p.words(pods.Items[0].Status.ContainerStatuses[0])
}

// add puts the part into the store's namespace, as the shop's own deployment is but for what makes it fail.
func (b *bench) add(id store.ID, p part) {
	b.Helper()
	path := "/apis/apps/v1/namespaces/" + id.Namespace() + "/deployments"
	var shop struct {
		Metadata struct{ Labels map[string]string }
		Spec     struct {
			Template struct {
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					SecurityContext map[string]any
					Containers      []struct {
						Image           string
						SecurityContext map[string]any
					}
				}
			}
		}
	}
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, path+"/store", nil, &shop); err != nil || status != http.StatusOK {
		b.Fatalf("read the shop's deployment: %d %v", status, err)
	}
	template, env := shop.Spec.Template, []map[string]string{}
	for name, value := range p.env {
		env = append(env, map[string]string{"name": name, "value": value})
	}
	labels := map[string]string{"part": p.name}
	for _, own := range []string{"store-platform.io/store", "store-platform.io/installation"} {
		labels[own] = template.Metadata.Labels[own]
	}
	image, policy := p.image, "Always"
	if image == "" {
		image, policy = template.Spec.Containers[0].Image, "IfNotPresent"
	}
	amounts := map[string]string{"cpu": "20m", "memory": p.memory}
	b.change(http.MethodPost, path, map[string]any{
		"metadata": map[string]any{"name": p.name, "labels": shop.Metadata.Labels},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]string{"part": p.name}},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{
				"securityContext": template.Spec.SecurityContext, "automountServiceAccountToken": false,
				"containers": []map[string]any{{
					"name": "part", "image": image, "imagePullPolicy": policy, "env": env,
					"securityContext": template.Spec.Containers[0].SecurityContext,
					"resources":       map[string]any{"limits": amounts, "requests": amounts},
				}},
			}},
		},
	})
}
