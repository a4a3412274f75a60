package release

import (
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/chartutil"
	helmlint "helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Objects are what the release would consist of, as the chart writes them, on a cluster that has only what Kubernetes
// brings. No cluster is asked, so nothing says whether one would take them.
func (s Spec) Objects() ([]*unstructured.Unstructured, error) {
	return s.objects(chartutil.DefaultCapabilities)
}

func (s Spec) objects(capabilities *chartutil.Capabilities) ([]*unstructured.Unstructured, error) {
	manifests, err := s.render(capabilities)
	if err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, len(manifests))
	for i, manifest := range manifests {
		if objects[i], err = decode([]byte(manifest.Content)); err != nil {
			return nil, fmt.Errorf("read %s: %w", manifest.Name, err)
		}
	}
	return objects, nil
}

// Lint is what `helm lint` says of the chart in a folder, warnings too: a pack is somebody's product.
func Lint(folder string, values map[string]any) []error {
	var said []error
	for _, message := range helmlint.All(folder, values, "store", false).Messages {
		if message.Severity >= support.WarningSev {
			said = append(said, errors.New(message.Error()))
		}
	}
	return said
}
