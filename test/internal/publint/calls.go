package publint

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// checkCall judges calls by the method's name: whatever the receiver is, a client of NATS, a wrapper or an interface, it is
// called the same.
func (c *checker) checkCall(s source, call *ast.CallExpr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	receiver, isName := method.X.(*ast.Ident)
	isPackage := isName && s.imports[receiver.Name] != ""
	switch method.Sel.Name {
	case "Publish", "PublishAsync", "PublishRequest":
		// A package's own function of that name is read like any other.
		if !isPackage && !c.leadsElsewhere(s, firstSubject(call.Args)) && !c.leadsElsewhere(s, secondSubject(call.Args)) {
			c.find(s, call, "%s with a subject that could be one of the log", method.Sel.Name)
		}
	case "PublishMsg", "PublishMsgAsync":
		if !isPackage && !c.leadsElsewhere(s, messageSubject(call.Args)) {
			c.find(s, call, "%s with a subject that could be one of the log", method.Sel.Name)
		}
	case "Split", "SplitN", "SplitSeq", "Cut", "CutPrefix", "CutSuffix", "TrimPrefix", "TrimSuffix", "HasPrefix", "HasSuffix", "Contains":
		if isPackage && s.imports[receiver.Name] == "strings" && len(call.Args) > 1 && isSubject(call.Args[0]) && !c.begins(s, call.Args[1]) {
			c.find(s, call, "a subject taken apart: storelog.StoreOf and ClusterOf know both its forms")
		}
	case "WithScheduleTarget", "WithSchedule", "WithScheduleAt":
		c.find(s, call, "a schedule publishes without the fence")
	}
}

// begins tells whether a text certainly is the beginning of another subject than one of the log, not a part of any.
func (c *checker) begins(s source, text ast.Expr) bool {
	known := c.beginning(path.Dir(s.name), s.imports, text, 0)
	return c.leadsElsewhere(s, text) && !strings.HasPrefix(known, ".")
}

// isSubject tells by its name what holds a message's subject.
func isSubject(argument ast.Expr) bool {
	switch e := argument.(type) {
	case *ast.CallExpr:
		return isSubject(e.Fun)
	case *ast.SelectorExpr:
		return isSubject(e.Sel)
	case *ast.Ident:
		return strings.HasSuffix(strings.ToLower(e.Name), "subject")
	}
	return false
}

func firstSubject(args []ast.Expr) ast.Expr {
	if len(args) < 2 {
		return nil
	}
	return args[0]
}

// secondSubject is where jetstream's methods have it, behind a context.
func secondSubject(args []ast.Expr) ast.Expr {
	if len(args) < 3 {
		return nil
	}
	return args[1]
}

// messageSubject is the subject of a message made where it is published: nats.NewMsg(subject) or &nats.Msg{Subject: …}.
func messageSubject(args []ast.Expr) ast.Expr {
	for _, arg := range args {
		if address, ok := arg.(*ast.UnaryExpr); ok && address.Op == token.AND {
			arg = address.X
		}
		switch made := arg.(type) {
		case *ast.CallExpr:
			if f, ok := made.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "NewMsg" && len(made.Args) == 1 {
				return made.Args[0]
			}
		case *ast.CompositeLit:
			for _, element := range made.Elts {
				field, ok := element.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				if key, ok := field.Key.(*ast.Ident); ok && key.Name == "Subject" {
					return field.Value
				}
			}
		}
	}
	return nil
}

// leadsElsewhere tells whether a subject certainly isn't one of the log: its beginning is known and is another.
func (c *checker) leadsElsewhere(s source, subject ast.Expr) bool {
	known := c.beginning(path.Dir(s.name), s.imports, subject, 0)
	return known != "" && !strings.HasPrefix(known, "store.") && !strings.HasPrefix("store.", known) && !strings.ContainsAny(known[:1], "*>")
}

// maxDepth bounds how far constants are followed.
const maxDepth = 10

// beginning is as much of a string expression as the sources tell; empty when they tell nothing.
func (c *checker) beginning(dir string, imports map[string]string, expression ast.Expr, depth int) string {
	if depth > maxDepth {
		return ""
	}
	switch e := expression.(type) {
	case *ast.BasicLit:
		text, _ := unquote(e)
		return text
	case *ast.ParenExpr:
		return c.beginning(dir, imports, e.X, depth+1)
	case *ast.BinaryExpr:
		return c.beginning(dir, imports, e.X, depth+1)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			text, _, _ := strings.Cut(c.beginning(dir, imports, e.Args[0], depth+1), "%")
			return text
		}
	case *ast.Ident:
		if value := c.constants[dir][e.Name]; value != nil {
			return c.beginning(dir, nil, value, depth+1)
		}
	case *ast.SelectorExpr:
		name, ok := e.X.(*ast.Ident)
		if !ok {
			break
		}
		target, ours := strings.CutPrefix(imports[name.Name], c.module+"/")
		if value := c.constants[target][e.Sel.Name]; ours && value != nil {
			return c.beginning(target, nil, value, depth+1)
		}
	}
	return ""
}

func unquote(literal *ast.BasicLit) (string, bool) {
	if literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
