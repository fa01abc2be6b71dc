package graph

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestUndertaking: over HTTP two states without an agreement share one case: the
// grantee's authority undertakes reciprocity, the originator's accepts it for a
// case, and a grant of that case, and of no other, rests on it.
func TestUndertaking(t *testing.T) {
	onEngines(t, func(t *testing.T, a *api) {
		a.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
		a.Mandate(t, "KZ")
		owner, liaison, authority, theirs, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "authority@KZ"), a.as(t, "authority@AM"), a.as(t, "investigator@AM")
		c, other := owner.FileCase(t, "A case", "AM"), owner.FileCase(t, "Another", "AM")
		for _, id := range []comity.ID{c, other} {
			owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: id, Office: comity.RoleAuthority})
		}
		release, others := owner.Release(t, c, "AM"), owner.Release(t, other, "AM")
		denied := func(o *client, act string, input map[string]any, article int) {
			t.Helper()
			if e := o.refused(t, act, input, comity.CodeDenied); e["article"] != float64(article) || e["cure"] == "" {
				t.Errorf("%s is denied by %v, wanted Article %d", act, e, article)
			}
		}
		grant := func(of, release, basis comity.ID, until int64) map[string]any {
			b := liaison.GrantBody("AM", release)
			b.Agreement, b.NotAfter = string(basis), until
			return liaison.grantInput(t, of, b)
		}
		soon, ends := a.Clock.Now().Add(24*time.Hour).Unix(), a.Clock.Now().Add(48*time.Hour).Unix()
		denied(liaison, "grantMake", grant(c, release, tokentest.Agreement, soon), 7)

		give := func(o *client) map[string]any {
			id := comity.NewID(comity.KindUndertaking)
			body := statement.UndertakingBody{To: "KZ", Category: tokentest.Category, Marking: comity.DefaultMarking, Title: "Reciprocity", Text: "we do the same", NotAfter: ends}
			return map[string]any{"id": id, "to": "KZ", "category": tokentest.Category, "title": body.Title, "text": body.Text, "notAfter": stamp(time.Unix(ends, 0)),
				"act": o.Sign(t, statement.Act{Act: statement.ActUndertakingGive, Record: id}, body)}
		}
		unbidden := a.as(t, "liaison@AM")
		denied(unbidden, "undertakingGive", give(unbidden), 7)
		given := give(theirs)
		id := given["id"].(comity.ID)
		p := theirs.done(t, "undertakingGive", "statement dispatch { id kind status to title }", given)
		said := p["statement"].(string)
		denied(liaison, "grantMake", grant(c, release, id, soon), 7) // nobody accepted it

		answer := func(o *client, a comity.DispatchStatus, of comity.ID) map[string]any {
			body := statement.AnswerBody{Said: statement.Said(said), Answer: a, Case: of}
			in := map[string]any{"id": id, "said": body.Said, "answer": a, "act": o.Sign(t, statement.Act{Act: statement.ActUndertakingAnswer, Record: id}, body)}
			if of != "" {
				in["case"] = of
			}
			return in
		}
		denied(liaison, "undertakingAnswer", answer(liaison, "ACCEPTED", c), 7)
		denied(theirs, "undertakingAnswer", answer(theirs, "ACCEPTED", c), 7)
		stranger := a.as(t, "authority@BY")
		stranger.refused(t, "undertakingAnswer", answer(stranger, "ACCEPTED", c), comity.CodeNotFound)
		authority.refused(t, "undertakingAnswer", answer(authority, "ACCEPTED", comity.NewID(comity.KindCase)), comity.CodeNotFound)
		authority.refused(t, "undertakingAnswer", answer(authority, "ACCEPTED", ""), comity.CodeInvalid)
		authority.done(t, "undertakingAnswer", "statement dispatch { status answerCase }", answer(authority, "ACCEPTED", c))
		authority.refused(t, "undertakingAnswer", answer(authority, "ACCEPTED", other), comity.CodeConflict)
		theirs.refused(t, "undertakingWithdraw", map[string]any{"id": id}, comity.CodeConflict)

		denied(liaison, "grantMake", grant(other, others, id, soon), 7)
		denied(liaison, "grantMake", grant(c, release, id, ends+60), 7) // it would outlast it
		made := liaison.done(t, "grantMake", "grant { id agreement status }", grant(c, release, id, soon))
		if g := made["grant"].(map[string]any); g["agreement"] != string(id) || g["status"] != "ACTIVE" {
			t.Errorf("the grant is %v", g)
		}
		if v := foreign.readCase(t, c, comity.PurposeInvestigation); v["title"] != "A case" {
			t.Errorf("Armenia reads %v", v)
		}
		if d := theirs.undertaking(t, id); d["status"] != "ACCEPTED" || d["answerCase"] != nil || d["answerStatement"] != "" && d["answerStatement"] != nil {
			t.Errorf("who gave it reads %v", d)
		}
		if d := liaison.undertaking(t, id); d["answerCase"] != string(c) || d["text"] != "we do the same" {
			t.Errorf("who was given it reads %v", d)
		}
	})
}

// undertaking is one as the list gives it.
func (c *client) undertaking(t *testing.T, id comity.ID) map[string]any {
	t.Helper()
	data := c.get(t, `{ viewer { undertakings(first: 5) { nodes { id status text answerCase answerStatement } } } }`, nil)
	for _, n := range data["viewer"].(map[string]any)["undertakings"].(map[string]any)["nodes"].([]any) {
		if d := n.(map[string]any); d["id"] == string(id) {
			return d
		}
	}
	return nil
}
