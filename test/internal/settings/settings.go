// Package settings reads from the sources which environment variables a service takes: the env tags of its Config struct and
// of the structs embedded in it. Reading sources, it needs none of what the services link.
package settings

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// Setting is one environment variable.
type Setting struct {
	// Type is the Go type, as it is written.
	Type string
	// Told is what the log may say of it (pkg/config).
	Told     string
	Required bool
	// Default is kong's, as text.
	Default string
}

// Of reads the settings of the service in services/<name>, by variable.
func Of(root, name string) (map[string]Setting, error) {
	return ofStruct(root, "services/"+name, "Config")
}

func ofStruct(root, dir, name string) (map[string]Setting, error) {
	sources, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list the sources of %s: %w", dir, err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", dir, err)
		}
		if fields := fieldsOf(file, name); fields != nil {
			return collect(root, dir, file, fields)
		}
	}
	return nil, fmt.Errorf("find struct %s in %s: %w", name, dir, fs.ErrNotExist)
}

func fieldsOf(file *ast.File, name string) *ast.FieldList {
	var found *ast.FieldList
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			if s, ok := spec.Type.(*ast.StructType); ok {
				found = s.Fields
			}
		}
		return found == nil
	})
	return found
}

func collect(root, dir string, file *ast.File, fields *ast.FieldList) (map[string]Setting, error) {
	settings := map[string]Setting{}
	for _, field := range fields.List {
		var tag reflect.StructTag
		if field.Tag != nil {
			text, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				return nil, err
			}
			tag = reflect.StructTag(text)
		}
		if variable := tag.Get("env"); variable != "" {
			_, required := tag.Lookup("required")
			settings[variable] = Setting{Type: types.ExprString(field.Type), Told: tag.Get("told"), Required: required, Default: tag.Get("default")}
			continue
		}
		_, embedded := tag.Lookup("embed")
		if !embedded && len(field.Names) > 0 {
			continue
		}
		inner, err := ofType(root, dir, file, field.Type)
		if err != nil {
			return nil, err
		}
		maps.Copy(settings, inner)
	}
	return settings, nil
}

// ofType follows an embedded struct, of the same package or of another one of ours.
func ofType(root, dir string, file *ast.File, expression ast.Expr) (map[string]Setting, error) {
	switch t := expression.(type) {
	case *ast.Ident:
		return ofStruct(root, dir, t.Name)
	case *ast.SelectorExpr:
		qualifier, ok := t.X.(*ast.Ident)
		if !ok {
			break
		}
		for _, spec := range file.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, err
			}
			inner, ours := strings.CutPrefix(target, repo.Module+"/")
			if ours && (spec.Name != nil && spec.Name.Name == qualifier.Name || spec.Name == nil && filepath.Base(target) == qualifier.Name) {
				return ofStruct(root, inner, t.Sel.Name)
			}
		}
	}
	return nil, errors.New("an embedded struct of " + dir + " can't be followed")
}
