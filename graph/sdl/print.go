package sdl

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/graphql-go/graphql"
)

// longDescription is from how many characters on a description stands on lines
// of its own, as in graphql-js.
const longDescription = 70

// Print writes the schema as graphql-js prints one: each definition with its
// description, in the order in which they were defined.
func (s *Schema) Print() string {
	var b strings.Builder
	for i, name := range s.types {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.printType(&b, s.TypeMap()[name])
	}
	return b.String()
}

func (s *Schema) printType(b *strings.Builder, t graphql.Type) {
	describe(b, "", t.Description())
	name := t.Name()
	switch t := t.(type) {
	case *graphql.Scalar:
		fmt.Fprintf(b, "scalar %s", name)
		if url := s.specified[name]; url != "" {
			fmt.Fprintf(b, " @specifiedBy(url: %q)", url)
		}
		b.WriteByte('\n')
	case *graphql.Enum:
		fmt.Fprintf(b, "enum %s {\n", name)
		described := map[string]string{}
		for _, v := range t.Values() {
			described[v.Name] = v.Description
		}
		for i, v := range s.fields[name] {
			separate(b, i, described[v])
			describe(b, "  ", described[v])
			fmt.Fprintf(b, "  %s%s\n", v, s.deprecation(name+"."+v))
		}
		b.WriteString("}\n")
	case *graphql.Union:
		var members []string
		for _, m := range t.Types() {
			members = append(members, m.Name())
		}
		line := fmt.Sprintf("union %s = %s\n", name, strings.Join(members, " | "))
		b.WriteString(line)
	case *graphql.Interface:
		fmt.Fprintf(b, "interface %s {\n", name)
		s.printFields(b, name, t.Fields())
	case *graphql.Object:
		fmt.Fprintf(b, "type %s", name)
		for i, in := range t.Interfaces() {
			b.WriteString([]string{" implements ", " & "}[min(i, 1)] + in.Name())
		}
		b.WriteString(" {\n")
		s.printFields(b, name, t.Fields())
	case *graphql.InputObject:
		fmt.Fprintf(b, "input %s {\n", name)
		fields := t.Fields()
		for i, f := range s.fields[name] {
			separate(b, i, fields[f].Description())
			describe(b, "  ", fields[f].Description())
			place := name + "." + f
			fmt.Fprintf(b, "  %s: %s%s%s\n", f, fields[f].Type, s.fallback(place), s.deprecation(place))
		}
		b.WriteString("}\n")
	}
}

func (s *Schema) printFields(b *strings.Builder, object string, fields graphql.FieldDefinitionMap) {
	for i, name := range s.fields[object] {
		f := fields[name]
		separate(b, i, f.Description)
		describe(b, "  ", f.Description)
		b.WriteString("  " + name)
		byName := map[string]*graphql.Argument{}
		for _, a := range f.Args {
			byName[a.Name()] = a
		}
		if args := s.args[object+"."+name]; len(args) > 0 {
			b.WriteString("(\n")
			for j, a := range args {
				separate(b, j, byName[a].Description())
				describe(b, "    ", byName[a].Description())
				place := object + "." + name + "." + a
				fmt.Fprintf(b, "    %s: %s%s%s\n", a, byName[a].Type, s.fallback(place), s.deprecation(place))
			}
			b.WriteString("  )")
		}
		fmt.Fprintf(b, ": %s%s\n", f.Type, s.deprecation(object+"."+name))
	}
	b.WriteString("}\n")
}

// fallback is what stands behind a type that has a default value at its place.
func (s *Schema) fallback(place string) string {
	if literal := s.defaults[place]; literal != "" {
		return " = " + literal
	}
	return ""
}

// deprecation is what stands behind a member that is deprecated.
func (s *Schema) deprecation(place string) string {
	reason, ok := s.deprecated[place]
	if !ok {
		return ""
	}
	quoted, _ := jsontext.AppendQuote(nil, reason) // GraphQL's escapes are those of JSON
	return " @deprecated(reason: " + string(quoted) + ")"
}

// separate puts an empty line between described members.
func separate(b *strings.Builder, i int, description string) {
	if i > 0 && description != "" {
		b.WriteByte('\n')
	}
}

func describe(b *strings.Builder, indent, description string) {
	escaped := strings.ReplaceAll(description, `"""`, `\"""`)
	switch {
	case description == "":
	case len([]rune(description)) > longDescription || strings.HasSuffix(description, `"`) || strings.HasSuffix(description, `\`):
		fmt.Fprintf(b, "%s\"\"\"\n%s%s\n%s\"\"\"\n", indent, indent, strings.ReplaceAll(escaped, "\n", "\n"+indent), indent)
	default:
		fmt.Fprintf(b, "%s\"\"\"%s\"\"\"\n", indent, escaped)
	}
}
