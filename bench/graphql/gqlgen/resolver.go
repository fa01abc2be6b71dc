// Package gqlgen serves the benchmark's schema by gqlgen's generated code, with
// a data loader for each list below a list.
package gqlgen

//go:generate go tool gqlgen generate

import (
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vikstrous/dataloadgen"

	"github.com/comity-platform/comity/bench/graphql/rows"
)

// New is the API over rows.
func New(db *rows.DB) http.Handler {
	s := handler.New(NewExecutableSchema(Config{Resolvers: &resolvers{db}}))
	s.AddTransport(transport.POST{})
	s.SetQueryCache(lru.New[*ast.QueryDocument](256)) // as many as Comity keeps
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := rows.As(r.Context(), rows.ParseViewer(r.Header.Get(rows.Header)))
		s.ServeHTTP(w, r.WithContext(context.WithValue(ctx, loadersKey{}, newLoaders(db))))
	})
}

type resolvers struct{ db *rows.DB }

func (r *resolvers) Case() CaseResolver         { return caseResolver{} }
func (r *resolvers) Evidence() EvidenceResolver { return evidenceResolver{} }
func (r *resolvers) Mutation() MutationResolver { return mutationResolver{r.db} }
func (r *resolvers) Query() QueryResolver       { return queryResolver{r.db} }
func (r *resolvers) Viewer() ViewerResolver     { return viewerResolver{r.db} }

// loaders are those of one request. A batch goes out when it is as long as the
// page can be, or when nobody joined it for a short while.
type loaders struct {
	evidence *dataloadgen.Loader[child, []*rows.Evidence]
	entries  *dataloadgen.Loader[child, []*rows.Entry]
	custody  *dataloadgen.Loader[string, []*rows.CustodyEvent]
}

type loadersKey struct{}

// child is a list below a case.
type child struct {
	of    string
	first int
}

func newLoaders(db *rows.DB) *loaders {
	const wait, most = 200 * time.Microsecond, 50
	return &loaders{
		evidence: dataloadgen.NewLoader(ofCases(db.Evidence), dataloadgen.WithWait(wait), dataloadgen.WithBatchCapacity(most)),
		entries:  dataloadgen.NewLoader(ofCases(db.Entries), dataloadgen.WithWait(wait), dataloadgen.WithBatchCapacity(most)),
		custody: dataloadgen.NewLoader(func(ctx context.Context, ids []string) ([][]*rows.CustodyEvent, []error) {
			found, err := db.Custody(ctx, ids)
			return inOrder(ids, func(id string) []*rows.CustodyEvent { return found[id] }), failed(err)
		}, dataloadgen.WithWait(wait), dataloadgen.WithBatchCapacity(most)),
	}
}

// ofCases loads lists below cases; those of one level are equally long.
func ofCases[T any](load func(context.Context, []string, int) (map[string][]*T, error)) func(context.Context, []child) ([][]*T, []error) {
	return func(ctx context.Context, all []child) ([][]*T, []error) {
		found, err := load(ctx, inOrder(all, func(c child) string { return c.of }), all[0].first)
		return inOrder(all, func(c child) []*T { return found[c.of] }), failed(err)
	}
}

func inOrder[K, V any](keys []K, of func(K) V) []V {
	out := make([]V, len(keys))
	for i, k := range keys {
		out[i] = of(k)
	}
	return out
}

func failed(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err} // of all keys
}

func from(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) }

type caseResolver struct{}

func (caseResolver) Entries(ctx context.Context, c *rows.Case, first int) (*EntryConnection, error) {
	found, err := from(ctx).entries.Load(ctx, child{c.ID, first})
	return &EntryConnection{Nodes: found}, err
}

func (caseResolver) Evidence(ctx context.Context, c *rows.Case, first int) (*EvidenceConnection, error) {
	found, err := from(ctx).evidence.Load(ctx, child{c.ID, first})
	return &EvidenceConnection{Nodes: found}, err
}

type evidenceResolver struct{}

func (evidenceResolver) Custody(ctx context.Context, e *rows.Evidence) ([]*rows.CustodyEvent, error) {
	return from(ctx).custody.Load(ctx, e.ID)
}

type queryResolver struct{ db *rows.DB }

func (queryResolver) Viewer(context.Context) (*Viewer, error) { return &Viewer{}, nil }

func (q queryResolver) Node(ctx context.Context, id string) (rows.Node, error) {
	c, err := q.db.Case(ctx, rows.Of(ctx), id)
	if c == nil {
		return nil, err
	}
	return c, err
}

type viewerResolver struct{ db *rows.DB }

func (r viewerResolver) Cases(ctx context.Context, _ *Viewer, first int) (*CaseConnection, error) {
	found, err := r.db.Cases(ctx, rows.Of(ctx), first)
	return &CaseConnection{Nodes: found}, err
}

type mutationResolver struct{ db *rows.DB }

func (r mutationResolver) EntryAdd(ctx context.Context, in EntryAddInput) (*EntryAddPayload, error) {
	p := &EntryAddPayload{}
	for _, item := range in.Items {
		added, err := r.db.Add(ctx, rows.Of(ctx), "entry_"+uuid.NewString(), item.Text, in.IdempotencyKey, in.Case)
		if err != nil {
			return nil, err
		}
		p.Entries = append(p.Entries, added...)
	}
	return p, nil
}
