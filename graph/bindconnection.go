package graph

import (
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// connection is a page of a list, of any kind.
type connection struct {
	execute.Seq
	cursors exchange.Cursors
	next    bool
	prev    bool
	count   func() (int, error)
}

type edge struct {
	of *connection
	at int
}

// slice has its items lie in it; pointers points to them.
type (
	slice[T any]    []T
	pointers[T any] []*T
)

func (s *slice[T]) Len() int     { return len(*s) }
func (s *slice[T]) At(i int) any { return &(*s)[i] }

func (s *pointers[T]) Len() int     { return len(*s) }
func (s *pointers[T]) At(i int) any { return (*s)[i] }

// connect makes a connection of a page of what lies in it.
func connect[T any](p exchange.Page[T], after string) *connection {
	return &connection{(*slice[T])(&p.Items), p.Cursors, p.HasNext, after != "", p.Count}
}

// connectTo makes a connection of a page of what it points to.
func connectTo[T any](p exchange.Page[*T], after string) *connection {
	return &connection{(*pointers[T])(&p.Items), p.Cursors, p.HasNext, after != "", p.Count}
}

func (b *binding) connections() {
	get(b, "*Connection", fields[*connection]{
		"nodes": of(execute.Each(), func(_ *request, c *connection) execute.Seq { return c.Seq }),
		"edges": items(func(q *request, c *connection) []edge {
			from := len(q.edges)
			for i := range c.Len() {
				q.edges = append(q.edges, edge{c, i})
			}
			return q.edges[from:]
		}),
		"pageInfo": object(func(_ *request, c *connection) *connection { return c }),
	})
	batch(b, "*Connection.totalCount", execute.Count[int], func(_ *request, all []*connection, _ args) ([]int, error) {
		out := make([]int, len(all))
		for i, c := range all {
			n, err := c.count()
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
		return out, nil
	})
	get(b, "*Edge", fields[*edge]{
		"node":   of(execute.Any(), func(_ *request, e *edge) any { return e.of.At(e.at) }),
		"cursor": text(func(_ *request, e *edge) string { return e.of.cursor(e.at) }),
	})
	get(b, "PageInfo", fields[*connection]{
		"hasNextPage":     boolean(func(_ *request, c *connection) bool { return c.next }),
		"hasPreviousPage": boolean(func(_ *request, c *connection) bool { return c.prev }),
		"startCursor":     text(func(_ *request, c *connection) string { return c.cursor(0) }),
		"endCursor":       text(func(_ *request, c *connection) string { return c.cursor(c.Len() - 1) }),
	})
}

// cursor gives the cursor of an item, "" where there is none.
func (c *connection) cursor(i int) string {
	if i < 0 || i >= c.cursors.Len() {
		return ""
	}
	return c.cursors.At(i)
}
