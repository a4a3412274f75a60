// Package repo tells tests where the clone is and what is in it.
package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Module is what every import path of the repository begins with.
const Module = "github.com/store-platform/store-platform"

// Root is the clone's folder, looked for upwards from the working directory: where go.work lies.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the clone: no go.work above the working directory: %w", fs.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
}

// Files lists what git knows of the patterns, or would add, and is still there; slash-separated, relative to root.
func Files(root string, patterns ...string) ([]string, error) {
	list := exec.Command("git", append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"}, patterns...)...)
	list.Dir = root
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of the clone: %w", err)
	}
	var names []string
	for name := range strings.SplitSeq(strings.TrimRight(string(output), "\x00"), "\x00") {
		_, err := os.Stat(filepath.Join(root, name))
		switch {
		case err == nil && name != "":
			names = append(names, name)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return names, nil
}
