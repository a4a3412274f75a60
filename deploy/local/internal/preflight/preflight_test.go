package preflight_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/preflight"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// program puts an executable on the path that answers every call with the script.
func program(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// missing runs Check and returns what it lists, by line.
func missing(t *testing.T, w preflight.Wishes) []string {
	t.Helper()
	err := preflight.Check(t.Context(), w, io.Discard)
	var listed *preflight.MissingError
	if err != nil && !errors.As(err, &listed) {
		t.Fatal(err)
	}
	if listed == nil {
		return nil
	}
	var lines []string
	for _, lack := range listed.Lacks {
		if lack.Mend == "" {
			t.Errorf("%q has nothing that mends it", lack.What)
		}
		lines = append(lines, lack.What+" | "+lack.Mend)
	}
	return lines
}

func holds(lines []string, words ...string) bool {
	for _, line := range lines {
		found := true
		for _, word := range words {
			found = found && strings.Contains(line, word)
		}
		if found {
			return true
		}
	}
	return false
}

func TestEverythingIsListedAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	program(t, "kubectl", "echo error: context not found; exit 1")
	lines := missing(t, preflight.Wishes{
		State: t.TempDir(), Cache: t.TempDir(), Context: "production",
		Addresses: map[string]string{"API_ADDR": taken.Addr().String(), "STORES_ADDR": "0.0.0.0:0"},
	})
	for _, want := range [][]string{
		{"API_ADDR=" + taken.Addr().String(), "address already in use", "API_ADDR=127.0.0.1:0 make up"},
		{"STORES_ADDR=0.0.0.0:0", "nobody signs in", "AUTH_OPEN_PUBLIC=yes"},
		{"context production", "context not found"},
		{"a way for images into production", "IMAGE_REGISTRY="},
	} {
		if !holds(lines, want...) {
			t.Errorf("nothing with %q in %q", want, lines)
		}
	}
}

func TestAClusterOfTheUsersOwnIsEnough(t *testing.T) {
	program(t, "kubectl", "echo kind-test")
	program(t, "kind", "")
	for _, w := range []preflight.Wishes{
		{Context: "kind-test"},
		{Context: "production", Registry: "registry.example/team"},
	} {
		w.State, w.Cache, w.Addresses = t.TempDir(), t.TempDir(), map[string]string{"API_ADDR": "127.0.0.1:0"}
		if lines := missing(t, w); lines != nil {
			t.Errorf("%s: %q", w.Context, lines)
		}
	}
}

func TestAPublicAddressMustBeMeant(t *testing.T) {
	program(t, "kubectl", "echo kind-test")
	program(t, "kind", "")
	w := preflight.Wishes{State: t.TempDir(), Cache: t.TempDir(), Context: "kind-test", Public: true, Addresses: map[string]string{"API_ADDR": "0.0.0.0:0"}}
	if lines := missing(t, w); lines != nil {
		t.Errorf("%q", lines)
	}
}

func TestPackagesAreNotInstalledAgainstTheUsersWill(t *testing.T) {
	called := filepath.Join(t.TempDir(), "called")
	program(t, "apt-get", "touch "+called)
	t.Setenv("PATH", strings.SplitN(os.Getenv("PATH"), ":", 2)[0])
	lines := missing(t, preflight.Wishes{State: t.TempDir(), Cache: t.TempDir(), Install: false})
	if !holds(lines, "Go | ") {
		t.Errorf("without Go on the path: %q", lines)
	}
	if _, err := os.Stat(called); err == nil {
		t.Error("apt-get was called")
	}
}

func TestLoadersAreKnownByTheContextsName(t *testing.T) {
	for context, want := range map[string]string{"kind-a": "kind", "k3d-a": "k3d", "minikube": "minikube", "gke_x": "", "": ""} {
		if got := preflight.Loader(context); got != want {
			t.Errorf("%q: %q, want %q", context, got, want)
		}
	}
}

func TestTheCloneIsFoundFromWithin(t *testing.T) {
	root := t.TempDir()
	inside := filepath.Join(root, "deploy", "local", "internal")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "deploy", "local", "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := preflight.Repository(inside); err != nil || got != root {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := preflight.Repository(t.TempDir()); err == nil {
		t.Error("any folder is a clone")
	}
}
