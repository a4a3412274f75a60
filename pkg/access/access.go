// Package access renders what the platform's identities may do in a cluster: the manifests of deploy/k8s/access. They are
// templates of the platform's chart that use nothing but the release's namespace, so that chart, `make up` and tests grant the same
// rights by the same files.
package access

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"text/template"
)

// Files are the manifests' paths in a clone, in order.
func Files(repository string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(repository, "deploy", "k8s", "access", "*.yaml"))
	if err == nil && len(files) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("find deploy/k8s/access/*.yaml in %s: %w", repository, err)
	}
	return files, nil
}

// Render is what the manifests in files come to for a platform in namespace: one stream of YAML documents. A manifest that
// asks for anything else of a release is an error.
func Render(files []string, namespace string) ([]byte, error) {
	var values struct{ Release struct{ Namespace string } }
	values.Release.Namespace = namespace
	var all bytes.Buffer
	for _, path := range files {
		parsed, err := template.ParseFiles(path)
		if err != nil {
			return nil, fmt.Errorf("read a manifest: %w", err)
		}
		if all.Len() > 0 {
			all.WriteString("\n---\n")
		}
		if err := parsed.Execute(&all, values); err != nil {
			return nil, fmt.Errorf("render a manifest: %w", err)
		}
	}
	return all.Bytes(), nil
}
