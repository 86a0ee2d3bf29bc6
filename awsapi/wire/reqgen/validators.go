package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// requiredIn reads a validators.go: each function `validateX(v *types.X) error` holds, for each required
// member, a call of smithy.NewErrParamRequired with its name in Go.
func requiredIn(file string) (map[string][]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	required := map[string][]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "validate") {
			continue
		}
		name := pointedTo(fn)
		if name == "" {
			continue
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if member := requiredMember(n); member != "" {
				required[name] = append(required[name], member)
			}
			return true
		})
	}
	return required, nil
}

// pointedTo names the type that a validator's only parameter points to; lists and unions are passed as
// values and need no entry, since their elements have validators of their own.
func pointedTo(fn *ast.FuncDecl) string {
	params := fn.Type.Params.List
	if len(params) != 1 {
		return ""
	}
	star, ok := params[0].Type.(*ast.StarExpr)
	if !ok {
		return ""
	}
	switch t := star.X.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return t.Sel.Name
	}
	return ""
}

// requiredMember returns the argument of a call of NewErrParamRequired.
func requiredMember(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return ""
	}
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fn.Sel.Name != "NewErrParamRequired" {
		return ""
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}
