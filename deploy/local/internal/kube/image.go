package kube

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
)

// Names of the cluster's own images, as the manifests have them. pauseImage is the name
// kubelet and containerd expect for this Kubernetes.
const (
	pauseImage     = "registry.k8s.io/pause:3.10.1"
	corednsImage   = "registry.k8s.io/coredns/coredns:" + corednsVersion
	localPathImage = "docker.io/rancher/local-path-provisioner:" + localPathVersion
	helperImage    = "docker.io/library/busybox:local"
)

// imagesArchive is the file of the images part that holds all of them.
const imagesArchive = "images.tar"

// packVersion goes into the key of packed images: raise it when what Image writes changes.
const packVersion = "pack 1"

// Image describes an image from scratch: files of this machine, nothing else. It is how
// an image is made where there is no Docker.
type Image struct {
	Name       string            // registry/repository:tag
	Files      map[string]string // absolute path in the image → file here, whose mode is kept
	Links      map[string]string // absolute path in the image → what it points to
	Folders    []string          // absolute paths of empty folders that everybody may write to
	Entrypoint []string
	Env        []string // KEY=value
	User       string   // uid or uid:gid; empty means root
}

// WriteImages packs images into one archive at path, as `docker save` would: LoadImage,
// `docker load`, and the loaders of kind, k3d and minikube take it. The same input gives the same bytes.
func WriteImages(path string, images ...Image) error {
	packed := make(map[name.Reference]v1.Image, len(images))
	for _, image := range images {
		tag, err := name.NewTag(image.Name)
		if err != nil {
			return fmt.Errorf("read the name of an image: %w", err)
		}
		if packed[tag], err = image.pack(); err != nil {
			return fmt.Errorf("pack image %s: %w", image.Name, err)
		}
	}
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

func (i Image) pack() (v1.Image, error) {
	content, err := i.layer()
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

// layer is the file system as a tar stream: parents before children, no times, so that
// equal inputs are equal images.
func (i Image) layer() ([]byte, error) {
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

// clusterImages are the images of the cluster's own pods.
func clusterImages(tools *Toolbox) []Image {
	return []Image{
		{
			Name: pauseImage, User: "65535:65535", Entrypoint: []string{"/pause"},
			Files: map[string]string{"/pause": tools.file(partPause, "pause")},
		},
		{
			Name: corednsImage, Entrypoint: []string{"/coredns"},
			Files: map[string]string{"/coredns": tools.file(partCoreDNS, "coredns")},
		},
		{
			Name: localPathImage, Entrypoint: []string{"/usr/bin/local-path-provisioner"}, Env: []string{"PATH=/usr/bin"},
			Files: map[string]string{"/usr/bin/local-path-provisioner": tools.file(partLocalPath, "local-path-provisioner")},
		},
		{
			Name: helperImage, Entrypoint: []string{"/bin/sh"}, Env: []string{"PATH=/bin"}, Folders: []string{"/tmp"},
			Files: map[string]string{"/bin/busybox": busyboxPath}, Links: helperLinks(),
		},
	}
}

// helperLinks are the commands that local-path's scripts use, and a few for looking around
// in a namespace by hand.
func helperLinks() map[string]string {
	links := map[string]string{}
	for _, command := range []string{
		"cat", "chmod", "chown", "cp", "date", "dd", "df", "du", "echo", "env", "false", "find", "grep", "head", "hostname",
		"httpd", "id", "ip", "ls", "mkdir", "mv", "nc", "nslookup", "ps", "rm", "sed", "sh", "sleep", "tail", "test",
		"touch", "true", "wc",
	} {
		links["/bin/"+command] = "busybox"
	}
	return links
}
