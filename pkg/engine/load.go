package engine

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File names inside a pack's folder.
const (
	packFile    = "engine.yaml"
	chartFolder = "chart"
	retiredFile = "retired"
)

// Load reads every folder of fsys as an engine: one pack, or a folder for each version of it. They are sorted by name and
// version, oldest first. It refuses the whole lot when one is wrong: the error names file, field or line, and an operator
// has just changed something. Entries that begin with "." or "_" (a mounted ConfigMap is full of them), "testdata" and
// "lost+found" (a mounted volume has it) are no packs; neither are files beside the folders.
func Load(fsys fs.FS) ([]Pack, error) {
	engines, err := folders(fsys, ".")
	if err != nil {
		return nil, err
	}
	var packs []Pack
	for _, name := range engines {
		versions, err := versionFolders(fsys, name)
		if err != nil {
			return nil, err
		}
		for _, folder := range versions {
			pack, err := LoadPack(fsys, folder)
			if err != nil {
				return nil, err
			}
			packs = append(packs, pack)
		}
	}
	slices.SortFunc(packs, func(a, b Pack) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), CompareVersions(a.Version, b.Version))
	})
	return packs, nil
}

// folders lists those below one that may hold packs.
func folders(fsys fs.FS, below string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, below)
	if err != nil {
		return nil, fmt.Errorf("list engine packs: %w", err)
	}
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "lost+found" {
			continue
		}
		// Stat and not entry.IsDir: an operator may mount a pack as a link.
		info, err := fs.Stat(fsys, path.Join(below, name))
		if err != nil {
			return nil, fmt.Errorf("look at engine pack: %w", err)
		}
		if info.IsDir() {
			found = append(found, path.Join(below, name))
		}
	}
	return found, nil
}

// versionFolders are the packs of one engine: its folder, or those in it. Where no folder has an engine.yaml it is the
// engine's own that is missed.
func versionFolders(fsys fs.FS, name string) ([]string, error) {
	if exists(fsys, path.Join(name, packFile)) {
		return []string{name}, nil
	}
	inner, err := folders(fsys, name)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(inner, func(folder string) bool { return exists(fsys, path.Join(folder, packFile)) }) {
		return inner, nil
	}
	return []string{name}, nil
}

func exists(fsys fs.FS, file string) bool {
	_, err := fs.Stat(fsys, file)
	return err == nil
}

// Folder is where a pack that was loaded from fsys lies in it.
func Folder(fsys fs.FS, pack Pack) string {
	if exists(fsys, path.Join(pack.Name, packFile)) {
		return pack.Name
	}
	return path.Join(pack.Name, pack.Version)
}

// LoadPack reads one folder of fsys, <name> or <name>/<version>, as a pack. The error names file, field or line.
func LoadPack(fsys fs.FS, folder string) (Pack, error) {
	file := path.Join(folder, packFile)
	content, err := fs.ReadFile(fsys, file)
	if err != nil {
		return Pack{}, fmt.Errorf("read engine pack: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var pack Pack
	if err := decoder.Decode(&pack); err != nil {
		return Pack{}, fmt.Errorf("decode %s: %w", file, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Pack{}, fmt.Errorf("decode %s: more than one document", file)
	}
	pack.normalize()
	pack.Retired = exists(fsys, path.Join(folder, retiredFile))
	if err := pack.Validate(); err != nil {
		return Pack{}, fmt.Errorf("validate %s: %w", file, err)
	}
	name, version, versioned := strings.Cut(folder, "/")
	switch {
	case pack.Name != name:
		return Pack{}, fmt.Errorf("validate %s: %w", file,
			fieldErrorf("name", "is %q, and the folder is called %q", pack.Name, name))
	case versioned && pack.Version != version:
		return Pack{}, fmt.Errorf("validate %s: %w", file,
			fieldErrorf("version", "is %q, and the folder is called %q", pack.Version, version))
	}
	return pack, nil
}

// normalize gives numbers the types that they have after a way through JSON, so that a pack is the same
// whether it comes from a file or from the catalog, and options the change that they leave out.
func (p *Pack) normalize() {
	p.Options = slices.Clone(p.Options)
	for i, option := range p.Options {
		if n, ok := integer(option.Default); ok {
			p.Options[i].Default = n
		}
		if option.Change == "" {
			p.Options[i].Change = ChangeNever
		}
	}
	for name, value := range p.Probe.Fields {
		if n, ok := integer(value); ok {
			p.Probe.Fields[name] = float64(n)
		}
	}
}
