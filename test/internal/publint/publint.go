// Package publint finds writers of the log beside the one function that appends, and readers of its subjects beside the
// functions that know how these look.
//
// The fence of the log holds only while everybody uses it: a publish to "store.>" that doesn't say what it has seen slips
// past it on a replicated stream. The broker's permissions stop a service that may not write at all; this lint stops the
// services that may. It reads sources, not types, and is strict instead: a publish whose subject can't be proven to be
// something else is a finding, and so is any literal from which a subject of the log could be built, and any subject that
// is taken apart by hand: it has two forms, and whoever knows one of them overlooks other clusters' stores.
package publint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Finding is a line to look at.
type Finding struct {
	// File is relative to the checked folder.
	File string
	Line int
	What string
}

func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What) }

// Exception is a function that may do what the lint forbids. Func is empty for what stands outside functions.
type Exception struct{ File, Func string }

// checker holds the sources while they are read.
type checker struct {
	module     string
	exceptions []Exception
	files      *token.FileSet
	sources    []source
	constants  map[string]map[string]ast.Expr
	findings   []Finding
}

type source struct {
	name    string
	syntax  *ast.File
	imports map[string]string
}

// Check reads the named files below root, slash-separated, whose import paths begin with module.
func Check(root, module string, names []string, exceptions []Exception) ([]Finding, error) {
	c := &checker{module: module, exceptions: exceptions, files: token.NewFileSet(), constants: map[string]map[string]ast.Expr{}}
	for _, name := range names {
		syntax, err := parser.ParseFile(c.files, filepath.Join(root, filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		c.sources = append(c.sources, source{name: name, syntax: syntax, imports: importsOf(syntax)})
		c.collectConstants(path.Dir(name), syntax)
	}
	for _, s := range c.sources {
		c.check(s)
	}
	return c.findings, nil
}

func importsOf(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = target
	}
	return names
}

func (c *checker) collectConstants(dir string, file *ast.File) {
	if c.constants[dir] == nil {
		c.constants[dir] = map[string]ast.Expr{}
	}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			for i, value := range values.Values {
				c.constants[dir][values.Names[i].Name] = value
			}
		}
	}
}

func (c *checker) check(s source) {
	for _, decl := range s.syntax.Decls {
		name := ""
		if f, ok := decl.(*ast.FuncDecl); ok {
			name = f.Name.Name
		}
		if slices.Contains(c.exceptions, Exception{s.name, name}) {
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				c.checkLiteral(s, n)
			case *ast.CallExpr:
				c.checkCall(s, n)
			case *ast.KeyValueExpr:
				c.checkField(s, n)
			}
			return true
		})
	}
}

func (c *checker) find(s source, n ast.Node, format string, args ...any) {
	c.findings = append(c.findings, Finding{File: s.name, Line: c.files.Position(n.Pos()).Line, What: fmt.Sprintf(format, args...)})
}

// logSubject is how a subject of the log, or a beginning of one, looks as a literal.
var logSubject = regexp.MustCompile(`^store\.($|[*>%]|[a-z0-9]+\.(command|event|[*>]))`)

func (c *checker) checkLiteral(s source, literal *ast.BasicLit) {
	text, ok := unquote(literal)
	switch {
	case !ok:
	case logSubject.MatchString(text):
		c.find(s, literal, "subject of the log spelled out: %s", literal.Value)
	case strings.HasPrefix(text, "Nats-Schedule"):
		c.find(s, literal, "a schedule publishes without the fence")
	}
}

// forwarding are fields of stream configurations that make the broker itself publish or rename.
var forwarding = []string{"RePublish", "SubjectTransform", "SubjectTransforms", "Sources", "Mirror"}

func (c *checker) checkField(s source, field *ast.KeyValueExpr) {
	key, ok := field.Key.(*ast.Ident)
	if ok && slices.Contains(forwarding, key.Name) && s.usesNATS() {
		c.find(s, field, "%s makes the broker write without the fence", key.Name)
	}
}

func (s source) usesNATS() bool {
	for _, target := range s.imports {
		if strings.HasPrefix(target, "github.com/nats-io/") {
			return true
		}
	}
	return false
}
