package execute

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errNull is the error of a field that must not be null and is.
var errNull = errors.New("execute: a field that is never null has no value")

// object writes the ith of some objects; false says that one of its fields must
// not be null and is, so that the object becomes null itself: the caller takes
// back what was written.
func (r *run) object(w *rows, i int) bool {
	r.out = append(r.out, '{')
	for k := 0; k < len(w.fields); {
		var ok bool
		if k, ok = r.fieldsFrom(w, i, k); !ok {
			return false
		}
	}
	r.out = append(r.out, '}')
	return true
}

// fieldsFrom writes an object's fields from one on, until the end or past one
// whose getter panics.
func (r *run) fieldsFrom(w *rows, i, from int) (next int, ok bool) {
	k, depth, mark := from, len(r.path), 0
	r.path = append(r.path, step{of: w})
	defer func() {
		if v := recover(); v != nil {
			r.out, r.path = r.out[:mark], r.path[:depth+1]
			ok = r.null(w.fields[k].shape, &Panic{Value: v, Stack: debug.Stack()})
			r.path = r.path[:depth]
			next = k + 1
		}
	}()
	for ; k < len(w.fields); k++ {
		f := w.fields[k]
		r.out = append(r.out, f.quoted[1-min(k, 1):]...) // no comma before the first
		mark = len(r.out)
		r.path[depth].at = k
		if !r.field(f, w, &w.columns[k], i) {
			r.path = r.path[:depth]
			return k, false
		}
	}
	r.path = r.path[:depth]
	return k, true
}

// field writes a field of an object. Like all below, it is false, with nothing
// that counts written, where null rises.
func (r *run) field(f *field, w *rows, c *column, i int) bool {
	if len(r.out) > r.Limit {
		r.over = true
		return false
	}
	switch {
	case f.typename:
		r.out = quote(r.out, w.object)
		return true
	case c.failed != nil:
		return r.null(f.shape, c.failed)
	case f.under != nil:
		return r.shown(f.shape, c, c.cells[i])
	case c.given != nil:
		return c.given(f.shape, i)
	}
	return f.write(r, f.shape, w.parents[i])
}

// null writes null for what failed, where null is allowed.
func (r *run) null(s *shape, err error) bool {
	r.fail(err)
	if s.required {
		return false
	}
	r.out = append(r.out, "null"...)
	return true
}

// fail notes an error at the place that is being written.
func (r *run) fail(err error) {
	if len(r.errors) == maxErrors {
		if r.stopped == nil && r.Stop != nil && r.Stop(err) {
			r.stopped = err
		}
		return // what ends all work is told all the same, see answer
	}
	r.told = r.told || err == r.stopped
	path := make([]any, len(r.path))
	for i, s := range r.path {
		if path[i] = s.at; s.of != nil {
			path[i] = s.of.fields[s.at].key
		}
	}
	r.errors = append(r.errors, Error{path, err})
}

// nothing writes null where it is allowed.
func (r *run) nothing() bool {
	r.out = append(r.out, "null"...)
	return true
}

// missing writes what has no value.
func (r *run) missing(s *shape) bool {
	if s.required {
		return r.null(s, errNull)
	}
	return r.nothing()
}

// wrote takes what a leaf was written to, or notes that it could not be written.
func (r *run) wrote(s *shape, out []byte, ok bool) bool {
	if !ok {
		return r.null(s, fmt.Errorf("execute: a value is none of the type %s", s.leaf.name))
	}
	r.out = out
	return true
}

// items writes a list; an item that is null and must not be makes the list null.
func (r *run) items(s *shape, n int, item func(int) bool) bool {
	mark := len(r.out)
	r.out = append(r.out, '[')
	r.path = append(r.path, step{})
	depth := len(r.path)
	for i := range n {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.path[depth-1].at = i
		if !item(i) || r.over {
			r.path, r.out = r.path[:depth-1], r.out[:mark]
			return r.risen(s)
		}
	}
	r.path = r.path[:depth-1]
	r.out = append(r.out, ']')
	return true
}

// risen writes null for what became null by something below it.
func (r *run) risen(s *shape) bool {
	if s.required || r.over {
		return false
	}
	return r.nothing()
}

// shown writes what a cell holds.
func (r *run) shown(s *shape, c *column, x cell) bool {
	switch x.kind {
	case failure:
		return r.null(s, c.errors[x.at])
	case list:
		return r.items(s, int(x.n), func(i int) bool { return r.shown(s.item, c, c.cells[int(x.at)+i]) })
	case object:
		mark := len(r.out)
		if r.object(c.groups[x.group], int(x.at)) {
			return true
		}
		r.out = r.out[:mark]
		return r.risen(s)
	}
	return r.missing(s)
}
