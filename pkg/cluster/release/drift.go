package release

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	helmrelease "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/retry"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// What Helm writes on every object beyond its manifest, and insists on to touch it again.
const (
	helmManager         = "Helm"
	annotationRelease   = "meta.helm.sh/release-name"
	annotationNamespace = "meta.helm.sh/release-namespace"
)

// fieldsAtMost is how many changed fields are told of one object.
const fieldsAtMost = 5

var claims = schema.GroupKind{Group: corev1.GroupName, Kind: "PersistentVolumeClaim"}

// Drift holds the store's objects against the release that made them, and not against the pack that the platform
// carries now: it is about what somebody did by hand, and a platform that was set up anew mustn't find all its stores
// changed at once. It costs one request for each object, and another for each that looks changed.
func (r *Releases) Drift(ctx context.Context, op *cluster.Operation, id store.ID) ([]cluster.Drift, error) {
	last, err := lastRevision(newStorage(op, id.Namespace()))
	if err != nil {
		return nil, failed(op, err)
	}
	return drifted(ctx, op, last)
}

// toRestore says whether an upgrade has something to bring back although nothing about the release has changed. Data that
// is gone isn't brought back: a store that says so is worth more than an empty one.
func (e *ensuring) toRestore(ctx context.Context, op *cluster.Operation) (bool, error) {
	if !e.spec.Verify {
		return false, nil
	}
	last, err := lastRevision(e.config.Releases)
	if err != nil {
		return false, failed(op, err)
	}
	if last == nil || last.Info.Status != helmrelease.StatusDeployed {
		// Without a release that was deployed once there is nothing that somebody could have changed.
		return false, nil
	}
	drift, err := drifted(ctx, op, last)
	if err != nil {
		return false, err
	}
	for _, d := range drift {
		if d.Beyond && d.Missing {
			return false, &cluster.Error{
				Kind: cluster.Permanent, Reason: cluster.ReasonDataMissing,
				Sentence: cluster.DataMissingSentence, Detail: d.Words(),
			}
		}
	}
	return len(drift) > 0, nil
}

func drifted(ctx context.Context, op *cluster.Operation, last *helmrelease.Release) ([]cluster.Drift, error) {
	if last == nil {
		return []cluster.Drift{{Kind: "Release", Name: Name, Missing: true}}, nil
	}
	if last.Info.Status != helmrelease.StatusDeployed {
		return []cluster.Drift{{Kind: "Release", Name: Name, Fields: []string{"status"}}}, nil
	}
	wanted, err := objects(last)
	if err != nil {
		return nil, invalid(err)
	}
	client, err := dynamic.NewForConfig(op.RESTConfig())
	if err != nil {
		return nil, failed(op, fmt.Errorf("build client: %w", err))
	}
	l := looker{op: op, client: client, namespace: last.Namespace}
	var found []cluster.Drift
	for _, want := range wanted {
		drift, err := l.look(ctx, want)
		if err != nil {
			return nil, failed(op, fmt.Errorf("look at %s %s: %w", want.GetKind(), want.GetName(), err))
		}
		if drift != nil {
			found = append(found, *drift)
		}
	}
	return found, nil
}

// objects are what the release made, as Helm sent them.
func objects(last *helmrelease.Release) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(last.Manifest)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		if len(strings.TrimSpace(string(document))) == 0 {
			continue
		}
		object, err := decode(document)
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		labels, annotations := object.GetLabels(), object.GetAnnotations()
		if labels == nil {
			labels = make(map[string]string)
		}
		if annotations == nil {
			annotations = make(map[string]string)
		}
		labels[cluster.LabelManagedBy] = helmManager
		annotations[annotationRelease], annotations[annotationNamespace] = last.Name, last.Namespace
		object.SetLabels(labels)
		object.SetAnnotations(annotations)
		all = append(all, object)
	}
}

// looker holds objects against what was made.
type looker struct {
	op        *cluster.Operation
	client    dynamic.Interface
	namespace string
}

// look is nil for an object in which everything that was wanted stands. What others have added to it is theirs. An
// object that somebody writes meanwhile, as controllers do to a new one, is looked at again.
func (l looker) look(ctx context.Context, want *unstructured.Unstructured) (*cluster.Drift, error) {
	var drift *cluster.Drift
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() (err error) {
		drift, err = l.lookOnce(ctx, want)
		return err
	})
	return drift, err
}

func (l looker) lookOnce(ctx context.Context, want *unstructured.Unstructured) (*cluster.Drift, error) {
	kind := want.GroupVersionKind()
	mapping, err := l.op.Mapper().RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	client := l.client.Resource(mapping.Resource).Namespace(l.namespace)
	isData := kind.GroupKind() == claims
	live, err := client.Get(ctx, want.GetName(), metav1.GetOptions{})
	gone := apierrors.IsNotFound(err)
	switch {
	case err != nil && !gone:
		return nil, err
	case gone, isData && live.GetDeletionTimestamp() != nil:
		return &cluster.Drift{Kind: kind.Kind, Name: want.GetName(), Missing: true, Beyond: isData}, nil
	case isData:
		// A volume may have been grown, and can't be shrunk.
		return nil, nil
	}
	patch, err := restoring(want, live)
	if err != nil || patch == nil {
		return nil, err
	}
	told := fields(patch)
	changed, beyond, err := changes(ctx, client, live, patch)
	if err != nil || !changed {
		return nil, err
	}
	return &cluster.Drift{Kind: kind.Kind, Name: want.GetName(), Fields: told, Beyond: beyond}, nil
}

// restoring is the patch with which Helm would bring live to want, made as Helm makes it; nil when there is nothing to
// do. Of a kind that Helm knows no structure of, being there is enough.
func restoring(want, live *unstructured.Unstructured) (patch map[string]any, err error) {
	typed, err := scheme.Scheme.New(want.GroupVersionKind())
	if err != nil {
		return nil, nil
	}
	wanted, err := want.MarshalJSON()
	if err != nil {
		return nil, err
	}
	current, err := live.MarshalJSON()
	if err != nil {
		return nil, err
	}
	structure, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	made, err := strategicpatch.CreateThreeWayMergePatch(wanted, wanted, current, structure, true)
	if err != nil || string(made) == "{}" {
		return nil, err
	}
	err = json.Unmarshal(made, &patch)
	return patch, err
}

// changes asks the API server what the patch would come to, because only it knows that "1000m" is "1" and what becomes
// of a field that it only takes in writing. beyond: it wouldn't take the patch. The error is a conflict where the object
// isn't live any more: what another writer changed isn't the patch's doing.
func changes(ctx context.Context, client dynamic.ResourceInterface, live *unstructured.Unstructured, patch map[string]any) (changed, beyond bool, err error) {
	if err := unstructured.SetNestedField(patch, live.GetResourceVersion(), "metadata", "resourceVersion"); err != nil {
		return false, false, fmt.Errorf("name the object's version: %w", err)
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return false, false, fmt.Errorf("write patch: %w", err)
	}
	after, err := client.Patch(ctx, live.GetName(), types.StrategicMergePatchType, body,
		metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: cluster.ManagedBy})
	switch {
	case apierrors.IsInvalid(err):
		return true, true, nil
	case apierrors.IsNotFound(err):
		return true, false, nil
	case err != nil:
		return false, false, err
	}
	return !reflect.DeepEqual(substance(after), substance(live)), false, nil
}

// substance is an object without what every write changes.
func substance(o *unstructured.Unstructured) map[string]any {
	content := maps.Clone(o.Object)
	if metadata, ok := content["metadata"].(map[string]any); ok {
		metadata = maps.Clone(metadata)
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			delete(metadata, field)
		}
		content["metadata"] = metadata
	}
	return content
}

// fields are the paths of a patch, sorted, without what stands there.
func fields(patch map[string]any) []string {
	paths := pathsOf("", patch)
	slices.Sort(paths)
	return paths[:min(len(paths), fieldsAtMost)]
}

func pathsOf(prefix string, content map[string]any) []string {
	var paths []string
	for key, value := range content {
		// What begins with a dollar tells the API server how to merge.
		if strings.HasPrefix(key, "$") {
			continue
		}
		if below, ok := value.(map[string]any); ok {
			paths = append(paths, pathsOf(prefix+key+".", below)...)
		} else {
			paths = append(paths, prefix+key)
		}
	}
	return paths
}
