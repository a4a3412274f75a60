package engine

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ChartFile is one file of a pack's chart; Name is relative to the chart's folder, as Helm's loader
// wants it.
type ChartFile struct {
	Name string
	Data []byte
}

// Chart reads the chart of a pack from the file system that the pack was loaded from, with the charts that it uses.
func Chart(fsys fs.FS, pack Pack) ([]ChartFile, error) {
	folder := path.Join(Folder(fsys, pack), chartFolder)
	files, err := readFolder(fsys, folder)
	if err != nil {
		return nil, fmt.Errorf("read chart of engine %s: %w", pack.Name, err)
	}
	used, err := dependencies(fsys, folder, files)
	if err != nil {
		return nil, fmt.Errorf("add what the chart of engine %s uses: %w", pack.Name, err)
	}
	return append(files, used...), nil
}

// dependencies are the files of the charts that Chart.yaml says to lie beside it (`repository: file://…`), put where
// `helm dependency build` would: what several charts use lies there once, and each still has it in its digest. A chart that
// has charts/ has been built, and stays what it was then.
func dependencies(fsys fs.FS, folder string, files []ChartFile) ([]ChartFile, error) {
	if slices.ContainsFunc(files, func(file ChartFile) bool { return strings.HasPrefix(file.Name, "charts/") }) {
		return nil, nil
	}
	var about struct {
		Dependencies []struct{ Name, Repository string }
	}
	for _, file := range files {
		if file.Name != "Chart.yaml" {
			continue
		}
		if err := yaml.Unmarshal(file.Data, &about); err != nil {
			return nil, fmt.Errorf("decode Chart.yaml: %w", err)
		}
	}
	var all []ChartFile
	for _, dependency := range about.Dependencies {
		beside, local := strings.CutPrefix(dependency.Repository, "file://")
		if !local {
			continue
		}
		used, err := readFolder(fsys, path.Join(folder, beside))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", dependency.Repository, err)
		}
		for _, file := range used {
			all = append(all, ChartFile{Name: path.Join("charts", dependency.Name, file.Name), Data: file.Data})
		}
	}
	return all, nil
}

// readFolder names the files as they are called within it.
func readFolder(fsys fs.FS, folder string) ([]ChartFile, error) {
	root, err := fs.Sub(fsys, folder)
	if err != nil {
		return nil, err
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
	return files, err
}
