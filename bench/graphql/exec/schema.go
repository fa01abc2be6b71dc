package main

import (
	"context"
	"fmt"
	"time"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/introspect"
	"github.com/comity-platform/comity/graph/sdl"
)

const schema = `
scalar DateTime
scalar Long
enum Status { OPEN CLOSED }
type Query { cases: [Case!]! }
type Mutation { nothing: Boolean }
type Case { id: ID! state: String! category: String! status: Status! version: Int! createdAt: DateTime! title: String summary: String reserved: Boolean!
  agency: Agency exhibits: [Exhibit!] }
type Agency { id: ID! name: String! }
type Exhibit { id: ID! name: String! mediaType: String! size: Long! createdAt: DateTime! }
`

const query = `{ cases { id state category status version createdAt title summary reserved agency { id name } exhibits { id name mediaType size createdAt } } }`

type data struct {
	Cases []*caseFile `json:"cases"`
}

type caseFile struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Category  string     `json:"category"`
	Status    string     `json:"status"`
	Version   int        `json:"version"`
	CreatedAt time.Time  `json:"createdAt"`
	Title     string     `json:"title"`
	Summary   string     `json:"summary"`
	Reserved  bool       `json:"reserved"`
	Agency    *agency    `json:"agency"`
	Exhibits  []*exhibit `json:"exhibits"`
}

type agency struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type exhibit struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"mediaType"`
	Size      int64     `json:"size"`
	CreatedAt time.Time `json:"createdAt"`
}

func fill(cases, exhibits int) []*caseFile {
	at := time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC)
	agencies := []*agency{{"kz.cybercrime", "Cybercrime Centre"}, {"kz.customs", "Customs «Шекара»"}}
	var all []*caseFile
	for i := range cases {
		c := &caseFile{ID: fmt.Sprintf("case_01JD%022d", i), State: "KZ", Category: "RANSOMWARE", Status: []string{"OPEN", "CLOSED"}[i%2], Version: i + 1,
			CreatedAt: at.Add(time.Duration(i) * time.Hour), Title: fmt.Sprintf("Extortion of a hospital, matter %d", i),
			Summary: "A ransom note was left after the \"backup\" servers were encrypted; the wallet is known.", Reserved: i%3 == 0, Agency: agencies[i%2]}
		for k := range exhibits {
			c.Exhibits = append(c.Exhibits, &exhibit{ID: fmt.Sprintf("evidence_01JD%018d%04d", i, k), Name: fmt.Sprintf("image-%d.raw", k),
				MediaType: "application/octet-stream", Size: int64(k+1) << 30, CreatedAt: at.Add(time.Duration(k) * time.Minute)})
		}
		all = append(all, c)
	}
	return all
}

// compile makes the plan: what is a list or a record is resolved by batches, as
// the API does it, and everything else is read off.
func compile() (*execute.Plan, error) {
	same := func(v any) any { return v }
	scalars := map[string]sdl.Scalar{
		"DateTime": {Read: same, Time: func(buf []byte, t time.Time) []byte {
			return append(t.AppendFormat(append(buf, '"'), time.RFC3339Nano), '"')
		}},
		"Long": {Read: same, Number: true},
	}
	typeOf := func(any) string { return "" }
	s, err := sdl.Build(schema, sdl.Binding{Scalars: scalars, TypeOf: typeOf})
	if err != nil {
		return nil, err
	}
	meta, err := introspect.New(schema)
	if err != nil {
		return nil, err
	}
	bound := map[string]execute.Resolver{
		"Query.cases":       batch(execute.Objects, func(all []*caseFile) []*caseFile { return all }),
		"Mutation.nothing":  get(execute.Flag, func([]*caseFile) bool { return false }),
		"Case.id":           get(execute.Text, func(c *caseFile) string { return c.ID }),
		"Case.state":        get(execute.Text, func(c *caseFile) string { return c.State }),
		"Case.category":     get(execute.Text, func(c *caseFile) string { return c.Category }),
		"Case.status":       get(execute.Text, func(c *caseFile) string { return c.Status }),
		"Case.version":      get(execute.Number, func(c *caseFile) int { return c.Version }),
		"Case.createdAt":    get(execute.Instant, func(c *caseFile) time.Time { return c.CreatedAt }),
		"Case.title":        get(execute.Text, func(c *caseFile) string { return c.Title }),
		"Case.summary":      get(execute.Text, func(c *caseFile) string { return c.Summary }),
		"Case.reserved":     get(execute.Flag, func(c *caseFile) bool { return c.Reserved }),
		"Case.agency":       batch(execute.Object, func(c *caseFile) *agency { return c.Agency }),
		"Case.exhibits":     batch(execute.Objects, func(c *caseFile) []*exhibit { return c.Exhibits }),
		"Agency.id":         get(execute.Text, func(a *agency) string { return a.ID }),
		"Agency.name":       get(execute.Text, func(a *agency) string { return a.Name }),
		"Exhibit.id":        get(execute.Text, func(e *exhibit) string { return e.ID }),
		"Exhibit.name":      get(execute.Text, func(e *exhibit) string { return e.Name }),
		"Exhibit.mediaType": get(execute.Text, func(e *exhibit) string { return e.MediaType }),
		"Exhibit.size":      get(execute.Number, func(e *exhibit) int64 { return e.Size }),
		"Exhibit.createdAt": get(execute.Instant, func(e *exhibit) time.Time { return e.CreatedAt }),
	}
	e, err := execute.New(execute.Binding{Schema: s.Schema, Scalars: scalars, TypeOf: typeOf, Meta: meta, Resolve: func(object, field string) (execute.Resolver, error) {
		return bound[object+"."+field], nil
	}})
	if err != nil {
		return nil, err
	}
	doc, err := parser.Parse(parser.ParseParams{Source: query})
	if err != nil {
		return nil, err
	}
	return e.Compile(doc, doc.Definitions[0].(*ast.OperationDefinition), nil)
}

func get[P, V any](kind func() execute.Kind[V], read func(P) V) execute.Resolver {
	return execute.Get(kind(), func(_ any, p P) V { return read(p) })
}

func batch[P, V any](kind func() execute.Kind[V], of func(P) V) execute.Resolver {
	return execute.Batch(kind(), func(_ context.Context, _ any, parents []P, _ execute.Args) ([]V, error) {
		out := make([]V, len(parents))
		for i, p := range parents {
			out[i] = of(p)
		}
		return out, nil
	})
}
