package client

import (
	"context"
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
	Status          comity.DispatchStatus `json:"status"`
	Version         int                   `json:"version,omitempty"`
	Through         int                   `json:"through,omitempty"`
	CreatedAt       time.Time             `json:"createdAt"`
	DueAt           time.Time             `json:"dueAt,omitzero"`
	Overdue         bool                  `json:"overdue"`
	Title           string                `json:"title,omitempty"`
	Text            string                `json:"text,omitempty"`
	Recipient       string                `json:"recipient,omitempty"`
	At              time.Time             `json:"at,omitzero"`
	Reason          string                `json:"reason,omitempty"`
	Statement       string                `json:"statement,omitempty"` // of the state that made it (JWS)
	AnsweredAt      time.Time             `json:"answeredAt,omitzero"`
	AnswerReason    string                `json:"answerReason,omitempty"`
	AnswerStatement string                `json:"answerStatement,omitempty"`
	AnswerCase      comity.ID             `json:"answerCase,omitempty"`
}

type dispatchPayload struct {
	payload
	Dispatch  *Dispatch `json:"dispatch"`
	Statement string    `json:"statement"`
}

// dispatch performs a signed act on a dispatch and verifies what the own state
// signed over it. An earlier signature of the same act is not handed out again.
func (c *Client) dispatch(ctx context.Context, operation string, kind statement.Kind, a statement.Act, about comity.ID, body any, input func(act string) any) (*Dispatch, error) {
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	p, err := mutate[dispatchPayload](ctx, c, operation, func() (any, error) {
		act, err := c.act(a, body)
		return input(act), err
	})
	if err == nil && p.Dispatch == nil {
		err = errEmpty
	}
	if err != nil || p.Statement == "" {
		return p.Dispatch, err
	}
	return p.Dispatch, c.checkOwn(ctx, p.Statement, kind, about, a.Record, body)
}

// AnnotationAdd adds to another state's case, or to a record inside it, what the
// own state knows, under a live grant (Article 2). The id is chosen here. Times
// of dispatches count in whole seconds.
func (c *Client) AnnotationAdd(ctx context.Context, caseID comity.ID, body statement.AnnotationBody) (*Dispatch, error) {
	body.ID = comity.NewID(comity.KindAnnotation)
	return c.dispatch(ctx, "AnnotationAdd", statement.KindAnnotation, statement.Act{Act: statement.ActAnnotationAdd, Record: caseID}, body.ID, body,
		func(act string) any {
			return map[string]any{"id": body.ID, "case": caseID, "record": body.Record, "grant": body.Grant, "form": body.Form, "marking": body.Marking, "text": body.Text, "act": act}
		})
}

// ReferralOffer offers a matter to a state that is better placed (Article 3), in
// the own words; of says from which own case it arose, "" for none. The id is
// chosen here.
func (c *Client) ReferralOffer(ctx context.Context, of comity.ID, body statement.ReferralBody) (*Dispatch, error) {
	return c.referral(ctx, "ReferralOffer", comity.NewID(comity.KindReferral), of, body)
}

// ReferralChange offers a matter that was offered before in other words; the
// version is the one after that which was offered.
func (c *Client) ReferralChange(ctx context.Context, referral comity.ID, body statement.ReferralBody) (*Dispatch, error) {
	return c.referral(ctx, "ReferralChange", referral, "", body)
}

func (c *Client) referral(ctx context.Context, operation string, id, of comity.ID, body statement.ReferralBody) (*Dispatch, error) {
	return c.dispatch(ctx, operation, statement.KindReferral, statement.Act{Act: statement.ActReferralOffer, Record: id}, id, body, func(act string) any {
		in := map[string]any{"id": id, "to": body.To, "category": body.Category, "marking": body.Marking, "title": body.Title, "text": body.Text,
			"version": body.Version, "notAfter": time.Unix(body.NotAfter, 0).UTC(), "act": act}
		if of != "" {
			in["case"] = of
		}
		return in
	})
}

// NoticeSend tells every state that read an affected version of an own record to
// correct, restrict or erase it. The id is chosen here.
func (c *Client) NoticeSend(ctx context.Context, caseID comity.ID, body statement.NoticeBody) (*Dispatch, error) {
	body.ID = comity.NewID(comity.KindNotice)
	return c.dispatch(ctx, "NoticeSend", statement.KindNotice, statement.Act{Act: statement.ActNoticeSend, Record: caseID}, body.ID, body, func(act string) any {
		in := map[string]any{"id": body.ID, "case": caseID, "record": body.Record, "form": body.Form, "text": body.Text,
			"notAfter": time.Unix(body.NotAfter, 0).UTC(), "act": act}
		if body.Through != 0 {
			in["through"] = body.Through
		}
		return in
	})
}

// DisclosureNotify tells an originator that the own state is, or was, compelled to
// disclose what it was granted (Article 10). The id is chosen here.
func (c *Client) DisclosureNotify(ctx context.Context, caseID comity.ID, body statement.CompelledBody) (*Dispatch, error) {
	body.ID = comity.NewID(comity.KindCompelled)
	return c.dispatch(ctx, "DisclosureNotify", statement.KindCompelled, statement.Act{Act: statement.ActDisclosureNotify, Record: caseID}, body.ID, body, func(act string) any {
		in := map[string]any{"id": body.ID, "case": caseID, "grant": body.Grant, "form": body.Form, "recipient": body.Recipient, "text": body.Text,
			"at": time.Unix(body.At, 0).UTC(), "act": act}
		if body.Reason != "" {
			in["reason"] = body.Reason
		}
		return in
	})
}

// answers says, for each kind of dispatch, how it is answered.
var answers = map[comity.Kind]struct {
	operation, act string
	kind           statement.Kind
}{
	comity.KindAnnotation: {"AnnotationAnswer", statement.ActAnnotationAnswer, statement.KindAnnotationAnswer},
	comity.KindReferral:   {"ReferralAnswer", statement.ActReferralAnswer, statement.KindReferralAnswer},
	comity.KindNotice:     {"NoticeAnswer", statement.ActNoticeAnswer, statement.KindNoticeAnswer},
	comity.KindCompelled:  {"DisclosureObject", statement.ActDisclosureObject, statement.KindCompelledAnswer},
}

// DispatchAnswer answers a dispatch as it was shown: accepts or declines an
// annotation or a referral (into an own case, where in is one), says that a notice
// was followed or not, objects to a compelled disclosure.
func (c *Client) DispatchAnswer(ctx context.Context, shown *Dispatch, answer comity.DispatchStatus, reason string, in comity.ID) (*Dispatch, error) {
	how, ok := answers[shown.ID.Kind()]
	if !ok {
		return nil, comity.Invalid("id", "this is not a dispatch")
	}
	body := statement.AnswerBody{Said: statement.Said(shown.Statement), Answer: answer, Reason: reason}
	return c.dispatch(ctx, how.operation, how.kind, statement.Act{Act: how.act, Record: shown.ID}, shown.ID, body, func(act string) any {
		input := map[string]any{"id": shown.ID, "said": body.Said, "act": act}
		if reason != "" {
			input["reason"] = reason
		}
		if how.operation != "DisclosureObject" {
			input["answer"] = answer
		}
		if in != "" {
			input["case"] = in
		}
		return input
	})
}

// DispatchWithdraw takes back an annotation or a referral that is not accepted yet.
func (c *Client) DispatchWithdraw(ctx context.Context, dispatch comity.ID) (*Dispatch, error) {
	operation := "AnnotationWithdraw"
	if dispatch.Kind() == comity.KindReferral {
		operation = "ReferralWithdraw"
	}
	p, err := mutate[dispatchPayload](ctx, c, operation, always(struct {
		ID comity.ID `json:"id"`
	}{dispatch}))
	if err == nil && p.Dispatch == nil {
		err = errEmpty
	}
	return p.Dispatch, err
}
