package imagebuild

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/store-platform/store-platform/deploy/local/internal/imagepack"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

// archive packs an image of one file.
func archive(t *testing.T) images.Image {
	t.Helper()
	image := images.Image{Names: []string{"store-platform/engine-test:1"}, Path: filepath.Join(t.TempDir(), "images.tar")}
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := imagepack.Write(image.Path, kube.Image{
		Name: image.Names[0], Entrypoint: []string{"/x"}, Files: map[string]string{"/x": file},
	}); err != nil {
		t.Fatal(err)
	}
	return image
}

func TestImagesArePushedBelowTheRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	if err := push(t.Context(), archive(t), host+"/team"); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(host + "/team/store-platform/engine-test:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/x"}, config.Config.Entrypoint); diff != "" {
		t.Error(diff)
	}
}
