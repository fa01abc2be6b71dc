// Package execute runs validated operations. Resolvers have the batch form: a
// field is resolved for all parents of a level at once, so that a level costs
// one query and one decision per class, however many records it holds.
//
// For now they run on the stock executor of graphql-go, which resolves one
// parent at a time and lets a resolver put off its work (a thunk). This package
// is the only one that knows of it: it gathers the parents of one field at one
// level through thunks, and keeps the executor's faults from its callers:
//
//   - on cancellation it returns while its goroutine still runs resolvers: it
//     is never given a context that ends, and every batch looks at the real one;
//   - a panic surfaces with its message: resolvers are guarded one by one;
//   - an error of a thunk on a non-null field wipes the whole response: fields
//     with batches are non-null only where nothing above them is nullable, so
//     that this is what the specification asks for (graph's tests check it).
package execute

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/gqlerrors"
	"github.com/graphql-go/graphql/language/ast"
)

// Get gives a field of one value. It does no I/O and cannot fail. In a nullable
// field an empty value is null.
type Get func(state, parent any) any

// Batch gives a field of many values: one result for each parent, in their
// order. An error is that of every parent.
type Batch func(ctx context.Context, state any, parents []any, args map[string]any) ([]any, error)

// Params is one operation to run: of a document that was validated, with
// variables that were coerced.
type Params struct {
	Schema    graphql.Schema
	Document  *ast.Document
	Operation string // "" for the only one
	Variables map[string]any
	Root      any // parent of the root fields
	State     any // given to every resolver
	Text      int // bytes of text that the data may hold
}

// ErrText is the one error of an operation whose data would hold more text than
// it may. It is met before the text is copied into the data.
var ErrText = errors.New("execute: the data holds too much text")

// Error is what failed at a path of the response.
type Error struct {
	Path []any
	Err  error
}

// Panic is the error of a resolver that panicked. Its text says no more; value
// and stack are for the log.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return "execute: a resolver panicked" }

// Query runs an operation to its end. Data is nil when nothing can be shown;
// each failure is told once, at the first place where it was met.
func Query(ctx context.Context, p Params) (data any, failed []Error) {
	r := &run{ctx: ctx, state: p.State, text: p.Text, waiting: map[batchKey]*batch{}}
	result := graphql.Execute(graphql.ExecuteParams{Schema: p.Schema, Root: p.Root, AST: p.Document, OperationName: p.Operation,
		Args: p.Variables, Context: context.WithValue(context.WithoutCancel(ctx), runKey{}, r)})
	if r.text < 0 {
		return nil, []Error{{nil, ErrText}}
	}
	told := map[*failure]bool{}
	for _, e := range result.Errors {
		f := failureOf(e)
		if f == nil {
			failed = append(failed, Error{e.Path, fmt.Errorf("execute: %s", e.Message)})
		} else if !told[f] {
			told[f] = true
			failed = append(failed, Error{e.Path, f.err})
		}
	}
	return result.Data, failed
}

type runKey struct{}

// run is one execution. The stock executor resolves on one goroutine.
type run struct {
	ctx     context.Context
	state   any
	text    int // bytes that are left; below zero the data is thrown away
	waiting map[batchKey]*batch
}

// spend counts the text of a value. What is too much is left out: the executor
// would copy it, and would look up the place of every error that it is given.
func (r *run) spend(v any, required bool) any {
	switch v := v.(type) {
	case string:
		r.text -= len(v)
	case []byte:
		r.text -= len(v)
	case []any:
		for _, s := range v {
			if s, ok := s.(string); ok {
				r.text -= len(s)
			}
		}
	default:
		return v
	}
	if r.text >= 0 {
		return v
	}
	if _, text := v.(string); text && required {
		return ""
	}
	return list(nil, required)
}

// batchKey tells one field at one level: the same place of the response but for
// the positions in lists, and the same type.
type batchKey struct {
	path   string
	object string
}

// level writes a place of the response without the positions in lists.
func level(p *graphql.ResponsePath) string {
	if p == nil {
		return ""
	}
	if name, ok := p.Key.(string); ok {
		return level(p.Prev) + "." + name
	}
	return level(p.Prev)
}

type batch struct {
	parents []any
	results []any
	failed  *failure
	told    bool
	done    bool
}

// failure is an error of a resolver on its way through the executor.
type failure struct{ err error }

func (f *failure) Error() string { return "execute: a field failed" }

// Field makes the executor's resolver of a field: of get, or else of resolve.
func Field(object string, of graphql.Output, get Get, resolve Batch) graphql.FieldResolveFn {
	_, required := of.(*graphql.NonNull)
	if get != nil {
		return func(p graphql.ResolveParams) (any, error) {
			r := p.Context.Value(runKey{}).(*run)
			var v any
			if err := Guard(func() error { v = r.spend(plain(get(r.state, p.Source), required), required); return nil }); err != nil {
				return nil, &failure{err}
			}
			return v, nil
		}
	}
	return func(p graphql.ResolveParams) (any, error) {
		r := p.Context.Value(runKey{}).(*run)
		key := batchKey{level(p.Info.Path), object}
		b := r.waiting[key]
		if b == nil {
			b = &batch{}
			r.waiting[key] = b
		}
		i := len(b.parents)
		b.parents = append(b.parents, p.Source)
		return func() (any, error) {
			if !b.done {
				delete(r.waiting, key)
				b.resolve(r, resolve, p.Args)
			}
			if b.failed != nil {
				// One parent tells; for the others it would be the same again.
				if b.told && !required {
					return nil, nil
				}
				b.told = true
				return nil, b.failed
			}
			return list(b.results[i], required), nil
		}, nil
	}
}

func (b *batch) resolve(r *run, resolve Batch, args map[string]any) {
	b.done = true
	err := Guard(func() (err error) {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if b.results, err = resolve(r.ctx, r.state, b.parents, args); err == nil && len(b.results) != len(b.parents) {
			err = fmt.Errorf("execute: %d results for %d parents", len(b.results), len(b.parents))
		}
		return err
	})
	if err != nil {
		b.failed = &failure{err}
	}
}

// Guard makes an error, a [Panic], of a panic in f.
func Guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// failureOf finds our error within what the executor made of it.
func failureOf(err error) *failure {
	for err != nil {
		switch e := err.(type) {
		case *failure:
			return e
		case gqlerrors.FormattedError:
			err = e.OriginalError()
		case *gqlerrors.Error:
			err = e.OriginalError
		default:
			err = errors.Unwrap(err)
		}
	}
	return nil
}

// plain makes of a value what the executor serializes: strings of every kind
// become strings, and what is empty in a nullable field becomes null.
func plain(v any, required bool) any {
	if v == nil {
		return list(v, required)
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Array, reflect.Struct:
		if _, instant := v.(time.Time); rv.Kind() == reflect.Struct && !instant {
			return v
		}
		if !required && rv.IsZero() {
			return nil
		}
		if rv.Kind() == reflect.String {
			return rv.String()
		}
	case reflect.Slice:
		if rv.Type().Elem().Kind() == reflect.String {
			if rv.IsNil() {
				return list(nil, required)
			}
			all := make([]any, rv.Len())
			for i := range all {
				all[i] = rv.Index(i).String()
			}
			return all
		}
		return list(v, required)
	}
	return v
}

// list keeps a missing list in a non-null field from being null.
func list(v any, required bool) any {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice && rv.IsNil() {
		v = nil
	}
	if v == nil && required {
		return []any{}
	}
	return v
}
