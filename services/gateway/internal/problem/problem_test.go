package problem

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

func TestEveryCodeHasItsKind(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				codes++
				code := Code(strings.Trim(literal.Value, `"`))
				if k := kinds[code]; http.StatusText(k.status) == "" || k.title == "" {
					t.Errorf("%s has no kind", code)
				}
			}
		}
		return true
	})
	if codes != len(kinds) {
		t.Errorf("%d codes, %d kinds", codes, len(kinds))
	}
}

func TestUnknownErrorsTellNothing(t *testing.T) {
	p := Of(errors.New("password is hunter2"))
	if p.Code != Internal || strings.Contains(p.Detail, "hunter2") {
		t.Errorf("problem %+v", p)
	}
	if p := Of(fmt.Errorf("read: %w", New(NotFound, "No."))); p.Code != NotFound {
		t.Errorf("a wrapped problem became %s", p.Code)
	}
	if p := Of(fiber.NewError(http.StatusTeapot, "secret")); strings.Contains(p.Detail, "secret") {
		t.Errorf("problem %+v", p)
	}
}
