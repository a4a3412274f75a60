package cluster_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

// attempt is something that an identity tries with its bare credentials, past all of our code.
type attempt struct {
	name string
	try  func(context.Context, kubernetes.Interface) error
}

func wantForbidden(t *testing.T, client kubernetes.Interface, attempts []attempt) {
	t.Helper()
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			if err := a.try(t.Context(), client); !apierrors.IsForbidden(err) {
				t.Errorf("got %v, want Forbidden", err)
			}
		})
	}
}

func createNamespace(name string, labels map[string]string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
		return err
	}
}

func patchNamespace(name, patch string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
}

func deleteNamespace(name string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		return c.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	}
}

func bind(namespace, role string, subject rbacv1.Subject) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "grab"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{subject},
		}, metav1.CreateOptions{})
		return err
	}
}

// handOver changes who has the rights of a binding that there is.
func handOver(namespace, role string, subject rbacv1.Subject) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		bindings := c.RbacV1().RoleBindings(namespace)
		live, err := bindings.Get(ctx, role, metav1.GetOptions{})
		if err != nil {
			return err
		}
		live.Subjects = []rbacv1.Subject{subject}
		_, err = bindings.Update(ctx, live, metav1.UpdateOptions{})
		return err
	}
}

// readBinding may find none: who may not read it isn't told so.
func readBinding(namespace, name string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.RbacV1().RoleBindings(namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	}
}

// replaceBinding writes what the admission policy lets pass, over whatever has the name.
func replaceBinding(namespace, name string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.RbacV1().RoleBindings(namespace).Update(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: cluster.StoreRole},
			Subjects:   []rbacv1.Subject{itself},
		}, metav1.UpdateOptions{})
		return err
	}
}

func createConfigMap(namespace string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "grab"}}, metav1.CreateOptions{})
		return err
	}
}

func readSecrets(namespace string) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, c kubernetes.Interface) error {
		_, err := c.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
		return err
	}
}

var itself = rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: clustertest.PlatformNamespace, Name: clustertest.Provisioner}

func TestProvisionerMayOnlyAddAndOnlyToStores(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	own, free := b.id.Namespace(), b.api.NewID(t)
	labels := b.provisioner.ObjectLabels(free)
	wantForbidden(t, b.api.ClientAs(t, clustertest.Provisioner), []attempt{
		{"delete a store's namespace", deleteNamespace(own)},
		{"delete another namespace", deleteNamespace("default")},
		{"create a namespace of another name", createNamespace("evil", labels)},
		{"create a store's namespace without labels", createNamespace(free.Namespace(), nil)},
		{"create a store's namespace without Pod Security", createNamespace(free.Namespace(), labels)},
		{"lower a store's Pod Security", patchNamespace(own, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)},
		{"pin an old Pod Security", patchNamespace(own, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce-version":"v1.22"}}}`)},
		{"move a store to another installation", patchNamespace(own, `{"metadata":{"labels":{"`+cluster.LabelInstallation+`":"other"}}}`)},
		{"take over the platform's namespace", patchNamespace(clustertest.PlatformNamespace, `{"metadata":{"labels":{"`+cluster.LabelManagedBy+`":"`+cluster.ManagedBy+`"}}}`)},
		{"bind its rights elsewhere", bind("kube-system", cluster.StoreRole, itself)},
		{"bind its rights in the platform's namespace", bind(clustertest.PlatformNamespace, cluster.StoreRole, itself)},
		{"bind other rights", bind(own, "cluster-admin", itself)},
		{"bind its rights to somebody else", bind(own, cluster.StoreRole, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "eve"})},
		{"hand its rights over to somebody else", handOver(own, cluster.StoreRole, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "eve"})},
		{"hand its rights over to the janitor", handOver(own, cluster.StoreRole, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: clustertest.PlatformNamespace, Name: clustertest.Janitor})},
		{"read who else has rights in a store", readBinding(own, "theirs")},
		{"read who has rights elsewhere", readBinding("kube-system", "system:controller:bootstrap-signer")},
		{"replace another binding of a store", replaceBinding(own, "theirs")},
		{"read Secrets elsewhere", readSecrets("kube-system")},
		{"read Secrets of the platform", readSecrets(clustertest.PlatformNamespace)},
		{"read all Secrets", readSecrets(metav1.NamespaceAll)},
		{"write elsewhere", createConfigMap("default")},
		{"write in the platform's namespace", createConfigMap(clustertest.PlatformNamespace)},
		{"delete a volume", func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().PersistentVolumeClaims(own).Delete(ctx, "orders", metav1.DeleteOptions{})
		}},
		{"let volumes grow that can't", func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.StorageV1().StorageClasses().Patch(ctx, "standard", types.MergePatchType, []byte(`{"allowVolumeExpansion":true}`), metav1.PatchOptions{})
			return err
		}},
		{"run a command in a pod", func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().RESTClient().Post().Namespace(own).Resource("pods").Name("web").SubResource("exec").Do(ctx).Error()
		}},
	})
	if err := createConfigMap(own)(t.Context(), b.api.ClientAs(t, clustertest.Provisioner)); err != nil {
		t.Errorf("write in a store's namespace: %v", err)
	}
}

func TestProvisionerNeverDeletesAStoresPasswords(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	if err := op.EnsureSecret(t.Context(), b.id, map[string][]byte{"admin": []byte("secret")}); err != nil {
		t.Fatal(err)
	}
	wantForbidden(t, b.api.ClientAs(t, clustertest.Provisioner), []attempt{
		{"delete the passwords", func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().Secrets(b.id.Namespace()).Delete(ctx, cluster.SecretName, metav1.DeleteOptions{})
		}},
	})
}

func TestProvisionerHasNoRightsInAnUnlabelledNamespace(t *testing.T) {
	b := setup(t)
	if err := createNamespace(b.id.Namespace(), nil)(t.Context(), b.api.Admin); err != nil {
		t.Fatal(err)
	}
	wantForbidden(t, b.api.ClientAs(t, clustertest.Provisioner), []attempt{
		{"bind its rights", bind(b.id.Namespace(), cluster.StoreRole, itself)},
		{"adopt the namespace", patchNamespace(b.id.Namespace(), `{"metadata":{"labels":{"`+cluster.LabelManagedBy+`":"`+cluster.ManagedBy+`"}}}`)},
	})
	wantForbidden(t, b.api.ClientAs(t, clustertest.Janitor), []attempt{
		{"delete it", deleteNamespace(b.id.Namespace())},
	})
}

func TestJanitorMayOnlyRemoveStores(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	own, free := b.id.Namespace(), b.api.NewID(t)
	janitor := b.api.ClientAs(t, clustertest.Janitor)
	full := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	for key, value := range b.janitor.ObjectLabels(free) {
		full[key] = value
	}
	wantForbidden(t, janitor, []attempt{
		{"create a store's namespace", createNamespace(free.Namespace(), full)},
		{"write in a store's namespace", createConfigMap(own)},
		{"bind rights", bind(own, cluster.StoreRole, itself)},
		{"change a store's namespace", patchNamespace(own, `{"metadata":{"labels":{"a":"b"}}}`)},
		{"read a store's Secrets", readSecrets(own)},
		{"make a token", func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().RESTClient().Post().Namespace(clustertest.PlatformNamespace).Resource("serviceaccounts").Name(clustertest.Provisioner).SubResource("token").Body([]byte(`{}`)).Do(ctx).Error()
		}},
		{"delete the platform's namespace", deleteNamespace(clustertest.PlatformNamespace)},
		{"delete another namespace", deleteNamespace("kube-node-lease")},
	})
	if err := deleteNamespace(own)(t.Context(), janitor); err != nil {
		t.Errorf("delete a store's namespace: %v", err)
	}
}

func TestProvisionerMayForwardPortsInStoresOnly(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	b.deploy(t, "64Mi")
	b.runPods(t, "registry.example/shop:1", running())
	pods, err := b.api.Admin.CoreV1().Pods(b.id.Namespace()).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	forward := func(namespace, pod string) func(context.Context, kubernetes.Interface) error {
		return func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").Do(ctx).Error()
		}
	}
	provisioner := b.api.ClientAs(t, clustertest.Provisioner)
	// There is no node to forward to: that it gets as far as asking for one is what counts.
	if err := forward(b.id.Namespace(), pods.Items[0].Name)(t.Context(), provisioner); !apierrors.IsBadRequest(err) {
		t.Errorf("in a store's namespace: got %v, want a complaint about the node", err)
	}
	wantForbidden(t, provisioner, []attempt{
		{"elsewhere", forward("kube-system", "coredns")},
		{"in the platform's namespace", forward(clustertest.PlatformNamespace, "gateway")},
	})
}
