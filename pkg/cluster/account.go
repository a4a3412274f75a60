package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// annotationPulls lists the pull secrets that an account has from the platform: others may have given it theirs.
const annotationPulls = "store-platform.io/pull-secrets"

// noCredentials is what becomes of a registry's credentials that the installation no longer says. A provisioner removes
// nothing.
const noCredentials = `{"stringData":{"` + corev1.DockerConfigJsonKey + `":"{\"auths\":{}}"}}`

// accountPiece is the namespace's default account, not one of ours: then no pod of any chart gets a token by forgetting to
// name an account. What others have added to it stays.
func (o *Operation) accountPiece(meta metav1.ObjectMeta, references []corev1.LocalObjectReference) piece {
	no := false
	var names []string
	for _, reference := range references {
		names = append(names, reference.Name)
	}
	if len(names) > 0 {
		meta.Annotations = map[string]string{annotationPulls: strings.Join(names, ",")}
	}
	accounts := o.client.CoreV1().ServiceAccounts(meta.Namespace)
	want := &corev1.ServiceAccount{ObjectMeta: meta, AutomountServiceAccountToken: &no, ImagePullSecrets: references}
	account := newPiece("ServiceAccount", accounts, want, func(live, _ *corev1.ServiceAccount) bool {
		return equality.Semantic.DeepEqual(live.AutomountServiceAccountToken, &no) &&
			live.Annotations[annotationPulls] == meta.Annotations[annotationPulls] && hasReferences(live, references)
	})
	ensure := account.ensure
	account.ensure = func(ctx context.Context) error {
		live, err := accounts.Get(ctx, meta.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ensure(ctx)
		}
		if err != nil {
			return err
		}
		former := slices.DeleteFunc(strings.Split(live.Annotations[annotationPulls], ","), func(name string) bool {
			return name == "" || slices.Contains(names, name)
		})
		want.Secrets, want.ImagePullSecrets = live.Secrets, slices.Clone(references)
		for _, reference := range live.ImagePullSecrets {
			if !slices.Contains(former, reference.Name) && !slices.Contains(names, reference.Name) {
				want.ImagePullSecrets = append(want.ImagePullSecrets, reference)
			}
		}
		if err := o.forgetCredentials(ctx, meta.Namespace, former); err != nil {
			return err
		}
		return ensure(ctx)
	}
	return account
}

func hasReferences(live *corev1.ServiceAccount, references []corev1.LocalObjectReference) bool {
	for _, reference := range references {
		if !slices.Contains(live.ImagePullSecrets, reference) {
			return false
		}
	}
	return true
}

// forgetCredentials comes before the account is changed, which says what is still to be forgotten.
func (o *Operation) forgetCredentials(ctx context.Context, namespace string, names []string) error {
	for _, name := range names {
		_, err := o.client.CoreV1().Secrets(namespace).Patch(ctx, name, types.MergePatchType, []byte(noCredentials), metav1.PatchOptions{FieldManager: ManagedBy})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("forget the credentials %s: %w", name, err)
		}
	}
	return nil
}
