package graph

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
	"github.com/graphql-go/graphql/language/printer"

	"github.com/comity-platform/comity/client/operations"
)

// definition is a type of the schema, as the reference shows it.
type definition struct {
	kind, name, description, url string
	act                          string // whose input it is
	members                      []*member
	interfaces, possible         []string
}

// member is a field, argument, input field or value.
type member struct {
	name, description, deprecated, fallback string
	typ                                     ast.Type // nil of a value
	args                                    []*member
}

func (d *definition) byName() map[string]*member {
	out := map[string]*member{}
	for _, m := range d.members {
		out[m.name] = m
	}
	return out
}

// partOfOther reports what is shown where it is used, and has no place of its own.
func (d *definition) partOfOther() bool {
	switch d.name {
	case "Query", "Viewer", "Mutation", "Subscription":
		return true
	}
	for _, end := range []string{"Payload", "Connection", "Edge"} {
		if strings.HasSuffix(d.name, end) {
			return true
		}
	}
	return d.act != "" || d.kind == "union" && strings.HasSuffix(d.name, "Error")
}

// apiReference is what its pages are made from.
type apiReference struct {
	defs    map[string]*definition
	order   []*definition
	page    map[string]string // of a type or act, "" of none
	queries map[string]string // operation by the field that it reads, as in "Viewer.cases"
	denials map[string][]denial
	checked func(operation string, variables map[string]any) error
}

// denial is a rule of the Articles that can deny an act.
type denial struct{ article, policy, reason, cure, who string }

func newReference(t *testing.T) *apiReference {
	t.Helper()
	doc, err := parser.Parse(parser.ParseParams{Source: SDL})
	if err != nil {
		t.Fatal(err)
	}
	r := &apiReference{defs: map[string]*definition{}, page: map[string]string{}, queries: map[string]string{}, denials: map[string][]denial{}}
	for _, n := range doc.Definitions {
		d := define(n)
		r.defs[d.name] = d
		r.order = append(r.order, d)
	}
	for _, name := range []string{"Query", "Viewer", "Mutation"} {
		if r.defs[name] == nil {
			t.Fatalf("there is no %s", name)
		}
	}
	for act := range r.defs["Mutation"].byName() {
		stem := strings.ToUpper(act[:1]) + act[1:]
		r.defs[stem+"Input"].act = act
	}
	r.readOperations(t)
	r.readArticles(t)
	r.assign(t)
	_, b, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	r.checked = func(name string, variables map[string]any) error {
		text, _ := operations.Document(name)
		doc, err := parser.Parse(parser.ParseParams{Source: text})
		if err != nil {
			return err
		}
		_, err = b.engine.Variables(doc.Definitions[0].(*ast.OperationDefinition), variables)
		return err
	}
	return r
}

func textOf(s *ast.StringValue) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(s.Value)
}

func define(n ast.Node) *definition {
	switch n := n.(type) {
	case *ast.ScalarDefinition:
		return &definition{kind: "scalar", name: n.Name.Value, description: textOf(n.Description), url: reasonOf(n.Directives, "specifiedBy")}
	case *ast.EnumDefinition:
		d := &definition{kind: "enum", name: n.Name.Value, description: textOf(n.Description)}
		for _, v := range n.Values {
			d.members = append(d.members, &member{name: v.Name.Value, description: textOf(v.Description), deprecated: reasonOf(v.Directives, "deprecated")})
		}
		return d
	case *ast.UnionDefinition:
		d := &definition{kind: "union", name: n.Name.Value, description: textOf(n.Description)}
		for _, p := range n.Types {
			d.possible = append(d.possible, p.Name.Value)
		}
		return d
	case *ast.InterfaceDefinition:
		return &definition{kind: "interface", name: n.Name.Value, description: textOf(n.Description), members: outputs(n.Fields)}
	case *ast.ObjectDefinition:
		d := &definition{kind: "type", name: n.Name.Value, description: textOf(n.Description), members: outputs(n.Fields)}
		for _, i := range n.Interfaces {
			d.interfaces = append(d.interfaces, i.Name.Value)
		}
		return d
	case *ast.InputObjectDefinition:
		return &definition{kind: "input", name: n.Name.Value, description: textOf(n.Description), members: inputs(n.Fields)}
	}
	panic(fmt.Sprintf("a %s is not expected", n.GetKind()))
}

func outputs(fields []*ast.FieldDefinition) (out []*member) {
	for _, f := range fields {
		out = append(out, &member{name: f.Name.Value, description: textOf(f.Description), typ: f.Type, args: inputs(f.Arguments), deprecated: reasonOf(f.Directives, "deprecated")})
	}
	return out
}

func inputs(fields []*ast.InputValueDefinition) (out []*member) {
	for _, f := range fields {
		m := &member{name: f.Name.Value, description: textOf(f.Description), typ: f.Type, deprecated: reasonOf(f.Directives, "deprecated")}
		if f.DefaultValue != nil {
			m.fallback = fmt.Sprint(printer.Print(f.DefaultValue))
		}
		out = append(out, m)
	}
	return out
}

// reasonOf gives the one text that a directive takes.
func reasonOf(directives []*ast.Directive, name string) string {
	for _, d := range directives {
		if d.Name.Value == name && len(d.Arguments) == 1 {
			if s, ok := d.Arguments[0].Value.(*ast.StringValue); ok {
				return s.Value
			}
		}
	}
	return ""
}

// innermost gives the name within lists and non-null types.
func innermost(t ast.Type) string {
	switch t := t.(type) {
	case *ast.NonNull:
		return innermost(t.Type)
	case *ast.List:
		return innermost(t.Type)
	case *ast.Named:
		return t.Name.Value
	}
	return ""
}

// readOperations finds which of the client's operations read which field.
func (r *apiReference) readOperations(t *testing.T) {
	t.Helper()
	all := operations.All()
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range all {
			if !yield(name) {
				return
			}
		}
	}) {
		doc, err := parser.Parse(parser.ParseParams{Source: all[name]})
		if err != nil {
			t.Fatal(err)
		}
		op, ok := doc.Definitions[0].(*ast.OperationDefinition)
		if !ok || op.Operation == ast.OperationTypeMutation {
			continue
		}
		root := "Query."
		if op.Operation == ast.OperationTypeSubscription {
			root = "Subscription."
		}
		note := func(place string) {
			_, field, _ := strings.Cut(place, ".")
			if r.queries[place] == "" || strings.EqualFold(name, field) {
				r.queries[place] = name
			}
		}
		for _, s := range op.SelectionSet.Selections {
			f, ok := s.(*ast.Field)
			if !ok {
				continue
			}
			note(root + f.Name.Value)
			if f.Name.Value == "viewer" {
				for _, s := range f.SelectionSet.Selections {
					if f, ok := s.(*ast.Field); ok {
						note("Viewer." + f.Name.Value)
					}
				}
			}
		}
	}
}

var articleRow = regexp.MustCompile("^\\| `([^`]+)` \\| (forbids[^|]*) \\| ([^|]+) \\| ([^|]*) \\| ([^|]*) \\| ([^|]*) \\|$")

// readArticles reads the rules that can deny acts from docs/articles.md.
func (r *apiReference) readArticles(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile("../docs/articles.md")
	if err != nil {
		t.Fatal(err)
	}
	article, n := "", 0
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, "## "); ok {
			article = title
		}
		m := articleRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		d := denial{article, m[1], strings.TrimSpace(m[4]), strings.TrimSpace(m[5]), strings.TrimSpace(m[6])}
		if strings.Contains(m[2], "absent") {
			d.reason = "Answered as absent. " + d.reason
		}
		for act := range strings.SplitSeq(m[3], ", ") {
			r.denials[act] = append(r.denials[act], d)
		}
	}
	if n < 100 {
		t.Fatalf("docs/articles.md has %d rules that forbid", n)
	}
}

// assign gives every act and type its page.
func (r *apiReference) assign(t *testing.T) {
	t.Helper()
	for act := range r.defs["Mutation"].byName() {
		best := ""
		for _, s := range subjects {
			for _, start := range s.acts {
				if strings.HasPrefix(act, start) && len(start) > len(best) {
					best, r.page[act] = start, s.file
				}
			}
		}
		if best == "" {
			t.Errorf("no subject of the API reference has the act %s: add it to subjects in reference_test.go", act)
		}
	}
	reads := map[string]bool{}
	for _, s := range subjects {
		for _, place := range s.reads {
			reads[place] = true
			object, field, _ := strings.Cut(place, ".")
			if r.defs[object].byName()[field] == nil {
				t.Errorf("the API reference is to show %s, which is not there", place)
			}
		}
		for _, name := range s.types {
			if r.defs[name] == nil {
				t.Fatalf("the API reference is to show the type %s, which is not there", name)
			}
			r.page[name] = s.file
		}
	}
	for _, object := range []string{"Query", "Viewer"} {
		for field := range r.defs[object].byName() {
			if !reads[object+"."+field] {
				t.Errorf("no subject of the API reference has %s.%s: add it to subjects in reference_test.go", object, field)
			}
		}
	}
	users := map[string]map[string]bool{}
	for _, s := range subjects {
		r.walk(s, users)
	}
	for _, d := range r.order {
		if r.page[d.name] != "" || d.partOfOther() {
			continue
		}
		r.page[d.name] = "common"
		if len(users[d.name]) == 1 && d.kind != "scalar" {
			for file := range users[d.name] {
				r.page[d.name] = file
			}
		}
	}
}

// walk notes what a subject uses, up to what other subjects are about.
func (r *apiReference) walk(s subject, users map[string]map[string]bool) {
	seen := map[string]bool{}
	var visit func(name string)
	visitMember := func(m *member) {
		visit(innermost(m.typ))
		for _, a := range m.args {
			visit(innermost(a.typ))
		}
	}
	visit = func(name string) {
		d := r.defs[name]
		if d == nil || seen[name] || r.page[name] != "" && r.page[name] != s.file || name == "Viewer" {
			return
		}
		seen[name] = true
		if users[name] == nil {
			users[name] = map[string]bool{}
		}
		users[name][s.file] = true
		for _, m := range d.members {
			if m.typ != nil {
				visitMember(m)
			}
		}
		if d.kind == "union" {
			for _, p := range d.possible {
				visit(p)
			}
		}
	}
	for _, name := range s.types {
		visit(name)
	}
	for _, m := range r.defs["Mutation"].members {
		if r.page[m.name] == s.file {
			visitMember(m)
		}
	}
	for _, place := range s.reads {
		object, field, _ := strings.Cut(place, ".")
		visitMember(r.defs[object].byName()[field])
	}
	if d := r.defs["Subscription"]; d != nil && s.file == "events" {
		for _, m := range d.members {
			visitMember(m)
		}
	}
}
