package provisioner_test

import (
	"context"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// loss is what of a store is gone, and how one sees that nobody has made it anew.
type loss struct {
	lose func(context.Context, *course) error
	gone func(context.Context, *course) (bool, error)
}

var losses = map[string]loss{
	"its volume": {
		lose: func(ctx context.Context, c *course) error {
			return c.api.Admin.CoreV1().PersistentVolumeClaims(c.id.Namespace()).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
		},
		gone: func(ctx context.Context, c *course) (bool, error) {
			claims, err := c.api.Admin.CoreV1().PersistentVolumeClaims(c.id.Namespace()).List(ctx, metav1.ListOptions{})
			return err == nil && len(claims.Items) == 0, err
		},
	},
	"its passwords": {
		lose: func(ctx context.Context, c *course) error {
			return c.api.Admin.CoreV1().Secrets(c.id.Namespace()).Delete(ctx, cluster.SecretName, metav1.DeleteOptions{})
		},
		gone: func(ctx context.Context, c *course) (bool, error) {
			_, err := c.api.Admin.CoreV1().Secrets(c.id.Namespace()).Get(ctx, cluster.SecretName, metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		},
	},
	"its namespace": {
		lose: func(ctx context.Context, c *course) error {
			return c.api.Admin.CoreV1().Namespaces().Delete(ctx, c.id.Namespace(), metav1.DeleteOptions{})
		},
		gone: func(ctx context.Context, c *course) (bool, error) {
			_, err := c.api.Admin.CoreV1().Namespaces().Get(ctx, c.id.Namespace(), metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		},
	},
}

// An empty shop in the place of a lost one would be Ready, and the merchant none the wiser.
func TestNoVerbMakesAnewWhatAStoreHasLost(t *testing.T) {
	b := setup(t).serving().fronts()
	traps := b.startBehindTraps()
	pack := demo(t)
	t.Run("lost", func(t *testing.T) {
		for name, loss := range losses {
			for _, standing := range []store.Standing{store.Up, store.SuspendedStanding} {
				t.Run(name+" "+string(standing), func(t *testing.T) {
					t.Parallel()
					c := b.on(t).stand(traps, pack)
					if standing == store.SuspendedStanding {
						c.do(store.Suspend)
					}
					if err := loss.lose(t.Context(), c); err != nil {
						t.Fatal(err)
					}
					clustertest.Eventually(t, "it is gone", func(ctx context.Context) (bool, error) { return loss.gone(ctx, c) })
					for _, row := range onStanding() {
						if slices.Contains(row.From, standing) {
							c.requireRefused(row)
						}
					}
					if gone, err := loss.gone(t.Context(), c); err != nil || !gone {
						t.Errorf("it was made anew: %v\n%s", err, c.told(c.id))
					}
				})
			}
		}
	})
}

// requireRefused fails unless the verb says that data is missing, and its retry, too.
func (c *course) requireRefused(row store.Row) {
	c.t.Helper()
	verbs := []store.Verb{row.Verb}
	if !row.Forgets {
		verbs = append(verbs, store.Retry)
	}
	for _, verb := range verbs {
		a := c.ask(verb)
		end := c.awaitEnd(a)
		if m := end.Message; m.Type != store.BecameFailed || m.Facts.Reason != cluster.ReasonDataMissing {
			c.t.Errorf("%s of %s ended as %s for %s:\n%s", verb, row.Verb, m.Type, m.Facts.Reason, c.told(c.id))
		}
		if s := end.State; !s.Kept() || s.URL != a.before.URL {
			c.t.Errorf("%s of %s left it %s at %q", verb, row.Verb, s.Standing, s.URL)
		}
	}
}
