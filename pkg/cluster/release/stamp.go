package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster"
)

// stamp puts the platform's labels on every object of a chart and on its pods, and what the installation says of all stores
// where it belongs. The watches see nothing without the labels, and none of that should hang on each chart's author. It also
// has volumes keep the size that they have come to.
type stamp struct {
	labels   map[string]string
	settings cluster.Settings
	// classes are classesOf the store.
	classes map[string]*string
	volumes volumes
}

// podTemplates are where kinds of workload keep theirs, jobTemplate where a CronJob keeps what its pods are made by.
var (
	podTemplates = [][]string{
		{"spec", "template"},
		{"spec", "jobTemplate", "spec", "template"},
	}
	jobTemplate = []string{"spec", "jobTemplate"}
)

// Run is Helm's post-rendering.
func (s *stamp) Run(rendered *bytes.Buffer) (*bytes.Buffer, error) {
	stamped := new(bytes.Buffer)
	documents := utilyaml.NewYAMLReader(bufio.NewReader(rendered))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return stamped, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		if err := s.add(stamped, document); err != nil {
			return nil, err
		}
	}
}

func (s *stamp) add(to *bytes.Buffer, document []byte) error {
	var anything any
	if err := yaml.Unmarshal(document, &anything); err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if anything == nil {
		return nil
	}
	object, err := decode(document)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if err := s.mark(object.Object); err != nil {
		return err
	}
	if err := s.volumes.keep(object); err != nil {
		return fmt.Errorf("keep the volumes of %s: %w", object.GetName(), err)
	}
	if err := s.settle(object); err != nil {
		return fmt.Errorf("put the installation's settings on %s: %w", object.GetName(), err)
	}
	if err := s.within(object, jobTemplate, s.mark); err != nil {
		return err
	}
	for _, at := range podTemplates {
		if err := s.within(object, at, s.mark, s.place); err != nil {
			return err
		}
	}
	encoded, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode %s: %w", object.GetName(), err)
	}
	text, err := yaml.JSONToYAML(encoded)
	if err != nil {
		return fmt.Errorf("encode %s: %w", object.GetName(), err)
	}
	to.WriteString("---\n")
	to.Write(text)
	return nil
}

// within changes a template of an object, if it has one there.
func (s *stamp) within(object *unstructured.Unstructured, at []string, changes ...func(template map[string]any) error) error {
	template, found, err := unstructured.NestedMap(object.Object, at...)
	if err != nil || !found {
		return nil
	}
	for _, change := range changes {
		if err := change(template); err != nil {
			return fmt.Errorf("change %s of %s: %w", strings.Join(at, "."), object.GetName(), err)
		}
	}
	return unstructured.SetNestedMap(object.Object, template, at...)
}

func (s *stamp) mark(object map[string]any) error {
	labels, _, err := unstructured.NestedStringMap(object, "metadata", "labels")
	if err != nil {
		return fmt.Errorf("read labels: %w", err)
	}
	if labels == nil {
		labels = make(map[string]string)
	}
	maps.Copy(labels, s.labels)
	if err := unstructured.SetNestedStringMap(object, labels, "metadata", "labels"); err != nil {
		return fmt.Errorf("set labels: %w", err)
	}
	return nil
}
