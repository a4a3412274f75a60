package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// settle is how long changes are gathered before a new table is made of them: a rollout
// changes many things within a few milliseconds.
const settle = 20 * time.Millisecond

// watch calls use with a new table after every change, until ctx ends.
func (c Config) watch(ctx context.Context, use func(*Table), log *slog.Logger) error {
	config, err := clientcmd.BuildConfigFromFlags(c.Server, c.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "store-platform-edge"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a Kubernetes client: %w", err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim))
	ingresses := factory.Networking().V1().Ingresses()
	services := factory.Core().V1().Services()
	endpoints := factory.Discovery().V1().EndpointSlices()

	changed := make(chan struct{}, 1)
	touch := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range []cache.SharedIndexInformer{ingresses.Informer(), services.Informer(), endpoints.Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { touch() },
			UpdateFunc: func(any, any) { touch() },
			DeleteFunc: func(any) { touch() },
		}); err != nil {
			return fmt.Errorf("watch the cluster: %w", err)
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("list %v: %w", kind, ctx.Err())
		}
	}
	log.Info("the routes are known")
	for {
		all := labels.Everything()
		ingresses, errIngresses := ingresses.Lister().List(all)
		services, errServices := services.Lister().List(all)
		endpoints, errEndpoints := endpoints.Lister().List(all)
		if err := errors.Join(errIngresses, errServices, errEndpoints); err != nil {
			return fmt.Errorf("read what was watched: %w", err)
		}
		use(NewTable(c.Class, ingresses, services, endpoints))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settle):
		}
	}
}

// trim drops what routing doesn't read: it is most of an object.
func trim(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
		accessor.SetAnnotations(nil)
	}
	return object, nil
}
