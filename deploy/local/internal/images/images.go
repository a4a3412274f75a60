// Package images is what the supervisor knows of the engines' images: which packs bring something to build, what was
// handed in for it, and how to ask the program that does it (cmd/images, by package imagebuild). Building, packing and
// pushing take a registry client, a Docker configuration and BuildKit's parser, which page and API needn't be kept
// waiting for: the supervisor links none of them, and builds that program when the cluster's turn has come.
package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/store-platform/store-platform/pkg/engine"
)

// Pack is an engine and the folder it was read from.
type Pack struct {
	engine.Pack
	Folder string `json:"folder"`
}

// Key tells a pack from others, and from other versions of its engine.
func (p Pack) Key() string { return p.Name + "." + p.Version }

// Image is the archive of an engine's images, as `docker save` would write it.
type Image struct {
	Names []string `json:"names"` // as the pack has them
	Path  string   `json:"path"`
}

// Progress hears what a build is at: a phrase for people, and how many of how many steps are behind it; total is 0 while
// unknown. It is called from one goroutine at a time.
type Progress func(message string, done, total int)

// Settings are the folders handed in for a pack's sources, by the name of the setting. Empty values are as good as none.
type Settings map[string]string

// BuildError is a build that failed. Tail is what the program said last.
type BuildError struct {
	Doing string
	Tail  []string
	Err   error
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("%s: %v\n  %s", e.Doing, e.Err, strings.Join(e.Tail, "\n  "))
}

func (e *BuildError) Unwrap() error { return e.Err }

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
			if _, err := pack.SourceFolder(source, absolute); err != nil {
				return nil, err
			}
			settings[source.Setting] = absolute
		}
	}
	return settings, nil
}

// SourceFolder is a folder that is handed in, without links: what they lead to is what goes into an image.
func (p Pack) SourceFolder(source engine.Source, path string) (string, error) {
	folder, err := filepath.EvalSymlinks(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
	}
	return "", fmt.Errorf("%s=%s is no folder; it is to hold the source %s of %s", source.Setting, path, source.Name, p.Title)
}

// Dockerfile is its name in ImageFolder.
const Dockerfile = "Dockerfile"

// ImageFolder holds what a pack's images are built of.
func (p Pack) ImageFolder() string { return filepath.Join(p.Folder, "image") }

// IsModule tells whether the images are built of a Go module. Else they are built of a Dockerfile, or not at all.
func (p Pack) IsModule() bool { return isFile(filepath.Join(p.ImageFolder(), "go.mod")) }

// Builds tells whether the pack brings images that are built. One whose images come from a registry doesn't.
func (p Pack) Builds() bool {
	return p.IsModule() || isFile(filepath.Join(p.ImageFolder(), Dockerfile))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}
