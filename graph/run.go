package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// request is what resolvers work with.
type request struct {
	x      *exchange.Exchange
	reader *exchange.Reader
}

// parents of the root fields.
type (
	query  struct{}
	viewer struct{}
)

// run takes a request from its text to the data of the answer. Without data,
// the operation was not run or nothing of it may be shown.
func (h *handler) run(ctx context.Context, who exchange.Caller, q wire) (*json.RawMessage, []*fault) {
	doc, faults := h.check(q.Query)
	if len(faults) > 0 {
		return nil, faults
	}
	op, err := doc.operation(q.Operation)
	if err != nil {
		return nil, []*fault{invalid(err.Error())}
	}
	if q.fromGET && op.Operation != ast.OperationTypeQuery {
		return nil, []*fault{{code: comity.CodeInvalid, status: http.StatusMethodNotAllowed, message: "mutations are made by POST"}}
	}
	variables, f := h.variables(op, q.Variables)
	if f != nil {
		return nil, []*fault{f}
	}
	if doc.cost(op, variables) > float64(h.limits.Cost) {
		return nil, []*fault{passed("cost", h.limits.Cost, "fields that the answer could hold: ask for shorter pages")}
	}
	p := execute.Params{Schema: h.schema.Schema, Document: doc.Document, Operation: q.Operation, Variables: variables, Root: query{}}
	if op.Operation == ast.OperationTypeMutation {
		return h.mutate(ctx, who, op, p)
	}
	return h.query(ctx, who, p)
}

// query runs one operation inside one read. What it found is given out only
// once the read's leaf stands.
func (h *handler) query(ctx context.Context, who exchange.Caller, p execute.Params) (*json.RawMessage, []*fault) {
	var raw json.RawMessage
	var faults []*fault
	var at []any // where what ended the read went wrong
	err := h.x.Read(ctx, who, func(r *exchange.Reader) error {
		faults, at = nil, nil
		p.State, p.Text = &request{x: h.x, reader: r}, h.limits.Response
		data, failed := execute.Query(ctx, p)
		for _, e := range failed {
			if errors.Is(e.Err, execute.ErrText) {
				return h.tooLong()
			}
			f := h.faultOf(e.Err)
			f.path = e.Path
			if f.severe() {
				at = e.Path
				return e.Err // as it is: the database tells its own being away from a fault
			}
			faults = append(faults, f)
		}
		var f *fault
		if raw, f = h.encodeData(data); f != nil {
			return f
		}
		return nil
	})
	if err != nil {
		f := h.faultOf(err)
		if f.path == nil {
			f.path = at
		}
		return nil, []*fault{f}
	}
	return &raw, faults
}

// mutate performs the acts of an operation one after the other, each with the
// read of its payload. The first that fails as a whole ends the request; what
// was performed stands, and is answered again under the same idempotency key.
func (h *handler) mutate(ctx context.Context, who exchange.Caller, op *ast.OperationDefinition, p execute.Params) (*json.RawMessage, []*fault) {
	var out bytes.Buffer
	var all []*fault
	for _, root := range execute.Roots(p.Document, op, p.Variables) {
		p.Document, p.Operation, p.Root = root.Only, "", query{}
		raw, faults := h.act(ctx, who, root, p)
		all = append(all, faults...)
		if raw == nil || string(*raw) == "null" { // payloads are not nullable: nothing is left to show
			return raw, all
		}
		out.WriteByte(',')
		out.Write((*raw)[1 : len(*raw)-1]) // one member of an object
		if out.Len() > h.limits.Response {
			return nil, []*fault{passed("response", h.limits.Response, "bytes in an answer; the acts up to here were performed")}
		}
	}
	data := json.RawMessage("{" + string(bytes.TrimPrefix(out.Bytes(), []byte(","))) + "}")
	return &data, all
}

// act performs one root field of a mutation and reads its payload.
func (h *handler) act(ctx context.Context, who exchange.Caller, root execute.Root, p execute.Params) (*json.RawMessage, []*fault) {
	name := root.Field.Name.Value
	m, ok := h.bound.acts[name]
	if !ok { // __typename
		return h.query(ctx, who, p)
	}
	input, f := argument(root.Field, "input", h.schema.MutationType().Fields()[name].Args[0].Type, p.Variables)
	if f != nil {
		return nil, []*fault{f}
	}
	done, err := perform(ctx, h.x, who, m, input)
	if err != nil {
		f := h.faultOf(err)
		f.path = []any{root.Key}
		return nil, []*fault{f}
	}
	p.Root = done
	raw, faults := h.query(ctx, who, p)
	if raw == nil && len(done.errors) == 0 {
		faults[0].message = "the act was performed, and what came of it could not be read (" + faults[0].message +
			"); ask again with the same idempotency key"
	}
	return raw, faults
}

// perform gives an act to the gate and sorts its error: what the officer can
// act on becomes part of the payload.
func perform(ctx context.Context, x *exchange.Exchange, who exchange.Caller, m mutation, input any) (done *payload, err error) {
	act, finish, err := m.make(input)
	if err == nil {
		err = execute.Guard(func() error { return x.Do(ctx, who, act) })
	}
	done = &payload{}
	if err == nil {
		finish(done)
		return done, nil
	}
	e, ok := errors.AsType[*comity.Error](err)
	if !ok || e.Code == comity.CodeInternal {
		return nil, err
	}
	done.errors = []*comity.Error{m.place(e)}
	return done, nil
}

// encodeData writes the data within the limit of an answer. What is too long is
// refused before it is written: the same text under many names is held only
// once until then.
func (h *handler) encodeData(data any) (json.RawMessage, *fault) {
	if atLeast(data, h.limits.Response) > h.limits.Response {
		return nil, h.tooLong()
	}
	raw, err := encode(data)
	if err != nil {
		return nil, h.faultOf(err)
	}
	if len(raw) > h.limits.Response {
		return nil, h.tooLong()
	}
	return raw, nil
}

func (h *handler) tooLong() *fault {
	return passed("response", h.limits.Response, "bytes in an answer: ask for shorter pages")
}

// atLeast is a lower bound of the length of a value in JSON; past enough it
// counts no further.
func atLeast(v any, enough int) int {
	n := 1
	switch v := v.(type) {
	case string:
		n = len(v) + 2
	case []any:
		for _, item := range v {
			if n += 1 + atLeast(item, enough-n); n > enough {
				return n
			}
		}
	case map[string]any:
		for name, item := range v {
			if n += len(name) + 4 + atLeast(item, enough-n); n > enough {
				return n
			}
		}
	}
	return n
}
