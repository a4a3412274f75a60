// Package target prepares a Kubernetes cluster for the platform: the rights of its
// services, a kubeconfig for each, and the images of the engines. The cluster is either
// the one that package kube runs, or the user's own (Foreign).
package target

import (
	"context"
	"fmt"

	"github.com/store-platform/store-platform/pkg/access"
)

// Namespace is where the platform's identities live.
const Namespace = "store-platform"

// Cluster is what preparing takes.
type Cluster interface {
	// Apply applies manifests; it may be repeated.
	Apply(ctx context.Context, manifests []byte) error
	// ServiceAccountKubeconfig writes a kubeconfig for a service account, readable by this user only.
	ServiceAccountKubeconfig(ctx context.Context, namespace, name, path string) error
}

// Identity is a service account and the file that its kubeconfig belongs in.
type Identity struct{ Name, Path string }

const namespaceManifest = `apiVersion: v1
kind: Namespace
metadata:
  name: ` + Namespace + `
  labels:
    app.kubernetes.io/part-of: store-platform
    pod-security.kubernetes.io/enforce: restricted
`

// Admit applies the manifests in the files (package access), and gives each identity its kubeconfig.
func Admit(ctx context.Context, cluster Cluster, files []string, identities []Identity) error {
	manifests, err := access.Render(files, Namespace)
	if err != nil {
		return err
	}
	// The namespace goes first: in one batch the API server might see what lives in it sooner.
	for _, batch := range [][]byte{[]byte(namespaceManifest), manifests} {
		if err := cluster.Apply(ctx, batch); err != nil {
			return fmt.Errorf("grant the services their rights: %w", err)
		}
	}
	for _, identity := range identities {
		if err := cluster.ServiceAccountKubeconfig(ctx, Namespace, identity.Name, identity.Path); err != nil {
			return fmt.Errorf("give %s its kubeconfig: %w", identity.Name, err)
		}
	}
	return nil
}
