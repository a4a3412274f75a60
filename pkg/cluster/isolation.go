package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// quotaName names the ResourceQuota and the LimitRange.
const quotaName = "store"

// learning lies between the tries of a refused request while the API server may not know of the binding yet.
var learning = again.Pauses{First: 200 * time.Millisecond, Longest: 200 * time.Millisecond}

// Isolation is what keeps a store to itself and to its plan.
type Isolation struct {
	Store store.ID
	Plan  engine.Plan
	// Suspended says that the store is answered for by its page, which comes up while the shop's pods, which fill the plan,
	// are on their way out. Only then is there room for it: what stands isn't to be found changed by a new release.
	Suspended bool
}

// EnsureIsolation binds the rights first, because everything after it needs them: quota, limits, network policies and
// the account without a token.
func (o *Operation) EnsureIsolation(ctx context.Context, is Isolation) error {
	if err := o.ensureBinding(ctx, is.Store); err != nil {
		return err
	}
	pieces, err := o.isolationPieces(ctx, is)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if err := o.ensurePiece(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ensurePiece repeats while the API server may not have heard of the binding.
func (o *Operation) ensurePiece(ctx context.Context, p piece) error {
	_, err := again.Until(ctx, learning, func() (struct{}, error) {
		err := p.ensure(ctx)
		if err == nil {
			return struct{}{}, nil
		}
		e := o.Classify(fmt.Errorf("ensure %s: %w", p.title(), err))
		if e.Reason != reasonRightsNotYetKnown {
			return struct{}{}, again.Never(e)
		}
		return struct{}{}, e
	})
	if err != nil {
		return Classify(err)
	}
	return nil
}

// IsolationDone says whether everything of EnsureIsolation is as it makes it.
func (o *Operation) IsolationDone(ctx context.Context, is Isolation) (bool, error) {
	drift, err := o.IsolationDrift(ctx, is)
	return err == nil && len(drift) == 0, err
}

// piece is one object of the isolation.
type piece struct {
	kind, name string
	ensure     func(context.Context) error
	look       func(context.Context) (there, same bool, err error)
}

func (p piece) title() string { return p.kind + " " + p.name }

// objectClient is what the typed clients have in common.
type objectClient[T metav1.Object] interface {
	Get(context.Context, string, metav1.GetOptions) (T, error)
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
}

// newPiece makes a piece of the object that is wanted. same compares what the object is for; labels always count.
func newPiece[T metav1.Object](kind string, client objectClient[T], want T, same func(live, want T) bool) piece {
	matches := func(live T) bool {
		return hasAll(live.GetLabels(), want.GetLabels()) && same(live, want)
	}
	return piece{
		kind: kind, name: want.GetName(),
		look: func(ctx context.Context) (there, same bool, err error) {
			live, err := client.Get(ctx, want.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, false, nil
			}
			return err == nil, err == nil && matches(live), err
		},
		ensure: func(ctx context.Context) error {
			want.SetResourceVersion("")
			_, err := client.Create(ctx, want, metav1.CreateOptions{})
			if !apierrors.IsAlreadyExists(err) {
				return err
			}
			// What counts into the object, as Kubernetes does into a quota, writes it too.
			return retry.RetryOnConflict(retry.DefaultRetry, func() error {
				live, err := client.Get(ctx, want.GetName(), metav1.GetOptions{})
				if err != nil || matches(live) {
					return err
				}
				want.SetResourceVersion(live.GetResourceVersion())
				_, err = client.Update(ctx, want, metav1.UpdateOptions{})
				return err
			})
		},
	}
}

func (o *Operation) isolationPieces(ctx context.Context, is Isolation) ([]piece, error) {
	who, err := o.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	settings := o.cluster.cfg.Settings
	limits, err := settings.limits(is.Plan)
	if err != nil {
		return nil, wrap(fmt.Errorf("read plan %s: %w", is.Plan.Name, err), Permanent, "PlanInvalid", "The plan's sizes can't be understood.")
	}
	quota := limits.quota()
	if is.Suspended {
		withPage(quota.Hard)
	}
	namespace := is.Store.Namespace()
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: o.cluster.ObjectLabels(is.Store)}
	}
	pieces := []piece{
		o.accountPiece(meta("default"), settings.pullReferences()),
		newPiece("ResourceQuota", o.client.CoreV1().ResourceQuotas(namespace),
			&corev1.ResourceQuota{ObjectMeta: meta(quotaName), Spec: quota},
			func(live, want *corev1.ResourceQuota) bool { return equality.Semantic.DeepEqual(live.Spec, want.Spec) }),
		newPiece("LimitRange", o.client.CoreV1().LimitRanges(namespace),
			&corev1.LimitRange{ObjectMeta: meta(quotaName), Spec: limits.limitRange()},
			func(live, want *corev1.LimitRange) bool { return equality.Semantic.DeepEqual(live.Spec, want.Spec) }),
	}
	for _, secret := range settings.PullSecrets {
		pieces = append(pieces, newPiece("Secret", o.client.CoreV1().Secrets(namespace),
			&corev1.Secret{
				ObjectMeta: meta(secret.Name), Type: corev1.SecretTypeDockerConfigJson,
				Data: map[string][]byte{corev1.DockerConfigJsonKey: secret.content},
			},
			func(live, want *corev1.Secret) bool { return equality.Semantic.DeepEqual(live.Data, want.Data) }))
	}
	for name, spec := range networkPolicies(o.cluster.cfg.IngressNamespace, who.namespace(), settings) {
		pieces = append(pieces, newPiece("NetworkPolicy", o.client.NetworkingV1().NetworkPolicies(namespace),
			&networkingv1.NetworkPolicy{ObjectMeta: meta(name), Spec: spec},
			func(live, want *networkingv1.NetworkPolicy) bool {
				return equality.Semantic.DeepEqual(live.Spec, want.Spec)
			}))
	}
	return pieces, nil
}
