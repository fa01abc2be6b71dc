package graph

import (
	"context"
	"time"

	"github.com/comity-platform/comity/graph/execute"
)

// fields binds fields that are read off a value of the type P, which is a pointer
// wherever there is something to read.
type fields[P any] map[string]field[P]

// field is how one of them is read, by what its values are. An empty value is
// null where null is allowed.
type field[P any] struct{ execute.Resolver }

func get[P any](b *binding, object string, all fields[P]) {
	for name, f := range all {
		b.bound[object+"."+name] = f.Resolver
	}
}

// batch binds a field that is resolved for all parents at once.
func batch[P, V any](b *binding, name string, kind func() execute.Kind[V], resolve func(*request, []P, args) ([]V, error)) {
	b.batches[name] = true
	b.bound[name] = execute.Batch(kind(), func(_ context.Context, q *request, parents []P, given execute.Args) ([]V, error) {
		return resolve(q, parents, given)
	})
}

func of[P, V any](k execute.Kind[V], read func(*request, P) V) field[P] {
	return field[P]{execute.Get(k, read)}
}

func text[P any, V ~string](read func(*request, P) V) field[P] { return of(execute.Text[V](), read) }

func texts[P any, V ~string](read func(*request, P) []V) field[P] {
	return of(execute.Texts[V](), read)
}

func number[P any, V ~int | ~int64](read func(*request, P) V) field[P] {
	return of(execute.Number[V](), read)
}

func boolean[P any](read func(*request, P) bool) field[P] { return of(execute.Flag(), read) }

// optionalBoolean and optionalNumber are null for no pointer alone.
func optionalBoolean[P any](read func(*request, P) *bool) field[P] {
	return of(execute.Optional(execute.Flag()), read)
}

func optionalNumber[P any](read func(*request, P) *int64) field[P] {
	return of(execute.Optional(execute.Count[int64]()), read)
}

func instant[P any](read func(*request, P) time.Time) field[P] { return of(execute.Instant(), read) }

func octets[P any](read func(*request, P) []byte) field[P] { return of(execute.Bytes(), read) }

func hash[P any](read func(*request, P) [32]byte) field[P] { return of(execute.Hash(), read) }

func hashes[P any](read func(*request, P) [][32]byte) field[P] {
	return of(execute.List(execute.Hash()), read)
}

func object[P, T any](read func(*request, P) *T) field[P] { return of(execute.Object[T](), read) }

// items are objects that lie in a slice, objects those that a slice points to.
func items[P, T any](read func(*request, P) []T) field[P] { return of(execute.Items[T](), read) }

func objects[P, T any](read func(*request, P) []*T) field[P] { return of(execute.Objects[T](), read) }

// orEmpty keeps a list without items from being null where null is allowed.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// anys are nodes of several types.
func anys() execute.Kind[[]any] { return execute.List(execute.Any()) }
