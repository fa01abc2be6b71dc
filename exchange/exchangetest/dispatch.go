package exchangetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
)

// Annotate is the signed act that annotates a record of a case under a grant.
func (o *Officer) Annotate(t testing.TB, c, record, grant comity.ID, text string) *exchange.Annotate {
	t.Helper()
	body := statement.AnnotationBody{ID: comity.NewID(comity.KindAnnotation), Record: record, Grant: grant, Form: comity.AnnotationFact,
		Source: "A", Information: "1", Marking: comity.DefaultMarking, Text: text}
	return &exchange.Annotate{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActAnnotationAdd, Record: c}, body)}
}

// Offer is the signed act that offers a matter, or changes the offer to a version.
func (o *Officer) Offer(t testing.TB, referral, of comity.ID, to comity.State, version int, text string) *exchange.OfferReferral {
	t.Helper()
	body := statement.ReferralBody{To: to, Category: tokentest.Category, Marking: comity.DefaultMarking, Title: "A matter", Text: text, Version: version,
		NotAfter: o.Clock.Now().Add(24 * time.Hour).Unix()}
	return &exchange.OfferReferral{Key: Key(), ID: referral, Case: of, Change: version > 1, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActReferralOffer, Record: referral}, body)}
}

// Notice is the signed act that tells of affected versions of a record.
func (o *Officer) Notice(t testing.TB, c, record comity.ID, through int, form comity.DispatchForm) *exchange.SendNotice {
	t.Helper()
	body := statement.NoticeBody{ID: comity.NewID(comity.KindNotice), Record: record, Through: through, Form: form, Text: "it was wrong",
		NotAfter: o.Clock.Now().Add(24 * time.Hour).Unix()}
	return &exchange.SendNotice{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActNoticeSend, Record: c}, body)}
}

// Compelled is the signed act that notifies a disclosure at an instant.
func (o *Officer) Compelled(t testing.TB, c, grant comity.ID, at time.Time, reason string) *exchange.NotifyDisclosure {
	t.Helper()
	body := statement.CompelledBody{ID: comity.NewID(comity.KindCompelled), Grant: grant, Form: comity.CompelledCourt, Recipient: "the city court",
		At: at.Unix(), Text: "the court orders it", Reason: reason}
	return &exchange.NotifyDisclosure{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActDisclosureNotify, Record: c}, body)}
}

// Answers is the signed act that answers a dispatch whose statement is said.
func (o *Officer) Answers(t testing.TB, id comity.ID, said string, answer comity.DispatchStatus, reason string) *exchange.AnswerDispatch {
	t.Helper()
	act := map[comity.Kind]string{comity.KindAnnotation: statement.ActAnnotationAnswer, comity.KindReferral: statement.ActReferralAnswer,
		comity.KindNotice: statement.ActNoticeAnswer, comity.KindCompelled: statement.ActDisclosureObject,
		comity.KindUndertaking: statement.ActUndertakingAnswer}[id.Kind()]
	body := statement.AnswerBody{Said: statement.Said(said), Answer: answer, Reason: reason}
	return &exchange.AnswerDispatch{Key: Key(), ID: id, Body: body, Act: o.Sign(t, statement.Act{Act: act, Record: id}, body)}
}

// Undertake is the signed act that undertakes reciprocity for a month.
func (o *Officer) Undertake(t testing.TB, to comity.State) *exchange.GiveUndertaking {
	t.Helper()
	id := comity.NewID(comity.KindUndertaking)
	body := statement.UndertakingBody{To: to, Category: tokentest.Category, Marking: comity.DefaultMarking, Title: "Reciprocity", Text: "in a like case we do the same",
		NotAfter: o.Clock.Now().Add(30 * 24 * time.Hour).Unix()}
	return &exchange.GiveUndertaking{Key: Key(), ID: id, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActUndertakingGive, Record: id}, body)}
}

// Accepts is the signed act that accepts an undertaking for a case.
func (o *Officer) Accepts(t testing.TB, id comity.ID, said string, c comity.ID) *exchange.AnswerDispatch {
	t.Helper()
	body := statement.AnswerBody{Said: statement.Said(said), Answer: comity.DispatchAccepted, Case: c}
	return &exchange.AnswerDispatch{Key: Key(), ID: id, Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActUndertakingAnswer, Record: id}, body)}
}

// Dispatch reads what one state handed another; nil when the officer finds none.
func (o *Officer) Dispatch(t testing.TB, id comity.ID) (v *exchange.DispatchView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		found, err := r.Dispatches([]comity.ID{id})
		v = found[id]
		return err
	})
	return v
}
