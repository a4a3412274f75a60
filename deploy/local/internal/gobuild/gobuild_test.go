package gobuild_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

var hello = gobuild.Program{Name: "hello", Module: "services/hello", Package: "cmd/hello"}

// repository writes a clone with a program and a library module beside it.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"pkg/go.mod":                               "module example.org/pkg\n\ngo 1.26\n",
		"pkg/words/words.go":                       "package words\n\nconst Greeting = \"hello\"\n",
		"services/hello/go.mod":                    "module example.org/hello\n\ngo 1.26\n\nrequire example.org/pkg v0.0.0\n\nreplace example.org/pkg => ../../pkg\n",
		"services/hello/cmd/hello/main.go":         "package main\n\nimport \"example.org/pkg/words\"\n\nfunc main() { println(words.Greeting) }\n",
		"services/other/go.mod":                    "module example.org/other\n\ngo 1.26\n",
		"services/hello/image/go.mod":              "module example.org/image\n\ngo 1.26\n",
		"services/hello/image/main.go":             "package main\n",
		"services/hello/cmd/hello/ignored_test.go": "package main\n",
	} {
		write(t, filepath.Join(root, path), text)
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func builder(t *testing.T, repository, cache string) (*gobuild.Builder, *strings.Builder) {
	t.Helper()
	var said strings.Builder
	b, err := gobuild.New(t.Context(), repository, cache, &said)
	if err != nil {
		t.Fatal(err)
	}
	return b, &said
}

func TestAProgramIsBuiltOnceForAllClones(t *testing.T) {
	cache := t.TempDir()
	first, _ := builder(t, repository(t), cache)
	path, err := first.Ensure(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path).CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Errorf("it says %q, %v", out, err)
	}
	second, _ := builder(t, repository(t), cache)
	if !second.Has(hello) {
		t.Error("another clone would build again")
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 1 {
		t.Errorf("the folder holds %v", files)
	}
}

func TestTheKeyFollowsTheLocalModules(t *testing.T) {
	root, cache := repository(t), t.TempDir()
	b, _ := builder(t, root, cache)
	if _, err := b.Ensure(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "services/other/main.go"), "package main\n")
	write(t, filepath.Join(root, "services/hello/image/main.go"), "package image\n")
	if !b.Has(hello) {
		t.Error("another module's change builds it again")
	}
	write(t, filepath.Join(root, "pkg/words/words.go"), "package words\n\nconst Greeting = \"good day\"\n")
	if b.Has(hello) {
		t.Error("a change of its library doesn't build it again")
	}
}

func TestABrokenBuildSaysWhatTheCompilerSaid(t *testing.T) {
	root := repository(t)
	write(t, filepath.Join(root, "pkg/words/words.go"), "package words\n\nconst Greeting = nonsense\n")
	b, said := builder(t, root, t.TempDir())
	_, err := b.Ensure(t.Context(), hello)
	if err == nil || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(said.String(), "undefined: nonsense") {
		t.Errorf("the log says %q", said)
	}
}

func TestACancelledBuildLeavesNothing(t *testing.T) {
	cache := t.TempDir()
	b, _ := builder(t, repository(t), cache)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Ensure(ctx, hello); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	if folders, _ := filepath.Glob(filepath.Join(cache, "*.partial")); len(folders) != 0 {
		t.Errorf("left %v", folders)
	}
}
