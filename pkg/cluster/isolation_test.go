package cluster_test

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

func TestIsolationSeesAndMendsWhatWasChanged(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	wantDone := func(is cluster.Isolation, want bool) {
		t.Helper()
		if got, err := op.IsolationDone(t.Context(), is); err != nil || got != want {
			t.Fatalf("done is %v, %v; want %v", got, err, want)
		}
	}
	wantDone(b.isolation(), true)

	policies := b.api.Admin.NetworkingV1().NetworkPolicies(b.id.Namespace())
	denied, err := policies.Get(t.Context(), "deny-by-default", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	denied.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	if _, err := policies.Update(t.Context(), denied, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	wantDone(b.isolation(), false)
	if err := op.EnsureIsolation(t.Context(), b.isolation()); err != nil {
		t.Fatal(err)
	}
	wantDone(b.isolation(), true)

	larger := b.isolation()
	larger.Plan.Storage = "2Gi"
	wantDone(larger, false)
	if err := op.EnsureIsolation(t.Context(), larger); err != nil {
		t.Fatal(err)
	}
	wantDone(larger, true)
	wantDone(b.isolation(), false)
}

func TestIsolationConvergesFromAKillAtEveryRequest(t *testing.T) {
	b := setup(t)
	killed := true
	for n := 1; killed; n++ {
		b.id = b.api.NewID(t)
		if err := operation(t, b.provisioner, &clustertest.Trust{}).EnsureNamespace(t.Context(), b.namespace()); err != nil {
			t.Fatal(err)
		}
		err := operation(t, b.provisioner, &clustertest.Trust{EndAt: n}).EnsureIsolation(t.Context(), b.isolation())
		if killed = err != nil; killed {
			wantKind(t, err, cluster.Refused, "TrustEnded")
		}
		op := operation(t, b.provisioner, &clustertest.Trust{})
		if err := op.EnsureIsolation(t.Context(), b.isolation()); err != nil {
			t.Fatalf("after a kill at request %d: %v", n, err)
		}
		if done, err := op.IsolationDone(t.Context(), b.isolation()); err != nil || !done {
			t.Fatalf("after a kill at request %d: done is %v, %v", n, done, err)
		}
	}
}

func TestSecretIsMadeOnce(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	if done, err := op.SecretDone(t.Context(), b.id, []string{"admin"}); err != nil || done {
		t.Fatalf("done is %v, %v before it was made", done, err)
	}
	if err := op.EnsureSecret(t.Context(), b.id, map[string][]byte{"admin": []byte("first")}); err != nil {
		t.Fatal(err)
	}
	if err := op.EnsureSecret(t.Context(), b.id, map[string][]byte{"admin": []byte("second"), "database": []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if done, err := op.SecretDone(t.Context(), b.id, []string{"admin", "database"}); err != nil || !done {
		t.Fatalf("done is %v, %v", done, err)
	}
	got, err := b.provisioner.ReadSecret(t.Context(), b.id)
	if err != nil {
		t.Fatal(err)
	}
	if string(got["admin"]) != "first" || string(got["database"]) != "new" {
		t.Errorf("got %q", got)
	}
}
