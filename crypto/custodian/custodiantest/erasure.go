package custodiantest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// erasure: two officers of the authority say up to when openings of the record of
// acts are erased, and nobody says so of those that are too young.
func erasure(t *testing.T, w *World) {
	month := int64(comity.ErasureAge / time.Second)
	order := func(officer string, b statement.EraseBody) custodian.SignOrder {
		return w.signOrder(t, officer, statement.KindErasure, statement.ActLogErase, b.ID, b.ID, b.ID, b)
	}
	good := func() statement.EraseBody {
		return statement.EraseBody{ID: comity.NewID(comity.KindErasure), Before: w.now() - month, Reason: "old"}
	}
	o := order("authority@KZ", good())
	s, err := w.Union.Directory.VerifyStatement(w.both(t, o))
	if err != nil || s.Kind != statement.KindErasure || s.Second == nil || s.Officer.Ref == s.Second.Officer.Ref {
		t.Fatalf("the erasure says %+v: %v", s, err)
	}
	_, err = w.Local.Sign(t.Context(), order("authority@KZ", good()))
	refused(t, "by one officer", err, denied(comity.ArticleAccountability))
	for officer, want := range map[string]refusal{"liaison@KZ": denied(comity.ArticleAccountability), "investigator@KZ": denied(comity.ArticleAccountability),
		"auditor@KZ": denied(comity.ArticleAccountability), "authority@AM": denied(comity.ArticleNonInterference)} {
		_, err := w.Local.Sign(t.Context(), proposed(order(officer, good())))
		refused(t, "proposed by "+officer, err, want)
	}
	first := order("authority@KZ", good())
	proposal := w.sign(t, proposed(first))
	for officer, want := range map[string]refusal{"authority@KZ": denied(comity.ArticleAccountability),
		"liaison@KZ": denied(comity.ArticleAccountability), "authority@AM": denied(comity.ArticleNonInterference)} {
		_, err := w.Local.Sign(t.Context(), w.approving(t, officer, first, proposal))
		refused(t, "approved by "+officer, err, want)
	}
	for what, change := range map[string]func(*statement.EraseBody) refusal{
		"a second too young": func(b *statement.EraseBody) refusal { b.Before += 60; return denied(comity.ArticleAccountability) },
		"what is to come":    func(b *statement.EraseBody) refusal { b.Before = 1 << 40; return denied(comity.ArticleAccountability) },
		"no instant":         func(b *statement.EraseBody) refusal { b.Before = 0; return denied(comity.ArticleAccountability) },
		"another id":         func(b *statement.EraseBody) refusal { b.ID = comity.NewID(comity.KindErasure); return invalid },
	} {
		b := good()
		id := b.ID
		want := change(&b)
		_, err := w.Local.Sign(t.Context(), proposed(w.signOrder(t, "authority@KZ", statement.KindErasure, statement.ActLogErase, id, id, id, b)))
		refused(t, what, err, want)
	}
}
