package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/pager"

	"github.com/store-platform/store-platform/pkg/store"
)

// inventoryTimeout bounds one listing of all namespaces, page by page.
const inventoryTimeout = time.Minute

// Sighting is one namespace of this installation as the API server has it.
type Sighting struct {
	Name string
	UID  types.UID
	// Store is whose it is; empty when its name and its label don't say the same store.
	Store store.ID
	// Stamp is what has worked on it last.
	Stamp Stamp
	// Terminating is since when it is being removed; zero when it isn't.
	Terminating time.Time
}

// Namespaces lists everything that carries this installation's labels. It asks the API server and not the watches, which
// may be behind: a sweep concludes something from what isn't there too. Nothing is written, so no trust is needed.
func (c *Cluster) Namespaces(ctx context.Context) ([]Sighting, error) {
	l, err := c.connect()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, inventoryTimeout)
	defer cancel()
	ours := labels.Set{LabelManagedBy: ManagedBy, LabelInstallation: c.cfg.Installation}.String()
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return l.client.CoreV1().Namespaces().List(ctx, options)
	})
	all, _, err := pages.List(ctx, metav1.ListOptions{LabelSelector: ours})
	if err != nil {
		return nil, Classify(fmt.Errorf("list namespaces: %w", err))
	}
	var seen []Sighting
	err = meta.EachListItem(all, func(object runtime.Object) error {
		namespace, ok := object.(*corev1.Namespace)
		if !ok {
			return fmt.Errorf("a list of namespaces holds a %T", object)
		}
		seen = append(seen, sight(namespace))
		return nil
	})
	if err != nil {
		return nil, Classify(fmt.Errorf("read the list of namespaces: %w", err))
	}
	return seen, nil
}

func sight(ns *corev1.Namespace) Sighting {
	s := Sighting{Name: ns.Name, UID: ns.UID, Stamp: stampOf(ns)}
	if ns.DeletionTimestamp != nil {
		s.Terminating = ns.DeletionTimestamp.Time
	}
	if id, err := store.ParseID(ns.Labels[LabelStore]); err == nil && id.Namespace() == ns.Name {
		s.Store = id
	}
	return s
}
