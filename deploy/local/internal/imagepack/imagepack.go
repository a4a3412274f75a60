// Package imagepack makes images from scratch of files of this machine, where there is no Docker: those of the cluster's
// own pods, and those of engines that are one static program.
package imagepack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

// Write makes images and packs them into one archive at path. The same input gives the same bytes.
func Write(path string, images ...kube.Image) error {
	packed := make(map[name.Reference]v1.Image, len(images))
	for _, image := range images {
		tag, err := name.NewTag(image.Name)
		if err != nil {
			return fmt.Errorf("read the name of an image: %w", err)
		}
		if packed[tag], err = pack(image); err != nil {
			return fmt.Errorf("pack image %s: %w", image.Name, err)
		}
	}
	return Archive(path, packed)
}

// Archive packs images under their names as `docker save` would: a cluster's LoadImage, `docker load`, and the loaders of
// kind, k3d and minikube take it.
func Archive(path string, packed map[name.Reference]v1.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make an image archive: %w", err)
	}
	defer file.Close()
	if err := tarball.MultiRefWrite(packed, file); err != nil {
		return fmt.Errorf("write image archive %s: %w", path, err)
	}
	return file.Close()
}

func pack(i kube.Image) (v1.Image, error) {
	content, err := fileSystem(i)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
	if err != nil {
		return nil, fmt.Errorf("make the layer: %w", err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, fmt.Errorf("add the layer: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: i.Entrypoint, Env: i.Env, User: i.User, WorkingDir: "/"}
	return mutate.ConfigFile(image, config)
}

// fileSystem is the one layer as a tar stream: parents before children, no times, so that
// equal inputs are equal images.
func fileSystem(i kube.Image) ([]byte, error) {
	var content bytes.Buffer
	out := tar.NewWriter(&content)
	made := map[string]bool{"/": true}
	for _, folder := range slices.Sorted(slices.Values(i.Folders)) {
		if err := addFolders(out, made, folder, 0o1777); err != nil {
			return nil, err
		}
	}
	for _, target := range slices.Sorted(maps.Keys(i.Files)) {
		if err := addFolders(out, made, path.Dir(target), 0o755); err != nil {
			return nil, err
		}
		if err := addFile(out, target, i.Files[target]); err != nil {
			return nil, fmt.Errorf("add %s: %w", target, err)
		}
	}
	for _, link := range slices.Sorted(maps.Keys(i.Links)) {
		if err := addFolders(out, made, path.Dir(link), 0o755); err != nil {
			return nil, err
		}
		header := &tar.Header{Typeflag: tar.TypeSymlink, Name: strings.TrimPrefix(link, "/"), Linkname: i.Links[link], Mode: 0o777}
		if err := out.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}

// addFolders adds folder with mode, and those above it as usual ones.
func addFolders(out *tar.Writer, made map[string]bool, folder string, mode int64) error {
	folder = path.Clean(folder)
	if made[folder] {
		return nil
	}
	if err := addFolders(out, made, path.Dir(folder), 0o755); err != nil {
		return err
	}
	made[folder] = true
	return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(folder, "/") + "/", Mode: mode})
}

func addFile(out *tar.Writer, target, source string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(target, "/"), Size: info.Size(), Mode: int64(info.Mode().Perm())}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(out, file)
	return err
}
