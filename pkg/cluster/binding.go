package cluster

import (
	"context"
	"fmt"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/store"
)

// StoreRole is the ClusterRole that is bound in every store's namespace, and the only one that may be. The binding has the
// same name.
const StoreRole = "store-platform-store"

// ensureBinding gives the store's rights to who asks, and to nobody else. A platform that was moved to another namespace is
// somebody else to its stores: until they are bound anew it is forbidden in all of them.
func (o *Operation) ensureBinding(ctx context.Context, id store.ID) error {
	who, err := o.whoAmI(ctx)
	if err != nil {
		return err
	}
	bindings := o.client.RbacV1().RoleBindings(id.Namespace())
	want := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: StoreRole, Labels: o.cluster.ObjectLabels(id)},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: StoreRole},
		Subjects:   []rbacv1.Subject{who.subject()},
	}
	made, err := bindings.Create(ctx, want, metav1.CreateOptions{})
	if err == nil {
		o.bound.Store(made.CreationTimestamp.UnixNano())
		return nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return o.fail("bind rights", err)
	}
	live, err := bindings.Get(ctx, StoreRole, metav1.GetOptions{})
	if err != nil {
		return o.fail("read binding", err)
	}
	drift := bindingDrift(live, who)
	switch {
	case drift == nil:
		o.bound.Store(live.CreationTimestamp.UnixNano())
		return nil
	case drift.Beyond:
		return drift.refusal("BindingTaken")
	}
	live.Subjects, live.Labels = want.Subjects, withAll(live.Labels, want.Labels)
	if _, err := bindings.Update(ctx, live, metav1.UpdateOptions{}); err != nil {
		return o.fail("bind rights anew ("+rebind(id.Namespace(), who)+" does it by hand)", err)
	}
	o.bound.Store(time.Now().UnixNano())
	return nil
}

// bindingFound is what isn't as ensureBinding makes it; nil when all is. It also learns how old the binding is.
func (o *Operation) bindingFound(ctx context.Context, id store.ID) (*Drift, error) {
	who, err := o.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	live, err := o.client.RbacV1().RoleBindings(id.Namespace()).Get(ctx, StoreRole, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &Drift{Kind: kindRoleBinding, Name: StoreRole, Missing: true}, nil
	}
	if err != nil {
		return nil, o.fail("read binding", err)
	}
	drift := bindingDrift(live, who)
	if drift == nil {
		o.bound.Store(live.CreationTimestamp.UnixNano())
	}
	return drift, nil
}

const kindRoleBinding = "RoleBinding"

// bindingDrift is nil where the binding gives the store's rights to who. A role reference can't be changed, by nobody.
func bindingDrift(live *rbacv1.RoleBinding, who *identity) *Drift {
	switch {
	case live.RoleRef.Kind != "ClusterRole" || live.RoleRef.Name != StoreRole:
		return &Drift{
			Kind: kindRoleBinding, Name: StoreRole, Fields: []string{"roleRef"}, Beyond: true,
			Says:   "The platform's rights in the store were exchanged for others.",
			Remedy: fmt.Sprintf("kubectl -n %s delete rolebinding %s", live.Namespace, StoreRole),
		}
	case !equality.Semantic.DeepEqual(live.Subjects, []rbacv1.Subject{who.subject()}):
		return &Drift{
			Kind: kindRoleBinding, Name: StoreRole, Fields: []string{"subjects"},
			Says: "The platform's rights in the store are another account's.",
		}
	}
	return nil
}

// rebind is what an operator says where the platform may not.
func rebind(namespace string, who *identity) string {
	subject := who.subject()
	return fmt.Sprintf("kubectl -n %s patch rolebinding %s --type merge -p '{\"subjects\":[{\"kind\":%q,\"apiGroup\":%q,\"namespace\":%q,\"name\":%q}]}'",
		namespace, StoreRole, subject.Kind, subject.APIGroup, subject.Namespace, subject.Name)
}
