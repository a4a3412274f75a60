package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
)

// load makes the chart and the values anew, because Helm changes both.
func (s Spec) load() (*chart.Chart, map[string]any, error) {
	files := make([]*loader.BufferedFile, len(s.Chart))
	for i, file := range s.Chart {
		files[i] = &loader.BufferedFile{Name: file.Name, Data: file.Data}
	}
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		return nil, nil, fmt.Errorf("load chart: %w", err)
	}
	encoded, err := json.Marshal(s.Values)
	if err != nil {
		return nil, nil, fmt.Errorf("encode values: %w", err)
	}
	var values map[string]any
	if err := json.Unmarshal(encoded, &values); err != nil {
		return nil, nil, fmt.Errorf("decode values: %w", err)
	}
	return loaded, values, nil
}

// digest names chart, values and settings; maps are encoded in the order of their keys. Without settings it is what it was
// before there were any.
func (s Spec) digest() (string, error) {
	files := slices.SortedFunc(slices.Values(s.Chart), func(a, b engine.ChartFile) int { return strings.Compare(a.Name, b.Name) })
	encoded, err := json.Marshal(struct {
		Files    []engine.ChartFile
		Values   map[string]any
		Settings string `json:",omitempty"`
	}{files, s.Values, s.Settings.Digest()})
	if err != nil {
		return "", fmt.Errorf("encode chart and values: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:20]), nil
}

// check renders once without Helm's actions and refuses what a store's chart may not hold: hooks (they would never
// run), definitions of kinds, and anything outside the store's namespace (teardown deletes the namespace and is done).
func check(op *cluster.Operation, spec Spec, capabilities *chartutil.Capabilities) ([]*unstructured.Unstructured, error) {
	objects, err := spec.objects(capabilities)
	if err != nil {
		return nil, invalid(err)
	}
	for _, object := range objects {
		if err := checkScope(op.Mapper(), object, spec.Store.Namespace()); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

func (s Spec) render(capabilities *chartutil.Capabilities) ([]releaseutil.Manifest, error) {
	chart, values, err := s.load()
	if err != nil {
		return nil, err
	}
	if len(chart.CRDObjects()) > 0 {
		return nil, errors.New("the chart defines kinds of its own (crds/)")
	}
	if err := chartutil.ProcessDependenciesWithMerge(chart, values); err != nil {
		return nil, fmt.Errorf("process chart dependencies: %w", err)
	}
	options := chartutil.ReleaseOptions{Name: Name, Namespace: s.Store.Namespace(), Revision: 1, IsInstall: true}
	toRender, err := chartutil.ToRenderValues(chart, values, options, capabilities)
	if err != nil {
		return nil, fmt.Errorf("check values: %w", err)
	}
	files, err := helmengine.Engine{}.Render(chart, toRender)
	if err != nil {
		return nil, fmt.Errorf("render chart: %w", err)
	}
	for name := range files {
		if path.Base(name) == "NOTES.txt" {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, fmt.Errorf("sort manifests: %w", err)
	}
	if len(hooks) > 0 {
		return nil, fmt.Errorf("%s is a hook, and hooks never run", hooks[0].Path)
	}
	return manifests, nil
}

func checkScope(mapper meta.RESTMapper, object *unstructured.Unstructured, namespace string) error {
	kind := object.GroupVersionKind()
	mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return cluster.Classify(fmt.Errorf("look up kind %s: %w", kind.Kind, err))
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return invalid(fmt.Errorf("%s %s belongs to the whole cluster", kind.Kind, object.GetName()))
	}
	if stated := object.GetNamespace(); stated != "" && stated != namespace {
		return invalid(fmt.Errorf("%s %s belongs to namespace %s", kind.Kind, object.GetName(), stated))
	}
	return nil
}

func decode(document []byte) (*unstructured.Unstructured, error) {
	encoded, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	object := new(unstructured.Unstructured)
	return object, object.UnmarshalJSON(encoded)
}
