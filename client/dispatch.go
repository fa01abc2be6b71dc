package client

import (
	"context"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

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
	d, err := c.dispatched(ctx, p, err)
	if err != nil || p.Statement == "" {
		return d, err
	}
	return d, c.checkOwn(ctx, p.Statement, kind, about, a.Record, body)
}

// dispatched gives the dispatch of an answer, checked as it is shown.
func (c *Client) dispatched(ctx context.Context, p dispatchPayload, err error) (*Dispatch, error) {
	if err == nil && p.Dispatch == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	c.checkDispatch(ctx, p.Dispatch)
	return p.Dispatch, nil
}

// declare adds to an act's input how its words are classified.
func declare(input map[string]any, c comity.Classification) {
	if c != "" {
		input["classification"] = c
	}
}

// AnnotationAdd adds to another state's case, or to a record inside it, what the
// own state knows, under a live grant (Article 2). The id is chosen here. Times
// of dispatches count in whole seconds.
func (c *Client) AnnotationAdd(ctx context.Context, caseID comity.ID, body statement.AnnotationBody) (*Dispatch, error) {
	body.ID = comity.NewID(comity.KindAnnotation)
	return c.dispatch(ctx, "AnnotationAdd", statement.KindAnnotation, statement.Act{Act: statement.ActAnnotationAdd, Record: caseID}, body.ID, body,
		func(act string) any {
			in := map[string]any{"id": body.ID, "case": caseID, "record": body.Record, "grant": body.Grant, "form": body.Form, "marking": body.Marking, "text": body.Text, "act": act}
			declare(in, body.Classification)
			if body.Source != "" {
				in["source"] = body.Source
			}
			if body.Information != "" {
				in["information"] = InformationGrade(body.Information)
			}
			return in
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
		declare(in, body.Classification)
		return with(in, "case", of)
	})
}

// UndertakingGive undertakes reciprocity to a state for one of its cases, where no
// agreement binds both (Article 7). The id is chosen here. A grant names the
// undertaking that was accepted as its agreement.
func (c *Client) UndertakingGive(ctx context.Context, body statement.UndertakingBody) (*Dispatch, error) {
	id := comity.NewID(comity.KindUndertaking)
	return c.dispatch(ctx, "UndertakingGive", statement.KindUndertaking, statement.Act{Act: statement.ActUndertakingGive, Record: id}, id, body, func(act string) any {
		in := map[string]any{"id": id, "to": body.To, "category": body.Category, "marking": body.Marking, "title": body.Title, "text": body.Text,
			"notAfter": time.Unix(body.NotAfter, 0).UTC(), "act": act}
		declare(in, body.Classification)
		return with(in, "request", body.Request)
	})
}

// NoticeSend tells every state that read an affected version of an own record to
// correct, restrict or erase it. The id is chosen here.
func (c *Client) NoticeSend(ctx context.Context, caseID comity.ID, body statement.NoticeBody) (*Dispatch, error) {
	body.ID = comity.NewID(comity.KindNotice)
	return c.dispatch(ctx, "NoticeSend", statement.KindNotice, statement.Act{Act: statement.ActNoticeSend, Record: caseID}, body.ID, body, func(act string) any {
		in := map[string]any{"id": body.ID, "case": caseID, "record": body.Record, "form": body.Form, "text": body.Text,
			"notAfter": time.Unix(body.NotAfter, 0).UTC(), "act": act}
		declare(in, body.Classification)
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
		declare(in, body.Classification)
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

	comity.KindUndertaking: {"UndertakingAnswer", statement.ActUndertakingAnswer, statement.KindUndertakingAnswer},
}

// DispatchAnswer answers a dispatch: accepts or declines an annotation, a referral
// (into an own case, where in is one) or an undertaking (for the own case in), says
// that a notice was followed or not, objects to a compelled disclosure. said is [Dispatch.Said] as it was read:
// the dispatch is fetched and verified anew, and where it says otherwise by now
// nothing is signed.
func (c *Client) DispatchAnswer(ctx context.Context, dispatch comity.ID, said string, answer comity.DispatchStatus, reason string, in comity.ID) (*Dispatch, error) {
	shown, err := c.Dispatch(ctx, dispatch)
	if err != nil {
		return nil, err
	}
	what := "the " + string(dispatch.Kind()) + " " + string(dispatch)
	switch {
	case shown.Statement == "":
		return nil, comity.Unavailable("what is answered", errors.New("it was withdrawn, or the keys of the state that made it cannot be reached"))
	case !shown.Check.Verified():
		return nil, unverified(what, shown.Check.Err())
	case shown.Said != said:
		return nil, comity.Conflict("what is answered is not what is said by now").CuredBy("read it again, and answer that")
	}
	how := answers[dispatch.Kind()]
	body := statement.AnswerBody{Said: said, Answer: answer, Reason: reason}
	if dispatch.Kind() == comity.KindUndertaking {
		body.Case = in
	}
	return c.dispatch(ctx, how.operation, how.kind, statement.Act{Act: how.act, Record: dispatch}, dispatch, body, func(act string) any {
		input := map[string]any{"id": dispatch, "said": said, "act": act}
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
	switch dispatch.Kind() {
	case comity.KindReferral:
		operation = "ReferralWithdraw"
	case comity.KindUndertaking:
		operation = "UndertakingWithdraw"
	}
	p, err := mutate[dispatchPayload](ctx, c, operation, always(struct {
		ID comity.ID `json:"id"`
	}{dispatch}))
	return c.dispatched(ctx, p, err)
}
