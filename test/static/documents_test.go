package static

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

var (
	codeBlock  = regexp.MustCompile("(?s)```(?:bash|sh)\n(.*?)```")
	makeTarget = regexp.MustCompile(`(?m)^([a-z-]+)::?`)
	makeCall   = regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	script     = regexp.MustCompile(`\b(scripts/[a-z-]+\.sh)`)
	link       = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

func documents(t *testing.T) []string {
	t.Helper()
	names, err := repo.Files(root(t), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestDocumentsNameWhatIsThere: commands of README and the others call targets and scripts that exist, links lead somewhere.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	dir := root(t)
	var targets []string
	for _, match := range makeTarget.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets = append(targets, match[1])
	}
	for _, name := range documents(t) {
		text := read(t, name)
		for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
			for _, call := range makeCall.FindAllStringSubmatch(block[1], -1) {
				if !slices.Contains(targets, call[1]) {
					t.Errorf("%s calls make %s, which isn't a target", name, call[1])
				}
			}
		}
		for _, match := range script.FindAllStringSubmatch(text, -1) {
			if info, err := os.Stat(filepath.Join(dir, match[1])); err != nil || info.Mode()&0o100 == 0 {
				t.Errorf("%s names %s, which isn't there to be run", name, match[1])
			}
		}
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(dir, filepath.Dir(name), match[1])); err != nil {
				t.Errorf("%s links to %s, which isn't there", name, match[1])
			}
		}
	}
}

func TestReadmeBeginsWithTheTwoCommands(t *testing.T) {
	text := read(t, "README.md")
	for _, command := range []string{"make up", "make test"} {
		if at := strings.Index(text, command); at < 0 || strings.Count(text[:at], "\n") > 30 {
			t.Errorf("README.md doesn't name %q on top", command)
		}
	}
}

// Who goes back to the release before leaves the broker as it is, and finds its name there.
func TestReadmeGoesBackWithTheBrokerOfTheChart(t *testing.T) {
	_, broker, found := strings.Cut(read(t, "README.md"), "--set nats.image=")
	broker, _, _ = strings.Cut(broker, " ")
	if !found || !strings.Contains(read(t, "deploy/k8s/values.yaml"), "  image: "+broker+"\n") {
		t.Errorf("README.md goes back with the broker %q, which is not the chart's", broker)
	}
}
