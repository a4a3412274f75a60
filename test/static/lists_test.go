package static

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// The API takes its enums from lists that stand beside their constants: Statuses of Status, Tiers of Tier.
func TestAListHoldsEveryConstantOfItsType(t *testing.T) {
	names, err := repo.Files(root(t), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants, lists := map[string][]string{}, map[string][]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range group.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				if kind, typed := value.Type.(*ast.Ident); typed && group.Tok == token.CONST {
					key := filepath.Dir(name) + "." + kind.Name
					constants[key] = append(constants[key], value.Names[0].Name)
				}
				if kind, members := listed(value); kind != "" && group.Tok == token.VAR {
					lists[filepath.Dir(name)+"."+kind] = members
				}
			}
		}
	}
	if len(lists) < 4 {
		t.Errorf("only %v have lists", slices.Sorted(maps.Keys(lists)))
	}
	for kind, members := range lists {
		if !slices.Equal(slices.Sorted(slices.Values(members)), slices.Sorted(slices.Values(constants[kind]))) {
			t.Errorf("the list of %s is %v, its constants are %v", kind, members, constants[kind])
		}
	}
}

// listed reads `var Tiers = []Tier{…}`. Other lists are lists of some.
func listed(value *ast.ValueSpec) (kind string, members []string) {
	if len(value.Values) != 1 {
		return "", nil
	}
	literal, ok := value.Values[0].(*ast.CompositeLit)
	if !ok {
		return "", nil
	}
	array, ok := literal.Type.(*ast.ArrayType)
	if !ok {
		return "", nil
	}
	element, ok := array.Elt.(*ast.Ident)
	if !ok || value.Names[0].Name != element.Name+"s" && value.Names[0].Name != element.Name+"es" {
		return "", nil
	}
	for _, member := range literal.Elts {
		if constant, ok := member.(*ast.Ident); ok {
			members = append(members, constant.Name)
		}
	}
	return element.Name, members
}
