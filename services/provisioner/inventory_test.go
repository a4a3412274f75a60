package provisioner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// kinds are everything that a store consists of.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "limitranges"},
	{Version: "v1", Resource: "persistentvolumeclaims"}, {Version: "v1", Resource: "pods"},
	{Version: "v1", Resource: "resourcequotas"}, {Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "serviceaccounts"}, {Version: "v1", Resource: "services"},
	{Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "apps", Version: "v1", Resource: "replicasets"},
	{Group: "apps", Version: "v1", Resource: "statefulsets"}, {Group: "batch", Version: "v1", Resource: "cronjobs"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
}

const helmsRevision = "sh.helm.release."

// inventory lists what a store consists of, but for Helm's revisions and for what the clock has started. What a
// controller names at random is named after its owner; a generation above the first tells of an object that was made
// once and changed later.
func (b *bundle) inventory(id store.ID) []string {
	b.t.Helper()
	client, err := metadata.NewForConfig(b.api.Config)
	if err != nil {
		b.t.Fatalf("build client: %v", err)
	}
	var all []string
	for _, kind := range kinds {
		list, err := client.Resource(kind).Namespace(id.Namespace()).List(b.t.Context(), metav1.ListOptions{})
		if err != nil {
			b.t.Fatalf("list %s: %v", kind.Resource, err)
		}
		for _, object := range list.Items {
			if !strings.HasPrefix(object.Name, helmsRevision) && !byTheClock(object) {
				all = append(all, fmt.Sprintf("%s %s generation %d", kind.Resource, nameOf(object), object.Generation))
			}
		}
	}
	slices.Sort(all)
	return all
}

// byTheClock: whether a CronJob's turn has come while a store was looked at says nothing about the store.
func byTheClock(object metav1.PartialObjectMetadata) bool {
	owner := metav1.GetControllerOf(&object)
	return owner != nil && owner.Kind == "Job"
}

func nameOf(object metav1.PartialObjectMetadata) string {
	if owner := metav1.GetControllerOf(&object); owner != nil {
		// A pod's owner is a replica set, itself named at random.
		name, _, _ := strings.Cut(owner.Name, "-")
		return "of " + name
	}
	return object.Name
}

func (b *bundle) requireSame(t *testing.T, id store.ID, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, b.inventory(id)); diff != "" {
		t.Errorf("it differs from the store that nobody harmed:\n%s", diff)
	}
}

// requireOneRelease fails unless the last of so many revisions is the only one that is deployed.
func (b *bundle) requireOneRelease(t *testing.T, id store.ID, atMost int) {
	t.Helper()
	revisions, err := b.api.Admin.CoreV1().Secrets(id.Namespace()).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	deployed, last := 0, ""
	for _, r := range revisions.Items {
		told = append(told, r.Name+" "+r.Labels["status"])
		if r.Labels["status"] == "deployed" {
			deployed++
			last = r.Labels["version"]
		}
	}
	if n := len(revisions.Items); deployed != 1 || last != fmt.Sprint(n) || n > atMost {
		t.Errorf("revisions %v, want %d at most, and the last one deployed:\n%s", told, atMost, b.told(id))
	}
}

// fullCount is how long a count of what was cut before it was stored may stay: the quota controller counts everything
// anew every five minutes, in the tests' cluster every twenty seconds.
const fullCount = 5 * time.Minute

// requireQuotaOf fails unless the store comes to be counted as the other one is.
func (b *bundle) requireQuotaOf(t *testing.T, id, other store.ID) {
	t.Helper()
	var diff string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("its quota differs (- want, + is): %s", diff)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), fullCount)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		want, err := b.counted(ctx, other)
		if err != nil {
			return false, err
		}
		is, err := b.counted(ctx, id)
		diff = cmp.Diff(want, is)
		return diff == "", err
	})
	if err != nil {
		t.Errorf("wait until the quota is counted right: %v", err)
	}
}

// counted is what the quota says of a store, but for Secrets: Helm's revisions are among them.
func (b *bundle) counted(ctx context.Context, id store.ID) (map[string]string, error) {
	live, err := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace()).Get(ctx, "store", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	told := make(map[string]string)
	for name, hard := range live.Spec.Hard {
		known, used := live.Status.Hard[name], live.Status.Used[name]
		if name != corev1.ResourceSecrets {
			told[string(name)] = fmt.Sprintf("%s of %s, known as %s", used.String(), hard.String(), known.String())
		}
	}
	return told, nil
}

// requireAllGone is requireGone for many.
func (b *bundle) requireAllGone(ids []store.ID) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	namespaces := b.api.Admin.CoreV1().Namespaces()
	list, err := namespaces.List(ctx, metav1.ListOptions{})
	if err != nil {
		b.t.Fatalf("list namespaces: %v", err)
	}
	for _, ns := range list.Items {
		if slices.ContainsFunc(ids, func(id store.ID) bool { return id.Namespace() == ns.Name }) {
			b.t.Errorf("namespace %s is still there", ns.Name)
		}
	}
	events, err := namespaces.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		b.t.Fatalf("watch namespaces: %v", err)
	}
	b.duringAbsence(events, func(event watch.Event) {
		object, ok := event.Object.(metav1.Object)
		if ok && slices.ContainsFunc(ids, func(id store.ID) bool { return id.Namespace() == object.GetName() }) {
			b.t.Errorf("namespace %s: %s after it was gone", object.GetName(), event.Type)
		}
	})
}

func tenantOf(id store.ID) string { return "tenant-of-" + string(id) }

// claimed is a store that its tenant has claimed, as the gateway does before it asks for it.
func (b *bundle) claimed() store.ID {
	b.t.Helper()
	id := b.api.NewID(b.t)
	book := claim.NewBook(b.bucket(storelog.BucketClaims))
	if _, err := book.Claim(b.t.Context(), tenantOf(id), id, 10, time.Now()); err != nil {
		b.t.Fatalf("claim the store: %v", err)
	}
	b.createAs(id, "sample")
	return id
}
