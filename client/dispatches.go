package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Dispatch is what one state handed another about a record: an annotation, a
// referral, a notice or a compelled disclosure. Its words are empty while the keys
// of the state that made it cannot be reached.
type Dispatch struct {
	ID              comity.ID             `json:"id"`
	Kind            comity.DispatchKind   `json:"kind"`
	State           comity.State          `json:"state"` // that made it
	To              comity.State          `json:"to,omitempty"`
	Agency          comity.AgencyID       `json:"agency"`
	Officer         comity.OfficerRef     `json:"officer"`
	Function        string                `json:"function"`
	Case            comity.ID             `json:"case,omitempty"`
	Record          comity.ID             `json:"record,omitempty"`
	Grant           comity.ID             `json:"grant,omitempty"`
	Form            comity.DispatchForm   `json:"form,omitempty"`
	Category        comity.Category       `json:"category,omitempty"`
	Marking         comity.Marking        `json:"marking"`
	Obligations     []comity.Obligation   `json:"obligations,omitempty"`
	Status          comity.DispatchStatus `json:"status"`
	Version         int                   `json:"version,omitempty"`
	Through         int                   `json:"through,omitempty"`
	CreatedAt       time.Time             `json:"createdAt"`
	DueAt           time.Time             `json:"dueAt,omitzero"`
	Overdue         bool                  `json:"overdue"`
	Title           string                `json:"title,omitempty"`
	Text            string                `json:"text,omitempty"`
	Classification  comity.Classification `json:"classification,omitempty"` // declared of the words
	Source          comity.SourceGrade    `json:"source,omitempty"`         // of an annotation
	Information     InformationGrade      `json:"information,omitempty"`    // of an annotation
	Recipient       string                `json:"recipient,omitempty"`
	At              time.Time             `json:"at,omitzero"`
	Reason          string                `json:"reason,omitempty"`
	Statement       string                `json:"statement,omitempty"` // of the state that made it (JWS)
	AnsweredAt      time.Time             `json:"answeredAt,omitzero"`
	AnswerReason    string                `json:"answerReason,omitempty"`
	AnswerStatement string                `json:"answerStatement,omitempty"`
	AnswerCase      comity.ID             `json:"answerCase,omitempty"`
	Deliveries      []Delivery            `json:"deliveries,omitempty"` // of a notice: where it was sent all, else the own
	Readers         []NoticeReader        `json:"readers,omitempty"`    // of the own state
	// Said is what an answer names the dispatch by, see [Client.DispatchAnswer]; ""
	// unless Check holds.
	Said string `json:"said,omitempty"`
	// Check says whether the statement holds and says what is shown, AnswerCheck
	// the same of the answer.
	Check       Check `json:"check"`
	AnswerCheck Check `json:"answerCheck"`
}

// Delivery is a notice as it reached one state that had read an affected version.
type Delivery struct {
	To          comity.State          `json:"to"`
	Status      comity.DispatchStatus `json:"status"`
	DeliveredAt time.Time             `json:"deliveredAt"`
	DueAt       time.Time             `json:"dueAt"`
	Overdue     bool                  `json:"overdue"`
	AnsweredAt  time.Time             `json:"answeredAt,omitzero"`
	Reason      string                `json:"reason,omitempty"`
	Statement   string                `json:"statement,omitempty"` // of the state that answered (JWS)
	Check       Check                 `json:"check"`
}

// NoticeReader is an officer of the own state who read an affected version.
type NoticeReader struct {
	Officer comity.OfficerRef `json:"officer"`
	Agency  comity.AgencyID   `json:"agency"`
	Version int               `json:"version,omitempty"` // of a case
	At      time.Time         `json:"at"`                // of the first such read
}

// DispatchFilter narrows a list of dispatches; a zero field does not.
type DispatchFilter struct {
	Case     comity.ID    `json:"case,omitempty"` // of referrals the own one
	Record   comity.ID    `json:"record,omitempty"`
	Made     bool         `json:"made,omitempty"`
	Received bool         `json:"received,omitempty"`
	State    comity.State `json:"state,omitempty"` // the other side
	Open     bool         `json:"open,omitempty"`
	Overdue  bool         `json:"overdue,omitempty"` // of notices
}

// dispatchLists are the lists of each kind, by operation and field.
var dispatchLists = map[comity.DispatchKind]struct{ operation, field string }{
	comity.DispatchAnnotation: {"Annotations", "annotations"},
	comity.DispatchReferral:   {"Referrals", "referrals"},
	comity.DispatchNotice:     {"Notices", "notices"},
	comity.DispatchCompelled:  {"CompelledDisclosures", "compelledDisclosures"},

	comity.DispatchUndertaking: {"Undertakings", "undertakings"},
}

// Dispatches lists those of a kind that the own state made or received and the
// officer finds, newest first. What was accepted of a case that is granted comes
// with that case alone, see [Client.Annotations].
func (c *Client) Dispatches(ctx context.Context, kind comity.DispatchKind, f DispatchFilter, first int, after string) (Page[Dispatch], error) {
	of, ok := dispatchLists[kind]
	if !ok {
		return Page[Dispatch]{}, comity.Invalid("kind", "this is no kind of dispatch")
	}
	var data struct {
		Viewer map[string]Page[Dispatch] `json:"viewer"`
	}
	err := c.query(ctx, of.operation, variables(map[string]any{"filter": f, "first": first, "after": after}), &data)
	page := data.Viewer[of.field]
	for i := range page.Nodes {
		c.checkDispatch(ctx, &page.Nodes[i])
	}
	return page, err
}

// Annotations lists what other states add to a case, newest first: of an own case
// all, of another state's the own and, at full scope, what was accepted.
func (c *Client) Annotations(ctx context.Context, caseID comity.ID, p comity.Purpose, first int, after string) (Page[Dispatch], error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return Page[Dispatch]{}, err
	}
	page, err := inner[Dispatch](ctx, c, "CaseAnnotations", "annotations", caseID, p, first, after)
	for i := range page.Nodes {
		c.checkDispatch(ctx, &page.Nodes[i])
	}
	return page, err
}

// Dispatch reads an annotation, a referral, a notice or a compelled disclosure.
// Its Check says whether the state's statement holds, and says what is shown.
func (c *Client) Dispatch(ctx context.Context, dispatch comity.ID) (*Dispatch, error) {
	if _, ok := answers[dispatch.Kind()]; !ok {
		return nil, comity.Invalid("id", fmt.Sprintf("%.80q: this is not a dispatch", dispatch))
	}
	if err := id("id", dispatch, dispatch.Kind()); err != nil {
		return nil, err
	}
	var data struct {
		Viewer struct {
			Dispatch *Dispatch `json:"dispatch"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "Dispatch", map[string]any{"id": dispatch}, &data); err != nil {
		return nil, err
	}
	d := data.Viewer.Dispatch
	if d == nil || d.ID != dispatch {
		return nil, comity.NotFound()
	}
	c.checkDispatch(ctx, d)
	return d, nil
}

// checkDispatch verifies the statements behind a dispatch and its answers, and
// that each is shown as its state signed it.
func (c *Client) checkDispatch(ctx context.Context, d *Dispatch) {
	d.Said, d.Check, d.AnswerCheck = "", Check{}, Check{}
	if d.Statement != "" {
		if d.Check = held(c.dispatchHolds(ctx, d)); d.Check.Verified() {
			d.Said = statement.Said(d.Statement)
		}
	}
	if d.AnswerStatement != "" {
		d.AnswerCheck = held(c.answerHolds(ctx, d, d.To, d.Status, d.AnswerReason, d.AnswerStatement))
	}
	for i := range d.Deliveries {
		y := &d.Deliveries[i]
		if y.Check = (Check{}); y.Statement != "" {
			y.Check = held(c.answerHolds(ctx, d, y.To, y.Status, y.Reason, y.Statement))
		}
	}
}

// held is the check of what was verified.
func held(err error) Check {
	if err == nil {
		err = errNone
	}
	return Check{err}
}

func (c *Client) dispatchHolds(ctx context.Context, d *Dispatch) error {
	var kind statement.Kind
	var shown any
	record := d.Case
	switch d.ID.Kind() {
	case comity.KindAnnotation:
		kind, shown = statement.KindAnnotation, statement.AnnotationBody{ID: d.ID, Record: d.Record, Grant: d.Grant, Form: d.Form,
			Source: d.Source, Information: comity.InformationGrade(d.Information), Marking: d.Marking, Text: d.Text, Classification: d.Classification}
	case comity.KindReferral:
		record = d.ID
		kind, shown = statement.KindReferral, statement.ReferralBody{To: d.To, Category: d.Category, Marking: d.Marking, Title: d.Title,
			Text: d.Text, Classification: d.Classification, Version: d.Version, NotAfter: d.DueAt.Unix()}
	case comity.KindUndertaking:
		record = d.ID
		kind, shown = statement.KindUndertaking, statement.UndertakingBody{To: d.To, Category: d.Category, Request: d.Record, Marking: d.Marking,
			Title: d.Title, Text: d.Text, Classification: d.Classification, NotAfter: d.DueAt.Unix()}
	case comity.KindNotice:
		kind, shown = statement.KindNotice, statement.NoticeBody{ID: d.ID, Record: d.Record, Through: d.Through, Form: d.Form, Text: d.Text, Classification: d.Classification,
			NotAfter: d.DueAt.Unix()}
	case comity.KindCompelled:
		kind, shown = statement.KindCompelled, statement.CompelledBody{ID: d.ID, Grant: d.Grant, Form: d.Form, Recipient: d.Recipient,
			At: d.At.Unix(), Text: d.Text, Classification: d.Classification, Reason: d.Reason}
	}
	s, err := c.statementOf(ctx, d.Statement, []statement.Kind{kind}, d.State, d.ID, record)
	if err != nil {
		return err
	}
	if s.Officer.Ref != d.Officer || s.Officer.Function != d.Function || s.Officer.Agency != d.Agency {
		return fmt.Errorf("%s made it", s.Officer.Ref)
	}
	if b, ok := shown.(statement.AnnotationBody); ok && b.Grant == "" { // which a third state is not told
		var signed statement.AnnotationBody
		if err := s.Decode(&signed); err != nil {
			return err
		}
		b.Grant = signed.Grant
		shown = b
	}
	return says(s, shown)
}

// answerHolds verifies what a state answered: to the statement that is shown.
func (c *Client) answerHolds(ctx context.Context, d *Dispatch, by comity.State, answer comity.DispatchStatus, reason, jws string) error {
	s, err := c.statementOf(ctx, jws, []statement.Kind{answers[d.ID.Kind()].kind}, by, d.ID, d.ID)
	if err != nil {
		return err
	}
	var signed statement.AnswerBody
	if err := s.Decode(&signed); err != nil {
		return err
	}
	body := statement.AnswerBody{Said: statement.Said(d.Statement), Answer: answer, Reason: reason}
	if d.Statement == "" { // the keys of the state that made it cannot be reached
		body.Said = signed.Said
	}
	if d.Kind == comity.DispatchUndertaking {
		if body.Case = d.AnswerCase; body.Case == "" { // abroad
			body.Case = signed.Case
		}
	}
	return says(s, body)
}

// says reports whether a state signed exactly what is shown.
func says(s statement.Statement, shown any) error {
	_, canonical, err := statement.BodyHash(shown)
	if err == nil && !bytes.Equal(s.Body, canonical) {
		err = errors.New("it is shown with other terms than the state signed")
	}
	return err
}
