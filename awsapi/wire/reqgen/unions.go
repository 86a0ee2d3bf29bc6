package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// variant is one struct type of a union: goType is union + "Member" + member.
type variant struct {
	union, member, goType string
}

// unionTypes is what a types.go declares that reflection cannot find by itself.
type unionTypes struct {
	variants  []variant
	documents bool // some member is a document.Interface
}

// unionsIn reads a types.go: a union is an interface X with one method isX, its variants are structs named
// XMember... in the same file.
func unionsIn(file string) (unionTypes, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return unionTypes{}, err
	}
	var (
		found   unionTypes
		unions  []string
		structs []string
	)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			switch t := n.Type.(type) {
			case *ast.InterfaceType:
				if len(t.Methods.List) == 1 && len(t.Methods.List[0].Names) == 1 && t.Methods.List[0].Names[0].Name == "is"+n.Name.Name {
					unions = append(unions, n.Name.Name)
				}
			case *ast.StructType:
				structs = append(structs, n.Name.Name)
			}
		case *ast.Field:
			if isDocument(n.Type) {
				found.documents = true
			}
		}
		return true
	})
	for _, u := range unions {
		for _, s := range structs {
			if member, ok := strings.CutPrefix(s, u+"Member"); ok && member != "" {
				found.variants = append(found.variants, variant{u, member, s})
			}
		}
	}
	return found, nil
}

func isDocument(t ast.Expr) bool {
	s, ok := t.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Interface" {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "document"
}
