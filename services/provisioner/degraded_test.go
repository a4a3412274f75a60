package provisioner_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// keepingWords are what a keeper logs when its term begins.
const keepingWords = "keeping the stores"

// ready makes a store of the sample engine and waits for it.
func (b *bundle) ready() store.ID {
	b.t.Helper()
	id := b.create()
	b.awaitType(id, store.BecameReady)
	return id
}

func (b *bundle) awaitDegraded(id store.ID, reason, words string) storelog.Entry {
	b.t.Helper()
	e := b.await(id, "degraded for "+reason, func(e storelog.Entry) bool {
		return e.Message.Type == store.BecameDegraded && e.Message.Facts.Reason == reason
	})
	f, s := e.Message.Facts, e.State
	if f.Message == "" || !strings.Contains(f.Detail, words) || e.Message.Actor != "keeper" {
		b.t.Errorf("it says %+v by %s, want the words %q", f, e.Message.Actor, words)
	}
	if s.Status != store.Degraded || s.URL == "" || s.Reason != reason || s.InFlight() {
		b.t.Errorf("the store is %+v", s)
	}
	return e
}

// setPods gives all pods of the store another status, as its kubelet would.
func (b *bundle) setPods(id store.ID, status string) {
	b.t.Helper()
	pods := b.api.Admin.CoreV1().Pods(id.Namespace())
	all, err := pods.List(b.t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) == 0 {
		b.t.Fatalf("list the pods of %s: %d, %v", id, len(all.Items), err)
	}
	for _, pod := range all.Items {
		if _, err := pods.Patch(b.t.Context(), pod.Name, types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
			b.t.Fatalf("change a pod's status: %v", err)
		}
	}
}

const podCrashes = `{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"ContainersReady","status":"False"}],
	"containerStatuses":[{"name":"shop","image":"shop","imageID":"shop","ready":false,"restartCount":5,
	"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off restarting"}}}]}}`

const podRunsAgain = `{"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"ContainersReady","status":"True"}],
	"containerStatuses":[{"name":"shop","image":"shop","imageID":"shop","ready":true,"restartCount":5,"state":{"running":{}}}]}}`

func TestAStoreWhosePodsCrashIsDegradedUntilTheyRun(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.ready()
	b.setPods(id, podCrashes)
	degraded := b.awaitDegraded(id, "CrashLoopBackOff", "deployment/store")
	b.setPods(id, podRunsAgain)
	recovered := b.awaitType(id, store.Recovered)
	if s := recovered.State; s.Status != store.Ready || s.URL == "" || s.Reason != "" || s.Generation != degraded.State.Generation {
		t.Errorf("after it recovered: %+v", s)
	}
	if n := b.count(id, store.MendCommand); n != 0 {
		t.Errorf("%d mends of what nobody changed:\n%s", n, b.told(id))
	}
}

func TestAStoreThatDoesNotAnswerIsDegraded(t *testing.T) {
	b := setupBy(t, production).serving()
	b.start("provisioner")
	id := b.ready()
	b.shop.open.Store(false)
	b.awaitDegraded(id, "NotAnswering", "503")
	b.shop.open.Store(true)
	b.awaitType(id, store.Recovered)
}

// tampering is something done to a store by hand, and what is said of it.
type tampering struct {
	tamper func(*bundle, store.ID) error
	words  string
	// there says whether the mend has brought it back.
	there func(*bundle, store.ID) error
}

var tamperings = map[string]tampering{
	"its rights given to another account": {
		tamper: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.RbacV1().RoleBindings(id.Namespace()).Patch(b.t.Context(), cluster.StoreRole, types.MergePatchType,
				[]byte(`{"subjects":[{"kind":"ServiceAccount","namespace":"where-the-platform-was","name":"store-provisioner"}]}`), metav1.PatchOptions{})
			return err
		},
		words: "rolebinding/" + cluster.StoreRole + ": subjects",
		there: func(b *bundle, id store.ID) error { return nil },
	},
	"a workload told not to run": {
		tamper: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.AppsV1().Deployments(id.Namespace()).Patch(b.t.Context(), "store", types.MergePatchType,
				[]byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
			return err
		},
		words: "deployment/store: spec.replicas",
		there: func(b *bundle, id store.ID) error { return nil },
	},
	"a workload removed": {
		tamper: func(b *bundle, id store.ID) error {
			return b.api.Admin.AppsV1().Deployments(id.Namespace()).Delete(b.t.Context(), "store", metav1.DeleteOptions{})
		},
		words: "deployment/store: not found",
		there: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.AppsV1().Deployments(id.Namespace()).Get(b.t.Context(), "store", metav1.GetOptions{})
			return err
		},
	},
	"a Service removed": {
		tamper: func(b *bundle, id store.ID) error {
			return b.api.Admin.CoreV1().Services(id.Namespace()).Delete(b.t.Context(), "store", metav1.DeleteOptions{})
		},
		words: "service/store: not found",
		there: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.CoreV1().Services(id.Namespace()).Get(b.t.Context(), "store", metav1.GetOptions{})
			return err
		},
	},
	"a network policy removed": {
		tamper: func(b *bundle, id store.ID) error {
			return b.api.Admin.NetworkingV1().NetworkPolicies(id.Namespace()).Delete(b.t.Context(), "deny-by-default", metav1.DeleteOptions{})
		},
		words: "networkpolicy/deny-by-default: not found",
		there: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.NetworkingV1().NetworkPolicies(id.Namespace()).Get(b.t.Context(), "deny-by-default", metav1.GetOptions{})
			return err
		},
	},
	"the platform's rights removed": {
		tamper: func(b *bundle, id store.ID) error {
			return b.api.Admin.RbacV1().RoleBindings(id.Namespace()).Delete(b.t.Context(), cluster.StoreRole, metav1.DeleteOptions{})
		},
		words: "rolebinding/" + cluster.StoreRole + ": not found",
		there: func(b *bundle, id store.ID) error {
			_, err := b.api.Admin.RbacV1().RoleBindings(id.Namespace()).Get(b.t.Context(), cluster.StoreRole, metav1.GetOptions{})
			return err
		},
	},
}

func TestWhatIsChangedByHandIsMended(t *testing.T) {
	t.Parallel()
	for name, c := range tamperings {
		t.Run(name, func(t *testing.T) {
			b := setup(t).serving()
			b.start("provisioner")
			id := b.ready()
			if err := c.tamper(b, id); err != nil {
				t.Fatal(err)
			}
			mend := b.awaitType(id, store.MendCommand)
			if s := mend.State; s.Status != store.Degraded || s.URL == "" || s.Reason != "DriftFound" || s.Message == "" || !strings.Contains(s.Detail, c.words) {
				t.Errorf("while it is mended: %+v, want the words %q", s, c.words)
			}
			b.awaitEnds(id, 2)
			if s := b.state(id); s.Status != store.Ready || s.Generation != mend.Message.Seq || s.Reason != "" {
				t.Errorf("after the mend: %+v\n%s", s, b.told(id))
			}
			if err := c.there(b, id); err != nil {
				t.Errorf("after the mend: %v", err)
			}
		})
	}
}

// A label that somebody has changed is no loss of data; who may put it right is told how.
func TestANamespaceThatWasRelabelledIsToldAsThat(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.ready()
	// The keeper knows it as one that stands.
	b.setPods(id, podCrashes)
	b.awaitDegraded(id, "CrashLoopBackOff", "deployment/store")
	b.setPods(id, podRunsAgain)
	b.awaitType(id, store.Recovered)
	relabel := func(installation string) {
		t.Helper()
		_, err := b.api.Admin.CoreV1().Namespaces().Patch(t.Context(), id.Namespace(), types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, cluster.LabelInstallation, installation), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	relabel("another")
	remedy := "kubectl label namespace " + id.Namespace() + " --overwrite " + cluster.LabelInstallation + "=" + b.installation
	degraded := b.awaitDegraded(id, cluster.ReasonNamespaceTaken, remedy)
	if said := degraded.State.Message; strings.Contains(said, "removed") || strings.Contains(said, "data") {
		t.Errorf("it says %q", said)
	}
	relabel(b.installation)
	b.await(id, "recovered from it", func(e storelog.Entry) bool {
		return e.Message.Type == store.Recovered && e.Message.Seq > degraded.Message.Seq
	})
	if n := b.count(id, store.MendCommand); n != 0 {
		t.Errorf("%d mends of what the platform may not change:\n%s", n, b.told(id))
	}
}

// Whoever takes its part has no watch that knows of it.
func TestANamespaceThatGoesWhileNobodyKeepsItsStoreIsTold(t *testing.T) {
	b := setup(t).serving()
	w := b.start("provisioner")
	id := b.ready()
	w.kill()
	if err := b.api.Admin.CoreV1().Namespaces().Delete(t.Context(), id.Namespace(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the namespace is gone", func(ctx context.Context) (bool, error) {
		_, err := b.api.Admin.CoreV1().Namespaces().Get(ctx, id.Namespace(), metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	b.start("provisioner")
	b.awaitDegraded(id, cluster.ReasonNamespaceMissing, "namespace/"+id.Namespace())
}

// What is gone with its data isn't made anew: an empty shop in its place would be Ready.
func TestLostDataIsToldAndNotMended(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id, other := b.ready(), b.ready()
	if err := b.api.Admin.CoreV1().Secrets(id.Namespace()).Delete(t.Context(), cluster.SecretName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.api.Admin.CoreV1().Namespaces().Delete(t.Context(), other.Namespace(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.awaitDegraded(other, cluster.ReasonNamespaceMissing, "namespace/"+other.Namespace())
	b.awaitDegraded(id, cluster.ReasonDataMissing, "secret/"+cluster.SecretName)
	if n := b.count(id, store.MendCommand) + b.count(other, store.MendCommand); n != 0 {
		t.Errorf("%d mends:\n%s%s", n, b.told(id), b.told(other))
	}
	// Somebody who insists hears the same, and gets no empty shop.
	for _, id := range []store.ID{id, other} {
		for n, verb := range []store.Verb{store.Mend, store.Retry} {
			if err := b.ask(id, verb); err != nil {
				t.Fatalf("ask for a %s: %v", verb, err)
			}
			b.awaitEnds(id, n+2)
			if s := b.state(id); s.Status != store.Degraded || s.URL == "" {
				t.Errorf("a %s left %+v", verb, s)
			}
		}
		if n := b.count(id, store.MendCommand); n != 2 {
			t.Errorf("%d mends instead of the two that were asked for:\n%s", n, b.told(id))
		}
	}
	if _, err := b.api.Admin.CoreV1().Secrets(id.Namespace()).Get(t.Context(), cluster.SecretName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("other passwords were made: %v", err)
	}
	// The first one may still be on its way out.
	ns, err := b.api.Admin.CoreV1().Namespaces().Get(t.Context(), other.Namespace(), metav1.GetOptions{})
	if !apierrors.IsNotFound(err) && (err != nil || ns.DeletionTimestamp == nil) {
		t.Errorf("another namespace was made: %v", err)
	}
}

// A mend that fails takes nothing from a store that sells: it keeps its address, and is looked at on.
func TestAMendThatFailsLeavesTheStoreDegraded(t *testing.T) {
	b := setup(t).serving()
	_, proxy := b.startBehind("provisioner")
	id := b.ready()
	policies := b.api.Admin.NetworkingV1().NetworkPolicies(id.Namespace())
	policy, err := policies.Get(t.Context(), "deny-by-default", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Nothing that is tried again: the first attempt is the mend's last.
	refusal := `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not in this form","reason":"Invalid","code":422}`
	proxy.Each(func(c *clustertest.Call) {
		if c.String() == "POST /apis/networking.k8s.io/v1/namespaces/NAMESPACE/networkpolicies" {
			c.Refuse(http.StatusUnprocessableEntity, nil, refusal)
			return
		}
		c.Forward()
	})
	if err := tamperings["a network policy removed"].tamper(b, id); err != nil {
		t.Fatal(err)
	}
	failed := b.awaitType(id, store.BecameFailed)
	if s := failed.State; s.Verb != store.Mend || s.Status != store.Degraded || s.URL == "" || s.Reason != "Invalid" || s.InFlight() {
		t.Errorf("after the mend that failed: %+v", s)
	}
	policy.ObjectMeta = metav1.ObjectMeta{Name: policy.Name, Labels: policy.Labels}
	if _, err := policies.Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	well := b.await(id, "Ready again", func(e storelog.Entry) bool {
		return e.Message.Seq > failed.Message.Seq && e.State.Status == store.Ready
	})
	// A mend that was asked for again before the policy was back may have been first to see it.
	if again := well.State.Generation != failed.State.Generation; !again && well.Message.Type != store.Recovered {
		t.Errorf("a %s made it Ready:\n%s", well.Message.Type, b.told(id))
	}
	if s := well.State; s.URL == "" || s.Reason != "" {
		t.Errorf("after it recovered: %+v", s)
	}
}

// A cluster that is away degrades nobody, whatever its shops answer meanwhile.
func TestAClusterThatIsAwayDegradesNobody(t *testing.T) {
	b := setup(t).serving()
	w, proxy := b.startBehind("provisioner")
	id := b.ready()
	b.awaitOutput(w, keepingWords)
	proxy.Each(func(c *clustertest.Call) { c.Cut() })
	b.shop.open.Store(false)
	b.awaitOutput(w, "waiting for the cluster")
	back := time.Now()
	proxy.Each(nil)
	if degraded := b.awaitDegraded(id, "NotAnswering", "503"); degraded.Message.Time.Before(back) {
		t.Errorf("it was called Degraded %s before the cluster was back", back.Sub(degraded.Message.Time))
	}
}

func TestADeleteOvertakesAMend(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	b.start("janitor")
	id := b.ready()
	// Closed, the shop keeps the mend in its last step.
	b.shop.open.Store(false)
	if err := tamperings["a workload removed"].tamper(b, id); err != nil {
		t.Fatal(err)
	}
	mend := b.awaitType(id, store.MendCommand)
	b.await(id, "the mend's release", func(e storelog.Entry) bool {
		return e.Message.Generation == mend.Message.Seq && e.Message.Facts.Step == "release"
	})
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	b.awaitEnds(id, 3)
	b.requireGone(id)
	if s := b.state(id); s.Status != store.Deleted || s.InFlight() {
		t.Errorf("the store is %+v", s)
	}
}

// Two keepers share the stores; when one is killed the other goes on for both, and nothing is told twice.
func TestAKilledKeeperIsReplaced(t *testing.T) {
	b := setupBy(t, production).serving()
	first := b.start("provisioner")
	b.awaitOutput(first, keepingWords)
	second := b.start("provisioner")
	b.awaitOutput(second, keepingWords)
	var ids []store.ID
	for range 4 {
		ids = append(ids, b.ready())
	}
	first.kill()
	for _, id := range ids {
		b.setPods(id, podCrashes)
	}
	for _, id := range ids {
		b.awaitDegraded(id, "CrashLoopBackOff", "deployment/store")
		b.setPods(id, podRunsAgain)
	}
	for _, id := range ids {
		b.awaitType(id, store.Recovered)
		if d, r := b.count(id, store.BecameDegraded), b.count(id, store.Recovered); d != 1 || r != 1 {
			t.Errorf("told %d and %d times:\n%s", d, r, b.told(id))
		}
	}
}
