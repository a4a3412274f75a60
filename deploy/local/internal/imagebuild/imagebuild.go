// Package imagebuild builds the images of engines, with whatever this machine has for it.
//
// An engine's image/ is one of two things. A Go module is built by the Go tool and packed onto nothing. A Dockerfile, whose
// target stages are called like the pack's images, is built by `docker build` where a Docker engine runs; elsewhere by
// buildah, and there the base image that the file's first line names is made from Debian packages and handed in, because
// no image registry is asked. It is the same file for both.
//
// What was built is one archive per engine, as `docker save` would write it, kept in the build cache under a key of
// everything it is made of: the folder, the folders handed in for its sources, the base and this package's own version.
package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
	"github.com/store-platform/store-platform/pkg/engine"
)

// version goes into every key: raise it when the same inputs are to give other archives.
const version = "engine images 2"

// archiveFile is the archive's name in its folder of the cache.
const archiveFile = "images.tar"

// Pack is an engine and the folder it was read from.
type Pack struct {
	engine.Pack
	Folder string
}

// Image is the archive of an engine's images, as `docker save` would write it.
type Image struct {
	Names []string // as the pack has them
	Path  string
}

// Progress hears what a build is at: a phrase for people, and how many of how many steps are behind it; total is 0 while
// unknown. It is called from one goroutine at a time.
type Progress func(message string, done, total int)

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

// Settings are the folders handed in for a pack's sources, by the name of the setting. Empty values are as good as none.
type Settings map[string]string

// Environment reads the settings of these packs from this process's environment, and refuses what is no folder: who has
// set it wants to know now, and not when a store waits. Paths become absolute.
func Environment(packs []Pack) (Settings, error) {
	settings := Settings{}
	for _, pack := range packs {
		for _, source := range pack.Sources {
			value := os.Getenv(source.Setting)
			if value == "" {
				continue
			}
			absolute, err := filepath.Abs(value)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", source.Setting, err)
			}
			if _, err := folderOf(pack, source, absolute); err != nil {
				return nil, err
			}
			settings[source.Setting] = absolute
		}
	}
	return settings, nil
}

// Needed tells whether the pack brings images that are built. One whose images come from a registry doesn't.
func Needed(pack Pack) bool { return isModule(pack) || isDockerfile(pack) }

// Built answers the pack's images when they are built from what stands in the folders now.
func (b *Builder) Built(ctx context.Context, pack Pack, settings Settings) (Image, bool, error) {
	if isModule(pack) {
		return b.builtModule(pack)
	}
	job, err := b.plan(ctx, pack, settings)
	if err != nil {
		return Image{}, false, err
	}
	return job.image(buildcache.Dir(b.Cache, job.cacheName(), job.key)), buildcache.Has(b.Cache, job.cacheName(), job.key), nil
}

// Ensure answers the pack's images, building them when they aren't in the cache.
func (b *Builder) Ensure(ctx context.Context, pack Pack, settings Settings, progress Progress) (Image, error) {
	if isModule(pack) {
		return b.ensureModule(ctx, pack, progress)
	}
	job, err := b.plan(ctx, pack, settings)
	if err != nil {
		return Image{}, err
	}
	return b.make(ctx, job, progress)
}

func (b *Builder) make(ctx context.Context, j *job, progress Progress) (Image, error) {
	dir, err := buildcache.Ensure(ctx, b.Cache, j.cacheName(), j.key, func(ctx context.Context, dir string) error {
		return b.build(ctx, j, dir, progress)
	})
	if err != nil {
		return Image{}, err
	}
	return j.image(dir), nil
}

func (b *Builder) build(ctx context.Context, j *job, dir string, progress Progress) error {
	if b.Require != nil {
		if err := b.Require(ctx, j.tool.packages()); err != nil {
			return err
		}
	}
	file, err := readDockerfile(filepath.Join(j.folder, dockerfile))
	if err != nil {
		return err
	}
	j.file, j.dir, j.progress = file, dir, progress
	return j.tool.build(ctx, j)
}

// job is one engine's images to be built of a Dockerfile.
type job struct {
	pack     Pack
	folder   string            // with the Dockerfile
	contexts map[string]string // stage → folder handed in for it
	tool     tool
	key      string

	file     stages
	dir      string // to be filled
	progress Progress
}

func (j *job) cacheName() string { return "image-" + j.pack.Name }

func (j *job) image(dir string) Image {
	return Image{Names: slices.Sorted(maps.Values(j.pack.Images)), Path: filepath.Join(dir, archiveFile)}
}

func (j *job) targets() []string { return slices.Sorted(maps.Keys(j.pack.Images)) }

// plan finds out what an engine's images are made of.
func (b *Builder) plan(ctx context.Context, pack Pack, settings Settings) (*job, error) {
	tool, err := b.tool(ctx)
	if err != nil {
		return nil, err
	}
	return planWith(tool, pack, settings)
}

func planWith(tool tool, pack Pack, settings Settings) (*job, error) {
	j := &job{pack: pack, folder: imageFolder(pack), contexts: map[string]string{}, tool: tool}
	key := buildcache.NewKey(version, tool.identity())
	for _, name := range j.targets() {
		key.Words(name, pack.Images[name])
	}
	for _, source := range pack.Sources {
		if settings[source.Setting] == "" {
			continue
		}
		folder, err := folderOf(pack, source, settings[source.Setting])
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

// folderOf is a folder that is handed in, without links: what they lead to is what goes into an image.
func folderOf(pack Pack, source engine.Source, path string) (string, error) {
	folder, err := filepath.EvalSymlinks(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
	}
	return "", fmt.Errorf("%s=%s is no folder; it is to hold the source %s of %s", source.Setting, path, source.Name, pack.Title)
}

const dockerfile = "Dockerfile"

func imageFolder(pack Pack) string { return filepath.Join(pack.Folder, "image") }

func isModule(pack Pack) bool     { return isFile(filepath.Join(imageFolder(pack), "go.mod")) }
func isDockerfile(pack Pack) bool { return isFile(filepath.Join(imageFolder(pack), dockerfile)) }

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}
