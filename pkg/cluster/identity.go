package cluster

import (
	"context"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// identity is who we are to the cluster. It is asked, not configured: rights bound to a name that isn't ours would
// only show as refusals much later.
type identity struct{ user string }

const serviceAccountPrefix = "system:serviceaccount:"

func (o *Operation) whoAmI(ctx context.Context) (*identity, error) {
	if known := o.link.identity.Load(); known != nil {
		return known, nil
	}
	review, err := o.client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return nil, o.fail("ask who we are", err)
	}
	who := &identity{user: review.Status.UserInfo.Username}
	o.link.identity.Store(who)
	return who, nil
}

// namespace is where the platform runs, when it runs in the cluster.
func (i *identity) namespace() string {
	namespace, _, _ := i.account()
	return namespace
}

func (i *identity) account() (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(i.user, serviceAccountPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

func (i *identity) subject() rbacv1.Subject {
	if namespace, name, ok := i.account(); ok {
		return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
	}
	return rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: i.user}
}
