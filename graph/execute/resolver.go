package execute

import (
	"context"
	"fmt"
)

// Args are the coerced arguments of a field, or the fields of an input object.
// What was given as null is there and nil.
type Args = map[string]any

// Resolver is what a field is bound to: made by [Get] or [Batch].
type Resolver struct {
	fits func(s *shape) bool
	// write and note are those of what is read off a parent.
	write func(r *run, s *shape, parent any) bool
	note  func(r *run, f *field, c *column, parent any) cell
	// batch resolves a field for all parents.
	batch func(r *run, f *field, w *rows, c *column, args Args) error
}

// Get binds a field that is read off each parent. It does no I/O and cannot fail.
func Get[S, P, V any](k Kind[V], read func(state S, parent P) V) Resolver {
	r := Resolver{fits: k.fits}
	if k.write != nil {
		r.write = func(r *run, s *shape, parent any) bool {
			state, _ := r.State.(S)
			return k.write(r, s, read(state, parent.(P)))
		}
	}
	if k.note != nil {
		r.note = func(r *run, f *field, c *column, parent any) cell {
			state, _ := r.State.(S)
			return k.note(r, f, f.shape, c, read(state, parent.(P)))
		}
	}
	return r
}

// Batch binds a field that is resolved for all parents at once: one result for
// each parent, in their order. An error is that of every parent. The arguments
// are not to be changed.
func Batch[S, P, V any](k Kind[V], resolve func(ctx context.Context, state S, parents []P, args Args) ([]V, error)) Resolver {
	return Resolver{fits: k.fits, batch: func(r *run, f *field, w *rows, c *column, args Args) error {
		parents := make([]P, len(w.parents))
		for i, p := range w.parents {
			parents[i] = p.(P)
		}
		state, _ := r.State.(S)
		values, err := resolve(r.ctx, state, parents, args)
		if err == nil && len(values) != len(parents) {
			err = fmt.Errorf("execute: %d results for %d parents", len(values), len(parents))
		}
		if err != nil {
			return err
		}
		if f.under == nil {
			c.given = func(s *shape, i int) bool { return k.write(r, s, values[i]) }
			return nil
		}
		r.grow(c, len(values))
		for i, v := range values {
			done := k.note(r, f, f.shape, c, v) // may move the cells
			c.cells[i] = done
		}
		return nil
	}}
}
