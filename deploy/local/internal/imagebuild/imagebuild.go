// Package imagebuild builds the images of engines, with whatever this machine has for it.
//
// An engine's image/ is one of two things. A Go module is built by the Go tool and packed onto nothing. A Dockerfile, whose
// target stages are called like the pack's images, is built by `docker build` where a Docker engine runs; elsewhere by
// buildah, and there the base image that the file's first line names is made from Debian packages and handed in, because
// no image registry is asked. It is the same file for both.
//
// What was built is one archive per engine, as `docker save` would write it, kept in the build cache under a key of
// everything it is made of: the folder, the folders handed in for its sources, the base and this package's own version.
//
// It is linked by cmd/images alone, which carries out what package images asks for.
package imagebuild

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// version goes into every key: raise it when the same inputs are to give other archives.
const version = "engine images 2"

// archiveFile is the archive's name in its folder of the cache.
const archiveFile = "images.tar"

// Builder builds for one clone and one user. Its fields are set before its first use and not changed.
type Builder struct {
	// Cache is the folder of package buildcache.
	Cache string
	// Go builds the images that are Go modules.
	Go *gobuild.Builder
	// Log gets what the programs say that do the work.
	Log io.Writer
	// Require is asked for Debian packages before a build that needs them; nil means that they are there.
	Require func(ctx context.Context, packages []string) error
}

// Built answers the pack's images when they are built from what stands in the folders now.
func (b *Builder) Built(ctx context.Context, pack images.Pack, settings images.Settings) (images.Image, bool, error) {
	if pack.IsModule() {
		return b.builtModule(pack)
	}
	job, err := b.plan(ctx, pack, settings)
	if err != nil {
		return images.Image{}, false, err
	}
	return job.image(buildcache.Dir(b.Cache, job.cacheName(), job.key)), buildcache.Has(b.Cache, job.cacheName(), job.key), nil
}

// Ensure answers the pack's images, building them when they aren't in the cache.
func (b *Builder) Ensure(ctx context.Context, pack images.Pack, settings images.Settings, progress images.Progress) (images.Image, error) {
	if pack.IsModule() {
		return b.ensureModule(ctx, pack, progress)
	}
	job, err := b.plan(ctx, pack, settings)
	if err != nil {
		return images.Image{}, err
	}
	return b.make(ctx, job, progress)
}

func (b *Builder) make(ctx context.Context, j *job, progress images.Progress) (images.Image, error) {
	dir, err := buildcache.Ensure(ctx, b.Cache, j.cacheName(), j.key, func(ctx context.Context, dir string) error {
		return b.build(ctx, j, dir, progress)
	})
	if err != nil {
		return images.Image{}, err
	}
	return j.image(dir), nil
}

func (b *Builder) build(ctx context.Context, j *job, dir string, progress images.Progress) error {
	if b.Require != nil {
		if err := b.Require(ctx, j.tool.packages()); err != nil {
			return err
		}
	}
	file, err := readDockerfile(filepath.Join(j.folder, images.Dockerfile))
	if err != nil {
		return err
	}
	j.file, j.dir, j.progress = file, dir, progress
	return j.tool.build(ctx, j)
}

// job is one engine's images to be built of a Dockerfile.
type job struct {
	pack     images.Pack
	folder   string            // with the Dockerfile
	contexts map[string]string // stage → folder handed in for it
	tool     tool
	key      string

	file     stages
	dir      string // to be filled
	progress images.Progress
}

func (j *job) cacheName() string { return "image-" + j.pack.Name }

func (j *job) image(dir string) images.Image {
	return images.Image{Names: slices.Sorted(maps.Values(j.pack.Images)), Path: filepath.Join(dir, archiveFile)}
}

func (j *job) targets() []string { return slices.Sorted(maps.Keys(j.pack.Images)) }

// plan finds out what an engine's images are made of.
func (b *Builder) plan(ctx context.Context, pack images.Pack, settings images.Settings) (*job, error) {
	tool, err := b.tool(ctx)
	if err != nil {
		return nil, err
	}
	return planWith(tool, pack, settings)
}

func planWith(tool tool, pack images.Pack, settings images.Settings) (*job, error) {
	j := &job{pack: pack, folder: pack.ImageFolder(), contexts: map[string]string{}, tool: tool}
	key := buildcache.NewKey(version, tool.identity())
	for _, name := range j.targets() {
		key.Words(name, pack.Images[name])
	}
	for _, source := range pack.Sources {
		if settings[source.Setting] == "" {
			continue
		}
		folder, err := pack.SourceFolder(source, settings[source.Setting])
		if err != nil {
			return nil, err
		}
		j.contexts[source.Name] = folder
		key.Words(source.Name).Whole(folder)
	}
	var err error
	j.key, err = key.Whole(j.folder).String()
	return j, err
}
