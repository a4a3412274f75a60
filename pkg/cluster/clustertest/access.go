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

	"github.com/store-platform/store-platform/pkg/access"
)

// applyAccess applies deploy/k8s/access, the same files that the chart and make up use, as they would be in namespace.
func applyAccess(ctx context.Context, config *rest.Config, namespace string) error {
	rules, err := rulesFor(namespace)
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
	for _, documents := range [][]byte{[]byte(own), rules} {
		if err := a.apply(ctx, documents); err != nil {
			return fmt.Errorf("apply deploy/k8s/access: %w", err)
		}
	}
	return nil
}

func rulesFor(namespace string) ([]byte, error) {
	dir, err := clone()
	if err != nil {
		return nil, err
	}
	files, err := access.Files(dir)
	if err != nil {
		return nil, err
	}
	return access.Render(files, namespace)
}

// clone looks upwards from the test's folder: the caller's file name tells nothing in a binary built with -trimpath.
func clone() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := access.Files(dir); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find deploy/k8s/access: %w", os.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
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
