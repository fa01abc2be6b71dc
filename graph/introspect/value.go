package introspect

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/graphql-go/graphql/language/ast"
)

// defaultReason is that of a deprecation which gives none.
const defaultReason = "No longer supported"

// written is a constant as GraphQL writes it.
func written(v ast.Value) string {
	switch v := v.(type) {
	case *ast.StringValue:
		quoted, _ := jsontext.AppendQuote(nil, v.Value) // GraphQL's escapes are those of JSON
		return string(quoted)
	case *ast.BooleanValue:
		if v.Value {
			return "true"
		}
		return "false"
	case *ast.IntValue:
		return v.Value
	case *ast.FloatValue:
		return v.Value
	case *ast.EnumValue:
		return v.Value
	case *ast.ListValue:
		items := make([]string, 0, len(v.Values))
		for _, item := range v.Values {
			items = append(items, written(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *ast.ObjectValue:
		members := make([]string, 0, len(v.Fields))
		for _, f := range v.Fields {
			members = append(members, f.Name.Value+": "+written(f.Value))
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return ""
}

// argument gives the text that a directive takes, "" where there is none.
func argument(directives []*ast.Directive, name, argument string) string {
	for _, d := range directives {
		if d.Name.Value != name {
			continue
		}
		for _, a := range d.Arguments {
			if s, ok := a.Value.(*ast.StringValue); ok && a.Name.Value == argument {
				return s.Value
			}
		}
	}
	return ""
}

func deprecated(directives []*ast.Directive) deprecation {
	for _, d := range directives {
		if d.Name.Value == "deprecated" {
			out := deprecation{true, defaultReason}
			if reason := argument(directives, "deprecated", "reason"); reason != "" {
				out.reason = reason
			}
			return out
		}
	}
	return deprecation{}
}
