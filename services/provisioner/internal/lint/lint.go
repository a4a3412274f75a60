// Package lint checks an engine pack as far as that goes without a cluster: what engine.yaml says by itself, what the
// chart says by itself, and that the two speak of the same things. What passes may still not run; what doesn't, won't.
//
//	faults, err := lint.Folder("engines/corner")
package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
)

// example is the store that charts are rendered for.
const example = "sexamplestor"

// Folder lists what is wrong with the pack in a folder, all of it. The error is for a pack that can't be read at all.
func Folder(folder string) ([]string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("find the pack: %w", err)
	}
	packs, name := place(folder)
	pack, err := engine.LoadPack(packs, name)
	if err != nil {
		return nil, err
	}
	chart, err := engine.Chart(packs, pack)
	if err != nil {
		return nil, err
	}
	faults, err := versionFaults(pack, chart)
	if err != nil {
		return nil, err
	}
	if err := engine.CheckReleased(packs, pack); err != nil {
		faults = append(faults, err.Error())
	}
	whole, err := os.MkdirTemp("", "chart")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the chart: %w", err)
	}
	defer func() { _ = os.RemoveAll(whole) }()
	if err := write(whole, chart); err != nil {
		return nil, err
	}
	sizes := volumeSizes{}
	for _, plan := range pack.Plans {
		running := rendering{pack: pack, plan: plan, running: true, faults: &faults}
		objects, err := running.render(whole, chart)
		if err != nil {
			return nil, err
		}
		sizes.add(plan, objects)
		if !pack.CanSuspend() || objects == nil {
			continue
		}
		suspended := rendering{pack: pack, plan: plan, faults: &faults}
		closed, err := suspended.render(whole, chart)
		if err != nil {
			return nil, err
		}
		suspended.checkData(objects, closed)
	}
	return append(faults, sizes.shrinking(pack)...), nil
}

// write puts a chart into a folder for Helm's own lint, which reads no other and wants what the chart uses in it.
func write(folder string, chart []engine.ChartFile) error {
	for _, file := range chart {
		name := filepath.Join(folder, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("write the chart: %w", err)
		}
		if err := os.WriteFile(name, file.Data, 0o600); err != nil {
			return fmt.Errorf("write the chart: %w", err)
		}
	}
	return nil
}

// render checks the chart as it is for the rendering; the objects are nil where it can't be rendered. Helm reads it whole,
// from a folder.
func (r rendering) render(whole string, chart []engine.ChartFile) ([]*unstructured.Unstructured, error) {
	values, err := exampleValues(r.pack, r.plan.Name, r.running, nil)
	if err != nil {
		return nil, err
	}
	for _, said := range release.Lint(whole, values) {
		r.fault("helm: %v", said)
	}
	objects, err := release.Spec{Store: example, Chart: chart, Values: values}.Objects()
	if err != nil {
		r.fault("%v", err)
		return nil, nil
	}
	return objects, r.check(objects)
}

// place says where a pack's folder lies among packs. One that is called like a version lies in its engine's, whose name
// begins with a letter.
func place(folder string) (packs fs.FS, name string) {
	parent, name := filepath.Dir(folder), filepath.Base(folder)
	if name[0] >= '0' && name[0] <= '9' {
		parent, name = filepath.Dir(parent), path.Join(filepath.Base(parent), name)
	}
	return os.DirFS(parent), name
}

// Installation says why a chart refuses what an operator has set for its engine: in a store it would be the merchant who
// hears of it.
func Installation(pack engine.Pack, chart []engine.ChartFile, settings map[string]any) error {
	render := func(plan string, settings map[string]any) error {
		values, err := exampleValues(pack, plan, true, settings)
		if err != nil {
			return err
		}
		_, err = release.Spec{Store: example, Chart: chart, Values: values}.Objects()
		return err
	}
	for _, plan := range pack.Plans {
		// A chart that refuses the example as it is says nothing about the settings.
		if err := render(plan.Name, settings); err != nil && render(plan.Name, nil) == nil {
			return fmt.Errorf("plan %s: %w", plan.Name, err)
		}
	}
	return nil
}

// versionFaults: the chart's version is what Helm shows to whoever looks at the cluster.
func versionFaults(pack engine.Pack, chart []engine.ChartFile) ([]string, error) {
	for _, file := range chart {
		if file.Name != "Chart.yaml" {
			continue
		}
		var about struct{ Version string }
		if err := yaml.Unmarshal(file.Data, &about); err != nil {
			return nil, fmt.Errorf("read Chart.yaml: %w", err)
		}
		if about.Version != pack.Version {
			return []string{fmt.Sprintf("version: the chart has %s, engine.yaml %s", about.Version, pack.Version)}, nil
		}
	}
	return nil, nil
}

// exampleValues are those of a store with an ingress whose merchant gave what must be given and nothing else.
func exampleValues(pack engine.Pack, plan string, running bool, settings map[string]any) (map[string]any, error) {
	options := map[string]any{}
	for _, option := range pack.Options {
		if option.Required {
			options[option.Name] = exampleOption(option)
		}
	}
	values, err := pack.Values(engine.Release{
		Store: example, Name: "Example", Plan: plan, Options: options, Running: running, Secret: secretName,
		Labels: map[string]string{storeLabel: example}, Host: "store.example", URL: "https://store.example", IngressClass: "example",
		Installation: settings,
	})
	if err != nil {
		return nil, fmt.Errorf("make example values: %w", err)
	}
	return values, nil
}

// exampleOption is a value for an option without a default. A text with a pattern has none that could be known here.
func exampleOption(option engine.Option) any {
	switch option.Type {
	case engine.TypeBoolean:
		return true
	case engine.TypeEnum:
		return option.Enum[0]
	case engine.TypeInteger:
		if option.Min != nil {
			return *option.Min
		}
		return 1
	default:
		return "Example"
	}
}

// rendering is the chart as one plan has it, of a store that runs or of a suspended one.
type rendering struct {
	pack    engine.Pack
	plan    engine.Plan
	running bool
	faults  *[]string
}

func (r rendering) fault(format string, args ...any) {
	where := "plan " + r.plan.Name
	if !r.running {
		where += ", suspended"
	}
	*r.faults = append(*r.faults, where+": "+fmt.Sprintf(format, args...))
}

func (r rendering) check(objects []*unstructured.Unstructured) error {
	var workloads []workload
	for _, object := range objects {
		w, runs, err := workloadOf(object)
		if err != nil {
			return err
		}
		if runs {
			workloads = append(workloads, w)
		}
		if object.GetLabels()[storeLabel] != example {
			r.fault("%s doesn't carry .Values.labels", name(object))
		}
		if !kinds[object.GetKind()] {
			r.fault("%s is of a kind that no store may have", name(object))
		}
	}
	r.checkNames(objects, workloads)
	r.checkPods(workloads)
	if r.pack.CanSuspend() {
		r.checkPage(objects, workloads)
	}
	return r.checkPlan(workloads)
}

func name(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}
