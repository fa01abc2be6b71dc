package graph

import (
	"context"
	"errors"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/subscribe"
)

// subscription is an operation that is ready to be told events.
type subscription struct {
	h       *handler
	who     exchange.Caller
	plan    *execute.Plan
	with    execute.Params
	cost    float64 // of an event
	kinds   []comity.EventKind
	of      comity.ID // case, "" for every one
	purpose comity.Purpose
	after   int64 // place, negative from now on
}

// subscribe takes a request from its text to a subscription. last is the event that
// the client's own software goes on from, "" for none.
func (h *handler) subscribe(ctx context.Context, who exchange.Caller, q wire, last string) (*subscription, []*fault) {
	s, given, faults := h.ready(q)
	if len(faults) > 0 {
		return nil, faults
	}
	s.who = who
	if err := s.take(ctx, given, last); err != nil {
		return nil, []*fault{s.at(err)}
	}
	return s, nil
}

// ready does what is not about officers: it gives a subscription with its plan, and
// the arguments of its root field.
func (h *handler) ready(q wire) (*subscription, args, []*fault) {
	doc, faults := h.document(q)
	if len(faults) > 0 {
		return nil, nil, faults
	}
	op, err := doc.operation(q.Operation)
	if err != nil {
		return nil, nil, []*fault{invalid(err.Error())}
	}
	if op.Operation != ast.OperationTypeSubscription {
		return nil, nil, []*fault{invalid("streams are of subscriptions: ask queries and mutations for " + typeResponse)}
	}
	variables, err := h.bound.engine.Variables(op, q.Variables)
	if err != nil {
		return nil, nil, []*fault{h.faultOf(err)}
	}
	cost := doc.cost(op, variables)
	if cost > float64(h.limits.EventCost) {
		return nil, nil, []*fault{passed("eventCost", h.limits.EventCost, "fields that an event could hold: ask for shorter pages, or for ids, and the rest by queries")}
	}
	plan, err := h.plan(q, doc, op, variables)
	if err != nil {
		return nil, nil, []*fault{h.faultOf(err)}
	}
	s := &subscription{h: h, plan: plan, cost: cost, with: execute.Params{Variables: variables, Limit: h.limits.Response,
		Stop: func(err error) bool { return h.faultOf(err).severe() }}}
	given, err := h.bound.engine.Arguments(plan.Roots[0], variables)
	if err != nil {
		return nil, nil, []*fault{s.at(err)}
	}
	return s, args(given), nil
}

// at is a fault of the root field, for which no stream is opened.
func (s *subscription) at(err error) *fault {
	f := s.h.faultOf(err)
	f.path = []any{s.plan.Roots[0].Key}
	return f
}

// take reads the arguments. Whether the case is open is decided before where to go on
// from is said to be wrong.
func (s *subscription) take(ctx context.Context, a args, last string) (err error) {
	given, _ := a["kinds"].([]any)
	for _, k := range given {
		name, _ := k.(string)
		s.kinds = append(s.kinds, comity.EventKind(name))
	}
	s.purpose = a.purpose()
	if s.of, err = a.id("case", comity.KindCase); err != nil {
		return err
	}
	if s.of != "" {
		if err := s.h.x.Opening(ctx, s.who, s.of, s.purpose); err != nil {
			return err
		}
	}
	after, ok := a["after"].(string)
	if last != "" {
		after, ok = last, true
	}
	if s.after = -1; ok {
		s.after, err = s.h.x.EventPlace(ctx, s.who.Officer, after)
	}
	return err
}

// open opens the stream, and makes what is written first: nothing where it goes on.
func (s *subscription) open(ctx context.Context) (*subscribe.Stream, *subscribe.Frame, []*fault) {
	stream, place, err := s.h.hub.Open(subscribe.Subscription{Officer: s.who.Officer, Kinds: s.kinds, Case: s.of, Expires: s.who.Expires,
		Tell: s.tell, Good: s.good}, s.after)
	if full, ok := errors.AsType[*subscribe.FullError](err); ok {
		return nil, nil, []*fault{noPlace(full, "streams")}
	}
	if err != nil {
		return nil, nil, []*fault{{code: comity.CodeUnavailable, message: "this server takes no streams just now; try again", after: comeAgain, cause: err}}
	}
	if s.after >= 0 {
		return stream, nil, nil
	}
	began := &exchange.Told{Event: exchange.Event{}, ID: s.h.x.EventID(s.who.Officer, place)}
	began.Kind, began.At = comity.EventBegan, s.h.verifier.Now().UTC()
	o := &outcome{}
	_ = s.collect(ctx, nil, began, o) // it reads nothing, and what fails of it stands in the frame
	defer o.release()
	return stream, s.frame(began.ID, o), nil
}

// good reports whether the token, and the case where there is one, still are.
func (s *subscription) good(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.h.limits.Deadline)
	defer cancel()
	err := s.identified(ctx)
	if err != nil || s.of == "" {
		return err
	}
	var open bool
	err = execute.Guard(func() (err error) { // as in tell: it is called by a worker for all streams
		open, err = s.h.x.Open(ctx, s.who, s.of, s.purpose)
		return err
	})
	if err == nil && !open {
		err = subscribe.ErrOver
	}
	return err
}

// identified verifies the token anew, as of now.
func (s *subscription) identified(ctx context.Context) error {
	err := s.h.identified(ctx, s.who)
	if comity.CodeOf(err) == comity.CodeUnauthenticated {
		return subscribe.ErrOver
	}
	return err
}

// identified verifies a token anew, as of now: it is to be the same officer's.
func (h *handler) identified(ctx context.Context, who exchange.Caller) error {
	now, err := h.verifier.Verify(ctx, who.Token)
	if err == nil && now.Officer != who.Officer {
		err = comity.Unauthenticated("the token is another officer's by now: log in again", nil)
	}
	return err
}

// tell makes the frame of an event for the officer; nil where it is not told.
func (s *subscription) tell(ctx context.Context, e exchange.Event) (*subscribe.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, s.h.limits.Deadline)
	defer cancel()
	if err := s.identified(ctx); err != nil {
		return nil, err
	}
	if err := s.h.tellLater(ctx, s.who.Officer); err != nil {
		return nil, err
	}
	o := &outcome{}
	defer o.release()
	var told bool
	defer func() { s.h.spendEvent(s.who.Officer, told, s.cost) }()
	var id string
	err := execute.Guard(func() (err error) {
		told, err = s.h.x.Tell(ctx, s.who, e, s.purpose, func(r *exchange.Reader, t *exchange.Told) error {
			id = t.ID
			return s.collect(ctx, r, t, o)
		})
		return err
	})
	if err != nil || !told {
		return nil, err
	}
	return s.frame(id, o), nil
}

// collect runs the plan over an event.
func (s *subscription) collect(ctx context.Context, r *exchange.Reader, t *exchange.Told, o *outcome) error {
	with := s.with
	with.Root = t
	_, err := s.h.collect(ctx, r, s.plan.Run, with, o)
	return err
}

// frame writes an event as the answer of an operation.
func (s *subscription) frame(id string, o *outcome) *subscribe.Frame {
	head, data := s.h.body(s.who.RequestID, o.data, o.faults)
	return &subscribe.Frame{ID: id, Data: append(head, data...)}
}
