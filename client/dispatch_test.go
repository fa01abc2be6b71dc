package client_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
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

	note, err := foreign.AnnotationAdd(ctx, c, statement.AnnotationBody{Record: c, Grant: grant.ID, Form: comity.AnnotationFact, Marking: comity.DefaultMarking, Text: "seen here too"})
	must(t, err)
	if note.Text != "seen here too" || note.State != "AM" || note.Status != comity.DispatchOpen {
		t.Fatalf("the annotation is %+v", note)
	}
	_, err = foreign.DispatchAnswer(ctx, note, comity.DispatchAccepted, "", "")
	if err == nil {
		t.Fatal("its author accepted it")
	}
	note, err = owner.DispatchAnswer(ctx, note, comity.DispatchAccepted, "", "")
	must(t, err)
	if note.Status != comity.DispatchAccepted {
		t.Errorf("accepted, the annotation is %s", note.Status)
	}

	offer := statement.ReferralBody{To: "AM", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Title: "A gang", Text: "works from there", Version: 1, NotAfter: later}
	referral, err := liaison.ReferralOffer(ctx, c, offer)
	must(t, err)
	offer.Version, offer.Text = 2, "has moved there"
	if referral, err = liaison.ReferralChange(ctx, referral.ID, offer); err != nil || referral.Text != offer.Text {
		t.Fatalf("changed, the offer is %+v, %v", referral, err)
	}
	if referral, err = liaison.DispatchWithdraw(ctx, referral.ID); err != nil || referral.Status != comity.DispatchWithdrawn {
		t.Fatalf("taken back, the offer is %+v, %v", referral, err)
	}

	notice, err := liaison.NoticeSend(ctx, c, statement.NoticeBody{Record: c, Form: comity.NoticeCorrect, Text: "the name was wrong", NotAfter: later})
	must(t, err)
	if _, err = recipient.DispatchAnswer(ctx, notice, comity.DispatchDone, "", ""); err != nil {
		t.Errorf("the notice's reader answers: %v", err)
	}

	told, err := recipient.DisclosureNotify(ctx, c, statement.CompelledBody{Grant: grant.ID, Form: comity.CompelledCourt, Recipient: "the court of Yerevan", At: later, Text: "an order"})
	must(t, err)
	if told, err = liaison.DispatchAnswer(ctx, told, comity.DispatchObjected, "it names a source", ""); err != nil || told.Status != comity.DispatchObjected {
		t.Errorf("objected to, the disclosure is %+v, %v", told, err)
	}
}
