package graph

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/introspect"
	"github.com/comity-platform/comity/graph/sdl"
)

// binding ties the fields of the schema, as in "Case.title", to Go.
type binding struct {
	gets    map[string]execute.Get
	batches map[string]execute.Batch
	acts    map[string]mutation // by name
	used    map[string]bool
	engine  *execute.Engine
}

// bindSchema makes the schema. Every field is bound, and everything bound is a
// field: otherwise schema and code have drifted apart.
func bindSchema() (*sdl.Schema, *binding, error) {
	b := &binding{gets: map[string]execute.Get{}, batches: map[string]execute.Batch{}, acts: map[string]mutation{}, used: map[string]bool{}}
	b.query()
	b.directory()
	b.manifests()
	b.cases()
	b.records()
	b.requests()
	b.grants()
	b.log()
	b.domestic()
	b.dispatches()
	b.payloads()
	b.caseActs()
	b.evidenceActs()
	b.requestActs()
	b.grantActs()
	b.neutralityActs()
	b.proposals()
	b.exports()
	b.explanations()
	b.neutrality()
	b.domesticActs()
	b.dispatchActs()
	b.manifestActs()
	b.duty()
	b.dutyActs()
	b.teams()
	b.teamActs()
	s, err := sdl.Build(SDL, sdl.Binding{Scalars: scalars(), TypeOf: typeOf})
	if err != nil {
		return nil, nil, err
	}
	meta, err := introspect.New(SDL)
	if err != nil {
		return nil, nil, err
	}
	if b.engine, err = execute.New(execute.Binding{Schema: s.Schema, Resolve: b.resolve, TypeOf: typeOf, Meta: meta}); err != nil {
		return nil, nil, err
	}
	for _, all := range []map[string]bool{keys(b.gets), keys(b.batches)} {
		for name := range all {
			if !b.used[name] {
				return nil, nil, fmt.Errorf("graph: %s is bound, and not in the schema", name)
			}
		}
	}
	for name := range b.acts {
		if s.MutationType().Fields()[name] == nil {
			return nil, nil, fmt.Errorf("graph: the act %s is bound, and not in the schema", name)
		}
	}
	return s, b, nil
}

func keys[V any](m map[string]V) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

// resolve finds what a field is bound to. Connections, edges and payloads are
// alike, and bound once as "*Connection" and so on.
func (b *binding) resolve(object, field string) (execute.Resolver, error) {
	if object == "Mutation" {
		if _, ok := b.acts[field]; !ok {
			return execute.Resolver{}, fmt.Errorf("graph: the act %s is not bound", field)
		}
		return execute.Resolver{Get: func(_, parent any) any { return parent }}, nil // the payload, see act
	}
	names := []string{object + "." + field}
	for _, kind := range []string{"Connection", "Edge", "Payload", "Error"} {
		if strings.HasSuffix(object, kind) {
			names = append(names, "*"+kind+"."+field)
		}
	}
	for _, name := range names {
		r := execute.Resolver{Get: b.gets[name], Batch: b.batches[name]}
		if r.Get != nil || r.Batch != nil {
			b.used[name] = true
			return r, nil
		}
	}
	return execute.Resolver{}, fmt.Errorf("graph: the field %s is not bound", names[0])
}

// typeOf names the object type of a node or an error.
func typeOf(v any) string {
	switch v := v.(type) {
	case *exchange.CaseView:
		return "Case"
	case *exchange.EntryView:
		return "Entry"
	case *exchange.SubjectView:
		return "Subject"
	case *exchange.ObservableView:
		return "Observable"
	case *exchange.EvidenceView:
		return "Evidence"
	case *exchange.RequestView:
		return "Request"
	case *comity.Grant:
		return "Grant"
	case *comity.Error:
		switch v.Code {
		case comity.CodeNotFound:
			return "NotFoundError"
		case comity.CodeDenied:
			return "DeniedError"
		case comity.CodeConflict:
			return "ConflictError"
		case comity.CodeUnavailable:
			return "UnavailableError"
		case comity.CodeLimit:
			return "LimitError"
		}
		return "InvalidError"
	}
	return ""
}

// fields binds fields that are read off a value of the type P.
type fields[P any] map[string]func(*request, P) any

func get[P any](b *binding, object string, all fields[P]) {
	for name, read := range all {
		b.gets[object+"."+name] = func(state, parent any) any { return read(state.(*request), parent.(P)) }
	}
}

// batch binds a field that is resolved for all parents at once.
func batch[P, R any](b *binding, name string, resolve func(*request, []P, args) ([]R, error)) {
	b.batches[name] = func(_ context.Context, state any, parents []any, given execute.Args) ([]any, error) {
		typed := make([]P, len(parents))
		for i, p := range parents {
			typed[i] = p.(P)
		}
		found, err := resolve(state.(*request), typed, given)
		if err != nil {
			return nil, err
		}
		out := make([]any, len(found))
		for i, r := range found {
			out[i] = r
		}
		return out, nil
	}
}

// each fills in one result for each parent.
func each[P, R any](parents []P, of func(P) R) []R {
	out := make([]R, len(parents))
	for i, p := range parents {
		out[i] = of(p)
	}
	return out
}

// args are the coerced arguments of a field.
type args map[string]any

func (a args) text(name string) string {
	s, _ := a[name].(string)
	return s
}

func (a args) number(name string) int {
	n, _ := a[name].(int)
	return n
}

// object gives an argument that is an input object, or an empty one.
func (a args) object(name string) args {
	m, _ := a[name].(map[string]any)
	return m
}

func (a args) flag(name string) bool {
	f, _ := a[name].(bool)
	return f
}

// instant gives an argument that is an instant, the zero time when there is none.
func (a args) instant(name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, a.text(name)) // the scalar has been read already
	return t
}

func (a args) purpose() comity.Purpose { return comity.Purpose(a.text("purpose")) }

// id gives an argument that names a record of a kind, "" when there is none.
func (a args) id(name string, kinds ...comity.Kind) (comity.ID, error) {
	s := a.text(name)
	if s == "" {
		return "", nil
	}
	return parseID(name, s, kinds...)
}

// parseID reads the id of a record of a kind, and names the field when it is none.
func parseID(field, s string, kinds ...comity.Kind) (comity.ID, error) {
	id, err := comity.ParseID(s, kinds...)
	if e, ok := err.(*comity.Error); ok {
		named := *e
		named.Path = []string{field}
		return "", &named
	}
	return id, err
}

// connection is a page of a list, of any kind.
type connection struct {
	items   []any
	cursors []string
	next    bool
	prev    bool
	count   func() (int, error)
}

type edge struct {
	node   any
	cursor string
}

// connect makes a connection of a page.
func connect[T any](p exchange.Page[T], after string, node func(*T) any) *connection {
	c := &connection{items: []any{}, cursors: p.Cursors, next: p.HasNext, prev: after != "", count: p.Count}
	for i := range p.Items {
		c.items = append(c.items, node(&p.Items[i]))
	}
	return c
}

func (b *binding) connections() {
	get(b, "*Connection", fields[*connection]{
		"nodes":    func(_ *request, c *connection) any { return c.items },
		"pageInfo": func(_ *request, c *connection) any { return c },
		"edges": func(_ *request, c *connection) any {
			edges := make([]edge, len(c.items))
			for i := range edges {
				edges[i] = edge{c.items[i], c.cursors[i]}
			}
			return edges
		},
	})
	batch(b, "*Connection.totalCount", func(_ *request, all []*connection, _ args) ([]any, error) {
		out := make([]any, len(all))
		for i, c := range all {
			n, err := c.count()
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
		return out, nil
	})
	get(b, "*Edge", fields[edge]{
		"node":   func(_ *request, e edge) any { return e.node },
		"cursor": func(_ *request, e edge) any { return e.cursor },
	})
	get(b, "PageInfo", fields[*connection]{
		"hasNextPage":     func(_ *request, c *connection) any { return c.next },
		"hasPreviousPage": func(_ *request, c *connection) any { return c.prev },
		"startCursor":     func(_ *request, c *connection) any { return c.cursorAt(0) },
		"endCursor":       func(_ *request, c *connection) any { return c.cursorAt(len(c.cursors) - 1) },
	})
}

func (c *connection) cursorAt(i int) any {
	if i < 0 || i >= len(c.cursors) {
		return nil
	}
	return c.cursors[i]
}
