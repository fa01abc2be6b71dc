package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// dispatchesOf asks for the dispatches about a record.
func dispatchesOf(list, by string) string {
	return `query($id: ID!) { viewer { ` + list + `(first: 5, filter: {` + by + `: $id}) { nodes { id } totalCount ` + pageInfo + `} } }`
}

// listOf walks a list of dispatches.
func listOf(list string) string {
	return `query($after: String) { viewer { ` + list + `(first: 1, after: $after) { nodes { id status }` + pageInfo + `totalCount } } }`
}

// dispatches adds what a state and Armenia hand each other to the records of the state.
func (a *api) dispatches(t *testing.T, s comity.State, r records) {
	t.Helper()
	liaison := a.World.As(t, "liaison@"+string(s))
	foreign, foreignLiaison := a.World.As(t, "investigator@AM"), a.World.As(t, "liaison@AM")
	note := foreign.Annotate(t, r[comity.KindCase], r[comity.KindCase], r[comity.KindGrant], "known here")
	foreign.Do(t, note)
	offer := liaison.Offer(t, comity.NewID(comity.KindReferral), r[comity.KindCase], "AM", 1, "yours")
	liaison.Do(t, offer)
	notice := liaison.Notice(t, r[comity.KindCase], r[comity.KindEntry], 0, comity.NoticeCorrect)
	liaison.Do(t, notice)
	compelled := foreignLiaison.Compelled(t, r[comity.KindCase], r[comity.KindGrant], a.Clock.Now().Add(time.Hour), "")
	foreignLiaison.Do(t, compelled)
	authority := a.World.As(t, "authority@"+string(s))
	undertaking := authority.Undertake(t, "AM")
	authority.Do(t, undertaking)
	r[comity.KindAnnotation], r[comity.KindReferral], r[comity.KindNotice], r[comity.KindCompelled] = note.Body.ID, offer.ID, notice.Body.ID, compelled.Body.ID
	r[comity.KindUndertaking] = undertaking.ID
}

// namingDispatches is naming for what states hand each other about records.
func (c *client) namingDispatches(t *testing.T, r records) map[string]map[string]any {
	t.Helper()
	sign := func(act string, id comity.ID, body any) string {
		return c.Sign(t, statement.Act{Act: act, Record: id}, body)
	}
	of, entry, grant, until := r[comity.KindCase], r[comity.KindEntry], r[comity.KindGrant], c.Clock.Now().Add(time.Hour).Unix()
	note := statement.AnnotationBody{ID: comity.NewID(comity.KindAnnotation), Record: entry, Grant: grant, Form: "FACT", Marking: comity.DefaultMarking, Text: "a"}
	offer := statement.ReferralBody{To: "AM", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Title: "a", Text: "a", Version: 1, NotAfter: until}
	change := offer
	change.Version = 2
	notice := statement.NoticeBody{ID: comity.NewID(comity.KindNotice), Record: entry, Form: "ERASE", Text: "a", NotAfter: until}
	compelled := statement.CompelledBody{ID: comity.NewID(comity.KindCompelled), Grant: grant, Form: "COURT", Recipient: "a", At: until, Text: "a"}
	said := strings.Repeat("ab", 32)
	answer := func(act string, kind comity.Kind, a comity.DispatchStatus) map[string]any {
		body := statement.AnswerBody{Said: said, Answer: a, Reason: "a"}
		in := map[string]any{"id": r[kind], "said": said, "answer": a, "reason": "a", "act": sign(act, r[kind], body)}
		if kind == comity.KindCompelled {
			delete(in, "answer")
		}
		return in
	}
	take := answer(statement.ActReferralAnswer, comity.KindReferral, comity.DispatchAccepted)
	take["case"] = of
	fresh := comity.NewID(comity.KindReferral)
	when := stamp(time.Unix(until, 0))
	given := comity.NewID(comity.KindUndertaking)
	promise := statement.UndertakingBody{To: "AM", Category: "RANSOMWARE", Request: r[comity.KindRequest], Marking: comity.DefaultMarking, Title: "a", Text: "a", NotAfter: until}
	accept := statement.AnswerBody{Said: said, Answer: comity.DispatchAccepted, Case: of, Reason: "a"}
	return map[string]map[string]any{
		"annotationAdd":      {"id": note.ID, "case": of, "record": entry, "grant": grant, "form": "FACT", "text": "a", "act": sign(statement.ActAnnotationAdd, of, note)},
		"annotationAnswer":   answer(statement.ActAnnotationAnswer, comity.KindAnnotation, comity.DispatchAccepted),
		"annotationWithdraw": {"id": r[comity.KindAnnotation]},
		"referralOffer": {"id": fresh, "case": of, "to": "AM", "category": "RANSOMWARE", "title": "a", "text": "a", "version": 1, "notAfter": when,
			"act": sign(statement.ActReferralOffer, fresh, offer)},
		"referralChange": {"id": r[comity.KindReferral], "to": "AM", "category": "RANSOMWARE", "title": "a", "text": "a", "version": 2, "notAfter": when,
			"act": sign(statement.ActReferralOffer, r[comity.KindReferral], change)},
		"referralAnswer":   take,
		"referralWithdraw": {"id": r[comity.KindReferral]},
		"undertakingGive": {"id": given, "to": "AM", "category": "RANSOMWARE", "request": r[comity.KindRequest], "title": "a", "text": "a", "notAfter": when,
			"act": sign(statement.ActUndertakingGive, given, promise)},
		"undertakingAnswer": {"id": r[comity.KindUndertaking], "said": said, "answer": "ACCEPTED", "case": of, "reason": "a",
			"act": sign(statement.ActUndertakingAnswer, r[comity.KindUndertaking], accept)},
		"undertakingWithdraw": {"id": r[comity.KindUndertaking]},
		"noticeSend":          {"id": notice.ID, "case": of, "record": entry, "form": "ERASE", "text": "a", "notAfter": when, "act": sign(statement.ActNoticeSend, of, notice)},
		"noticeAnswer":        answer(statement.ActNoticeAnswer, comity.KindNotice, comity.DispatchDone),
		"disclosureNotify": {"id": compelled.ID, "case": of, "grant": grant, "form": "COURT", "recipient": "a", "at": when, "text": "a",
			"act": sign(statement.ActDisclosureNotify, of, compelled)},
		"disclosureObject": answer(statement.ActDisclosureObject, comity.KindCompelled, comity.DispatchObjected),
	}
}

// TestDispatchStory: over HTTP a grantee annotates and the originator accepts, a
// matter is offered, changed and taken, a notice reaches who read and is answered,
// a compelled disclosure is notified and objected to; each by who may, and not by
// who may not.
func TestDispatchStory(t *testing.T) {
	onEngines(t, func(t *testing.T, a *api) {
		r := caseAlone(t, a, "KZ")
		a.Mandate(t, "KZ")
		owner, liaison, foreign, theirs, third := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM"), a.as(t, "liaison@AM"), a.as(t, "liaison@BY")
		made := liaison.MakeGrant(t, r[comity.KindCase], liaison.GrantBody("AM", owner.Release(t, r[comity.KindCase], "AM")))
		liaison.Do(t, made)
		r[comity.KindGrant] = made.Body.ID
		denied := func(o *client, act string, input map[string]any, article int) {
			t.Helper()
			if e := o.refused(t, act, input, comity.CodeDenied); e["article"] != float64(article) || e["cure"] == "" {
				t.Errorf("%s is denied by %v, wanted Article %d", act, e, article)
			}
		}
		text := func(o *client, query string, variables map[string]any) string {
			t.Helper()
			return fmt.Sprint(o.get(t, query, variables))
		}
		answer := func(o *client, act, signed string, kind comity.Kind, id, said any, says comity.DispatchStatus) map[string]any {
			with := absent()
			with[kind] = comity.ID(id.(string))
			in := o.namingDispatches(t, with)[act]
			body := statement.AnswerBody{Said: statement.Said(said.(string)), Answer: says, Reason: "so it is"}
			in["said"], in["reason"] = body.Said, body.Reason
			in["act"] = o.Sign(t, statement.Act{Act: signed, Record: comity.ID(id.(string))}, body)
			delete(in, "case")
			if kind != comity.KindCompelled {
				in["answer"] = says
			}
			return in
		}
		naming := func(o *client, act string) map[string]any {
			with := absent()
			for k, id := range r {
				with[k] = id
			}
			in := o.namingDispatches(t, with)[act]
			return in
		}

		denied(owner, "annotationAdd", naming(owner, "annotationAdd"), 2)
		third.refused(t, "annotationAdd", naming(third, "annotationAdd"), comity.CodeNotFound)
		p := foreign.done(t, "annotationAdd", "statement dispatch { id kind state to case record grant form status text marking { tlp } statement deliveries { to } readers { officer } }", naming(foreign, "annotationAdd"))
		id, said := dig(t, p, "dispatch", "id"), p["statement"]
		if dig(t, p, "dispatch", "text") != "a" || dig(t, p, "dispatch", "state") != "AM" || dig(t, p, "dispatch", "statement") != said {
			t.Fatalf("annotated: %v", p)
		}
		const annotations = `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { title annotations(first: 5) { nodes { id text status } totalCount } } } }`
		of := map[string]any{"id": r[comity.KindCase]}
		if got := text(owner, annotations, of); !strings.Contains(got, "status:OPEN") || !strings.Contains(got, "totalCount:1") {
			t.Errorf("the originator is shown %s", got)
		}
		denied(foreign, "annotationAnswer", answer(foreign, "annotationAnswer", statement.ActAnnotationAnswer, comity.KindAnnotation, id, said, "ACCEPTED"), 2)
		owner.done(t, "annotationAnswer", "dispatch { status answerReason answerStatement answeredAt }", answer(owner, "annotationAnswer", statement.ActAnnotationAnswer, comity.KindAnnotation, id, said, "ACCEPTED"))
		foreign.refused(t, "annotationWithdraw", map[string]any{"id": id}, comity.CodeConflict)
		if got := text(foreign, annotations, of); !strings.Contains(got, "status:ACCEPTED") {
			t.Errorf("the author is shown %s", got)
		}
		if got := text(foreign, `{ viewer { annotations(first: 5, filter: {made: true}) { nodes { text } edges { cursor } } } }`, nil); !strings.Contains(got, "text:a") {
			t.Errorf("the author's list is %s", got)
		}

		// A referral.
		denied(owner, "referralOffer", naming(owner, "referralOffer"), 8)
		p = liaison.done(t, "referralOffer", "statement dispatch { id case title version category dueAt }", naming(liaison, "referralOffer"))
		id, said = dig(t, p, "dispatch", "id"), p["statement"]
		if got := text(theirs, `{ viewer { referrals(first: 5, filter: {open: true, received: true, state: "KZ"}) { nodes { id title text case answerCase } totalCount } } }`, nil); !strings.Contains(got, id.(string)) || strings.Contains(got, string(r[comity.KindCase])) {
			t.Errorf("offered is %s", got)
		}
		r[comity.KindReferral] = comity.ID(id.(string))
		p = liaison.done(t, "referralChange", "statement dispatch { version }", naming(liaison, "referralChange"))
		theirs.refused(t, "referralAnswer", answer(theirs, "referralAnswer", statement.ActReferralAnswer, comity.KindReferral, id, said, "ACCEPTED"), comity.CodeConflict)
		denied(liaison, "referralAnswer", answer(liaison, "referralAnswer", statement.ActReferralAnswer, comity.KindReferral, id, p["statement"], "ACCEPTED"), 3)
		theirs.done(t, "referralAnswer", "statement dispatch { status }", answer(theirs, "referralAnswer", statement.ActReferralAnswer, comity.KindReferral, id, p["statement"], "ACCEPTED"))
		liaison.refused(t, "referralWithdraw", map[string]any{"id": id}, comity.CodeConflict)

		// A notice, of an entry that Armenia reads.
		text(foreign, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { entries(first: 5) { nodes { text } } } } }`, of)
		denied(owner, "noticeSend", naming(owner, "noticeSend"), 8)
		p = liaison.done(t, "noticeSend", "reached statement dispatch { id deliveries { to status deliveredAt dueAt overdue } }", naming(liaison, "noticeSend"))
		id, said = dig(t, p, "dispatch", "id"), p["statement"]
		if fmt.Sprint(p["reached"]) != "[AM]" {
			t.Fatalf("reached is %v", p)
		}
		if got := text(foreign, `{ viewer { notices(first: 5, filter: {open: true}) { nodes { id form text through readers { officer agency version at } deliveries { status } } } } }`, nil); !strings.Contains(got, "ERASE") || !strings.Contains(got, "AM:investigator-1") {
			t.Errorf("the reader is told %s", got)
		}
		denied(foreign, "noticeAnswer", answer(foreign, "noticeAnswer", statement.ActNoticeAnswer, comity.KindNotice, id, said, "DONE"), 8)
		theirs.done(t, "noticeAnswer", "statement dispatch { deliveries { status reason statement answeredAt } }", answer(theirs, "noticeAnswer", statement.ActNoticeAnswer, comity.KindNotice, id, said, "DONE"))
		if got := text(owner, `{ viewer { notices(first: 5) { nodes { overdue deliveries { to status reason } } } } }`, nil); !strings.Contains(got, "status:DONE") || !strings.Contains(got, "so it is") {
			t.Errorf("the originator is told %s", got)
		}

		// A compelled disclosure.
		denied(foreign, "disclosureNotify", naming(foreign, "disclosureNotify"), 10)
		p = theirs.done(t, "disclosureNotify", "statement dispatch { id recipient at reason form grant }", naming(theirs, "disclosureNotify"))
		id, said = dig(t, p, "dispatch", "id"), p["statement"]
		denied(theirs, "disclosureObject", answer(theirs, "disclosureObject", statement.ActDisclosureObject, comity.KindCompelled, id, said, "OBJECTED"), 10)
		liaison.done(t, "disclosureObject", "statement dispatch { status answerReason }", answer(liaison, "disclosureObject", statement.ActDisclosureObject, comity.KindCompelled, id, said, "OBJECTED"))
		if got := text(theirs, `{ viewer { compelledDisclosures(first: 5) { nodes { status answerReason } } } }`, nil); !strings.Contains(got, "OBJECTED") {
			t.Errorf("the grantee is told %s", got)
		}
		for _, list := range []string{"annotations", "referrals", "notices", "compelledDisclosures"} {
			if got := text(third, `{ viewer { `+list+`(first: 5) { nodes { id } totalCount } } }`, nil); !strings.Contains(got, "totalCount:0") {
				t.Errorf("a third state is shown %s", got)
			}
		}
	})
}
