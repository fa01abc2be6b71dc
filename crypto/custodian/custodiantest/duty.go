package custodiantest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// shift: the authority of the state says who is on duty, in a form that can be
// meant, and nobody else does.
func shift(t *testing.T, w *World) {
	good := func() statement.DutyBody {
		return statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: "KZ:liaison-1", From: w.now(), Until: w.now() + 8*3600, Contact: "+000 1"}
	}
	b := good()
	s, err := w.Union.Directory.VerifyStatement(w.sign(t, w.signOrder(t, "authority@KZ", statement.KindShift, statement.ActDutySet, b.ID, b.ID, b.ID, b)))
	if err != nil || s.Kind != statement.KindShift || s.ID != b.ID || s.Officer.Role != comity.RoleAuthority {
		t.Fatalf("the shift says %+v: %v", s, err)
	}
	for officer, want := range map[string]refusal{"liaison@KZ": denied(comity.ArticleLiaison), "investigator@KZ": denied(comity.ArticleLiaison),
		"auditor@KZ": denied(comity.ArticleLiaison), "authority@AM": denied(comity.ArticleNonInterference)} {
		b := good()
		_, err := w.Local.Sign(t.Context(), w.signOrder(t, officer, statement.KindShift, statement.ActDutySet, b.ID, b.ID, b.ID, b))
		refused(t, officer, err, want)
	}
	for what, change := range map[string]func(*statement.DutyBody){
		"another id":             func(b *statement.DutyBody) { b.ID = comity.NewID(comity.KindShift) },
		"an officer abroad":      func(b *statement.DutyBody) { b.Officer = "AM:liaison-1" },
		"no officer":             func(b *statement.DutyBody) { b.Officer = "" },
		"an end at its begin":    func(b *statement.DutyBody) { b.Until = b.From },
		"more than it may last":  func(b *statement.DutyBody) { b.Until = b.From + 31*24*3600 + 1 },
		"before there was time":  func(b *statement.DutyBody) { b.From = -1 },
		"a contact of two lines": func(b *statement.DutyBody) { b.Contact = "a\nb" },
	} {
		b := good()
		id := b.ID
		change(&b)
		_, err := w.Local.Sign(t.Context(), w.signOrder(t, "authority@KZ", statement.KindShift, statement.ActDutySet, id, id, id, b))
		refused(t, what, err, invalid)
	}
}
