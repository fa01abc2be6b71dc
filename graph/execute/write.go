package execute

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
)

// errNull is the error of a field that must not be null and is.
var errNull = errors.New("execute: a field that is never null has no value")

// object writes the ith of some objects; false says that one of its fields must
// not be null and is, so that the object becomes null itself: the caller takes
// back what was written.
func (r *run) object(w *rows, i int) bool {
	r.out = append(r.out, '{')
	for k, f := range w.fields {
		if k > 0 {
			r.out = append(r.out, ',')
		}
		r.out = append(r.out, f.quoted...)
		r.path = append(r.path, step{key: f.key})
		ok := r.field(f, w, &w.columns[k], i)
		r.path = r.path[:len(r.path)-1]
		if !ok {
			return false
		}
	}
	r.out = append(r.out, '}')
	return true
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
	case c.values != nil:
		return r.value(f.shape, c.values[i])
	}
	return r.read(f, w.parents[i])
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
	r.told = r.told || err == r.stopped
	if len(r.errors) == maxErrors {
		return
	}
	path := make([]any, len(r.path))
	for i, s := range r.path {
		if path[i] = s.at; s.key != "" {
			path[i] = s.key
		}
	}
	r.errors = append(r.errors, Error{path, err})
}

// missing writes what has no value: null, or what stands for it where null is
// not allowed.
func (r *run) missing(s *shape) bool {
	if s.required {
		return r.null(s, errNull)
	}
	r.out = append(r.out, "null"...)
	return true
}

// read writes a scalar, an enum, or a list of them, that is read off a parent.
func (r *run) read(f *field, parent any) (ok bool) {
	mark := len(r.out)
	depth := len(r.path)
	defer func() {
		if p := recover(); p != nil {
			r.out, r.path = r.out[:mark], r.path[:depth]
			ok = r.null(f.shape, &Panic{Value: p, Stack: debug.Stack()})
		}
	}()
	v := f.resolver.Get(r.State, parent)
	if !f.shape.required && absent(v) {
		v = nil
	}
	return r.value(f.shape, v)
}

// value writes a scalar, an enum, or a list of them.
func (r *run) value(s *shape, v any) bool {
	if s.item != nil {
		return r.values(s, v)
	}
	if failed, ok := v.(Failed); ok {
		return r.null(s, failed.Err)
	}
	if v == nil {
		return r.missing(s)
	}
	mark := len(r.out)
	out, err := s.leaf(r.out, v)
	if err != nil {
		r.out = r.out[:mark]
		return r.null(s, err)
	}
	r.out = out
	return true
}

// values writes a list of scalars or enums; where a list is required, none is
// an empty one.
func (r *run) values(s *shape, v any) bool {
	if failed, ok := v.(Failed); ok {
		return r.null(s, failed.Err)
	}
	rv := reflect.ValueOf(v)
	if v != nil && rv.Kind() != reflect.Slice {
		return r.null(s, fmt.Errorf("execute: a %T is no list", v))
	}
	if (v == nil || rv.IsNil()) && !s.required {
		return r.missing(s)
	}
	n := 0
	if v != nil {
		n = rv.Len()
	}
	texts, _ := v.([]string)
	return r.items(s, n, func(i int) bool {
		if texts != nil {
			return r.value(s.item, texts[i])
		}
		return r.value(s.item, rv.Index(i).Interface())
	})
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
	r.out = append(r.out, "null"...)
	return true
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
