package static

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// Whoever writes a new reason explains it in the table of pkg/reason: people look for it in docs/reasons.md and are led there by the
// gateway. What is explained is given somewhere, too.
func TestEveryReasonIsExplained(t *testing.T) {
	givers, said := map[string]string{}, map[string]bool{}
	for name, file := range program(t) {
		for literal, isReason := range reasonsIn(file) {
			said[literal] = true
			if isReason {
				givers[literal] = name
			}
		}
	}
	if len(givers) < 40 {
		t.Errorf("only %d reasons were found", len(givers))
	}
	for given, name := range givers {
		if _, explained := reason.Of(given); !explained {
			t.Errorf("%s gives the reason %s, which the table doesn't explain", name, given)
		}
	}
	for _, e := range reason.All {
		// Kubernetes has a constant of its own for this one.
		if !said[e.Name] && e.Name != "Unschedulable" {
			t.Errorf("nobody gives the reason %s", e.Name)
		}
	}
}

// program are the files of the platform's own programs, but for the table itself, which gives none.
func program(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := repo.Files(root(t), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		inProgram := strings.HasPrefix(name, "pkg/") || strings.HasPrefix(name, "services/")
		if !inProgram || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/engines/") || strings.HasPrefix(name, "pkg/reason/") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), name), nil, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

var camel = regexp.MustCompile(`^[A-Z][A-Za-z]*[a-z]$`)

// reasonsIn are a file's words in CamelCase, and whether they are given as a store's reason. A sweep's alarm has its own page.
func reasonsIn(file *ast.File) map[string]bool {
	words := map[string]bool{}
	take := func(isReason bool, values ...ast.Expr) {
		for _, value := range values {
			if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if word, err := strconv.Unquote(literal.Value); err == nil && camel.MatchString(word) {
					words[word] = words[word] || isReason
				}
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			take(false, n)
		case *ast.CompositeLit:
			if named, ok := n.Type.(*ast.SelectorExpr); ok && named.Sel.Name == "Alarm" {
				return false
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "reason") {
				take(true, n.Value)
			}
		case *ast.ValueSpec:
			take(strings.HasPrefix(strings.ToLower(n.Names[0].Name), "reason"), n.Values...)
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"wrap", "take"}, called.Name) {
				take(true, n.Args...)
			}
			if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "refusal" {
				take(true, n.Args...)
			}
		}
		return true
	})
	return words
}
