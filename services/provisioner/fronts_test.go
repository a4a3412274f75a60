package provisioner_test

import (
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/store-platform/store-platform/pkg/store"
)

// front is what a store's visitors meet.
type front int

const (
	itsShop front = iota
	itsPage
	nobody
)

// storeAt is whose address a host is.
func storeAt(hostport string) store.ID {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	label, _, _ := strings.Cut(host, ".")
	return store.ID(strings.TrimPrefix(label, "store-"))
}

// fronts lets every store be met as its Services lead: to its shop, or to the page of one that is suspended.
func (b *bundle) fronts() *bundle {
	b.t.Helper()
	met := func(id store.ID) front {
		if b.showsPage(id) {
			return itsPage
		}
		return itsShop
	}
	b.shop.front.Store(&met)
	return b
}

// showsPage says whether a Service of the store leads to a page's pod that runs.
func (b *bundle) showsPage(id store.ID) bool {
	services, err := b.api.Admin.CoreV1().Services(id.Namespace()).List(b.t.Context(), metav1.ListOptions{})
	if err != nil {
		return false
	}
	pods, err := b.api.Admin.CoreV1().Pods(id.Namespace()).List(b.t.Context(), metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/component=suspended",
	})
	if err != nil {
		return false
	}
	for _, service := range services.Items {
		chosen := labels.SelectorFromSet(service.Spec.Selector)
		for _, pod := range pods.Items {
			runs := pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil
			if runs && !chosen.Empty() && chosen.Matches(labels.Set(pod.Labels)) {
				return true
			}
		}
	}
	return false
}
