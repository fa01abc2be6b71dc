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
	"github.com/comity-platform/comity/graph/sdl"
)

// Binding is what the executor needs to know beside the schema.
type Binding struct {
	Schema graphql.Schema
	// Resolve finds what a field of an object type is bound to.
	Resolve func(object, field string) (Resolver, error)
	// Scalars are the custom scalars, by name.
	Scalars map[string]sdl.Scalar
	// TypeOf names the object type of a value of an interface or union.
	TypeOf func(value any) string
	// Meta answers what is asked about the schema.
	Meta *introspect.Schema
}

// Engine compiles operations of one schema.
type Engine struct {
	Binding
	bound  map[string]map[string]bound
	leaves map[string]*leaf // by the name of a scalar or enum
}

// bound is a field of an object type with what it is bound to.
type bound struct {
	Resolver
	shape *shape
	named graphql.Type
}

// New makes the engine of a schema of which every field is bound.
func New(b Binding) (*Engine, error) {
	e := &Engine{Binding: b, bound: map[string]map[string]bound{}, leaves: map[string]*leaf{}}
	for name, t := range b.Schema.TypeMap() {
		switch t := t.(type) {
		case *graphql.Scalar:
			e.leaves[name] = scalarLeaf(t, b.Scalars[name])
		case *graphql.Enum:
			e.leaves[name] = enumLeaf(t)
		}
	}
	var failed error
	for name, t := range b.Schema.TypeMap() {
		object, ok := t.(*graphql.Object)
		if !ok {
			continue
		}
		e.bound[name] = map[string]bound{}
		find := b.Resolve
		if strings.HasPrefix(name, "__") {
			find = e.meta
		}
		for field, def := range object.Fields() {
			r, err := find(name, field)
			if err == nil {
				e.bound[name][field], err = e.bind(r, def.Type)
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("execute: %s.%s: %w", name, field, err))
			}
		}
	}
	if failed != nil {
		return nil, failed
	}
	return e, nil
}

// bind holds a resolver against the type of its field.
func (e *Engine) bind(r Resolver, t graphql.Type) (bound, error) {
	s, named := e.shapeOf(t)
	if r.fits == nil || !r.fits(s) {
		return bound{}, fmt.Errorf("it is not bound to values of the type %s", t)
	}
	return bound{r, s, named}, nil
}

// meta resolves a field of introspection.
func (e *Engine) meta(object, name string) (Resolver, error) {
	f := e.Meta.Field(object, name)
	if f == nil {
		return Resolver{}, errors.New("it is not answered")
	}
	return Batch(Any(), func(_ context.Context, _ any, parents []any, args Args) ([]any, error) {
		out := make([]any, len(parents))
		for i, p := range parents {
			out[i] = f(p, args)
		}
		return out, nil
	}), nil
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
