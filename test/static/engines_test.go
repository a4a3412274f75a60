package static

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

const enginesFolder = "services/provisioner/engines"

// mayNameEngines are folders of product modules that only tests link.
var mayNameEngines = []string{"services/events/internal/logtest/"}

// TestNoEnginesNameStandsInTheCode: an engine is its folder, so that adding one is adding a folder. Names and texts of the
// code count; what documents an API by example doesn't.
func TestNoEnginesNameStandsInTheCode(t *testing.T) {
	dir := root(t)
	folders, err := filepath.Glob(filepath.Join(dir, enginesFolder, "*", "engine.yaml"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("find the engines: %v, %v", folders, err)
	}
	// What an engine consists of counts as its name.
	names := []string{"wordpress"}
	for _, folder := range folders {
		names = append(names, filepath.Base(filepath.Dir(folder)))
	}
	// A word of its own, or a part of a longer name, as in medusaPort.
	words := regexp.MustCompile(`(?i)(` + strings.Join(names, "|") + `)`)
	files, err := repo.Files(dir, "pkg/*.go", "services/*.go", "deploy/*.go", ":!:*_test.go", ":!:"+enginesFolder+"/*/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Errorf("only %d files were read", len(files))
	}
	for _, name := range files {
		if slices.ContainsFunc(mayNameEngines, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		for _, found := range namesIn(t, filepath.Join(dir, name), words) {
			t.Errorf("%s:%s", name, found)
		}
	}
}

// generic are names that say nothing of an engine, although one is called so.
var generic = regexp.MustCompile(`(?i)^(re)?sampl(e[drs]*|ing)$`)

// namesIn finds the words in a file's identifiers and texts, struct tags left out.
func namesIn(t *testing.T, path string, words *regexp.Regexp) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	tags := map[*ast.BasicLit]bool{}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		text := ""
		switch n := n.(type) {
		case *ast.Field:
			tags[n.Tag] = true
		case *ast.Ident:
			if text = n.Name; generic.MatchString(text) {
				text = ""
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && !tags[n] {
				text = n.Value
			}
		}
		if words.MatchString(text) {
			found = append(found, fmt.Sprintf("%d: %s", fset.Position(n.Pos()).Line, text))
		}
		return true
	})
	return found
}
