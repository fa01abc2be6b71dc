package graph

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"
)

var update = flag.Bool("update", false, "write schema.graphql as it is printed")

// TestPrintedSchema holds the schema that is served to the file that is
// published: same definitions, same order, every description.
func TestPrintedSchema(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	printed := s.Print()
	if *update {
		if err := os.WriteFile("schema.graphql", []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if printed != SDL {
		t.Fatal("schema.graphql is not as it is printed: run the test with -update and look at the difference")
	}
}

// TestDescriptions wants every type, field, argument and value described.
func TestDescriptions(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	said := func(where, description string) {
		if description == "" {
			t.Errorf("%s is not described", where)
		}
	}
	output := func(name string, fields graphql.FieldDefinitionMap) {
		for f, d := range fields {
			said(name+"."+f, d.Description)
			for _, a := range d.Args {
				said(name+"."+f+"."+a.Name(), a.Description())
			}
		}
	}
	for name, typ := range s.TypeMap() {
		if strings.HasPrefix(name, "__") {
			continue
		}
		said(name, typ.Description())
		switch typ := typ.(type) {
		case *graphql.Object:
			output(name, typ.Fields())
		case *graphql.Interface:
			output(name, typ.Fields())
		case *graphql.InputObject:
			for f, d := range typ.Fields() {
				said(name+"."+f, d.Description())
			}
		case *graphql.Enum:
			for _, v := range typ.Values() {
				said(name+"."+v.Name, v.Description)
			}
		}
	}
}

// TestBatchesThatFail holds the schema to what package execute needs: a field
// that can fail is nullable, or nothing above it is.
func TestBatchesThatFail(t *testing.T) {
	s, b, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	for name := range b.batches {
		object, field, _ := strings.Cut(name, ".")
		for typeName, typ := range s.TypeMap() {
			o, ok := typ.(*graphql.Object)
			if !ok || typeName != object && !(strings.HasPrefix(object, "*") && strings.HasSuffix(typeName, object[1:])) || o.Fields()[field] == nil {
				continue
			}
			if _, required := o.Fields()[field].Type.(*graphql.NonNull); required && object != "Query" && object != "Viewer" {
				t.Errorf("%s.%s can fail and is not nullable", typeName, field)
			}
		}
	}
}

// TestConventions holds the schema to the project's own.
func TestConventions(t *testing.T) {
	s, b, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range s.MutationType().Fields() {
		stem := strings.ToUpper(name[:1]) + name[1:]
		if f.Type.String() != stem+"Payload!" || len(f.Args) != 1 || f.Args[0].Type.String() != stem+"Input!" {
			t.Errorf("%s takes %v and gives %s", name, f.Args, f.Type)
		}
		input := s.Type(stem + "Input").(*graphql.InputObject).Fields()
		if k := input["idempotencyKey"]; k == nil || k.Type.String() != "UUID!" {
			t.Errorf("%s has no idempotency key", name)
		}
		payload := s.Type(stem + "Payload").(*graphql.Object).Fields()
		if e := payload["errors"]; e == nil || e.Type.String() != "["+stem+"Error!]!" {
			t.Errorf("%s has no errors of its own", name)
		}
		if len(payload) < 2 || b.acts[name].make == nil {
			t.Errorf("%s gives nothing, or is not bound", name)
		}
	}
	for name, typ := range s.TypeMap() {
		if o, ok := typ.(*graphql.Object); ok {
			for f, d := range o.Fields() {
				if first := d.Args; strings.HasSuffix(d.Type.String(), "Connection!") || strings.HasSuffix(d.Type.String(), "Connection") {
					if !slices.ContainsFunc(first, func(a *graphql.Argument) bool { return a.Name() == "first" && a.Type.String() == "Int!" }) {
						t.Errorf("%s.%s is a list without a length", name, f)
					}
				}
			}
		}
	}
}

// TestDrift has schema and code told apart wherever one has what the other lacks.
func TestDrift(t *testing.T) {
	whole := SDL
	t.Cleanup(func() { SDL = whole })
	for _, x := range [][2]string{
		{"  title: String\n", "  title: String\n\n  \"\"\"More.\"\"\"\n  more: String\n"}, {"  narrative: String\n\n  \"\"\"The originator's own file number", "  \"\"\"The originator's own file number"},
		{"scalar Hex", "scalar Hax"}, {"union CaseFileError = InvalidError", "union CaseFileError = Nothing"}, {"type Nexus {", "type Nexus implements Marking {"},
		{"): MandateEndPayload!", "): MandateEndPayload!\n\n  \"\"\"More.\"\"\"\n  mandateRenew(\n    input: MandateEndInput!\n  ): MandateEndPayload!"},
		{"enum TLP {", "enum PAP {"}, {"type Marking {", "directive @x on FIELD\n\ntype Marking {"}, {"type Marking {", "type Marking {{"},
	} {
		if SDL = strings.Replace(whole, x[0], x[1], 1); SDL == whole {
			t.Fatalf("%q is not in the schema", x[0])
		}
		if _, _, err := bindSchema(); err == nil {
			t.Errorf("a schema with %q for %q is taken", x[1], x[0])
		}
	}
}

func TestNew(t *testing.T) {
	a := serveAPI(t, nil)
	right := Options{Exchange: a.Exchange, Verifier: a.Verifier, ExternalURL: "https://comity.example/graphql", Log: a.World.Log}
	if _, err := New(right); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"no exchange": func(o *Options) { o.Exchange = nil }, "no verifier": func(o *Options) { o.Verifier = nil }, "no log": func(o *Options) { o.Log = nil },
		"no URL": func(o *Options) { o.ExternalURL = "" }, "a path": func(o *Options) { o.ExternalURL = "/graphql" },
	} {
		o := right
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
