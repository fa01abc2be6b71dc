package execute

import (
	"fmt"
	"reflect"
	"time"
)

// Kind is how values of a Go type answer a field: as a scalar or enum, as an
// object, or as a list of them. It writes what it is given without boxing it: an
// answer costs no allocation for each value. A value that is empty is null where
// null is allowed.
type Kind[V any] struct {
	// fits reports whether a type can be answered so.
	fits func(s *shape) bool
	// write writes a scalar, an enum or a list of them; false where null rises.
	write func(r *run, s *shape, v V) bool
	// note notes objects among those of the level below.
	note func(r *run, f *field, s *shape, c *column, v V) cell
}

// Text answers strings, ids, enums, and scalars written as text. The empty string
// is null where null is allowed.
func Text[V ~string]() Kind[V] {
	return Kind[V]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.text != nil },
		write: func(r *run, s *shape, v V) bool {
			if v == "" && !s.required {
				return r.nothing()
			}
			out, ok := s.leaf.text(r.out, string(v))
			return r.wrote(s, out, ok)
		},
	}
}

// Number answers whole numbers. 0 is null where null is allowed.
func Number[V ~int | ~int64]() Kind[V] { return number[V](true) }

// Count answers whole numbers of which 0 is one like the others.
func Count[V ~int | ~int64]() Kind[V] { return number[V](false) }

func number[V ~int | ~int64](empty bool) Kind[V] {
	return Kind[V]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.number != nil },
		write: func(r *run, s *shape, v V) bool {
			if v == 0 && empty && !s.required {
				return r.nothing()
			}
			out, ok := s.leaf.number(r.out, int64(v))
			return r.wrote(s, out, ok)
		},
	}
}

// Flag answers what is true or false, and never null.
func Flag() Kind[bool] {
	return Kind[bool]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.flag },
		write: func(r *run, s *shape, v bool) bool {
			if v {
				r.out = append(r.out, "true"...)
			} else {
				r.out = append(r.out, "false"...)
			}
			return true
		},
	}
}

// Instant answers times. The zero time is null where null is allowed.
func Instant() Kind[time.Time] {
	return Kind[time.Time]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.time != nil },
		write: func(r *run, s *shape, v time.Time) bool {
			if !s.required && v.IsZero() {
				return r.nothing()
			}
			return r.wrote(s, s.leaf.time(r.out, v), true)
		},
	}
}

// Bytes answers scalars that stand for bytes. None are null where null is allowed.
func Bytes() Kind[[]byte] {
	return Kind[[]byte]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.bytes != nil },
		write: func(r *run, s *shape, v []byte) bool {
			if v == nil && !s.required {
				return r.nothing()
			}
			return r.wrote(s, s.leaf.bytes(r.out, v), true)
		},
	}
}

// Hash answers scalars that stand for the 32 bytes of a hash. That of zeroes is
// null where null is allowed.
func Hash() Kind[[32]byte] {
	return Kind[[32]byte]{
		fits: func(s *shape) bool { return s.leaf != nil && s.leaf.bytes != nil },
		write: func(r *run, s *shape, v [32]byte) bool {
			if !s.required && v == [32]byte{} {
				return r.nothing()
			}
			r.hash = v // of which a slice can be had without one allocated for it
			return r.wrote(s, s.leaf.bytes(r.out, r.hash[:]), true)
		},
	}
}

// Optional answers null for no pointer, and otherwise what it points to.
func Optional[V any](of Kind[V]) Kind[*V] {
	return Kind[*V]{fits: of.fits, write: func(r *run, s *shape, v *V) bool {
		if v == nil {
			return r.missing(s)
		}
		return of.write(r, s, *v)
	}}
}

// Object answers objects. No pointer is null.
func Object[T any]() Kind[*T] {
	return Kind[*T]{fits: isObject, note: func(r *run, f *field, s *shape, c *column, v *T) cell {
		if v == nil {
			return cell{}
		}
		return r.below(f, c, v)
	}}
}

func isObject(s *shape) bool { return s.item == nil && s.leaf == nil }

// List answers lists. None is an empty one where null is not allowed.
func List[V any](of Kind[V]) Kind[[]V] {
	k := Kind[[]V]{fits: func(s *shape) bool { return s.item != nil && of.fits(s.item) }}
	if of.write != nil {
		k.write = func(r *run, s *shape, v []V) bool {
			if v == nil && !s.required {
				return r.nothing()
			}
			return r.items(s, len(v), func(i int) bool { return of.write(r, s.item, v[i]) })
		}
	}
	if of.note != nil {
		k.note = func(r *run, f *field, s *shape, c *column, v []V) cell {
			return r.list(s, c, len(v), v == nil, func(i int) cell { return of.note(r, f, s.item, c, v[i]) })
		}
	}
	return k
}

// Texts answers lists of strings, as [Text] does each.
func Texts[V ~string]() Kind[[]V] { return List(Text[V]()) }

// Objects answers lists of objects that are pointed to.
func Objects[T any]() Kind[[]*T] { return List(Object[T]()) }

// Items answers lists of objects that lie in the list: their parents are pointers
// into it.
func Items[T any]() Kind[[]T] {
	return Kind[[]T]{
		fits: func(s *shape) bool { return s.item != nil && isObject(s.item) },
		note: func(r *run, f *field, s *shape, c *column, v []T) cell {
			return r.list(s, c, len(v), v == nil, func(i int) cell { return r.below(f, c, &v[i]) })
		},
	}
}

// Seq is a list of objects that are had by their place.
type Seq interface {
	Len() int
	At(i int) any
}

// Each answers what a sequence holds. No sequence is null where null is allowed.
func Each() Kind[Seq] {
	return Kind[Seq]{
		fits: func(s *shape) bool { return s.item != nil && isObject(s.item) },
		note: func(r *run, f *field, s *shape, c *column, v Seq) cell {
			n := 0
			if v != nil {
				n = v.Len()
			}
			return r.list(s, c, n, v == nil, func(i int) cell { return r.below(f, c, v.At(i)) })
		},
	}
}

// Any answers what has no one Go type: nodes and errors of several types, and
// what is asked about the schema. Nothing but nil is null, and [Failed] is the
// error of one value.
func Any() Kind[any] {
	return Kind[any]{
		fits:  func(*shape) bool { return true },
		write: (*run).any,
		note:  (*run).anyCell,
	}
}

// Failed stands, in what [Any] answers, for a value that could not be had.
type Failed struct{ Err error }

func (r *run) any(s *shape, v any) bool {
	if failed, ok := v.(Failed); ok {
		return r.null(s, failed.Err)
	}
	if v == nil {
		return r.missing(s)
	}
	if s.item == nil {
		out, ok := s.leaf.any(r.out, v)
		return r.wrote(s, out, ok)
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		return r.null(s, fmt.Errorf("execute: a %T is no list", v))
	}
	if rv.IsNil() && !s.required {
		return r.nothing()
	}
	return r.items(s, rv.Len(), func(i int) bool { return r.any(s.item, rv.Index(i).Interface()) })
}

func (r *run) anyCell(f *field, s *shape, c *column, v any) cell {
	if failed, ok := v.(Failed); ok {
		return c.fail(failed.Err)
	}
	rv := reflect.ValueOf(v)
	if s.item == nil {
		if v == nil || rv.Kind() == reflect.Pointer && rv.IsNil() {
			return cell{}
		}
		return r.below(f, c, v)
	}
	if v == nil {
		return r.list(s, c, 0, true, nil)
	}
	if rv.Kind() != reflect.Slice {
		return c.fail(fmt.Errorf("execute: a %T is no list", v))
	}
	return r.list(s, c, rv.Len(), rv.IsNil(), func(i int) cell { return r.anyCell(f, s.item, c, rv.Index(i).Interface()) })
}
