package custodiantest

import (
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// dispatches: what states hand each other is signed for the role whose act it is,
// over what that officer signed and about the record that was named; it changes
// nothing of what the register opens.
func dispatches(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	said := strings.Repeat("ab", 32)
	answer := func(s comity.DispatchStatus) statement.AnswerBody {
		return statement.AnswerBody{Said: said, Answer: s, Reason: "so it is"}
	}
	made := func(kind comity.Kind) comity.ID { return comity.NewID(kind) }
	note, offer, notice, told := made(comity.KindAnnotation), made(comity.KindReferral), made(comity.KindNotice), made(comity.KindCompelled)
	annotation := statement.AnnotationBody{ID: note, Record: e.Case, Grant: grant, Form: comity.AnnotationFact, Source: "B", Information: "2",
		Marking: comity.DefaultMarking, Text: "a"}
	referral := statement.ReferralBody{To: "AM", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Title: "a", Text: "a", Version: 1, NotAfter: w.now() + 60}
	wrong := statement.NoticeBody{ID: notice, Record: e.Case, Form: comity.NoticeErase, Text: "a", NotAfter: w.now() + 60}
	compelled := statement.CompelledBody{ID: told, Grant: grant, Form: comity.CompelledCourt, Recipient: "a", At: w.now() + 60, Text: "a"}

	formless, unnamed := annotation, annotation
	formless.Form, unnamed.ID = comity.NoticeErase, made(comity.KindAnnotation)
	home, endless := referral, referral
	home.To, endless.NotAfter = "KZ", 0
	noticeFormless := wrong
	noticeFormless.Form = comity.AnnotationLink
	unexplained, other := compelled, compelled
	unexplained.At, other.Form = w.now()-60, "RUMOUR"
	explained := unexplained
	explained.Reason = "the court sat in the night"

	type bad struct {
		body any
		want refusal
	}
	for _, c := range []struct {
		kind       statement.Kind
		act        string
		id, record comity.ID
		body       any
		may        []string
		article    comity.Article
		bad        map[string]bad
	}{
		{statement.KindAnnotation, statement.ActAnnotationAdd, note, e.Case, annotation, []string{"investigator", "liaison"}, comity.ArticleNonInterference,
			map[string]bad{"of another kind's form": {formless, invalid}, "signed under another id": {unnamed, invalid}}},
		{statement.KindAnnotationAnswer, statement.ActAnnotationAnswer, note, note, answer(comity.DispatchAccepted), []string{"investigator", "liaison"}, comity.ArticleNonInterference,
			map[string]bad{"that is none": {answer(comity.DispatchObjected), invalid}}},
		{statement.KindReferral, statement.ActReferralOffer, offer, offer, referral, []string{"liaison"}, comity.ArticleTerritory,
			map[string]bad{"to the own state": {home, denied(comity.ArticleTerritory)}, "without an end": {endless, invalid}}},
		{statement.KindReferralAnswer, statement.ActReferralAnswer, offer, offer, answer(comity.DispatchDeclined), []string{"liaison"}, comity.ArticleTerritory,
			map[string]bad{"that is none": {answer(comity.DispatchDone), invalid}}},
		{statement.KindNotice, statement.ActNoticeSend, notice, e.Case, wrong, []string{"liaison"}, comity.ArticleOriginatorControl,
			map[string]bad{"of another kind's form": {noticeFormless, invalid}}},
		{statement.KindNoticeAnswer, statement.ActNoticeAnswer, notice, notice, answer(comity.DispatchNotDone), []string{"liaison"}, comity.ArticleOriginatorControl,
			map[string]bad{"that is none": {answer(comity.DispatchWithdrawn), invalid}}},
		{statement.KindCompelled, statement.ActDisclosureNotify, told, e.Case, compelled, []string{"liaison", "authority"}, comity.ArticleOriginatorControl,
			map[string]bad{"after it was made, and not explained": {unexplained, denied(comity.ArticleOriginatorControl)}, "on no ground": {other, invalid}}},
		{statement.KindCompelled, statement.ActDisclosureNotify, told, e.Case, explained, []string{"liaison"}, comity.ArticleOriginatorControl, nil},
		{statement.KindCompelledAnswer, statement.ActDisclosureObject, told, told, answer(comity.DispatchObjected), []string{"liaison", "authority"}, comity.ArticleOriginatorControl,
			map[string]bad{"that is none": {answer(comity.DispatchAccepted), invalid}}},
	} {
		order := func(role, state string, body any) custodian.SignOrder {
			on := c.record
			return w.signOrder(t, role+"@"+state, c.kind, c.act, on, c.id, c.record, body)
		}
		what := string(c.kind)
		may := map[string]bool{}
		for _, role := range c.may {
			may[role] = true
			s, err := w.Union.Directory.VerifyStatement(w.sign(t, order(role, "KZ", c.body)))
			if err != nil || s.Kind != c.kind || s.State != "KZ" || s.ID != c.id || s.Record != c.record || s.Second != nil {
				t.Errorf("the %s of the %s is %+v, %v", what, role, s, err)
			}
			_, err = w.Local.Sign(t.Context(), order(role, "AM", c.body))
			refused(t, what+" by another state's "+role, err, denied(comity.ArticleNonInterference))
		}
		for _, role := range []string{"investigator", "liaison", "authority", "auditor"} {
			if !may[role] && c.bad != nil {
				_, err := w.Local.Sign(t.Context(), order(role, "KZ", c.body))
				refused(t, what+" by the "+role, err, denied(c.article))
			}
		}
		for how, b := range c.bad {
			_, err := w.Local.Sign(t.Context(), order(c.may[0], "KZ", b.body))
			refused(t, what+" "+how, err, b.want)
		}

		o := order(c.may[0], "KZ", c.body)
		o.Body = order(c.may[0], "KZ", struct {
			Text string `json:"text"`
		}{"other words"}).Body
		_, err := w.Local.Sign(t.Context(), o)
		refused(t, what+" over another body than was signed", err, unauthenticated)
		o = order(c.may[0], "KZ", c.body)
		if o.Record = comity.NewID(c.record.Kind()); c.record == c.id {
			o.ID = o.Record
		}
		_, err = w.Local.Sign(t.Context(), o)
		refused(t, what+" of another record than was signed", err, unauthenticated)
		o = order(c.may[0], "KZ", c.body)
		o.Record = comity.NewID(comity.KindMessage)
		_, err = w.Local.Sign(t.Context(), o)
		refused(t, what+" of a record of another kind", err, invalid)
		_, err = w.Local.Sign(t.Context(), proposed(order(c.may[0], "KZ", c.body)))
		refused(t, what+" proposed", err, invalid)
		again := order(c.may[0], "KZ", c.body)
		w.sign(t, again)
		_, err = w.Local.Sign(t.Context(), again)
		refused(t, what+" by an act that was used", err, unauthenticated)
	}
	w.open(t, "investigator@AM", e, grant)
}
