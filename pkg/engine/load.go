package engine

import (
	"bytes"
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
)

// Load reads every folder of fsys as a pack, sorted by name. It refuses the whole lot when one is
// wrong: the error names file, field or line, and an operator has just changed something. Entries that
// begin with "." or "_" (a mounted ConfigMap is full of them), "testdata" and "lost+found" (a mounted
// volume has it) are no packs; neither are files beside the folders.
func Load(fsys fs.FS) ([]Pack, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list engine packs: %w", err)
	}
	var packs []Pack
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "lost+found" {
			continue
		}
		// Stat and not entry.IsDir: an operator may mount a pack as a link.
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("look at engine pack: %w", err)
		}
		if !info.IsDir() {
			continue
		}
		pack, err := LoadPack(fsys, name)
		if err != nil {
			return nil, err
		}
		packs = append(packs, pack)
	}
	return packs, nil
}

// LoadPack reads one folder of fsys as a pack. The error names file, field or line.
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
	if err := pack.Validate(); err != nil {
		return Pack{}, fmt.Errorf("validate %s: %w", file, err)
	}
	if pack.Name != folder {
		return Pack{}, fmt.Errorf("validate %s: %w", file,
			fieldErrorf("name", "is %q, and the folder is called %q", pack.Name, folder))
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

// ChartFile is one file of a pack's chart; Name is relative to the chart's folder, as Helm's loader
// wants it.
type ChartFile struct {
	Name string
	Data []byte
}

// Chart reads the chart of a pack from the file system that the pack was loaded from.
func Chart(fsys fs.FS, name string) ([]ChartFile, error) {
	root, err := fs.Sub(fsys, path.Join(name, chartFolder))
	if err != nil {
		return nil, fmt.Errorf("open chart of engine %s: %w", name, err)
	}
	var files []ChartFile
	err = fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		files = append(files, ChartFile{Name: file, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read chart of engine %s: %w", name, err)
	}
	return files, nil
}
