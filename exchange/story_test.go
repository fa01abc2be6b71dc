package exchange_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// want checks that err is an officer's error of a code, by an Article where one is named.
func want(t *testing.T, err error, code comity.Code, article comity.Article) {
	t.Helper()
	e, ok := err.(*comity.Error)
	if !ok || e.Code != code || e.Article != article {
		t.Fatalf("got %v (%T), wanted %s by %v", err, err, code, article)
	}
}

func caseOf(t *testing.T, o *exchangetest.Officer, id comity.ID, p comity.Purpose) *exchange.CaseView {
	t.Helper()
	var v *exchange.CaseView
	o.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{id}, p)
		v = found[id]
		return err
	})
	return v
}

// database is the engine that the tests run on.
var database = exchangetest.SQLite

func newWorld(t *testing.T) *exchangetest.World {
	t.Helper()
	return exchangetest.NewWith(t, exchangetest.Options{DB: database})
}

// TestPostgres runs the tests of the gate on PostgreSQL.
func TestPostgres(t *testing.T) {
	database = exchangetest.Postgres
	defer func() { database = exchangetest.SQLite }()
	for name, test := range map[string]func(*testing.T){"Story": TestStory, "Idempotency": TestIdempotency,
		"RepeatPassesTheGate": TestRepeatPassesTheGate, "SignedActs": TestSignedActs, "WrongRoleAndState": TestWrongRoleAndState,
		"TermAndNarrowing": TestTermAndNarrowing, "TamperedRow": TestTamperedRow, "Cursors": TestCursors,
		"GrantAgainstReserve": TestGrantAgainstReserve, "RecordOfActs": TestRecordOfActs} {
		t.Run(name, test)
	}
}

// TestStory plays the main job through the gate.
func TestStory(t *testing.T) {
	w := newWorld(t)
	w.Mandate(t, "KZ")
	owner, liaison := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ")
	foreign, other := w.As(t, "investigator@AM"), w.As(t, "liaison@BY")

	c := owner.FileCase(t, "Ransom at the bank", "AM")
	owner.Do(t, &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Observables: []exchange.NewObservable{
		{Text: comity.ObservableText{Type: "cryptocurrency-wallet", Value: "bc1qexample"}}}})
	secret := bytes.Repeat([]byte("disk image "), 1000)
	disk := owner.Upload(t, c, "disk.img", secret)
	note := owner.Upload(t, c, "note.txt", []byte("pay up"))

	if v := caseOf(t, owner, c, ""); v == nil || v.Text == nil || v.Text.Reference == "" || v.Access.Level != sovereignty.AccessOwn {
		t.Fatalf("the owner reads %+v", v)
	}
	// Before anything is granted, Armenia finds nothing.
	if v := caseOf(t, foreign, c, comity.PurposeInvestigation); v != nil {
		t.Fatalf("Armenia sees %+v before any grant", v)
	}
	// The colleague of the own state is not assigned, and finds nothing either.
	if v := caseOf(t, w.As(t, "colleague@KZ"), c, ""); v != nil {
		t.Fatalf("an officer who is not assigned sees %+v", v)
	}

	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt,
		Category: "RANSOMWARE", Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking,
		Text: comity.RequestText{Title: "Wallet", Facts: "We saw bc1qexample", FromReference: "AM-1"}}
	foreign.Do(t, send)
	move := func(o *exchangetest.Officer, m exchange.MoveRequest) error {
		m.Key, m.ID = exchangetest.Key(), send.ID
		o.Read(t, func(r *exchange.Reader) error {
			found, err := r.Requests([]comity.ID{send.ID})
			if found[send.ID] != nil {
				m.ExpectedVersion = found[send.ID].Version
			}
			return err
		})
		return o.Try(t, &m)
	}
	for _, m := range []exchange.MoveRequest{{Move: sovereignty.RequestReceive}, {Move: sovereignty.RequestAcknowledge, Note: "We look into it", Reference: "KZ-9"}} {
		if err := move(liaison, m); err != nil {
			t.Fatal(err)
		}
	}
	want(t, move(other, exchange.MoveRequest{Move: sovereignty.RequestExecute, Outcome: comity.RequestExecuted}), comity.CodeNotFound, 0)

	// Without a release decision the case has not even reached the liaison.
	body := liaison.GrantBody("AM", "release1_aaaaaaaaaaaaaaaaaaaaaaaaaa", disk)
	want(t, liaison.Try(t, liaison.MakeGrant(t, c, body)), comity.CodeNotFound, 0)
	release := owner.Release(t, c, "AM", disk)
	body = liaison.GrantBody("AM", release, disk)
	body.Request = send.ID
	// The owner is no liaison (Article 8), and Belarus no party to anything.
	want(t, owner.Try(t, owner.MakeGrant(t, c, body)), comity.CodeDenied, comity.ArticleLiaison)
	grant := liaison.MakeGrant(t, c, body)
	liaison.Do(t, grant)
	if _, err := w.Directory.VerifyStatement(grant.Statement); err != nil {
		t.Fatal(err)
	}

	v := caseOf(t, foreign, c, comity.PurposeInvestigation)
	if v == nil || v.Text == nil || v.Text.Narrative == "" || v.Text.Reference != "" || v.Access.Level != sovereignty.AccessFull {
		t.Fatalf("Armenia reads %+v", v)
	}
	var exhibits []exchange.EvidenceView
	foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{c}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		pages, err := r.Evidence([]*exchange.CaseView{found[c]}, 10, "")
		exhibits = pages[c].Items
		return errors.Join(err, r.Containers(pages[c].Pointers()))
	})
	if len(exhibits) != 1 || exhibits[0].ID != disk || exhibits[0].Text.Name != "disk.img" {
		t.Fatalf("Armenia sees the exhibits %+v", exhibits)
	}
	got := foreign.Download(t, disk, exhibits[0].Header, comity.PurposeInvestigation, grant.Body.ID)
	if !bytes.Equal(got, secret) {
		t.Fatal("the decrypted exhibit differs")
	}

	// Another purpose, another exhibit, another state.
	wrong, _ := foreign.Opening(t, disk, exhibits[0].Header, comity.PurposeProsecution, grant.Body.ID)
	want(t, foreign.Try(t, wrong), comity.CodeDenied, comity.ArticlePurpose)
	if v := caseOf(t, foreign, c, comity.PurposeProsecution); v == nil || v.Text != nil || v.Access.Redactions[0].Article != comity.ArticlePurpose {
		t.Fatalf("for another purpose Armenia reads %+v", v)
	}
	unnamed, _ := foreign.Opening(t, note, exhibits[0].Header, comity.PurposeInvestigation, grant.Body.ID)
	want(t, foreign.Try(t, unnamed), comity.CodeDenied, comity.ArticleLiaison)
	if v := caseOf(t, other, c, comity.PurposeInvestigation); v != nil {
		t.Fatalf("Belarus sees %+v", v)
	}
	elsewhere, _ := other.Opening(t, disk, exhibits[0].Header, comity.PurposeInvestigation, grant.Body.ID)
	want(t, other.Try(t, elsewhere), comity.CodeNotFound, 0)

	// Revoked: the next read and release are denied.
	liaison.Do(t, liaison.Revoke(t, c, grant.Body.ID))
	if v := caseOf(t, foreign, c, comity.PurposeInvestigation); v == nil || v.Access.Level != sovereignty.AccessEnded || v.Text != nil || v.Category != "" {
		t.Fatalf("after revocation Armenia reads %+v", v)
	}
	late, _ := foreign.Opening(t, disk, exhibits[0].Header, comity.PurposeInvestigation, grant.Body.ID)
	want(t, foreign.Try(t, late), comity.CodeDenied, comity.ArticleTerm)
	never, _ := foreign.Opening(t, note, exhibits[0].Header, comity.PurposeInvestigation, grant.Body.ID)
	want(t, foreign.Try(t, never), comity.CodeNotFound, 0)

	// Reserved: nothing more is granted.
	authority := w.As(t, "authority@KZ")
	reserve := &exchange.ReserveCase{Key: exchangetest.Key(), Case: c, ExpectedVersion: caseOf(t, authority, c, "").Version,
		Body: statement.ReserveBody{Reason: "a domestic matter"}}
	reserve.Act = authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, reserve.Body)
	authority.Do(t, reserve)
	want(t, liaison.Try(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", release, disk))), comity.CodeDenied, comity.ArticleDomesticReservation)

	if err := move(liaison, exchange.MoveRequest{Move: sovereignty.RequestExecute, Outcome: comity.RequestExecutedInPart}); err != nil {
		t.Fatal(err)
	}
	if err := move(foreign, exchange.MoveRequest{Move: sovereignty.RequestClose, Note: "It led to two arrests"}); err != nil {
		t.Fatal(err)
	}

	liaison.Read(t, func(r *exchange.Reader) error {
		found, err := r.Requests([]comity.ID{send.ID})
		if err != nil {
			return err
		}
		if err == nil && (found[send.ID].Text.Feedback != "It led to two arrests" || found[send.ID].ToReference != "KZ-9") {
			t.Errorf("Kazakhstan reads %+v", found[send.ID])
		}
		return err
	})

	// Every leaf has its place, and each side reads what concerns it.
	w.Sequence(t)
	for _, name := range []string{"liaison@KZ", "liaison@AM"} {
		reader := w.As(t, name)
		reader.Read(t, func(r *exchange.Reader) error {
			page, err := r.Log(exchange.LogFilter{}, 100, "")
			if err != nil {
				return err
			}
			if len(page.Items) < 8 {
				t.Errorf("%s reads %d leaves", name, len(page.Items))
			}
			for _, e := range page.Items {
				if e.Leaf.Index < 0 && e.Content.Act != "read" {
					t.Errorf("leaf %s has no place", e.Leaf.ID)
				}
			}
			return nil
		})
	}
}
