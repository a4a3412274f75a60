// Package programtest tells tests where the platform's programs are, as they run in production.
//
// A run of all tests builds each program once and hands its path over in a variable (Variable). A path holds the key of what
// the program is made of, so the Go tool, which sees the variables that a test reads but not what it executes, knows when a
// result that it kept is one of another program. Without the variable, as when somebody tests one package, `make up`'s
// supervisor is asked, through whose cache the run has them too. Who asks calls guard.Main first thing in TestMain.
package programtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/store-platform/store-platform/pkg/guard"
)

// supervisor is the module of the program that builds the others.
const supervisor = "github.com/store-platform/store-platform/deploy/local"

// Variable names the one that holds the path of a program, as in STORE_GATEWAY_PROGRAM.
func Variable(program string) string {
	return strings.ToUpper(strings.ReplaceAll(program, "-", "_")) + "_PROGRAM"
}

// Path is where a program of the clone is, by its name, as in store-gateway. Where it isn't built yet that takes as long
// as building it.
func Path(ctx context.Context, program string) (string, error) {
	if path := os.Getenv(Variable(program)); path != "" {
		return path, nil
	}
	paths, err := build(ctx, program)
	return paths[program], err
}

// In builds programs of another tree of the platform, a release's say, and answers their paths by their names. What that
// tree and the clone share is compiled once.
func In(ctx context.Context, tree string, programs ...string) (map[string]string, error) {
	return build(ctx, append([]string{"--in", tree}, programs...)...)
}

// build has the supervisor build what its words say.
func build(ctx context.Context, words ...string) (map[string]string, error) {
	module, err := run(ctx, "", []string{"GOWORK="}, "list", "-m", "-f", "{{.Dir}}", supervisor)
	if err != nil {
		return nil, fmt.Errorf("find the supervisor: %w", err)
	}
	// The flags that the run of all tests builds the supervisor with: others would compile everything once more.
	lines, err := run(ctx, module, []string{"GOWORK=off", "CGO_ENABLED=0"}, append([]string{"run", "-trimpath", "./cmd/local", "programs"}, words...)...)
	if err != nil {
		return nil, fmt.Errorf("build programs: %w", err)
	}
	paths := map[string]string{}
	for line := range strings.Lines(lines) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("build programs: the supervisor says %q", line)
		}
		paths[name] = path
	}
	return paths, nil
}

// run answers what the Go tool prints, without the end of the line.
func run(ctx context.Context, dir string, settings []string, words ...string) (string, error) {
	command := exec.Command("go", words...)
	command.Dir, command.Env = dir, append(os.Environ(), settings...)
	var said bytes.Buffer
	command.Stderr = &said
	var output strings.Builder
	command.Stdout = &output
	if err := guard.Run(ctx, command); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(words, " "), err, said.Bytes())
	}
	return strings.TrimSpace(output.String()), nil
}
