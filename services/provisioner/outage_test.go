package provisioner_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// requireCause waits for a retry that says why, in its own words and in the cluster's.
func (b *bundle) requireCause(id store.ID, reason, words string) {
	b.t.Helper()
	retry := b.awaitType(id, store.RetryScheduled)
	if f := retry.Message.Facts; f.Reason != reason || f.Message == "" || f.NotBefore == nil || !strings.Contains(f.Detail, words) {
		b.t.Errorf("the retry says %+v, want reason %s and the words %q", f, reason, words)
	}
}

// requireReadyAgain waits for the end of an outage that cost one attempt and failed nothing.
func (b *bundle) requireReadyAgain(id store.ID, causes ...string) {
	b.t.Helper()
	more := b.requireAttempts(b.t, b.awaitType(id, store.BecameReady), 2, causes...)
	if b.count(id, store.BecameFailed) != 0 {
		b.t.Errorf("an attempt was its last:\n%s", b.told(id))
	}
	b.requireOneRelease(b.t, id, 2+more)
}

// An API server that goes in the middle costs one attempt. While it is away the store waits for it, and spends no other.
func TestAnAPIServerThatGoes(t *testing.T) {
	b := setupBy(t, production).serving()
	_, proxy := b.startBehind("provisioner")
	goAwayAt(proxy, makeDeployment)
	id := b.create()
	b.requireCause(id, "ClusterUnreachable", "")
	if waited := b.awaitType(id, store.Waited); waited.State.Reason != "ClusterNotReady" {
		t.Errorf("it waits for %+v", waited.State)
	}
	proxy.Each(nil)
	b.requireReadyAgain(id, "ClusterUnreachable")
	if n := b.retries(id, "ClusterUnreachable"); n != 1 {
		t.Errorf("its absence cost %d attempts:\n%s", n, b.told(id))
	}
}

func TestAnAPIServerThatGoesBeforeADeleteIsDone(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	_, proxy := b.startBehind("janitor")
	id := b.create()
	b.awaitType(id, store.BecameReady)
	goAwayAt(proxy, "DELETE /api/v1/namespaces/NAMESPACE")
	b.command(id, store.DeleteCommand, nil)
	b.requireCause(id, "ClusterUnreachable", "")
	if waited := b.awaitType(id, store.Waited); waited.State.Status != store.Deleting {
		t.Errorf("it waits as %+v", waited.State)
	}
	proxy.Each(nil)
	b.awaitType(id, store.BecameDeleted)
	b.awaitEnds(id, 2)
	b.requireGone(id)
}

// goAwayAt makes the API server vanish, as seen through the proxy, with a request of that name.
func goAwayAt(proxy *clustertest.Proxy, request string) {
	var gone atomic.Bool
	proxy.Each(func(c *clustertest.Call) {
		if c.String() == request && gone.CompareAndSwap(false, true) {
			proxy.CutConnections()
		}
		if gone.Load() {
			c.Cut()
		}
		c.Forward()
	})
}

// An API server that sheds load is named as the cause, however long it asks to be left alone.
func TestAnAPIServerThatSaysLater(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		code    int
		header  http.Header
		reason  metav1.StatusReason
	}{
		"too many requests, from Helm":          {makeDeployment, http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, metav1.StatusReasonTooManyRequests},
		"too many requests, for a minute":       {makeDeployment, http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}, metav1.StatusReasonTooManyRequests},
		"too many requests, from the isolation": {"POST /api/v1/namespaces/NAMESPACE/limitranges", http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}, metav1.StatusReasonTooManyRequests},
		"not available, from Helm":              {makeDeployment, http.StatusServiceUnavailable, nil, metav1.StatusReasonServiceUnavailable},
		"not available, from the wait":          {lookAtPods, http.StatusServiceUnavailable, nil, metav1.StatusReasonServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t).serving()
			_, proxy := b.startBehind("provisioner")
			status := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"come back later","reason":%q,"code":%d}`, test.reason, test.code)
			proxy.Each(func(c *clustertest.Call) {
				if c.String() == test.request {
					c.Refuse(test.code, test.header, status)
					return
				}
				c.Forward()
			})
			id := b.create()
			b.requireCause(id, "ClusterBusy", "come back later")
			proxy.Each(nil)
			b.requireReadyAgain(id)
		})
	}
}

// An admission webhook that nobody answers for stops what it is asked about, and is named.
func TestAWebhookThatIsDown(t *testing.T) {
	b := setupBy(t, production).serving()
	_, proxy := b.startBehind("provisioner")
	var webhook string
	id := b.untilMade(func() (store.ID, bool) {
		helm, id := b.hold(proxy, makeDeployment)
		webhook = b.breakDeployments(id)
		helm.land()
		return id, helm.inTime
	})
	b.requireCause(id, "ClusterError", webhook)
	b.mendDeployments(id)
	b.requireReadyAgain(id, "ClusterError")
}

// breakDeployments has the API server ask somebody about the store's Deployments who isn't there, and returns who. What
// is asked about beside them tells when that has begun.
func (b *bundle) breakDeployments(id store.ID) string {
	b.t.Helper()
	name, nobody := "admission.example.com", "https://127.0.0.1:1/"
	fail, none, scope := admissionv1.Fail, admissionv1.SideEffectClassNone, admissionv1.NamespacedScope
	_, err := b.api.Admin.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(b.t.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: id.Namespace()},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: name, ClientConfig: admissionv1.WebhookClientConfig{URL: &nobody}, FailurePolicy: &fail, SideEffects: &none,
			AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{cluster.LabelStore: string(id)}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.OperationAll},
				Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments", "controllerrevisions"}, Scope: &scope},
			}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatalf("make the webhook: %v", err)
	}
	b.t.Cleanup(func() { b.mendDeployments(id) })
	dry := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "dry"}, Data: runtime.RawExtension{Raw: []byte("{}")}}
	clustertest.Eventually(b.t, "the webhook is asked", func(ctx context.Context) (bool, error) {
		_, err := b.api.Admin.AppsV1().ControllerRevisions(id.Namespace()).Create(ctx, dry, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsInternalError(err), nil
	})
	return name
}

func (b *bundle) mendDeployments(id store.ID) {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context())
	err := b.api.Admin.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(ctx, id.Namespace(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		b.t.Fatalf("remove the webhook: %v", err)
	}
}
