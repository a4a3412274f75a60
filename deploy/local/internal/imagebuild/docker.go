package imagebuild

import (
	"context"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
)

// docker builds on the Docker engine of this machine. The base is the one that the Dockerfile names.
type docker struct{ *Builder }

func (docker) identity() string   { return "docker" }
func (docker) packages() []string { return nil }

func (d docker) build(ctx context.Context, j *job) error {
	total := 0
	for _, target := range j.targets() {
		total += j.file.count(target, j.contexts, layers)
	}
	meter := &meter{file: j.file, progress: j.progress, total: total}
	for _, target := range j.targets() {
		meter.seen = map[string]bool{}
		words := []string{"build", "--progress", "plain", "--target", target, "--tag", j.pack.Images[target]}
		words = append(append(words, j.contextFlags()...), j.folder)
		command := exec.Command("docker", words...)
		command.Env = environment(j.dir)
		if err := d.run(ctx, "build image "+target+" of "+j.pack.Title, command, meter.take); err != nil {
			return err
		}
	}
	words := append([]string{"save", "--output", filepath.Join(j.dir, archiveFile)}, slices.Sorted(maps.Values(j.pack.Images))...)
	return d.run(ctx, "save the images of "+j.pack.Title, exec.Command("docker", words...), nil)
}

// contextFlags hand folders in for stages.
func (j *job) contextFlags() []string {
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(j.contexts)) {
		flags = append(flags, "--build-context", name+"="+j.contexts[name])
	}
	return flags
}
