package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/pkg/engine"
)

// enginesFolder holds the packs in a clone.
const enginesFolder = "services/provisioner/engines"

// unprivileged is who containers run as; Pod Security wants it by number.
const unprivileged = "65532:65532"

// Packs reads the engine packs of a clone.
func Packs(repository string) ([]engine.Pack, error) {
	packs, err := engine.Load(os.DirFS(filepath.Join(repository, enginesFolder)))
	if err != nil {
		return nil, fmt.Errorf("read the engine packs: %w", err)
	}
	return packs, nil
}

// Image is the archive of an engine's images, as `docker save` would write it.
type Image struct {
	Names []string // as the pack has them
	Path  string
}

// BuildImages makes the images of those packs whose image/ is a Go module: one static
// binary, named as the pack calls the image, on nothing. They are kept in cache.
func BuildImages(ctx context.Context, builder *gobuild.Builder, repository, cache string, packs []engine.Pack) ([]Image, error) {
	var images []Image
	for _, pack := range packs {
		module := filepath.Join(enginesFolder, pack.Name, "image")
		if _, err := os.Stat(filepath.Join(repository, module, "go.mod")); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		image, err := buildImage(ctx, builder, cache, module, pack)
		if err != nil {
			return nil, fmt.Errorf("build the image of engine %s: %w", pack.Name, err)
		}
		images = append(images, image)
	}
	return images, nil
}

func buildImage(ctx context.Context, builder *gobuild.Builder, cache, module string, pack engine.Pack) (Image, error) {
	var image Image
	var contents []kube.Image
	key := buildcache.NewKey("engine image 1")
	for _, name := range slices.Sorted(maps.Keys(pack.Images)) {
		binary, err := builder.Ensure(ctx, gobuild.Program{Name: name, Module: module, Package: "."})
		if err != nil {
			return Image{}, err
		}
		image.Names = append(image.Names, pack.Images[name])
		key.Words(pack.Images[name], binary)
		contents = append(contents, kube.Image{
			Name: pack.Images[name], Entrypoint: []string{"/" + name}, User: unprivileged,
			Files: map[string]string{"/" + name: binary}, Folders: []string{"/data"},
		})
	}
	at, err := key.String()
	if err != nil {
		return Image{}, err
	}
	dir, err := buildcache.Ensure(ctx, cache, "image-"+pack.Name, at, func(_ context.Context, dir string) error {
		return kube.WriteImages(filepath.Join(dir, "images.tar"), contents...)
	})
	if err != nil {
		return Image{}, err
	}
	image.Path = filepath.Join(dir, "images.tar")
	return image, nil
}
