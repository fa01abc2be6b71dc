package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

// TestDispatches: a grantee annotates and is answered, a matter is referred,
// changed and taken back, a notice reaches its reader, a compelled disclosure is
// objected to; all through the client alone, which verifies what is signed.
func TestDispatches(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.Mandate(t, "KZ")
	owner, liaison, foreign, recipient := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "investigator@AM"), w.as(t, "liaison@AM")
	c := w.file(t, owner).ID
	grant := w.grant(t, owner, liaison, c)
	_, err := foreign.Case(ctx, c, comity.PurposeInvestigation)
	must(t, err)
	later := w.Clock.Now().Add(24 * time.Hour).Unix()
	read := func(by *client.Client, id comity.ID) *client.Dispatch {
		t.Helper()
		d, err := by.Dispatch(ctx, id)
		must(t, err)
		if !d.Check.Verified() || d.Said != statement.Said(d.Statement) {
			t.Fatalf("%s is read as %v", id, d.Check)
		}
		return d
	}

	note, err := foreign.AnnotationAdd(ctx, c, statement.AnnotationBody{Record: c, Grant: grant.ID, Form: comity.AnnotationFact, Source: "B", Information: "2",
		Marking: comity.DefaultMarking, Text: "seen here too"})
	must(t, err)
	if note.Text != "seen here too" || note.State != "AM" || note.Status != comity.DispatchOpen || !note.Check.Verified() {
		t.Fatalf("the annotation is %+v", note)
	}
	if shown := read(owner, note.ID); shown.Source != "B" || shown.Information != "2" {
		t.Errorf("its grades are %s%s", shown.Source, shown.Information)
	}
	_, err = foreign.DispatchAnswer(ctx, note.ID, note.Said, comity.DispatchAccepted, "", "")
	want(t, err, comity.CodeDenied, comity.ArticleNonInterference)
	_, err = owner.DispatchAnswer(ctx, note.ID, strings.Repeat("0", 64), comity.DispatchAccepted, "", "")
	want(t, err, comity.CodeConflict, 0)
	note, err = owner.DispatchAnswer(ctx, note.ID, note.Said, comity.DispatchAccepted, "", "")
	must(t, err)
	if note.Status != comity.DispatchAccepted || !note.AnswerCheck.Verified() {
		t.Errorf("accepted, the annotation is %s, %v", note.Status, note.AnswerCheck)
	}
	for _, by := range []*client.Client{owner, foreign} {
		page, err := by.Annotations(ctx, c, comity.PurposeInvestigation, 10, "")
		if err != nil || len(page.Nodes) != 1 || !page.Nodes[0].Check.Verified() || !page.Nodes[0].AnswerCheck.Verified() {
			t.Errorf("with the case come %+v, %v", page.Nodes, err)
		}
	}

	offer := statement.ReferralBody{To: "AM", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Title: "A gang", Text: "works from there", Version: 1, NotAfter: later}
	referral, err := liaison.ReferralOffer(ctx, c, offer)
	must(t, err)
	first := read(recipient, referral.ID)
	offer.Version, offer.Text = 2, "has moved there"
	if referral, err = liaison.ReferralChange(ctx, referral.ID, offer); err != nil || referral.Text != offer.Text {
		t.Fatalf("changed, the offer is %+v, %v", referral, err)
	}
	_, err = recipient.DispatchAnswer(ctx, referral.ID, first.Said, comity.DispatchAccepted, "", "")
	want(t, err, comity.CodeConflict, 0) // consent was to the other
	if referral, err = liaison.DispatchWithdraw(ctx, referral.ID); err != nil || referral.Status != comity.DispatchWithdrawn {
		t.Fatalf("taken back, the offer is %+v, %v", referral, err)
	}
	_, err = recipient.DispatchAnswer(ctx, referral.ID, referral.Said, comity.DispatchAccepted, "", "")
	want(t, err, comity.CodeUnavailable, 0) // its words are gone

	notice, err := liaison.NoticeSend(ctx, c, statement.NoticeBody{Record: c, Form: comity.NoticeCorrect, Text: "the name was wrong", NotAfter: later})
	must(t, err)
	got := read(recipient, notice.ID)
	if len(got.Readers) != 1 || len(got.Deliveries) != 1 || got.Deliveries[0].Status != comity.DispatchOpen {
		t.Errorf("the reader's state is told %+v", got)
	}
	if _, err = recipient.DispatchAnswer(ctx, notice.ID, got.Said, comity.DispatchDone, "", ""); err != nil {
		t.Errorf("the notice's reader answers: %v", err)
	}
	if y := read(liaison, notice.ID).Deliveries; len(y) != 1 || y[0].Status != comity.DispatchDone || !y[0].Check.Verified() {
		t.Errorf("the originator is told %+v", y)
	}

	told, err := recipient.DisclosureNotify(ctx, c, statement.CompelledBody{Grant: grant.ID, Form: comity.CompelledCourt, Recipient: "the court of Yerevan", At: later, Text: "an order"})
	must(t, err)
	if told, err = liaison.DispatchAnswer(ctx, told.ID, told.Said, comity.DispatchObjected, "it names a source", ""); err != nil || told.Status != comity.DispatchObjected {
		t.Errorf("objected to, the disclosure is %+v, %v", told, err)
	}

	for kind, id := range map[comity.DispatchKind]comity.ID{comity.DispatchAnnotation: note.ID, comity.DispatchReferral: referral.ID,
		comity.DispatchNotice: notice.ID, comity.DispatchCompelled: told.ID} {
		for by, n := range map[*client.Client]int{liaison: 1, recipient: 1, w.as(t, "liaison@BY"): 0} {
			page, err := by.Dispatches(ctx, kind, client.DispatchFilter{}, 10, "")
			if err != nil || len(page.Nodes) != n || n == 1 && page.Nodes[0].ID != id {
				t.Errorf("of %s %d are listed, %v", kind, len(page.Nodes), err)
			}
		}
	}
	for _, id := range []comity.ID{comity.NewID(comity.KindNotice), note.ID} {
		_, err = w.as(t, "liaison@BY").Dispatch(ctx, id)
		want(t, err, comity.CodeNotFound, 0)
	}
	_, err = liaison.Dispatch(ctx, c)
	want(t, err, comity.CodeInvalid, 0)
}

// TestUndertakingRead: what reciprocity is undertaken for one case is read and
// verified like every dispatch, by who gave it and by who is to accept it.
func TestUndertakingRead(t *testing.T) {
	w := newWorld(t)
	giver, other := w.as(t, "authority@AM"), w.as(t, "authority@KZ")
	given, err := giver.UndertakingGive(t.Context(), statement.UndertakingBody{To: "KZ", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Title: "Reciprocity",
		Text: "we do the same", NotAfter: w.Clock.Now().Add(24 * time.Hour).Unix()})
	must(t, err)
	for _, by := range []*client.Client{giver, other} {
		d, err := by.Dispatch(t.Context(), given.ID)
		must(t, err)
		page, err := by.Dispatches(t.Context(), comity.DispatchUndertaking, client.DispatchFilter{Open: true}, 10, "")
		if err != nil || !d.Check.Verified() || len(page.Nodes) != 1 || !page.Nodes[0].Check.Verified() {
			t.Errorf("it is read as %v, listed as %+v, %v", d.Check, page.Nodes, err)
		}
	}
	d, err := other.DispatchAnswer(t.Context(), given.ID, given.Said, comity.DispatchDeclined, "no need", "")
	if err != nil || !d.AnswerCheck.Verified() {
		t.Errorf("declined, it is %+v, %v", d, err)
	}
}

// TestAttackDispatchShown: a server that shows another state's words, grades or
// answer otherwise than they were signed is not believed, and gets no answer to
// them signed.
func TestAttackDispatchShown(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.Mandate(t, "KZ")
	m := &middle{}
	owner, liaison, foreign := w.through(t, "investigator@KZ", m), w.as(t, "liaison@KZ"), w.as(t, "investigator@AM")
	c := w.file(t, owner).ID
	grant := w.grant(t, owner, liaison, c)
	annotate := func() *client.Dispatch {
		note, err := foreign.AnnotationAdd(ctx, c, statement.AnnotationBody{Record: c, Grant: grant.ID, Form: comity.AnnotationAssessment, Source: "B", Information: "3",
			Marking: comity.DefaultMarking, Text: "perhaps the same gang"})
		must(t, err)
		return note
	}
	note, other := annotate(), annotate()
	for field, value := range map[string]any{"text": "the same gang", "information": "ONE", "source": nil, "form": "FACT", "grant": string(comity.NewID(comity.KindGrant)),
		"officer": "AM:liaison-1", "agency": "AM/terror", "state": "BY", "statement": other.Statement} {
		m.on("Dispatch", func(data map[string]any) { put(data, value, "viewer", "dispatch", field) })
		shown, err := owner.Dispatch(ctx, note.ID)
		must(t, err)
		if shown.Check.Verified() || shown.Check.Err() == nil || shown.Said != "" {
			t.Errorf("with another %s it is %v", field, shown.Check)
		}
		_, err = owner.DispatchAnswer(ctx, note.ID, note.Said, comity.DispatchAccepted, "", "")
		wantUnverified(t, err, string(note.ID))
	}
	m.on("Dispatch", nil)
	_, err := owner.DispatchAnswer(ctx, note.ID, note.Said, comity.DispatchDeclined, "it is another", "")
	must(t, err)
	for field, value := range map[string]any{"status": "ACCEPTED", "answerReason": "it is", "to": "BY"} {
		m.on("Dispatch", func(data map[string]any) { put(data, value, "viewer", "dispatch", field) })
		shown, err := owner.Dispatch(ctx, note.ID)
		must(t, err)
		if shown.AnswerCheck.Verified() || shown.AnswerCheck.Err() == nil {
			t.Errorf("answered with another %s it is %v", field, shown.AnswerCheck)
		}
	}
}
