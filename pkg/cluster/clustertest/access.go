package clustertest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/template"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// applyAccess applies deploy/k8s/access, the same files that the chart and make up use, as they would be in namespace.
func applyAccess(ctx context.Context, config *rest.Config, namespace string) error {
	files, err := accessFiles()
	if err != nil {
		return err
	}
	direct, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	a := applier{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(direct))}
	own := fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", namespace)
	if err := a.apply(ctx, []byte(own)); err != nil {
		return err
	}
	for _, file := range files {
		rendered, err := render(file, namespace)
		if err != nil {
			return err
		}
		if err := a.apply(ctx, rendered); err != nil {
			return fmt.Errorf("apply %s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

// accessFiles looks upwards from the test's folder: the caller's file name tells nothing in a binary built with -trimpath.
func accessFiles() ([]string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		files, err := filepath.Glob(filepath.Join(dir, "deploy/k8s/access/*.yaml"))
		if err != nil || len(files) > 0 {
			return files, err
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("find deploy/k8s/access: %w", os.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
}

func render(file, namespace string) ([]byte, error) {
	parsed, err := template.ParseFiles(file)
	if err != nil {
		return nil, err
	}
	rendered := new(bytes.Buffer)
	err = parsed.Execute(rendered, map[string]any{"Release": map[string]any{"Namespace": namespace}})
	return rendered.Bytes(), err
}

type applier struct {
	client dynamic.Interface
	mapper meta.RESTMapper
}

func (a applier) apply(ctx context.Context, documents []byte) error {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(documents)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		object := new(unstructured.Unstructured)
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			return err
		}
		kind := object.GroupVersionKind()
		mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return err
		}
		resource := a.client.Resource(mapping.Resource)
		options := metav1.ApplyOptions{FieldManager: "clustertest", Force: true}
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			_, err = resource.Namespace(object.GetNamespace()).Apply(ctx, object.GetName(), object, options)
		} else {
			_, err = resource.Apply(ctx, object.GetName(), object, options)
		}
		if err != nil {
			return err
		}
	}
}
