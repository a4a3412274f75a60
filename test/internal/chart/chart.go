// Package chart installs the platform's chart as an operator does: with the real helm, in a cluster whose nodes have the images
// under the names that the chart gives them. No registry is asked; images.go says what the images are made of, and whose published
// ones they stand in for.
package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// Values are the chart's, as an operator's file has them.
type Values map[string]any

// Release is the chart in a namespace of its own.
type Release struct {
	*platform.Kubernetes
	// Name and Namespace are Helm's, Chart is the folder or file of what is installed or upgraded to: this tree's own, at first.
	Name, Namespace, Chart string

	kubeconfig, helm, home string
}

// New prepares a release that isn't installed yet. With the test all of it goes, and what its pods have said is told if the test
// has failed; stores are the test's own.
func New(tb testing.TB, p *platform.Platform, namespace string) *Release {
	tb.Helper()
	root, err := repo.Root()
	if err != nil {
		tb.Fatal(err)
	}
	r := &Release{
		Kubernetes: p.Kubernetes(tb), Name: "store-platform", Namespace: namespace,
		Chart: folder(root), kubeconfig: p.Kubeconfig, home: tb.TempDir(),
	}
	if r.helm, err = tool.Helm.Path(tb.Context(), os.Stderr); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			r.tell(tb)
		}
		if err := r.remove(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("remove %s: %v", namespace, err)
		}
	})
	return r
}

// Local are the values that come with the chart for a cluster on one's own machine.
func Local(tb testing.TB) (v Values) {
	tb.Helper()
	root, err := repo.Root()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder(root), "values-local.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &v)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// folder is where the clone has its chart.
func folder(root string) string { return filepath.Join(root, "deploy", "k8s") }

// version is the chart's, which is its images' tag.
func version(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder(root), "Chart.yaml"))
	if err != nil {
		return "", err
	}
	var chart struct {
		AppVersion string `yaml:"appVersion"`
	}
	err = yaml.Unmarshal(text, &chart)
	return chart.AppVersion, err
}

// Install installs it with some values, the later ones over those before, and answers the release's notes. It doesn't wait.
func (r *Release) Install(tb testing.TB, values ...Values) (notes string) {
	tb.Helper()
	return r.apply(tb, append([]string{"install", "--create-namespace"}, r.files(tb, values)...))
}

// Upgrade is Install of a release that is there.
func (r *Release) Upgrade(tb testing.TB, values ...Values) {
	tb.Helper()
	r.apply(tb, append([]string{"upgrade"}, r.files(tb, values)...))
}

func (r *Release) apply(tb testing.TB, words []string) (notes string) {
	tb.Helper()
	said := r.Helm(tb, append(words, r.Name, r.Chart)...)
	_, notes, _ = strings.Cut(said, "NOTES:\n")
	return notes
}

// files are values as Helm takes them.
func (r *Release) files(tb testing.TB, values []Values) (words []string) {
	tb.Helper()
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		file, err := os.CreateTemp(r.home, "values-*.json")
		if err != nil {
			tb.Fatal(err)
		}
		_, err = file.Write(text)
		if err := errors.Join(err, file.Close()); err != nil {
			tb.Fatal(err)
		}
		words = append(words, "--values", file.Name())
	}
	return words
}

// Helm runs it on the release's namespace, and answers what it says.
func (r *Release) Helm(tb testing.TB, words ...string) string {
	tb.Helper()
	said, err := r.run(tb.Context(), words...)
	if err != nil {
		tb.Fatal(err)
	}
	return said
}

func (r *Release) run(ctx context.Context, words ...string) (string, error) {
	helm := exec.CommandContext(ctx, r.helm, append(words, "--namespace", r.Namespace, "--kubeconfig", r.kubeconfig)...)
	helm.Env = parts.Environment("HOME="+r.home, "HELM_NO_PLUGINS=1")
	var said, complained bytes.Buffer
	helm.Stdout, helm.Stderr = &said, &complained
	if err := helm.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w\n%s", words[0], err, complained.Bytes())
	}
	return said.String(), nil
}

// workload is as much of a Deployment or StatefulSet as says whether it runs.
type workload struct {
	Metadata struct {
		Name       string `json:"name"`
		Generation int    `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		Replicas int `json:"replicas"`
	} `json:"spec"`
	Status struct {
		Observed int `json:"observedGeneration"`
		Replicas int `json:"replicas"`
		Updated  int `json:"updatedReplicas"`
		Ready    int `json:"readyReplicas"`
	} `json:"status"`
}

func (w workload) runs() bool {
	s := w.Status
	return s.Observed >= w.Metadata.Generation && s.Replicas == w.Spec.Replicas && s.Updated == s.Replicas && s.Ready == s.Replicas
}

// AwaitReady waits until each workload of the release has as many pods as it wants, all of them as it wants them now and ready.
func (r *Release) AwaitReady(tb testing.TB) {
	tb.Helper()
	waittest.Eventually(tb, func() error {
		var waiting []string
		for _, kind := range []string{"deployments", "statefulsets"} {
			var list struct {
				Items []workload `json:"items"`
			}
			status, err := r.Do(tb.Context(), http.MethodGet, "/apis/apps/v1/namespaces/"+r.Namespace+"/"+kind, nil, &list)
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("list the %s: %d %w", kind, status, err)
			}
			for _, w := range list.Items {
				if !w.runs() {
					waiting = append(waiting, fmt.Sprintf("%s: of %d pods %d are new and %d ready", w.Metadata.Name, w.Spec.Replicas, w.Status.Updated, w.Status.Ready))
				}
			}
		}
		if len(waiting) > 0 {
			return errors.New(strings.Join(waiting, ", "))
		}
		return nil
	})
}

// Path is where things of the namespace are: Path("/api/v1", "pods").
func (r *Release) Path(group string, rest ...string) string {
	return strings.Join(slices.Concat([]string{group, "namespaces", r.Namespace}, rest), "/")
}

// remove takes away what uninstalling leaves (passwords and volumes), and first of all what it doesn't, if that wasn't done.
func (r *Release) remove(ctx context.Context) error {
	said, err := r.run(ctx, "list", "--all", "--short")
	if err != nil {
		return err
	}
	if strings.TrimSpace(said) != "" {
		if _, err := r.run(ctx, "uninstall", r.Name); err != nil {
			return err
		}
	}
	status, err := r.Do(ctx, http.MethodDelete, "/api/v1/namespaces/"+r.Namespace, nil, nil)
	if err == nil && status >= 300 && status != http.StatusNotFound {
		err = fmt.Errorf("delete the namespace: status %d", status)
	}
	return err
}

// tail is how much of what a container has said is told.
const tail = "25"

// tell shows how the pods are and the end of what they have said, of a container that was started again also what it said before.
func (r *Release) tell(tb testing.TB) {
	var pods struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status json.RawMessage `json:"status"`
		} `json:"items"`
	}
	ctx := context.WithoutCancel(tb.Context())
	if _, err := r.Do(ctx, http.MethodGet, r.Path("/api/v1", "pods"), nil, &pods); err != nil {
		tb.Logf("list the pods: %v", err)
	}
	for _, pod := range pods.Items {
		tb.Logf("%s: %.1500s", pod.Metadata.Name, pod.Status)
		for _, which := range []string{"&previous=true", ""} {
			if text, err := r.Text(ctx, r.Path("/api/v1", "pods", pod.Metadata.Name, "log?tailLines="+tail+which)); err == nil {
				tb.Logf("%s says:\n%s", pod.Metadata.Name, text)
			}
		}
	}
}
