package imagebuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/store-platform/store-platform/deploy/local/internal/imagepack"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
)

// refAnnotation names an image in an OCI layout.
const refAnnotation = "org.opencontainers.image.ref.name"

// writeArchive packs the images of an OCI layout, which are called there as the pack calls them, under their full names.
// Layers that several of them have are in it once. It isn't the layout itself, because loaders that take the older
// form only are still about.
func writeArchive(path, from string, names map[string]string) error {
	index, err := layout.ImageIndexFromPath(from)
	if err != nil {
		return fmt.Errorf("read what was built: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return fmt.Errorf("read what was built: %w", err)
	}
	packed := map[name.Reference]v1.Image{}
	for _, entry := range manifest.Manifests {
		tag, err := name.NewTag(names[entry.Annotations[refAnnotation]])
		if err != nil {
			return fmt.Errorf("read the name of an image: %w", err)
		}
		if packed[tag], err = index.Image(entry.Digest); err != nil {
			return fmt.Errorf("read image %s: %w", tag, err)
		}
	}
	return imagepack.Archive(path, packed)
}

// Size is what an image takes unpacked. Shared is the part of it that others of the same archive have too.
type Size struct {
	Name          string
	Bytes, Shared int64
}

// Sizes are those of the images of an archive, in the order of Names. Measuring takes as long as unpacking all of it, so it is
// done once, and kept beside the archive.
func Sizes(i images.Image) ([]Size, error) {
	kept := i.Path + ".sizes.json"
	var sizes []Size
	if data, err := os.ReadFile(kept); err == nil && json.Unmarshal(data, &sizes) == nil {
		return sizes, nil
	}
	sizes, err := measure(i)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(sizes)
	if err != nil {
		return nil, err
	}
	// Nobody minds measuring again.
	_ = os.WriteFile(kept, data, 0o644)
	return sizes, nil
}

func measure(i images.Image) ([]Size, error) {
	layers := make([]map[v1.Hash]int64, len(i.Names))
	users := map[v1.Hash]int{}
	for at, short := range i.Names {
		var err error
		if layers[at], err = layersOf(i, short); err != nil {
			return nil, fmt.Errorf("measure image %s: %w", short, err)
		}
		for id := range layers[at] {
			users[id]++
		}
	}
	sizes := make([]Size, len(i.Names))
	for at, short := range i.Names {
		sizes[at].Name = short
		for id, bytes := range layers[at] {
			sizes[at].Bytes += bytes
			if users[id] > 1 {
				sizes[at].Shared += bytes
			}
		}
	}
	return sizes, nil
}

// layersOf measures the layers of one image, by their contents' hash.
func layersOf(i images.Image, short string) (map[v1.Hash]int64, error) {
	tag, err := name.NewTag(short)
	if err != nil {
		return nil, err
	}
	image, err := tarball.ImageFromPath(i.Path, &tag)
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	measured := map[v1.Hash]int64{}
	for _, layer := range layers {
		id, err := layer.DiffID()
		if err != nil {
			return nil, err
		}
		content, err := layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		measured[id], err = io.Copy(io.Discard, content)
		if err := errors.Join(err, content.Close()); err != nil {
			return nil, err
		}
	}
	return measured, nil
}
