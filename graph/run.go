package graph

import (
	"context"
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
	edges  []edge // of the connections that were asked for theirs
}

// parents of the root fields.
type (
	query  struct{}
	viewer struct{}
)

// outcome is what an operation came to. Without data, it was not run or nothing
// of it may be shown. The data lies in memory that later requests use again: it
// is not to be used after release.
type outcome struct {
	data   []byte // JSON
	faults []*fault
	answer *execute.Answer // whose memory the data lies in, if any
}

func refused(faults ...*fault) *outcome { return &outcome{faults: faults} }

func (o *outcome) release() {
	if o.answer != nil {
		o.answer.Release()
	}
	o.data, o.answer = nil, nil
}

// run takes a request from its text to the data of the answer.
func (h *handler) run(ctx context.Context, who exchange.Caller, q wire) *outcome {
	doc, faults := h.document(q)
	if len(faults) > 0 {
		return refused(faults...)
	}
	op, err := doc.operation(q.Operation)
	if err != nil {
		return refused(invalid(err.Error()))
	}
	if q.fromGET && op.Operation != ast.OperationTypeQuery {
		return refused(&fault{code: comity.CodeInvalid, status: http.StatusMethodNotAllowed, message: "mutations are made by POST"})
	}
	if op.Operation == ast.OperationTypeSubscription {
		return refused(invalid("subscriptions are streams: ask for " + typeEvents + " at " + h.streamURL + ", or there over a WebSocket"))
	}
	variables, err := h.bound.engine.Variables(op, q.Variables)
	if err != nil {
		return refused(h.faultOf(err))
	}
	cost := doc.cost(op, variables)
	if cost > float64(h.limits.Cost) {
		return refused(passed("cost", h.limits.Cost, "fields that the answer could hold: ask for shorter pages"))
	}
	h.spend(who, cost)
	plan, err := h.plan(q, doc, op, variables)
	if err != nil {
		return refused(h.faultOf(err))
	}
	with := execute.Params{Variables: variables, Root: query{}, Limit: h.limits.Response, Stop: func(err error) bool { return h.faultOf(err).severe() }}
	if op.Operation == ast.OperationTypeMutation {
		return h.mutate(ctx, who, plan, with)
	}
	return h.read(ctx, who, func(ctx context.Context, with execute.Params) *execute.Answer { return plan.Run(ctx, with) }, with)
}

// read runs a plan, or a part of one, inside one read of the gate. What it found
// is given out only once the read's leaf stands.
func (h *handler) read(ctx context.Context, who exchange.Caller, run func(context.Context, execute.Params) *execute.Answer, with execute.Params) *outcome {
	o := &outcome{}
	var at []any // where what ended the read went wrong
	err := h.x.Read(ctx, who, func(r *exchange.Reader) (err error) {
		at, err = h.collect(ctx, r, run, with, o)
		return err
	})
	if err != nil {
		o.release()
		f := h.faultOf(err)
		if f.path == nil {
			f.path = at
		}
		return refused(f)
	}
	return o
}

// collect takes what a run came to, in the place of an earlier one. What ends the
// read has a place in the answer, if any.
func (h *handler) collect(ctx context.Context, r *exchange.Reader, run func(context.Context, execute.Params) *execute.Answer, with execute.Params, o *outcome) (at []any, err error) {
	o.release()
	o.faults = nil
	with.State = &request{x: h.x, reader: r}
	o.answer = run(ctx, with)
	for _, e := range o.answer.Errors {
		if errors.Is(e.Err, execute.ErrText) { // which tells how much there is to read: its leaf stands as any read's
			o.release()
			o.faults = []*fault{passed("response", h.limits.Response, "bytes in an answer: ask for shorter pages")}
			return nil, nil
		}
		f := h.faultOf(e.Err)
		f.path = e.Path
		if f.severe() {
			return e.Path, e.Err // as it is: the database tells its own being away from a fault
		}
		o.faults = append(o.faults, f)
	}
	o.data = o.answer.Data
	return nil, nil
}

// mutate performs the acts of an operation one after the other, each with the
// read of its payload. The first that fails as a whole ends the request; what
// was performed stands, and is answered again under the same idempotency key.
func (h *handler) mutate(ctx context.Context, who exchange.Caller, plan *execute.Plan, with execute.Params) *outcome {
	all := &outcome{data: []byte{'{'}}
	for _, root := range plan.Roots {
		o := h.act(ctx, who, plan, root, with)
		all.faults = append(all.faults, o.faults...)
		if o.data == nil || string(o.data) == "null" { // payloads are not nullable: nothing is left to show
			o.faults = all.faults
			return o
		}
		if len(all.data) > 1 {
			all.data = append(all.data, ',')
		}
		all.data = append(all.data, o.data[1:len(o.data)-1]...) // one member of an object
		o.release()
		if len(all.data) > h.limits.Response {
			return refused(passed("response", h.limits.Response, "bytes in an answer; the acts up to here were performed"))
		}
	}
	all.data = append(all.data, '}')
	return all
}

// act performs one root field of a mutation and reads its payload.
func (h *handler) act(ctx context.Context, who exchange.Caller, plan *execute.Plan, root execute.Root, with execute.Params) *outcome {
	run := func(ctx context.Context, with execute.Params) *execute.Answer { return plan.RunRoot(ctx, root, with) }
	m, ok := h.bound.acts[root.Name]
	if !ok { // __typename
		return h.read(ctx, who, run, with)
	}
	args, err := h.bound.engine.Arguments(root, with.Variables)
	if err != nil {
		f := h.faultOf(err)
		f.path = []any{root.Key}
		return refused(f)
	}
	done, err := perform(ctx, h.x, who, m, args["input"])
	if err != nil {
		f := h.faultOf(err)
		f.path = []any{root.Key}
		return refused(f)
	}
	with.Root = done
	o := h.read(ctx, who, run, with)
	if o.data == nil && len(done.errors) == 0 {
		o.faults[0].message = "the act was performed, and what came of it could not be read (" + o.faults[0].message +
			"); ask again with the same idempotency key"
	}
	return o
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
