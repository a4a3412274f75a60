package imagepack_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/store-platform/store-platform/deploy/local/internal/imagepack"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

func TestImagesAreReadableAndReproducible(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	image := kube.Image{
		Name: "registry.example/engine/thing:1", User: "10001", Entrypoint: []string{"/bin/thing"}, Env: []string{"A=b"},
		Files: map[string]string{"/bin/thing": program}, Links: map[string]string{"/bin/other": "thing"}, Folders: []string{"/data"},
	}
	first, second := filepath.Join(dir, "1.tar"), filepath.Join(dir, "2.tar")
	for _, path := range []string{first, second} {
		if err := imagepack.Write(path, image); err != nil {
			t.Fatal(err)
		}
	}
	one, _ := os.ReadFile(first)
	two, _ := os.ReadFile(second)
	if !bytes.Equal(one, two) {
		t.Error("the same image twice isn't the same archive")
	}
	tag, err := name.NewTag(image.Name)
	if err != nil {
		t.Fatal(err)
	}
	read, err := tarball.ImageFromPath(first, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := read.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "10001" || config.OS != "linux" || config.Config.Entrypoint[0] != "/bin/thing" {
		t.Errorf("configuration %+v", config.Config)
	}
}
