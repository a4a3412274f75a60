package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"

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

// podTemplates are where kinds of workload keep theirs.
var podTemplates = [][]string{
	{"spec", "template"},
	{"spec", "jobTemplate"},
	{"spec", "jobTemplate", "spec", "template"},
}

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
	for _, at := range podTemplates {
		template, found, err := unstructured.NestedMap(object.Object, at...)
		if err != nil || !found {
			continue
		}
		if err := s.mark(template); err != nil {
			return err
		}
		if err := s.place(template); err != nil {
			return fmt.Errorf("place pods of %s: %w", object.GetName(), err)
		}
		if err := unstructured.SetNestedMap(object.Object, template, at...); err != nil {
			return fmt.Errorf("label pods of %s: %w", object.GetName(), err)
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
