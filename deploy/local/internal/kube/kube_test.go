package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func write(t *testing.T, path, content string, mode fs.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryPartHasAKeyOfItsOwn(t *testing.T) {
	repo := filepath.Join("..", "..", "..", "..")
	keys := map[string]string{}
	for _, r := range recipes {
		key, err := r.key(repo)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := keys[key]; taken {
			t.Errorf("%s and %s have the same key", r.Name, other)
		}
		keys[key] = r.Name
	}
}

// TestPartsCompileWhatWorkersCompile: a tag that changes one file below client-go has it compiled once more, for that part
// alone. With cgo, the standard library is another one anyway.
func TestPartsCompileWhatWorkersCompile(t *testing.T) {
	for _, r := range recipes {
		if r.cgo == "0" && r.tags != "" {
			t.Errorf("%s is built with tags %s, the workers without", r.Name, r.tags)
		}
	}
}

func TestKeyFollowsModuleAndFlags(t *testing.T) {
	repo := t.TempDir()
	r := recipe{Part: Part{Name: "thing"}, cgo: "0", targets: []string{"."}}
	module := filepath.Join(source(repo), "go.mod")
	write(t, module, "module thing", 0o644)
	key := func(r recipe) string {
		t.Helper()
		key, err := r.key(repo)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	before := key(r)
	tagged := r
	tagged.tags = "notest"
	if key(tagged) == before {
		t.Error("other tags, same key")
	}
	write(t, module, "module thing // raised", 0o644)
	if key(r) == before {
		t.Error("another go.mod, same key")
	}
}

func TestProgressCountsWhatIsCompiledAndNothingElse(t *testing.T) {
	repo := t.TempDir()
	r := recipe{Part: Part{Name: "thing"}, cgo: "0", targets: []string{"./thing"}}
	build := func(said string) (done, total int) {
		t.Helper()
		// The folder's name makes the library one that nobody has compiled before.
		write(t, filepath.Join(source(repo), "library", "library.go"), "package library\n\nconst Here = \""+repo+"\"\n", 0o644)
		write(t, filepath.Join(source(repo), "go.mod"), "module thing\n\ngo 1.26\n", 0o644)
		write(t, filepath.Join(source(repo), "thing", "main.go"),
			"package main\n\nimport \"thing/library\"\n\nfunc main() { println(\""+said+"\", library.Here) }\n", 0o644)
		err := Builder{Repo: repo}.compile(t.Context(), r, t.TempDir(), func(_, _ string, d, of int) { done, total = d, of })
		if err != nil {
			t.Fatal(err)
		}
		return done, total
	}
	// The standard library may have to be compiled, too.
	if done, total := build("hello"); done != total || total < 2 {
		t.Errorf("%d of %d packages at the end, want all, library and program at least", done, total)
	}
	if done, total := build("goodbye"); done != 1 || total != 1 {
		t.Errorf("%d of %d packages where only the program changed, want 1 of 1", done, total)
	}
}

// TestVersionsAgree holds the constants, which name images and stamp binaries, against go.mod, which decides what is built.
func TestVersionsAgree(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "parts", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"k8s.io/kubernetes " + kubernetesVersion,
		"github.com/containerd/containerd/v2 " + containerdVersion,
		"github.com/opencontainers/runc v" + runcVersion,
		"github.com/coredns/coredns " + corednsVersion,
		"github.com/rancher/local-path-provisioner " + localPathVersion,
		"github.com/k3s-io/kube-router/v2 " + kubeRouterVersion,
	} {
		if !bytes.Contains(content, []byte(line)) {
			t.Errorf("go.mod has no %q", line)
		}
	}
}

func TestManifestsAreWholeAndNameOurImages(t *testing.T) {
	files, err := fs.Glob(manifests, "manifests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	var all bytes.Buffer
	for _, file := range files {
		content, err := manifests.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		for {
			var object struct {
				Kind     string
				Metadata struct{ Name string }
			}
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || object.Kind == "" || object.Metadata.Name == "" {
				t.Fatalf("%s: object %+v, error %v", file, object, err)
			}
		}
	}
	for _, wanted := range []string{
		"image: " + corednsImage, "image: " + localPathImage, "image: " + helperImage,
		"clusterIP: " + dnsIP, insideState + "/volumes", kubeRouterUser,
	} {
		if !strings.Contains(all.String(), wanted) {
			t.Errorf("no manifest says %q", wanted)
		}
	}
}

func TestEveryConfigurationRenders(t *testing.T) {
	c := &Cluster{config: Config{StateDir: t.TempDir()}}
	values := map[string]string{}
	for _, key := range []string{
		"State", "Name", "NodeName", "NodeCIDR", "PodCIDR", "CRI", "Pause", "Shim", "Runc", "Plugins", "Snapshotter", "DNS",
	} {
		values[key] = "value-of-" + key
	}
	files, err := fs.Glob(conf, "conf/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configuration: %v", err)
	}
	for _, file := range files {
		if err := c.render(filepath.Base(file), values); err != nil {
			t.Error(err)
		}
	}
}

func TestKubeconfigGetsTheDoorAndStaysPrivate(t *testing.T) {
	dir := t.TempDir()
	from := write(t, filepath.Join(dir, "admin.conf"), "clusters:\n- cluster:\n    server: https://172.31.255.1:6443\n  name: x\n", 0o600)
	to := filepath.Join(dir, "kubeconfig")
	if err := copyKubeconfig(from, to, "https://127.0.0.1:1234"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if want := "clusters:\n- cluster:\n    server: https://127.0.0.1:1234\n  name: x\n"; string(content) != want {
		t.Errorf("kubeconfig %q, want %q", content, want)
	}
	if info, _ := os.Stat(to); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestTwoClustersNeverShareAStateFolder(t *testing.T) {
	dir := t.TempDir()
	tools := &Toolbox{}
	first, err := prepare(t.Context(), Config{Tools: tools, StateDir: dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := prepare(ctx, Config{Tools: tools, StateDir: dir}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second, err := prepare(t.Context(), Config{Tools: tools, StateDir: dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Stop(); err != nil {
		t.Error(err)
	}
}

func TestMissingNamesTheMend(t *testing.T) {
	absent := tool{name: "no-such-tool-anywhere", pack: "no-such-package"}
	if absent.here() {
		t.Error("an absent tool is here")
	}
	if present := (tool{name: "sh"}); !present.here() {
		t.Error("sh isn't here")
	}
	for _, tool := range tools {
		if tool.pack == "" {
			t.Errorf("no package brings %s", tool.name)
		}
	}
	for _, lack := range Missing(t.TempDir(), t.TempDir()) {
		if lack.What == "" || lack.Mend == "" {
			t.Errorf("lack %+v has no name or no mend", lack)
		}
	}
}

func TestNamesAreShortAndTheirOwn(t *testing.T) {
	one, other := clusterName("/some/state"), clusterName("/other/state")
	if one == other {
		t.Error("two folders, one name")
	}
	if len(linkName(one)) > 15 {
		t.Errorf("%s is too long for a link", linkName(one))
	}
	if left := Leftovers(t.TempDir()); len(left) != 0 {
		t.Errorf("left of what never was: %v", left)
	}
}
