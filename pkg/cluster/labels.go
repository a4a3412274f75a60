package cluster

import (
	"crypto/sha256"
	"encoding/hex"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/store-platform/store-platform/pkg/store"
)

// The labels of a store's namespace. The objects in it carry the first three only: a plan can change, and a changed
// label on a pod template would restart the store.
const (
	LabelManagedBy    = "app.kubernetes.io/managed-by"
	LabelInstallation = "store-platform.io/installation"
	LabelStore        = "store-platform.io/store"
	LabelTenant       = "store-platform.io/tenant"
	LabelEngine       = "store-platform.io/engine"
	LabelPlan         = "store-platform.io/plan"

	// ManagedBy is the value of LabelManagedBy on everything that is the platform's.
	ManagedBy = "store-platform"
)

const (
	labelPodSecurity      = "pod-security.kubernetes.io/enforce"
	podSecurityRestricted = "restricted"
)

// ObjectLabels go on every object of a store, and on its pods. Helm then puts its own name into LabelManagedBy of what
// it manages, and insists on it; so whoever looks for a store's objects asks for the other two.
func (c *Cluster) ObjectLabels(id store.ID) map[string]string {
	return map[string]string{
		LabelManagedBy:    ManagedBy,
		LabelInstallation: c.cfg.Installation,
		LabelStore:        string(id),
	}
}

// selector finds the objects of one store.
func (c *Cluster) selector(id store.ID) string {
	return labels.Set{LabelInstallation: c.cfg.Installation, LabelStore: string(id)}.String()
}

// selectorOfAll finds the objects of all stores.
func (c *Cluster) selectorOfAll() string {
	return labels.Set{LabelInstallation: c.cfg.Installation}.String()
}

func (c *Cluster) namespaceLabels(ns Namespace) map[string]string {
	all := c.ObjectLabels(ns.Store)
	all[LabelTenant] = tenantLabel(ns.Tenant)
	all[LabelEngine] = ns.Engine
	all[LabelPlan] = ns.Plan
	all[labelPodSecurity] = podSecurityRestricted
	return all
}

// tenantLabel hides the tenant behind a hash: in open mode a tenant is a person's address, and whoever may list
// namespaces would read it.
func tenantLabel(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return hex.EncodeToString(sum[:10])
}
