package graph

import (
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
	bound   map[string]execute.Resolver
	batches map[string]bool     // those of bound that can fail
	acts    map[string]mutation // by name
	used    map[string]bool
	engine  *execute.Engine
}

// bindSchema makes the schema. Every field is bound, and everything bound is a
// field: otherwise schema and code have drifted apart.
func bindSchema() (*sdl.Schema, *binding, error) {
	b := &binding{bound: map[string]execute.Resolver{}, batches: map[string]bool{}, acts: map[string]mutation{}, used: map[string]bool{}}
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
	b.erasures()
	b.dispatchActs()
	b.manifestActs()
	b.duty()
	b.dutyActs()
	b.teams()
	b.teamActs()
	b.events()
	custom := scalars()
	s, err := sdl.Build(SDL, sdl.Binding{Scalars: custom, TypeOf: typeOf})
	if err != nil {
		return nil, nil, err
	}
	meta, err := introspect.New(SDL)
	if err != nil {
		return nil, nil, err
	}
	if b.engine, err = execute.New(execute.Binding{Schema: s.Schema, Scalars: custom, Resolve: b.resolve, TypeOf: typeOf, Meta: meta}); err != nil {
		return nil, nil, err
	}
	for name := range b.bound {
		if !b.used[name] {
			return nil, nil, fmt.Errorf("graph: %s is bound, and not in the schema", name)
		}
	}
	for name := range b.acts {
		if s.MutationType().Fields()[name] == nil {
			return nil, nil, fmt.Errorf("graph: the act %s is bound, and not in the schema", name)
		}
	}
	return s, b, nil
}

// resolve finds what a field is bound to. Connections, edges and payloads are
// alike, and bound once as "*Connection" and so on.
func (b *binding) resolve(of, field string) (execute.Resolver, error) {
	if of == "Subscription" {
		return object(func(_ *request, t *exchange.Told) *exchange.Told { return t }).Resolver, nil // see collect
	}
	if of == "Mutation" {
		if _, ok := b.acts[field]; !ok {
			return execute.Resolver{}, fmt.Errorf("graph: the act %s is not bound", field)
		}
		return object(func(_ *request, p *payload) *payload { return p }).Resolver, nil // see act
	}
	names := []string{of + "." + field}
	for _, kind := range []string{"Connection", "Edge", "Payload", "Error"} {
		if strings.HasSuffix(of, kind) {
			names = append(names, "*"+kind+"."+field)
		}
	}
	for _, name := range names {
		if r, ok := b.bound[name]; ok {
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
