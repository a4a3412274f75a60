package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
)

// watchedByMetadata are the kinds of which only the change is of interest: what makes a shop reachable, and what keeps
// it to itself. By a look alone a policy that somebody removed would be missed for a minute, and for several with many
// stores. Secrets and whatever else a store has are left to the looks: nobody is to list those across the cluster.
var watchedByMetadata = []schema.GroupVersionResource{
	corev1.SchemeGroupVersion.WithResource("services"),
	networkingv1.SchemeGroupVersion.WithResource("ingresses"),
	networkingv1.SchemeGroupVersion.WithResource("networkpolicies"),
}

// watchRest begins to tell of changes of everything that doesn't run, and returns the function that waits for its end
// after ctx has ended. Nothing waits for these watches to begin: a cluster that doesn't allow them is told of such
// changes later.
func (c *Cluster) watchRest(ctx context.Context, l *link) (func(), error) {
	client, err := metadata.NewForConfigAndClient(metadata.ConfigFor(l.config), l.http)
	if err != nil {
		return nil, fmt.Errorf("build client: %w", err)
	}
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, metav1.NamespaceAll,
		func(o *metav1.ListOptions) { o.LabelSelector = c.selectorOfAll() })
	for _, resource := range watchedByMetadata {
		informer := factory.ForResource(resource).Informer()
		if err := informer.SetTransform(trim); err != nil {
			return nil, fmt.Errorf("trim %s: %w", resource.Resource, err)
		}
		if err := c.watcher.listen(informer); err != nil {
			return nil, fmt.Errorf("watch %s: %w", resource.Resource, err)
		}
	}
	factory.Start(ctx.Done())
	return factory.Shutdown, nil
}
