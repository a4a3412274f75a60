package cluster_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// A platform that was moved to another namespace has another account, which its stores know nothing of.
func TestAMovedPlatformGetsItsRightsInItsStores(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	bindings := b.api.Admin.RbacV1().RoleBindings(b.id.Namespace())
	former := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "where-it-was", Name: clustertest.Provisioner}
	live, err := bindings.Get(t.Context(), cluster.StoreRole, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	live.Subjects = []rbacv1.Subject{former}
	if _, err := bindings.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	policies := b.api.Admin.NetworkingV1().NetworkPolicies(b.id.Namespace())
	door, err := policies.Get(t.Context(), "allow-ingress", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	door.Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] = former.Namespace
	if _, err := policies.Update(t.Context(), door, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the API server has taken the rights away", func(ctx context.Context) (bool, error) {
		_, err := b.api.ClientAs(t, clustertest.Provisioner).CoreV1().ResourceQuotas(b.id.Namespace()).List(ctx, metav1.ListOptions{})
		return apierrors.IsForbidden(err), nil
	})

	op := operation(t, b.provisioner, &clustertest.Trust{})
	drift, err := op.IsolationDrift(t.Context(), b.isolation())
	if err != nil || len(drift) != 1 || drift[0].Beyond || drift[0].Words() != "rolebinding/store-platform-store: subjects" {
		t.Fatalf("it finds %+v, %v", drift, err)
	}
	if err := op.EnsureIsolation(t.Context(), b.isolation()); err != nil {
		t.Fatal(err)
	}
	if done, err := op.IsolationDone(t.Context(), b.isolation()); err != nil || !done {
		t.Fatalf("done is %v, %v", done, err)
	}
	if live, err = bindings.Get(t.Context(), cluster.StoreRole, metav1.GetOptions{}); err != nil || !slices.Equal(live.Subjects, []rbacv1.Subject{itself}) {
		t.Errorf("the rights are of %+v, %v", live.Subjects, err)
	}
}

// Kubernetes lets nobody change a role reference, so somebody has to remove the binding: by the command that is told.
func TestABindingOfAnotherRoleIsToldWithTheCommandThatPutsItRight(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	bindings := b.api.Admin.RbacV1().RoleBindings(b.id.Namespace())
	if err := bindings.Delete(t.Context(), cluster.StoreRole, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := bindings.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: cluster.StoreRole},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"}, Subjects: []rbacv1.Subject{itself},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	op := operation(t, b.provisioner, &clustertest.Trust{})
	command := "kubectl -n " + b.id.Namespace() + " delete rolebinding " + cluster.StoreRole
	drift, err := op.IsolationDrift(t.Context(), b.isolation())
	if err != nil || len(drift) != 1 || !drift[0].Beyond || !strings.HasSuffix(drift[0].Words(), command) {
		t.Errorf("it finds %+v, %v", drift, err)
	}
	err = op.EnsureIsolation(t.Context(), b.isolation())
	wantKind(t, err, cluster.Permanent, "BindingTaken")
	if e := cluster.Classify(err); !strings.HasSuffix(e.Detail, command) {
		t.Errorf("it says %q", e.Detail)
	}
}

// What others give the account is theirs; what the installation says no more is forgotten.
func TestAnAccountKeepsWhatOthersGaveIt(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	core := b.api.Admin.CoreV1()
	accounts := core.ServiceAccounts(b.id.Namespace())
	account := func() *corev1.ServiceAccount {
		t.Helper()
		live, err := accounts.Get(t.Context(), "default", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	theirs := account()
	theirs.ImagePullSecrets = append(theirs.ImagePullSecrets, corev1.LocalObjectReference{Name: "theirs"})
	if _, err := accounts.Update(t.Context(), theirs, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if done, err := op.IsolationDone(t.Context(), b.isolation()); err != nil || !done {
		t.Errorf("with another's pull secret: %t, %v", done, err)
	}

	says := func(text string) *cluster.Operation {
		t.Helper()
		dir := t.TempDir()
		settings, registry := filepath.Join(dir, "stores.yaml"), filepath.Join(dir, "registry")
		for name, content := range map[string]string{
			registry: `{"auths":{"registry.example":{"auth":"c2VjcmV0"}}}`, settings: strings.ReplaceAll(text, "FILE", registry),
		} {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		read, err := cluster.ReadSettings(settings)
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Connect(cluster.Config{Kubeconfig: b.api.Kubeconfig(t, clustertest.Provisioner), Installation: "test", Settings: read})
		if err != nil {
			t.Fatal(err)
		}
		op := operation(t, c, &clustertest.Trust{})
		if err := op.EnsureIsolation(t.Context(), b.isolation()); err != nil {
			t.Fatal(err)
		}
		if done, err := op.IsolationDone(t.Context(), b.isolation()); err != nil || !done {
			t.Fatalf("%s: %t, %v", text, done, err)
		}
		return op
	}
	says("pullSecrets: [{name: first, file: FILE}]")
	says("pullSecrets: [{name: second, file: FILE}]")
	var names []string
	for _, reference := range account().ImagePullSecrets {
		names = append(names, reference.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"second", "theirs"}) {
		t.Errorf("its pods pull with %v", names)
	}
	former, err := core.Secrets(b.id.Namespace()).Get(t.Context(), "first", metav1.GetOptions{})
	if err != nil || strings.Contains(string(former.Data[corev1.DockerConfigJsonKey]), "c2VjcmV0") {
		t.Errorf("credentials that are said no more: %s, %v", former.Data, err)
	}
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
	_, err := b.provisioner.ReadSecret(t.Context(), b.id)
	if why := cluster.Classify(err); why == nil || why.Reason != cluster.ReasonDataMissing {
		t.Errorf("reading what isn't there: %v", err)
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
