package execute

import (
	"context"
	"runtime/debug"
	"sync"

	"github.com/comity-platform/comity/graph/input"
)

// Params is what a run of a plan is given.
type Params struct {
	Variables map[string]any // coerced
	Root      any            // parent of the root fields
	State     any            // given to every resolver
	Limit     int            // bytes of the answer
	// Stop reports whether an error ends all further work; nil: none does.
	Stop func(error) bool
}

// maxErrors bounds the errors of one answer; what fails beyond is null all the same,
// and what ends all work is told in addition.
const maxErrors = 100

// Answer is what came of a run. Data is JSON, "null" where a null rose to the
// top, and nil where Errors holds [ErrText]. It is not to be used after Release.
type Answer struct {
	Data   []byte
	Errors []Error
	run    *run
}

// Release gives the answer's memory to later runs.
func (a *Answer) Release() {
	if r := a.run; r != nil {
		a.Data, a.run = nil, nil
		if r.free() {
			runs.Put(r)
		}
	}
}

// Run runs a whole plan to its end.
func (p *Plan) Run(ctx context.Context, with Params) *Answer {
	return p.run(ctx, with, p.root)
}

// RunRoot runs one of a plan's root fields.
func (p *Plan) RunRoot(ctx context.Context, r Root, with Params) *Answer {
	return p.run(ctx, with, r.alone)
}

func (p *Plan) run(ctx context.Context, with Params, root *selection) *Answer {
	return runs.Get().(*run).answer(ctx, p, with, root)
}

func (r *run) answer(ctx context.Context, p *Plan, with Params, root *selection) *Answer {
	r.ctx, r.plan, r.Params = ctx, p, with
	top := r.rows(root)
	top.parents = append(top.parents, with.Root)
	r.resolve(top)
	a := &Answer{run: r}
	if !r.object(top, 0) {
		r.out = append(r.out[:0], "null"...)
	}
	r.over = r.over || len(r.out) > r.Limit
	a.Data, a.Errors = r.out, r.errors
	switch {
	case r.over:
		a.Data, a.Errors = nil, []Error{{nil, ErrText}}
	case r.stopped != nil && !r.told:
		a.Errors = append([]Error{{nil, r.stopped}}, a.Errors...) // a null that rose from elsewhere hides its place
	}
	return a
}

var runs = sync.Pool{New: func() any { return &run{} }}

// run is one execution.
type run struct {
	ctx  context.Context
	plan *Plan
	Params
	out     []byte
	path    []step
	errors  []Error
	over    bool // the answer is too long
	stopped error
	told    bool     // that it was stopped
	hash    [32]byte // that is being written
	levels  []*rows
	used    int // of levels
}

// step is a field of objects or, without them, a position in a list.
type step struct {
	of *rows
	at int
}

// rows are the objects of one type at one place of the answer.
type rows struct {
	*selection
	parents []any
	columns []column // one for each field
}

// column is what a field came to for each parent.
type column struct {
	given  func(s *shape, i int) bool // writes the scalars and enums that a batch gave
	cells  []cell                     // of everything else: first one for each parent
	groups []*rows
	errors []error // that cells name
	failed error   // for every parent
}

// cell is a value of a type with fields of its own, or a list of such.
type cell struct {
	kind  kind
	group int32 // of an object
	at, n int32 // an object's or an error's place; a list's items
}

type kind uint8

const (
	null kind = iota
	object
	list
	failure
)

// keptBytes and keptRows bound what a run keeps for the next one.
const (
	keptBytes = 2 << 20
	keptRows  = 1 << 16
)

func (r *run) rows(s *selection) *rows {
	if r.used == len(r.levels) {
		r.levels = append(r.levels, &rows{})
	}
	w := r.levels[r.used]
	r.used++
	w.selection = s
	for len(w.columns) < len(s.fields) {
		w.columns = append(w.columns, column{})
	}
	return w
}

// free forgets what the run was given; false says that its memory is too much to
// be kept.
func (r *run) free() bool {
	total := 0
	for _, w := range r.levels { // also those that only earlier runs used
		total += cap(w.parents)
		clear(w.parents)
		w.selection, w.parents = nil, w.parents[:0]
		for i := range w.columns {
			c := &w.columns[i]
			total += cap(c.cells)
			clear(c.groups)
			clear(c.errors)
			c.given, c.cells, c.groups, c.errors, c.failed = nil, c.cells[:0], c.groups[:0], c.errors[:0], nil
		}
	}
	if total > keptRows || cap(r.out) > keptBytes {
		return false
	}
	*r = run{out: r.out[:0], path: r.path[:0], levels: r.levels}
	return true
}

// resolve works out all fields of some objects, and of everything below them.
func (r *run) resolve(w *rows) {
	for i, f := range w.fields {
		c := &w.columns[i]
		switch {
		case f.typename:
		case f.batch != nil:
			r.batch(f, w, c)
		case f.under != nil:
			r.gather(f, w, c)
		}
	}
	for i := range w.fields {
		for _, g := range w.columns[i].groups {
			r.resolve(g)
		}
	}
}

// batch resolves a field for all parents at once.
func (r *run) batch(f *field, w *rows, c *column) {
	args, err := f.constant, f.wrong
	if f.varied {
		args, err = input.Arguments(f.defs, f.node, r.Variables)
	}
	if err == nil {
		err = r.stopped
	}
	if err == nil {
		err = r.ctx.Err()
	}
	if err == nil {
		err = Guard(func() error { return f.batch(r, f, w, c, args) })
	}
	if err != nil {
		c.failed = err
		if r.stopped == nil && r.Stop != nil && r.Stop(err) {
			r.stopped = err
		}
	}
}

// gather reads a field off every parent.
func (r *run) gather(f *field, w *rows, c *column) {
	r.grow(c, len(w.parents))
	for i := 0; i < len(w.parents); {
		i = r.gatherFrom(f, w, c, i)
	}
}

// gatherFrom goes on until the end, or past a parent at which the getter panics.
func (r *run) gatherFrom(f *field, w *rows, c *column, from int) (next int) {
	i := from
	defer func() {
		if v := recover(); v != nil {
			c.cells[i] = c.fail(&Panic{Value: v, Stack: debug.Stack()})
			next = i + 1
		}
	}()
	for ; i < len(w.parents); i++ {
		done := f.note(r, f, c, w.parents[i]) // may move the cells
		c.cells[i] = done
	}
	return i
}

func (r *run) grow(c *column, n int) {
	for range n {
		c.cells = append(c.cells, cell{})
	}
}

func (c *column) fail(err error) cell {
	c.errors = append(c.errors, err)
	return cell{kind: failure, at: int32(len(c.errors) - 1)}
}

// below notes an object among those of the level below.
func (r *run) below(f *field, c *column, v any) cell {
	var next *selection
	if next = f.under.fixed; next != nil {
		if len(c.groups) > 0 {
			return c.groups[0].add(v, 0)
		}
	} else {
		name := r.plan.engine.TypeOf(v)
		for i, g := range c.groups {
			if g.object == name {
				return g.add(v, i)
			}
		}
		var err error
		if next, err = f.under.typed(r.plan, name); err != nil {
			return c.fail(err)
		}
	}
	c.groups = append(c.groups, r.rows(next))
	return c.groups[len(c.groups)-1].add(v, len(c.groups)-1)
}

// add adds an object to those of a group.
func (w *rows) add(v any, group int) cell {
	w.parents = append(w.parents, v)
	return cell{kind: object, group: int32(group), at: int32(len(w.parents) - 1)}
}

// list notes a list of n items; where a list is required, none is an empty one.
func (r *run) list(s *shape, c *column, n int, none bool, item func(int) cell) cell {
	if none && !s.required {
		return cell{}
	}
	at := len(c.cells)
	r.grow(c, n)
	for i := range n {
		done := item(i) // may move the cells
		c.cells[at+i] = done
	}
	return cell{kind: list, at: int32(at), n: int32(n)}
}
