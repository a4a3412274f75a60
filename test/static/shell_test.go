package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// shell is the first line of a script, or what stands there in one that is only ever sourced.
var shell = regexp.MustCompile(`^#(!.*\b(ba|da)?sh\b|\s*shellcheck shell=)`)

// TestScriptsAreSound: no script of the clone, an image's included, says what shells understand otherwise than it looks.
func TestScriptsAreSound(t *testing.T) {
	dir := root(t)
	names, err := repo.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"--external-sources", "--exclude", "SC1091"} // what a script sources in its image lies elsewhere here
	var scripts []string
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && shell.Match(data) {
			scripts = append(scripts, name)
		}
	}
	if len(scripts) < 10 {
		t.Fatalf("only these look like scripts: %q", scripts)
	}
	check := exec.CommandContext(t.Context(), "shellcheck", append(words, scripts...)...)
	check.Dir = dir
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, output)
	}
}
