package tiers

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/test/internal/before"
)

// buildPrograms builds the platform's programs, each once for all tests of the run, and answers their paths by their names.
func (r *runner) buildPrograms(ctx context.Context) (map[string]string, error) {
	local, err := r.buildLocal(ctx)
	if err != nil {
		return nil, err
	}
	paths, err := r.askForPrograms(ctx, local)
	if err != nil {
		return nil, err
	}
	tree, err := before.Tree(ctx, r.repo)
	if err != nil {
		return nil, err
	}
	older, err := r.askForPrograms(ctx, local, append([]string{"--in", tree}, before.Programs...)...)
	if err != nil {
		return nil, fmt.Errorf("of the release before: %w", err)
	}
	for name, path := range older {
		paths[before.Name(name)] = path
	}
	return paths, nil
}

// askForPrograms has the supervisor build what the words say.
func (r *runner) askForPrograms(ctx context.Context, local string, words ...string) (map[string]string, error) {
	build := r.command(ctx, ".", local, append([]string{"programs"}, words...)...)
	var said bytes.Buffer
	build.Stderr = &said
	lines, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("build the programs: %w\n%s", err, said.Bytes())
	}
	paths := map[string]string{}
	for line := range strings.Lines(string(lines)) {
		name, path, found := strings.Cut(strings.TrimSpace(line), "\t")
		if !found {
			return nil, fmt.Errorf("build the programs: the supervisor says %q", line)
		}
		paths[name] = path
	}
	return paths, nil
}

// program is the path of one of them.
func (r *runner) program(name string) (string, error) {
	paths, err := r.programs()
	if err == nil && paths[name] == "" {
		err = fmt.Errorf("find %s: the supervisor doesn't build it", name)
	}
	return paths[name], err
}

// programVariables tell tests where all of them are.
func (r *runner) programVariables() ([]string, error) {
	paths, err := r.programs()
	var variables []string
	for name, path := range paths {
		variables = append(variables, programtest.Variable(name)+"="+path)
	}
	return variables, err
}
