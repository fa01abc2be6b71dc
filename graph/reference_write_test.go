package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
	"github.com/graphql-go/graphql/language/printer"

	"github.com/comity-platform/comity/client/operations"
)

const referenceMade = "Made from the schema, the operations of the project's own clients and the Articles by\n`go test ./graph -run Reference -update`; do not edit it here."

// pages are the files of the reference.
func (r *apiReference) pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, s := range subjects {
		if text := r.subject(t, s); text != "" {
			out[s.file+".md"] = text
		}
	}
	out["README.md"] = r.index(out)
	return out
}

// index is the first page: all subjects, and everything by name.
func (r *apiReference) index(pages map[string]string) string {
	var b strings.Builder
	b.WriteString("# API reference\n\n" + referenceMade + `

How to log in, sign acts and handle evidence is told in the [API guide](../api.md), with examples that are run by the tests.
The schema itself is [schema.graphql](../../graph/schema.graphql).

A type with ` + "`!`" + ` is never null; ` + "`[…]`" + ` is a list. Whatever an Article can withhold is null then, and [access](cases.md#Access) says why.
Each act takes one ` + "`input`" + ` with a fresh ` + "`idempotencyKey`" + `, and gives what came of it or its [errors](common.md#UserError)
([codes](../api.md#errors)). An act that can be denied lists the rules of the [Articles](../articles.md) by which; whatever no rule permits is denied as well (Article 16).

## Subjects

| | acts | types |
|---|---|---|
`)
	for _, s := range subjects {
		if pages[s.file+".md"] == "" {
			continue
		}
		acts, types := 0, 0
		for name, file := range r.page {
			if file == s.file && r.defs[name] != nil {
				types++
			} else if file == s.file {
				acts++
			}
		}
		fmt.Fprintf(&b, "| **[%s](%s.md)**<br>%s | %d | %d |\n", s.title, s.file, cell(s.intro), acts, types)
	}
	list := func(title string, names []string) {
		var links []string
		for _, name := range names {
			links = append(links, fmt.Sprintf("[%s](%s.md#%s)", name, r.page[name], name))
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, strings.Join(links, " · "))
	}
	var acts, types []string
	for _, name := range slices.Sorted(maps.Keys(r.page)) {
		if r.defs[name] != nil {
			types = append(types, name)
		} else {
			acts = append(acts, name)
		}
	}
	list("Acts", acts)
	list("Types", types)
	return b.String()
}

// subject writes a page, "" when nothing belongs on it.
func (r *apiReference) subject(t *testing.T, s subject) string {
	t.Helper()
	var toc, body strings.Builder
	used := map[string]bool{} // fragments of the examples
	section := func(title string, names []string, write func(name string)) {
		if len(names) == 0 {
			return
		}
		var links []string
		fmt.Fprintf(&body, "\n## %s\n", title)
		for _, name := range names {
			links = append(links, fmt.Sprintf("[%s](#%s)", strings.TrimPrefix(strings.Replace(name, "Viewer.", "viewer.", 1), "Query."), name))
			write(name)
		}
		fmt.Fprintf(&toc, "- **%s:** %s\n", title, strings.Join(links, " · "))
	}
	reads := s.reads
	if d := r.defs["Subscription"]; d != nil && s.file == "events" {
		for _, m := range d.members {
			reads = append(reads, "Subscription."+m.name)
		}
	}
	section("Reading", reads, func(name string) { r.read(t, &body, s, name, used) })
	var acts, types, scalars []string
	for _, m := range r.defs["Mutation"].members {
		if r.page[m.name] == s.file {
			acts = append(acts, m.name)
		}
	}
	section("Acts", acts, func(name string) { r.act(t, &body, s, name, used) })
	if s.file == "common" {
		fmt.Fprintf(&toc, "- **[Pages of lists](#pages)**\n")
		r.lists(&body)
	}
	for _, d := range r.order {
		if r.page[d.name] == s.file && d.kind == "scalar" {
			scalars = append(scalars, d.name)
		} else if r.page[d.name] == s.file {
			types = append(types, d.name)
		}
	}
	section("Types", types, func(name string) { r.typ(&body, s, r.defs[name]) })
	section("Scalars", scalars, func(name string) { r.typ(&body, s, r.defs[name]) })
	if len(used) > 0 {
		body.WriteString("\n## Fragments of the examples\n")
		for _, name := range slices.Sorted(maps.Keys(used)) {
			fmt.Fprintf(&body, "\n<details><summary>%s</summary>\n\n```graphql\n%s\n```\n\n</details>\n", name, r.fragment(t, name))
		}
	}
	if toc.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("# %s\n\n%s [All subjects](README.md)\n\n%s\n\n%s%s", s.title, referenceMade, s.intro, toc.String(), body.String())
}

func (r *apiReference) read(t *testing.T, b *strings.Builder, s subject, place string, used map[string]bool) {
	t.Helper()
	object, field, _ := strings.Cut(place, ".")
	m := r.defs[object].byName()[field]
	shown := field
	if object != "Query" {
		shown = strings.ToLower(object[:1]) + object[1:] + "." + field
	}
	fmt.Fprintf(b, "\n### <a id=\"%s\"></a>%s\n\n%s\n\nGives %s.\n", place, shown, prose(m), r.gives(s, m.typ))
	r.table(b, s, "argument", m.args)
	if op := r.queries[place]; op != "" {
		fmt.Fprintf(b, "\n```graphql\n%s\n```\n", r.operation(t, op, used))
	}
}

func (r *apiReference) act(t *testing.T, b *strings.Builder, s subject, name string, used map[string]bool) {
	t.Helper()
	m := r.defs["Mutation"].byName()[name]
	input, payload := r.defs[innermost(m.args[0].typ)], r.defs[innermost(m.typ)]
	fmt.Fprintf(b, "\n### <a id=\"%s\"></a>%s\n\n%s\n\nTakes %s", name, name, prose(m), input.name)
	if input.description != "" {
		b.WriteString(": " + lower(cell(input.description)))
	}
	b.WriteString("\n")
	r.table(b, s, "field", input.members)
	fmt.Fprintf(b, "\nGives %s", payload.name)
	if payload.description != "" {
		b.WriteString(": " + lower(cell(payload.description)))
	}
	b.WriteString("\n")
	r.table(b, s, "field", payload.members)
	if denials := r.denials[name]; len(denials) > 0 {
		var articles []string
		for _, d := range denials {
			if n := articleNumber.FindString(d.article); !slices.Contains(articles, n) {
				articles = append(articles, n)
			}
		}
		noun := "rule"
		if len(denials) > 1 {
			noun = "rules"
		}
		fmt.Fprintf(b, "\n<details><summary>Can be denied by %d %s (Articles: %s)</summary>\n\n| Article | reason | cure | who can do that |\n|---|---|---|---|\n", len(denials), noun, strings.Join(articles, ", "))
		for _, d := range denials {
			anchor := strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(d.article, ",", "")), " ", "-")
			fmt.Fprintf(b, "| [%s](../articles.md#%s) | %s | %s | %s |\n", articleNumber.FindString(d.article), anchor, d.reason, d.cure, d.who)
		}
		b.WriteString("\n</details>\n")
	}
	op := strings.ToUpper(name[:1]) + name[1:]
	variables, err := json.MarshalIndent(map[string]any{"input": r.sample(input, map[string]bool{})}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]any
	if err := json.Unmarshal(variables, &given); err != nil {
		t.Fatal(err)
	}
	if err := r.checked(op, given); err != nil {
		t.Errorf("the example of %s: %v", name, err)
	}
	fmt.Fprintf(b, "\n```graphql\n%s\n```\n\nWith what is needed alone:\n\n```json\n%s\n```\n", r.operation(t, op, used), variables)
}

var articleNumber = regexp.MustCompile(`\d+`)

func (r *apiReference) typ(b *strings.Builder, s subject, d *definition) {
	fmt.Fprintf(b, "\n### <a id=\"%s\"></a>%s\n\n", d.name, d.name)
	kind := map[string]string{"type": "Object", "input": "Input", "enum": "Enum", "union": "Union", "interface": "Interface", "scalar": "Scalar"}[d.kind]
	fmt.Fprintf(b, "*%s*", kind)
	for i, in := range d.interfaces {
		b.WriteString([]string{", implements ", " and "}[min(i, 1)] + r.link(s, in))
	}
	fmt.Fprintf(b, ". %s\n", cell(d.description))
	if d.url != "" {
		fmt.Fprintf(b, "\nSpecified by <%s>.\n", d.url)
	}
	if len(d.possible) > 0 {
		var links []string
		for _, p := range d.possible {
			links = append(links, r.link(s, p))
		}
		fmt.Fprintf(b, "\nOne of %s.\n", strings.Join(links, ", "))
	}
	r.table(b, s, map[string]string{"enum": "value"}[d.kind], d.members)
}

// lists tells of connections, which are all alike.
func (r *apiReference) lists(b *strings.Builder) {
	fmt.Fprintf(b, "\n## <a id=\"pages\"></a>Pages of lists\n\nA list that grows is read in pages, by `first` and, to go on, `after`; a cursor is good for its viewer, list and filter.\n")
	r.table(b, subject{file: "common"}, "field", r.defs["CaseConnection"].members)
	b.WriteString("\nEach of `edges` has:\n")
	r.table(b, subject{file: "common"}, "field", r.defs["CaseEdge"].members)
}

// table lists members with their types and descriptions.
func (r *apiReference) table(b *strings.Builder, s subject, head string, members []*member) {
	if len(members) == 0 {
		return
	}
	if head == "value" {
		b.WriteString("\n| value | |\n|---|---|\n")
	} else {
		if head == "" {
			head = "field"
		}
		fmt.Fprintf(b, "\n| %s | type | |\n|---|---|---|\n", head)
	}
	for _, m := range members {
		text := prose(m)
		if m.fallback != "" {
			text += " `" + m.fallback + "` when left out."
		}
		for _, a := range m.args {
			text += fmt.Sprintf("<br>`%s` %s: %s", a.name, r.write(s, a.typ), cell(a.description))
		}
		if m.typ == nil {
			fmt.Fprintf(b, "| `%s` | %s |\n", m.name, text)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", m.name, r.write(s, m.typ), text)
	}
}

// gives says in words what a field gives.
func (r *apiReference) gives(s subject, t ast.Type) string {
	if stem, ok := strings.CutSuffix(innermost(t), "Connection"); ok {
		return fmt.Sprintf("a [page](%s) of %s", r.target(s, "common", "pages"), r.link(s, stem))
	}
	return r.write(s, t)
}

// write is a type as GraphQL writes it, with a link.
func (r *apiReference) write(s subject, t ast.Type) string {
	switch t := t.(type) {
	case *ast.NonNull:
		return r.write(s, t.Type) + "!"
	case *ast.List:
		return `\[` + r.write(s, t.Type) + `\]`
	case *ast.Named:
		return r.link(s, t.Name.Value)
	}
	return ""
}

// link leads to where a type is told of.
func (r *apiReference) link(s subject, name string) string {
	switch d := r.defs[name]; {
	case d == nil: // built in
		return name
	case strings.HasSuffix(name, "Connection"), strings.HasSuffix(name, "Edge"):
		return fmt.Sprintf("[%s](%s)", name, r.target(s, "common", "pages"))
	case name == "Viewer":
		return fmt.Sprintf("[%s](%s)", name, r.target(s, "README", ""))
	case d.kind == "union" && strings.HasSuffix(name, "Error"):
		return fmt.Sprintf("[%s](%s)", name, r.target(s, "common", "UserError"))
	case d.act != "":
		return fmt.Sprintf("[%s](%s)", name, r.target(s, r.page[d.act], d.act))
	}
	return fmt.Sprintf("[%s](%s)", name, r.target(s, r.page[name], name))
}

func (r *apiReference) target(s subject, file, anchor string) string {
	if file == s.file {
		return "#" + anchor
	}
	if anchor == "" {
		return file + ".md"
	}
	return file + ".md#" + anchor
}

// operation is one of the client's operations, well laid out, without its fragments.
func (r *apiReference) operation(t *testing.T, name string, used map[string]bool) string {
	t.Helper()
	text, ok := operations.Document(name)
	if !ok {
		t.Fatalf("there is no operation %s", name)
	}
	doc, err := parser.Parse(parser.ParseParams{Source: text})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range doc.Definitions[1:] {
		used[d.(*ast.FragmentDefinition).Name.Value] = true
	}
	return strings.TrimSpace(fmt.Sprint(printer.Print(doc.Definitions[0])))
}

func (r *apiReference) fragment(t *testing.T, name string) string {
	t.Helper()
	for _, text := range operations.All() {
		doc, err := parser.Parse(parser.ParseParams{Source: text})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range doc.Definitions {
			if f, ok := d.(*ast.FragmentDefinition); ok && f.Name.Value == name {
				return strings.TrimSpace(fmt.Sprint(printer.Print(f)))
			}
		}
	}
	t.Fatalf("there is no fragment %s", name)
	return ""
}

// sample is an input object with what it needs alone.
func (r *apiReference) sample(d *definition, within map[string]bool) map[string]any {
	out := map[string]any{}
	for _, m := range d.members {
		if n, ok := m.typ.(*ast.NonNull); ok && m.fallback == "" && !within[d.name] {
			within[d.name] = true
			out[m.name] = r.sampleOf(n.Type, within)
			delete(within, d.name)
		}
	}
	return out
}

func (r *apiReference) sampleOf(t ast.Type, within map[string]bool) any {
	switch t := t.(type) {
	case *ast.NonNull:
		return r.sampleOf(t.Type, within)
	case *ast.List:
		return []any{r.sampleOf(t.Type, within)}
	}
	name := innermost(t)
	switch name {
	case "String":
		return "…"
	case "ID":
		return "case1_…"
	case "Int", "Long":
		return 1
	case "Boolean":
		return true
	case "UUID":
		return "5b1fb3f4-8c34-4f0e-9f3f-6a9d3a4b7a10"
	case "DateTime":
		return "2027-01-31T12:00:00Z"
	case "Base64":
		return "AAAA"
	case "Hex":
		return "00ff"
	case "JWS":
		return "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"
	case "JWK":
		return `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}` // of RFC 7517
	case "URL":
		return "https://example.org/"
	}
	d := r.defs[name]
	if d.kind == "enum" {
		return d.members[0].name
	}
	return r.sample(d, within)
}

// prose is what is said of a member.
func prose(m *member) string {
	text := cell(m.description)
	if m.deprecated != "" {
		text += " **Deprecated:** " + cell(m.deprecated)
	}
	return text
}

// cell is text that fits into a table.
func cell(s string) string {
	return strings.NewReplacer("\n", " ", "|", `\|`, "<", "&lt;").Replace(s)
}

// lower begins a text with a small letter, where it does not begin with a name.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' || strings.HasPrefix(s, "A ") {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
