// Package execute runs validated operations. An operation is compiled into a
// [Plan], once, which is kept and run for many requests.
//
// Fields are resolved level by level: a [Batch] is called once for all parents
// that a field has at one place of the answer, so that a level costs one query
// and one decision per class, however many records it holds. What can be read
// off a parent is written into the answer when its turn comes. The answer is
// JSON in the order of the query, in one buffer; nulls rise as section 6.4.4 of
// the GraphQL specification (October 2021) says.
//
// Everything runs on the caller's goroutine: when [Plan.Run] returns, nothing
// runs any more. A panic of a resolver becomes the error of its field.
package execute

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity/graph/introspect"
)

// Get gives a field of one value. It does no I/O and cannot fail. In a nullable
// field an empty value is null.
type Get func(state, parent any) any

// Batch gives a field of many values: one result for each parent, in their
// order, or [Failed] for a parent alone. An error is that of every parent. The
// arguments are not to be changed.
type Batch func(ctx context.Context, state any, parents []any, args Args) ([]any, error)

// Failed stands for the result of one parent that could not be had.
type Failed struct{ Err error }

// Args are the coerced arguments of a field, or the fields of an input object.
// What was given as null is there and nil.
type Args = map[string]any

// Resolver is what a field is bound to: one of them.
type Resolver struct {
	Get   Get
	Batch Batch
}

// Binding is what the executor needs to know beside the schema.
type Binding struct {
	Schema graphql.Schema
	// Resolve finds what a field of an object type is bound to.
	Resolve func(object, field string) (Resolver, error)
	// TypeOf names the object type of a value of an interface or union.
	TypeOf func(value any) string
	// Meta answers what is asked about the schema.
	Meta *introspect.Schema
}

// Engine compiles operations of one schema.
type Engine struct {
	Binding
	resolvers map[string]map[string]Resolver
	leaves    map[string]leaf // by the name of a scalar or enum
}

// New makes the engine of a schema of which every field is bound.
func New(b Binding) (*Engine, error) {
	e := &Engine{Binding: b, resolvers: map[string]map[string]Resolver{}, leaves: map[string]leaf{}}
	var failed error
	for name, t := range b.Schema.TypeMap() {
		switch t := t.(type) {
		case *graphql.Object:
			e.resolvers[name] = map[string]Resolver{}
			for field := range t.Fields() {
				find := b.Resolve
				if strings.HasPrefix(name, "__") {
					find = e.meta
				}
				r, err := find(name, field)
				if err == nil && (r.Get == nil) == (r.Batch == nil) {
					err = fmt.Errorf("execute: %s.%s is bound to nothing or twice", name, field)
				}
				failed = errors.Join(failed, err)
				e.resolvers[name][field] = r
			}
		case *graphql.Scalar:
			e.leaves[name] = scalarLeaf(t)
		case *graphql.Enum:
			e.leaves[name] = enumLeaf(t)
		}
	}
	if failed != nil {
		return nil, failed
	}
	return e, nil
}

// meta resolves a field of introspection.
func (e *Engine) meta(object, name string) (Resolver, error) {
	f := e.Meta.Field(object, name)
	if f == nil {
		return Resolver{}, fmt.Errorf("execute: %s.%s is not answered", object, name)
	}
	return Resolver{Batch: func(_ context.Context, _ any, parents []any, args Args) ([]any, error) {
		out := make([]any, len(parents))
		for i, p := range parents {
			out[i] = f(p, args)
		}
		return out, nil
	}}, nil
}

// ErrText is the error of an operation whose answer would be longer than it may.
var ErrText = errors.New("execute: the answer is too long")

// Error is what failed at a path of the answer.
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

// Guard makes an error, a [Panic], of a panic in f.
func Guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
