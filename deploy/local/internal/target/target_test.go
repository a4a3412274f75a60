package target_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/target"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// recorder is a cluster that writes down what is asked of it.
type recorder struct {
	applied  []string
	accounts []string
	err      error
}

func (r *recorder) Apply(_ context.Context, manifests []byte) error {
	r.applied = append(r.applied, string(manifests))
	return r.err
}

func (r *recorder) ServiceAccountKubeconfig(_ context.Context, namespace, name, path string) error {
	r.accounts = append(r.accounts, namespace+"/"+name+" "+path)
	return nil
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAdmitRendersTheChartsOwnFiles(t *testing.T) {
	var cluster recorder
	file := write(t, "namespace: {{ .Release.Namespace }}\n")
	if err := target.Admit(t.Context(), &cluster, []string{file, file}, []target.Identity{{Name: "store-janitor", Path: "j"}}); err != nil {
		t.Fatal(err)
	}
	if len(cluster.applied) != 2 || !strings.Contains(cluster.applied[0], "kind: Namespace") {
		t.Fatalf("applied %q", cluster.applied)
	}
	const want = "namespace: store-platform\n\n---\nnamespace: store-platform\n"
	if diff := cmp.Diff(want, cluster.applied[1]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"store-platform/store-janitor j"}, cluster.accounts); diff != "" {
		t.Error(diff)
	}
}

func TestAdmitRefusesWhatOnlyHelmKnows(t *testing.T) {
	var cluster recorder
	for _, text := range []string{"{{ .Values.image }}", "{{ include \"x\" . }}"} {
		if err := target.Admit(t.Context(), &cluster, []string{write(t, text)}, nil); err == nil {
			t.Errorf("%s was rendered", text)
		}
	}
	if len(cluster.applied) != 0 {
		t.Errorf("applied %q", cluster.applied)
	}
}

func TestNoKubeconfigWithoutRights(t *testing.T) {
	cluster := recorder{err: errors.New("forbidden")}
	err := target.Admit(t.Context(), &cluster, []string{write(t, "a: b")}, []target.Identity{{Name: "x", Path: "y"}})
	if !errors.Is(err, cluster.err) || len(cluster.accounts) != 0 {
		t.Errorf("error %v, accounts %v", err, cluster.accounts)
	}
}

func TestImagesOfARegistryArePushed(t *testing.T) {
	var pushed []string
	foreign := target.Foreign{Context: "production", Registry: "registry.example/team", Push: func(_ context.Context, image images.Image, registry string) error {
		pushed = append(pushed, image.Path+" "+registry)
		return nil
	}}
	if err := foreign.Load(t.Context(), images.Image{Path: "PATH"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PATH registry.example/team"}, pushed); diff != "" {
		t.Error(diff)
	}
}

// tool puts a program on the path that writes its arguments, and what it is given, to a file.
func tool(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho \"$*\" >>"+calls+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return calls
}

func TestImagesAreLoadedByTheClustersOwnTool(t *testing.T) {
	for context, want := range map[string]string{
		"kind-test": "load image-archive PATH --name test\n",
		"k3d-test":  "image import PATH --cluster test\n",
		"minikube":  "image load PATH\n",
	} {
		image := images.Image{Path: "PATH"}
		program, _, _ := strings.Cut(context, "-")
		calls := tool(t, program, "")
		if err := (target.Foreign{Context: context}).Load(t.Context(), image); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s: %q, want %q", context, got, want)
		}
	}
	if err := (target.Foreign{Context: "production"}).Load(t.Context(), images.Image{}); err == nil {
		t.Error("an unknown cluster took an image")
	}
}

func TestAKubeconfigOfTheUsersClusterNamesItAndOneAccount(t *testing.T) {
	calls := tool(t, "kubectl", `case "$*" in
*"config view"*) echo '{"clusters":[{"name":"x","cluster":{"server":"https://example.org","certificate-authority-data":"Yw=="}}],"users":[{"name":"me","user":{"token":"mine"}}]}' ;;
*"get secret"*) printf dG9rZW4= ;;
esac`)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := (target.Foreign{Context: "kind-test"}).ServiceAccountKubeconfig(t.Context(), "store-platform", "store-janitor", path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"token": "token"`) || !strings.Contains(string(text), "https://example.org") || strings.Contains(string(text), "mine") {
		t.Errorf("kubeconfig %s", text)
	}
	said, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(said)) {
		if !strings.HasPrefix(line, "--context kind-test ") {
			t.Errorf("kubectl was called without the context: %s", line)
		}
	}
}
