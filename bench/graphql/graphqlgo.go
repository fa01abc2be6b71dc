package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/uuid"
	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity/bench/graphql/rows"
)

// newGraphQLGo serves the benchmark's schema by the library's own executor, a
// resolver for each field, and loaders that its thunks allow for: what the
// fields of a level ask for is fetched when the first of them is looked at.
func newGraphQLGo(db *rows.DB, _ string) (http.Handler, error) {
	schema, err := graphqlGoSchema(db)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Query     string         `json:"query"`
			Variables map[string]any `json:"variables"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx := rows.As(r.Context(), rows.ParseViewer(r.Header.Get(rows.Header)))
		ctx = context.WithValue(ctx, batchesKey{}, &batches{of: map[string]any{}})
		answer := graphql.Do(graphql.Params{Schema: schema, RequestString: q.Query, VariableValues: q.Variables, Context: ctx})
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client went away: nobody is left to tell
	}), nil
}

// batches are those of one request, by what they load.
type batches struct {
	mu sync.Mutex
	of map[string]any
}

type batchesKey struct{}

// batch collects keys until one of its values is looked at.
type batch[V any] struct {
	keys  []string
	once  sync.Once
	found map[string]V
	err   error
}

// later gives a thunk of the value of a key.
func later[V any](ctx context.Context, name, key string, load func([]string) (map[string]V, error), show func(V) any) any {
	all := ctx.Value(batchesKey{}).(*batches)
	all.mu.Lock()
	b, _ := all.of[name].(*batch[V])
	if b == nil {
		b = &batch[V]{}
		all.of[name] = b
	}
	b.keys = append(b.keys, key)
	all.mu.Unlock()
	return func() (any, error) {
		b.once.Do(func() {
			all.mu.Lock()
			delete(all.of, name) // what asks from now on is of another level
			all.mu.Unlock()
			b.found, b.err = load(b.keys)
		})
		return show(b.found[key]), b.err
	}
}

// of makes a field that a getter of its parent resolves.
func of[P any](t graphql.Output, get func(*P) any) *graphql.Field {
	return &graphql.Field{Type: t, Resolve: func(p graphql.ResolveParams) (any, error) {
		v, ok := p.Source.(*P)
		if !ok {
			return nil, fmt.Errorf("a %T is no parent of this field", p.Source)
		}
		return get(v), nil
	}}
}

func graphqlGoSchema(db *rows.DB) (graphql.Schema, error) {
	text, id := graphql.NewNonNull(graphql.String), graphql.NewNonNull(graphql.ID)
	first := graphql.FieldConfigArgument{"first": {Type: graphql.NewNonNull(graphql.Int)}}
	list := func(t graphql.Type) graphql.Output { return graphql.NewNonNull(graphql.NewList(graphql.NewNonNull(t))) }
	nodes := func(name string, t graphql.Type) *graphql.Object {
		return graphql.NewObject(graphql.ObjectConfig{Name: name, Fields: graphql.Fields{
			"nodes": {Type: list(t), Resolve: func(p graphql.ResolveParams) (any, error) { return p.Source.(map[string]any)["nodes"], nil }},
		}})
	}
	connection := func(all any) any { return map[string]any{"nodes": all} }
	var caseType *graphql.Object
	node := graphql.NewInterface(graphql.InterfaceConfig{Name: "Node", Fields: graphql.Fields{"id": {Type: id}},
		ResolveType: func(graphql.ResolveTypeParams) *graphql.Object { return caseType }})
	event := graphql.NewObject(graphql.ObjectConfig{Name: "CustodyEvent", Fields: graphql.Fields{
		"id":       of(id, func(e *rows.CustodyEvent) any { return e.ID }),
		"kind":     of(text, func(e *rows.CustodyEvent) any { return e.Kind }),
		"function": of(text, func(e *rows.CustodyEvent) any { return e.Function }),
		"state":    of(text, func(e *rows.CustodyEvent) any { return e.State }),
	}})
	evidence := graphql.NewObject(graphql.ObjectConfig{Name: "Evidence", Fields: graphql.Fields{
		"id":        of(id, func(e *rows.Evidence) any { return e.ID }),
		"name":      of(text, func(e *rows.Evidence) any { return e.Name }),
		"mediaType": of(text, func(e *rows.Evidence) any { return e.MediaType }),
		"size":      of(graphql.NewNonNull(graphql.Int), func(e *rows.Evidence) any { return e.Size }),
		"status":    of(text, func(e *rows.Evidence) any { return e.Status }),
		"custody": {Type: graphql.NewList(graphql.NewNonNull(event)), Resolve: func(p graphql.ResolveParams) (any, error) {
			return later(p.Context, "custody", p.Source.(*rows.Evidence).ID, func(ids []string) (map[string][]*rows.CustodyEvent, error) {
				return db.Custody(p.Context, ids)
			}, func(all []*rows.CustodyEvent) any { return all }), nil
		}},
	}})
	entry := graphql.NewObject(graphql.ObjectConfig{Name: "Entry", Fields: graphql.Fields{
		"id":     of(id, func(e *rows.Entry) any { return e.ID }),
		"author": of(text, func(e *rows.Entry) any { return e.Author }),
		"text":   of(text, func(e *rows.Entry) any { return e.Text }),
	}})
	caseType = graphql.NewObject(graphql.ObjectConfig{Name: "Case", Interfaces: []*graphql.Interface{node}, Fields: graphql.Fields{
		"id":       of(id, func(c *rows.Case) any { return c.ID }),
		"state":    of(text, func(c *rows.Case) any { return c.State }),
		"agency":   of(graphql.String, func(c *rows.Case) any { return c.Agency }),
		"owner":    of(graphql.String, func(c *rows.Case) any { return c.Owner }),
		"category": of(graphql.String, func(c *rows.Case) any { return c.Category }),
		"status":   of(graphql.String, func(c *rows.Case) any { return c.Status }),
		"title":    of(graphql.String, func(c *rows.Case) any { return c.Title }),
		"summary":  of(graphql.String, func(c *rows.Case) any { return c.Summary }),
		"reserved": of(graphql.Boolean, func(c *rows.Case) any { return c.Reserved }),
		"version":  of(graphql.Int, func(c *rows.Case) any { return c.Version }),
		"evidence": {Type: nodes("EvidenceConnection", evidence), Args: first, Resolve: func(p graphql.ResolveParams) (any, error) {
			return later(p.Context, "evidence", p.Source.(*rows.Case).ID, func(ids []string) (map[string][]*rows.Evidence, error) {
				return db.Evidence(p.Context, ids, p.Args["first"].(int))
			}, func(all []*rows.Evidence) any { return connection(all) }), nil
		}},
		"entries": {Type: nodes("EntryConnection", entry), Args: first, Resolve: func(p graphql.ResolveParams) (any, error) {
			return later(p.Context, "entries", p.Source.(*rows.Case).ID, func(ids []string) (map[string][]*rows.Entry, error) {
				return db.Entries(p.Context, ids, p.Args["first"].(int))
			}, func(all []*rows.Entry) any { return connection(all) }), nil
		}},
	}})
	viewer := graphql.NewObject(graphql.ObjectConfig{Name: "Viewer", Fields: graphql.Fields{
		"cases": {Type: graphql.NewNonNull(nodes("CaseConnection", caseType)), Args: first, Resolve: func(p graphql.ResolveParams) (any, error) {
			found, err := db.Cases(p.Context, rows.Of(p.Context), p.Args["first"].(int))
			return connection(found), err
		}},
	}})
	query := graphql.NewObject(graphql.ObjectConfig{Name: "Query", Fields: graphql.Fields{
		"viewer": {Type: graphql.NewNonNull(viewer), Resolve: func(graphql.ResolveParams) (any, error) { return struct{}{}, nil }},
		"node": {Type: node, Args: graphql.FieldConfigArgument{"id": {Type: id}}, Resolve: func(p graphql.ResolveParams) (any, error) {
			found, err := db.Case(p.Context, rows.Of(p.Context), p.Args["id"].(string))
			if found == nil {
				return nil, err
			}
			return found, err
		}},
	}})
	item := graphql.NewInputObject(graphql.InputObjectConfig{Name: "EntryInput", Fields: graphql.InputObjectConfigFieldMap{"text": {Type: text}}})
	input := graphql.NewInputObject(graphql.InputObjectConfig{Name: "EntryAddInput", Fields: graphql.InputObjectConfigFieldMap{
		"idempotencyKey": {Type: id}, "case": {Type: id}, "items": {Type: list(item)}}})
	payload := graphql.NewObject(graphql.ObjectConfig{Name: "EntryAddPayload", Fields: graphql.Fields{
		"entries": {Type: graphql.NewList(graphql.NewNonNull(entry)), Resolve: func(p graphql.ResolveParams) (any, error) { return p.Source, nil }},
	}})
	mutation := graphql.NewObject(graphql.ObjectConfig{Name: "Mutation", Fields: graphql.Fields{
		"entryAdd": {Type: graphql.NewNonNull(payload), Args: graphql.FieldConfigArgument{"input": {Type: graphql.NewNonNull(input)}},
			Resolve: func(p graphql.ResolveParams) (any, error) {
				in, ok := p.Args["input"].(map[string]any)
				if !ok {
					return nil, errors.New("no input")
				}
				var all []*rows.Entry
				for _, item := range in["items"].([]any) {
					added, err := db.Add(p.Context, rows.Of(p.Context), "entry_"+uuid.NewString(), item.(map[string]any)["text"].(string),
						in["idempotencyKey"].(string), in["case"].(string))
					if err != nil {
						return nil, err
					}
					all = append(all, added...)
				}
				return all, nil
			}},
	}})
	return graphql.NewSchema(graphql.SchemaConfig{Query: query, Mutation: mutation, Types: []graphql.Type{caseType}})
}
