package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// RequestFilter narrows a list of requests; a zero field does not.
type RequestFilter struct {
	Incoming bool                 `json:"incoming,omitempty"`
	Outgoing bool                 `json:"outgoing,omitempty"`
	Status   comity.RequestStatus `json:"status,omitempty"`
	State    comity.State         `json:"state,omitempty"` // the other side
	Kind     comity.RequestKind   `json:"kind,omitempty"`
	Urgency  comity.Urgency       `json:"urgency,omitempty"`
	Open     bool                 `json:"open,omitempty"`    // not yet answered for good
	Overdue  bool                 `json:"overdue,omitempty"` // the asked state is late
	// Escalated: urgent ones put to the own state that nobody acknowledged in a quarter of their clock.
	Escalated bool `json:"escalated,omitempty"`
	// ByDue lists what is due soonest first.
	ByDue bool `json:"-"`
}

// Requests lists the requests that the officer's side put or was asked, newest
// change first unless the filter says otherwise.
func (c *Client) Requests(ctx context.Context, f RequestFilter, first int, after string) (Page[Request], error) {
	var data struct {
		Viewer struct {
			Requests Page[Request] `json:"requests"`
		} `json:"viewer"`
	}
	given := variables(map[string]any{"filter": f, "first": first, "after": after})
	if f.ByDue {
		given["order"] = "DUE"
	}
	err := c.query(ctx, "Requests", given, &data)
	for i := range data.Viewer.Requests.Nodes {
		c.checkRefusal(ctx, &data.Viewer.Requests.Nodes[i])
	}
	return data.Viewer.Requests, err
}

// Request reads a request.
func (c *Client) Request(ctx context.Context, requestID comity.ID) (*Request, error) {
	if err := id("id", requestID, comity.KindRequest); err != nil {
		return nil, err
	}
	var data struct {
		Node *Request `json:"node"`
	}
	if err := c.query(ctx, "Request", map[string]any{"id": requestID}, &data); err != nil {
		return nil, err
	}
	if data.Node == nil || data.Node.ID != requestID {
		return nil, comity.NotFound()
	}
	c.checkRefusal(ctx, data.Node)
	if d := data.Node.Contact; d != nil {
		c.checkDuty(ctx, data.Node.To, d)
	}
	return data.Node, nil
}

// Messages lists the correspondence on a request, oldest first.
func (c *Client) Messages(ctx context.Context, requestID comity.ID, first int, after string) (Page[Message], error) {
	if err := id("request", requestID, comity.KindRequest); err != nil {
		return Page[Message]{}, err
	}
	return inner[Message](ctx, c, "Messages", "messages", requestID, "", first, after)
}

// NewRequest is a request to put to another state's contact point.
type NewRequest struct {
	To            comity.State        `json:"to"`
	Kind          comity.RequestKind  `json:"kind"`
	Urgency       comity.Urgency      `json:"urgency"`
	Category      comity.Category     `json:"category"`
	Purpose       comity.Purpose      `json:"purpose"`
	Marking       *comity.Marking     `json:"marking,omitempty"`
	Title         string              `json:"title"`
	Facts         string              `json:"facts"`
	Record        string              `json:"record,omitempty"` // never looked up
	Observables   []RequestObservable `json:"observables,omitempty"`
	FromReference string              `json:"fromReference,omitempty"`

	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
	// OnwardTo is the third state that shall see what the officer reads under
	// Grant, a grant of the asked state's.
	OnwardTo comity.State `json:"onwardTo,omitempty"`
	Grant    comity.ID    `json:"grant,omitempty"`
}

type requestPayload struct {
	payload
	Request *Request `json:"request"`
}

func requestOf(p requestPayload, err error) (*Request, error) {
	if err == nil && p.Request == nil {
		err = errEmpty
	}
	return p.Request, err
}

// RequestSend puts a request to a state.
func (c *Client) RequestSend(ctx context.Context, in NewRequest) (*Request, error) {
	return requestOf(mutate[requestPayload](ctx, c, "RequestSend", always(in)))
}

// Move takes a request on from the version that the officer has read. Of the
// fields below Note each is for the one move that is named.
type Move struct {
	ID              comity.ID             `json:"id"`
	ExpectedVersion int                   `json:"expectedVersion"`
	Note            string                `json:"note,omitempty"`
	Classification  comity.Classification `json:"classification,omitempty"` // declared of the note
	Reference       string                `json:"reference,omitempty"`      // acknowledge
	RouteTo         comity.AgencyID       `json:"routeTo,omitempty"`        // forward
	Outcome         comity.RequestStatus  `json:"outcome,omitempty"`        // execute: EXECUTED, EXECUTED_IN_PART or NOTHING_HELD
	Until           time.Time             `json:"until,omitzero"`           // postpone
	Ground          comity.Ground         `json:"ground,omitempty"`         // refuse
}

func (c *Client) move(ctx context.Context, operation string, m Move) (*Request, error) {
	if err := id("id", m.ID, comity.KindRequest); err != nil {
		return nil, err
	}
	return requestOf(mutate[requestPayload](ctx, c, operation, always(m)))
}

// RequestReceive marks a request as received by the asked state's contact point.
func (c *Client) RequestReceive(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestReceive", m)
}

// RequestAcknowledge acknowledges a request, with the asked side's own reference.
func (c *Client) RequestAcknowledge(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestAcknowledge", m)
}

// RequestAskSupplement asks the asking side for more; Note says what.
func (c *Client) RequestAskSupplement(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestAskSupplement", m)
}

// RequestSupplement answers such a question; Note is the answer.
func (c *Client) RequestSupplement(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestSupplement", m)
}

// RequestForward routes a request to an agency of the asked state.
func (c *Client) RequestForward(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestForward", m)
}

// RequestExecute says that a request was executed, in part, or that nothing is held.
func (c *Client) RequestExecute(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestExecute", m)
}

// RequestPostpone puts a request off until a date.
func (c *Client) RequestPostpone(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestPostpone", m)
}

// RequestClose closes a request with feedback on use, by the asking side.
func (c *Client) RequestClose(ctx context.Context, m Move) (*Request, error) {
	return c.move(ctx, "RequestClose", m)
}

// RequestRefuse refuses a request by a signed act of the asked state's
// liaison. The state's signed refusal is verified on receipt.
func (c *Client) RequestRefuse(ctx context.Context, m Move) (*Request, error) {
	if err := id("id", m.ID, comity.KindRequest); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.RefuseBody{Ground: m.Ground, Note: m.Note}
	r, err := requestOf(mutate[requestPayload](ctx, c, "RequestRefuse", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActRequestRefuse, Record: m.ID}, body)
		return struct {
			Move
			Act string `json:"act"`
		}{m, act}, err
	}))
	if err != nil {
		return nil, err
	}
	if r.Refusal == nil {
		return nil, unverifiedf("the refusal of "+string(m.ID), "the answer holds no statement")
	}
	if err := c.checkOwn(ctx, r.Refusal.Statement, statement.KindRefusal, r.Refusal.ID, m.ID, body); err != nil {
		return nil, err
	}
	r.Refusal.Check = Check{errNone}
	return r, nil
}

// MessageSend adds a message to the correspondence on a request.
func (c *Client) MessageSend(ctx context.Context, requestID comity.ID, text string, declared comity.Classification) (*Message, error) {
	if err := id("request", requestID, comity.KindRequest); err != nil {
		return nil, err
	}
	p, err := mutate[struct {
		payload
		Message *Message `json:"message"`
	}](ctx, c, "MessageSend", always(struct {
		Request        comity.ID             `json:"request"`
		Text           string                `json:"text"`
		Classification comity.Classification `json:"classification,omitempty"`
	}{requestID, text, declared}))
	if err == nil && p.Message == nil {
		err = errEmpty
	}
	return p.Message, err
}

// LogFilter narrows the record of acts; a zero field does not.
type LogFilter struct {
	Act     string            `json:"act,omitempty"`
	Outcome string            `json:"outcome,omitempty"`
	State   comity.State      `json:"state,omitempty"`   // of who acted
	Officer comity.OfficerRef `json:"officer,omitempty"` // who acted
	Record  comity.ID         `json:"record,omitempty"`
	From    time.Time         `json:"from,omitzero"`
	Until   time.Time         `json:"until,omitzero"` // before
}

// Log reads the record of acts as far as it concerns the officer's state, newest
// first. Each entry is verified against its leaf on receipt, see LogEntry.Check;
// that the leaf stands in the record is for [Client.VerifyLog].
func (c *Client) Log(ctx context.Context, f LogFilter, first int, after string) (Page[LogEntry], error) {
	var data struct {
		Viewer struct {
			Log Page[LogEntry] `json:"log"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Log", variables(map[string]any{"filter": f, "first": first, "after": after}), &data)
	if err == nil {
		err = c.checkEntries(ctx, data.Viewer.Log.Nodes)
	}
	return data.Viewer.Log, err
}
