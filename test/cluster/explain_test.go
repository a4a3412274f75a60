package cluster_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
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

// part is a workload that somebody has put into a store's namespace: containers of the shop's image that fail in one way.
type part struct {
	// name is the workload's, kind how it is called in the API's paths: deployments where nothing is said.
	name, kind    string
	image, memory string
	command       []string
	env           map[string]string
	// secret is one that it wants a password of.
	secret string
	// copies are how many containers there are, one where nothing is said; more is what its pod has besides.
	copies int
	more   map[string]any
	// reasons are those that it is to be explained by: the cluster calls some by two names, in turn. said finds what the cluster itself
	// says of it, and of what; no words while it says nothing.
	reasons []string
	said    func(b *bench, id store.ID, name string) (object, words string)
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

// started is what the runtime has said of a start that came to nothing.
func (s containerStatus) started() string {
	if s.LastState.Terminated != nil && s.LastState.Terminated.Message != "" {
		return s.LastState.Terminated.Message
	}
	return s.waits()
}

// broken are ways in which a real container fails. The registry is one that nobody is at, so that nobody waits for it; the shop says as it
// ends that its configuration has faults; and it reads its password to the end, which isn't there.
var broken = []part{
	{name: "image", image: "127.0.0.1:1/nothing:1", memory: "8Mi", reasons: []string{"ErrImagePull", "ImagePullBackOff"}, said: ofContainer(containerStatus.waits)},
	{name: "crash", memory: "16Mi", env: map[string]string{"SHOP_PRODUCTS": "none"}, reasons: []string{"CrashLoopBackOff"}, said: ofContainer(containerStatus.ended)},
	{name: "memory", memory: "16Mi", env: map[string]string{"ADMIN_PASSWORD_FILE": "/dev/zero"}, reasons: []string{"OutOfMemory"}, said: ofContainer(containerStatus.ended)},
	{name: "nul", memory: "8Mi", env: map[string]string{"SHOP_CURRENCY": "EUR\x00"}, reasons: []string{"RunContainerError"}, said: ofContainer(containerStatus.started)},
	{name: "configuration", memory: "8Mi", secret: "nobody-made-it", reasons: []string{"CreateContainerConfigError"}, said: ofContainer(containerStatus.waits)},
	{name: "names", image: platform.ShellImage, memory: "8Mi", command: []string{"nslookup", "database.example"}, reasons: []string{"DNSRefused"}, said: ofLog},
}

// What keeps a store from working is named with the object that the cluster speaks of, and by the cluster's own words, which are read from
// it. The store is suspended: there is room in its quota for what fails beside it, and nothing else of it runs.
func TestAnExplanationNamesWhatTheClusterSays(t *testing.T) {
	b := setup(t)
	id := b.suspended("Explained").ID
	for _, p := range append(broken, unfit...) {
		b.explains(id, p)
	}
}

// suspended makes a store and suspends it.
func (b *bench) suspended(name string) query.Store {
	b.Helper()
	s := b.ready(name)
	feed := b.Follow(b.T, "", s.ID)
	b.ask(s.ID, "suspend")
	feed.UntilType(b.T, store.BecameSuspended)
	return s
}

// ask asks for an operation of a store, as soon as none of the platform's own is in its way.
func (b *bench) ask(id store.ID, verb string) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		_, err := b.Call(b.T.Context(), http.MethodPost, "/stores/"+string(id)+"/"+verb, nil, nil)
		return err
	})
}

// explains puts a part in the store, wants it named, and takes it out again.
func (b *bench) explains(id store.ID, p part) {
	b.Helper()
	path := b.add(id, p)
	e := b.wantsNamed(id, p.reasons, func() (object, words string) { return p.said(b, id, p.name) })
	if e.Status != store.Suspended && e.Status != store.Degraded {
		b.Errorf("with %s the store is %s", p.name, e.Status)
	}
	b.change(http.MethodDelete, path, map[string]string{"propagationPolicy": "Background"})
}

// wantsNamed waits until the store is explained by one of the reasons, by the object, and by the words that the cluster says of it.
func (b *bench) wantsNamed(id store.ID, reasons []string, said func() (object, words string)) (e explanation) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		e = b.explained(id)
		object, words := said()
		if slices.Contains(reasons, e.Reason) && e.Object == object && words != "" && strings.Contains(e.Detail, words) {
			return nil
		}
		return fmt.Errorf("explained by %s of %s: %s; want %s of %s, which says %q", e.Reason, e.Object, e.Detail, reasons, object, words)
	})
	if e.Sentence == "" || e.Next == "" || e.For == "" && e.Reason != "ReleasePending" && e.Reason != "VolumeNotBound" || e.Runbook != "/docs/reasons#"+strings.ToLower(e.Reason) {
		b.Errorf("%s is explained by %+v", reasons, e)
	}
	if len(e.Chain) == 0 {
		b.Errorf("%s has no chain", reasons)
	}
	return e
}

// ofContainer reads of the part's pod what the kubelet says of its container.
func ofContainer(pick func(containerStatus) string) func(*bench, store.ID, string) (object, words string) {
	return func(b *bench, id store.ID, name string) (object, words string) {
		pod, containers := b.podOf(id, name)
		if len(containers) == 0 {
			return "", ""
		}
		return pod, pick(containers[0])
	}
}

// ofLog reads it of the part's own log.
func ofLog(b *bench, id store.ID, name string) (object, words string) {
	pod, containers := b.podOf(id, name)
	if len(containers) == 0 {
		return "", ""
	}
	text, err := b.kubernetes.Text(b.T.Context(), "/api/v1/namespaces/"+id.Namespace()+"/pods/"+strings.TrimPrefix(pod, "pod/")+"/log")
	if err != nil {
		return pod, ""
	}
	_, words, _ = strings.Cut(text, "** ")
	words, _, _ = strings.Cut(words, "\n")
	return pod, words
}

// podOf is the part's pod, like pod/crash-1, and its containers; nothing while it has none.
func (b *bench) podOf(id store.ID, name string) (object string, containers []containerStatus) {
	b.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ ContainerStatuses []containerStatus }
		}
	}
	path := "/api/v1/namespaces/" + id.Namespace() + "/pods?labelSelector=part=" + name
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, path, nil, &pods); err != nil || status != http.StatusOK {
		b.Fatalf("list the pods of %s: %d %v", name, status, err)
	}
	if len(pods.Items) == 0 {
		return "", nil
	}
	return "pod/" + pods.Items[0].Metadata.Name, pods.Items[0].Status.ContainerStatuses
}

// template is that of a workload's pods, as far as parts take it over.
type template struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		SecurityContext map[string]any
		Containers      []struct {
			Image           string
			SecurityContext map[string]any
		}
	}
}

// add puts the part into the store's namespace, as the shop's own deployment is but for what makes it fail, and says where.
func (b *bench) add(id store.ID, p part) (path string) {
	b.Helper()
	workloads := "/apis/apps/v1/namespaces/" + id.Namespace() + "/"
	var shop struct {
		Metadata struct{ Labels map[string]string }
		Spec     struct{ Template template }
	}
	if status, err := b.kubernetes.Do(b.T.Context(), http.MethodGet, workloads+"deployments/store", nil, &shop); err != nil || status != http.StatusOK {
		b.Fatalf("read the shop's deployment: %d %v", status, err)
	}
	labels := map[string]string{"part": p.name}
	for _, own := range []string{"store-platform.io/store", "store-platform.io/installation"} {
		labels[own] = shop.Spec.Template.Metadata.Labels[own]
	}
	spec := map[string]any{
		"securityContext": shop.Spec.Template.Spec.SecurityContext, "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
		"containers": p.containers(shop.Spec.Template),
	}
	maps.Copy(spec, p.more)
	kind := p.kind
	if kind == "" {
		kind = "deployments"
	}
	b.change(http.MethodPost, workloads+kind, map[string]any{
		"metadata": map[string]any{"name": p.name, "labels": shop.Metadata.Labels},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]string{"part": p.name}},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": spec},
		},
	})
	return workloads + kind + "/" + p.name
}

func (p part) containers(shop template) (all []map[string]any) {
	env := []map[string]any{}
	for name, value := range p.env {
		env = append(env, map[string]any{"name": name, "value": value})
	}
	if p.secret != "" {
		env = append(env, map[string]any{"name": "PASSWORD", "valueFrom": map[string]any{"secretKeyRef": map[string]string{"name": p.secret, "key": "password"}}})
	}
	image, policy := p.image, "Always"
	switch image {
	case "":
		image, policy = shop.Spec.Containers[0].Image, "IfNotPresent"
	case platform.ShellImage:
		policy = "Never"
	}
	amounts := map[string]string{"cpu": "20m", "memory": p.memory}
	for i := range max(1, p.copies) {
		all = append(all, map[string]any{
			"name": fmt.Sprintf("part-%d", i), "image": image, "imagePullPolicy": policy, "env": env, "command": p.command,
			"securityContext": shop.Spec.Containers[0].SecurityContext,
			"resources":       map[string]any{"limits": amounts, "requests": amounts},
		})
	}
	return all
}
