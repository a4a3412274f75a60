package release_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
)

const route = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front}
spec: {defaultBackend: {service: {name: shop, port: {number: 80}}}}
`

// objecting is a webhook in front of the store's routes, which says no to each with this code, and with these words.
func (b *testBundle) objecting(t *testing.T, code int32, words string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
			return
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Result: &metav1.Status{Message: words, Code: code}}
		review.Request = nil
		if err := json.NewEncoder(w).Encode(review); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	none, fail := admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.Fail
	name := "routes-" + string(b.id)
	hooks := b.api.Admin.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Create(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "validate.routes.example.com", SideEffects: &none, FailurePolicy: &fail, AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": b.id.Namespace()}},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: &server.URL, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.OperationAll},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"networking.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"ingresses"}},
			}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hooks.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	// The API server takes a moment to know of it.
	probe := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: networkingv1.IngressSpec{
		DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Number: 80}}},
	}}
	clustertest.Eventually(t, "the webhook refuses", func(ctx context.Context) (bool, error) {
		_, err := b.api.Admin.NetworkingV1().Ingresses(b.id.Namespace()).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), words), nil
	})
}

// A webhook may say no with any code, and says not of what: who reads it is told its name, its words and the object's.
func TestAWebhookThatRefusesARouteIsNamed(t *testing.T) {
	t.Parallel()
	const words = `host "shop.example" is taken by another route`
	for name, code := range map[string]int32{"as ingress-nginx": 0, "as a policy engine": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.objecting(t, code, words)
			spec := b.spec(t, "first")
			spec.Chart = append(spec.Chart, engine.ChartFile{Name: "templates/route.yaml", Data: []byte(route)})
			op := b.operation(t, &clustertest.Trust{})
			err := b.releases.Ensure(t.Context(), op, spec)
			var e *cluster.Error
			if !errors.As(err, &e) || e.Kind != cluster.Permanent || e.Reason != "WebhookRefused" {
				t.Fatalf("got %v, want a webhook's no", err)
			}
			for _, must := range []string{words, "validate.routes.example.com"} {
				if !strings.HasPrefix(e.Detail, "ingress/front: ") || !strings.Contains(e.Detail, must) {
					t.Errorf("it says %q, want %q", e.Detail, must)
				}
			}
		})
	}
}
