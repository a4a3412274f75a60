// Package target prepares a Kubernetes cluster for the platform: the rights of its
// services, a kubeconfig for each, and the images of the engines. The cluster is either
// the one that package kube runs, or the user's own (Foreign).
package target

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/template"
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

// Admit applies the manifests in the files, and gives each identity its kubeconfig. The
// files are templates of the platform's Helm chart that use nothing but the release's
// namespace, so that chart and laptop grant the same rights.
func Admit(ctx context.Context, cluster Cluster, files []string, identities []Identity) error {
	manifests, err := render(files)
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

// AccessFiles are the manifests of the platform's rights in a clone.
func AccessFiles(repository string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(repository, "deploy", "k8s", "access", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no deploy/k8s/access/*.yaml", repository)
	}
	slices.Sort(files)
	return files, nil
}

func render(files []string) ([]byte, error) {
	var values struct{ Release struct{ Namespace string } }
	values.Release.Namespace = Namespace
	var all bytes.Buffer
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a manifest: %w", err)
		}
		parsed, err := template.New(filepath.Base(path)).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("read a manifest: %w", err)
		}
		all.WriteString("\n---\n")
		if err := parsed.Execute(&all, values); err != nil {
			return nil, fmt.Errorf("render a manifest: %w", err)
		}
	}
	return all.Bytes(), nil
}
