package release_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const monitoringFiles = platformChart + "/files/monitoring/"

// watched is an installation that a Prometheus and a Grafana look at.
func watched() map[string]any {
	values := production()
	values["monitoring"] = map[string]any{
		"pods":  map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
		"rules": map[string]any{"enabled": true}, "boards": map[string]any{"enabled": true},
	}
	set(values, "networkPolicies.metricsFrom", []any{map[string]any{"namespaceSelector": map[string]any{}}})
	return values
}

func TestPlatformChartTellsPrometheusAndGrafana(t *testing.T) {
	objects, err := renderPlatform(t, watched())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]*unstructured.Unstructured{}
	for _, o := range objects {
		kinds[o.GetKind()] = append(kinds[o.GetKind()], o)
	}
	if len(kinds["PodMonitor"]) != 1 || len(kinds["PrometheusRule"]) != 1 {
		t.Fatalf("%d monitors of pods and %d of rules", len(kinds["PodMonitor"]), len(kinds["PrometheusRule"]))
	}
	monitor := kinds["PodMonitor"][0]
	if monitor.GetLabels()["release"] != "prometheus" {
		t.Errorf("the operator would not select %v", monitor.GetLabels())
	}
	checkScraped(t, monitor, kinds["Deployment"])

	data, err := os.ReadFile(monitoringFiles + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules map[string]any
	if err := yaml.Unmarshal(data, &rules); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(kinds["PrometheusRule"][0].Object["spec"], any(rules)) {
		t.Error("the rules aren't those of the file")
	}
	boards, err := filepath.Glob(monitoringFiles + "boards/*.json")
	if err != nil || len(boards) == 0 {
		t.Fatalf("%d boards: %v", len(boards), err)
	}
	for _, path := range boards {
		checkBoard(t, path, kinds["ConfigMap"])
	}
}

// checkScraped expects every service's pods to be asked at the one port of theirs that is named.
func checkScraped(t *testing.T, monitor *unstructured.Unstructured, deployments []*unstructured.Unstructured) {
	t.Helper()
	labels, _, _ := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	expressions, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "selector", "matchExpressions")
	components, _, _ := unstructured.NestedStringSlice(expressions[0].(map[string]any), "values")
	endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "podMetricsEndpoints")
	for _, component := range components {
		var scraped []any
		for _, d := range deployments {
			template, _, _ := unstructured.NestedStringMap(d.Object, "spec", "template", "metadata", "labels")
			selected := template["app.kubernetes.io/component"] == component
			for name, value := range labels {
				selected = selected && template[name] == value
			}
			if !selected {
				continue
			}
			containers, _, _ := unstructured.NestedSlice(d.Object, "spec", "template", "spec", "containers")
			for _, port := range containers[0].(map[string]any)["ports"].([]any) {
				for _, endpoint := range endpoints {
					if endpoint.(map[string]any)["port"] == port.(map[string]any)["name"] {
						scraped = append(scraped, port)
					}
				}
			}
		}
		if len(scraped) != 1 {
			t.Errorf("of %s these ports are scraped: %v", component, scraped)
		}
	}
	if len(components) != 4 {
		t.Errorf("scraped are %v", components)
	}
}

func checkBoard(t *testing.T, path string, configs []*unstructured.Unstructured) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := "store-platform-board-" + strings.TrimSuffix(filepath.Base(path), ".json")
	for _, config := range configs {
		if config.GetName() != name {
			continue
		}
		content, _, _ := unstructured.NestedString(config.Object, "data", filepath.Base(path))
		if config.GetLabels()["grafana_dashboard"] != "1" || strings.TrimSpace(content) != strings.TrimSpace(string(data)) || !json.Valid([]byte(content)) {
			t.Errorf("%s has the labels %v, and not the board of the file", name, config.GetLabels())
		}
		return
	}
	t.Errorf("there is no %s", name)
}

func TestPlatformChartLeavesNobodyUnscraped(t *testing.T) {
	for _, scraped := range []func() map[string]any{watched, func() map[string]any { return measured(production()) }} {
		values := scraped()
		set(values, "networkPolicies.metricsFrom", []any{})
		if _, err := renderPlatform(t, values); err == nil || !strings.Contains(err.Error(), "networkPolicies.metricsFrom must be set") {
			t.Errorf("error %v", err)
		}
	}
	monitor := one(t, rendered(t, measured(watched())), "PodMonitor", "store-platform")
	if text := fmt.Sprint(monitor.Object["spec"]); !strings.Contains(text, "janitor nats]") || !strings.Contains(text, "port:metrics") {
		t.Errorf("nobody asks the exporter: %s", text)
	}
	objects, err := renderPlatform(t, production())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if kind := o.GetKind(); kind == "PodMonitor" || kind == "PrometheusRule" {
			t.Errorf("a cluster without their operator would refuse %s", kind)
		}
	}
}
