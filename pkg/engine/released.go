package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// releasedFile beside engine.yaml holds Digest as it was when the version was released.
const releasedFile = "released"

// Digest is of all of a pack that makes a store: engine.yaml and the chart with what it uses, by name and content.
func Digest(fsys fs.FS, pack Pack) (string, error) {
	content, err := fs.ReadFile(fsys, path.Join(Folder(fsys, pack), packFile))
	if err != nil {
		return "", fmt.Errorf("digest engine %s: %w", pack.Name, err)
	}
	chart, err := Chart(fsys, pack)
	if err != nil {
		return "", err
	}
	// By name, so that what the chart uses counts the same in the place that it has beside it and in charts/.
	slices.SortFunc(chart, func(a, b ChartFile) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, file := range append([]ChartFile{{Name: packFile, Data: content}}, chart...) {
		// Lengths, so that no name runs into its content.
		fmt.Fprintf(sum, "%d %s %d ", len(file.Name), file.Name, len(file.Data))
		sum.Write(file.Data)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// CheckReleased refuses a pack that is marked as released and isn't what was released: stores of it stand, and are held
// against its chart. A pack without the mark may change. Lint and the tests of the packs that ship call it.
func CheckReleased(fsys fs.FS, pack Pack) error {
	content, err := fs.ReadFile(fsys, path.Join(Folder(fsys, pack), releasedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read whether engine %s is released: %w", pack.Name, err)
	}
	digest, err := Digest(fsys, pack)
	if err != nil {
		return err
	}
	if was := strings.TrimSpace(string(content)); was != digest {
		return fmt.Errorf("version %s of %s was released as %q and is %s: what changes is a new version", pack.Version, pack.Name, was, digest)
	}
	return nil
}
