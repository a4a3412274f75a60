package imagebuild

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/imagepack"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

// unprivileged is who containers run as; Pod Security wants it by number.
const unprivileged = "65532:65532"

// programs are the binaries of a pack whose image/ is a Go module, one per image and named as the pack calls it.
func (b *Builder) programs(pack images.Pack) (map[string]gobuild.Program, error) {
	module, err := b.Go.Module(pack.ImageFolder())
	if err != nil {
		return nil, err
	}
	programs := map[string]gobuild.Program{}
	for name := range pack.Images {
		programs[name] = gobuild.Program{Name: name, Module: module, Package: "."}
	}
	return programs, nil
}

func (b *Builder) builtModule(pack images.Pack) (images.Image, bool, error) {
	programs, err := b.programs(pack)
	if err != nil {
		return images.Image{}, false, err
	}
	for _, program := range programs {
		if !b.Go.Has(program) {
			return images.Image{}, false, nil
		}
	}
	// With the binaries there, packing is the work of a moment.
	image, err := b.ensureModule(context.Background(), pack, nil)
	return image, err == nil, err
}

// ensureModule makes each image of one static binary on nothing.
func (b *Builder) ensureModule(ctx context.Context, pack images.Pack, progress images.Progress) (images.Image, error) {
	programs, err := b.programs(pack)
	if err != nil {
		return images.Image{}, err
	}
	j := &job{pack: pack}
	var contents []kube.Image
	key := buildcache.NewKey("engine image 1")
	for done, name := range j.targets() {
		if progress != nil && !b.Go.Has(programs[name]) {
			progress("compiling", done, len(programs))
		}
		binary, err := b.Go.Ensure(ctx, programs[name])
		if err != nil {
			return images.Image{}, fmt.Errorf("build the image of engine %s: %w", pack.Name, err)
		}
		key.Words(pack.Images[name], binary)
		contents = append(contents, kube.Image{
			Name: pack.Images[name], Entrypoint: []string{"/" + name}, User: unprivileged,
			Files: map[string]string{"/" + name: binary}, Folders: []string{"/data"},
		})
	}
	at, err := key.String()
	if err != nil {
		return images.Image{}, err
	}
	dir, err := buildcache.Ensure(ctx, b.Cache, j.cacheName(), at, func(_ context.Context, dir string) error {
		return imagepack.Write(filepath.Join(dir, archiveFile), contents...)
	})
	if err != nil {
		return images.Image{}, err
	}
	return j.image(dir), nil
}
