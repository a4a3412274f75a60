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
	module, err := run(ctx, "", []string{"GOWORK="}, "list", "-m", "-f", "{{.Dir}}", supervisor)
	if err != nil {
		return "", fmt.Errorf("find the supervisor: %w", err)
	}
	// The flags that the run of all tests builds the supervisor with: others would compile everything once more.
	line, err := run(ctx, module, []string{"GOWORK=off", "CGO_ENABLED=0"}, "run", "-trimpath", "./cmd/local", "programs", program)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", program, err)
	}
	_, path, found := strings.Cut(line, "\t")
	if !found || !filepath.IsAbs(path) {
		return "", fmt.Errorf("build %s: the supervisor says %q", program, line)
	}
	return path, nil
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
