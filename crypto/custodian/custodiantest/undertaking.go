package custodiantest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

func (w *World) undertaking(to comity.State) statement.UndertakingBody {
	return statement.UndertakingBody{To: to, Category: tokentest.Category, Marking: comity.DefaultMarking, Title: "Reciprocity", Text: "we do the same",
		NotAfter: w.now() + int64(10*24*time.Hour/time.Second)}
}

// promised is a foreign state's undertaking.
func (w *World) promised(t *testing.T, state comity.State, b statement.UndertakingBody) (comity.ID, string) {
	t.Helper()
	id := comity.NewID(comity.KindUndertaking)
	body, err := statement.Canonical(b)
	if err != nil {
		t.Fatal(err)
	}
	who, _, key := w.Union.Login(t, "authority@"+string(state))
	o := who.Officer
	jws, err := statement.Sign(t.Context(), w.Union.Signers[state], statement.TypStatement, statement.Statement{Kind: statement.KindUndertaking,
		Union: w.Union.Directory.Union(), State: state, ID: id, Record: id, IssuedAt: w.now(), Body: body,
		Officer: statement.SignedBy{Function: o.Function, Ref: o.Ref(), Agency: o.Agency, Role: o.Role, JKT: who.JKT},
		Act:     w.Union.Act(t, key, statement.Act{Act: statement.ActUndertakingGive, Record: id}, b)})
	if err != nil {
		t.Fatal(err)
	}
	return id, jws
}

func (w *World) acceptOrder(t *testing.T, officer string, id comity.ID, jws string, b statement.AnswerBody) custodian.SignOrder {
	t.Helper()
	if b.Said == "" {
		b.Said = statement.Said(jws)
	}
	o := w.signOrder(t, officer, statement.KindUndertakingAnswer, statement.ActUndertakingAnswer, id, id, id, b)
	o.Answered = jws
	return o
}

// undertaken: what another state undertook, and the own authority accepted for a
// case, is the legal basis of grants of that case to that state until it ends.
func undertaken(t *testing.T, w *World) {
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	e, other := w.NewExhibit(t, w.NewCase(t)), w.NewCase(t)
	id, jws := w.promised(t, "AM", w.undertaking("KZ"))
	no := denied(comity.ArticleLegalBasis)
	grant := func(what string, c comity.ID, basis comity.ID, change func(*statement.GrantBody), want *refusal) {
		t.Helper()
		b := w.terms()
		b.Agreement = string(basis)
		if c == e.Case {
			b.Exhibits = []comity.ID{e.ID}
		}
		change(&b)
		signed, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", c, b))
		if want != nil {
			refused(t, what, err, *want)
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		w.apply(t, signed)
		w.open(t, "investigator@AM", e, b.ID)
	}
	same := func(*statement.GrantBody) {}
	grant("a grant under no agreement", e.Case, tokentest.Agreement, same, &no)
	grant("a grant under what nobody accepted", e.Case, id, same, &no)

	accepted := statement.AnswerBody{Answer: comity.DispatchAccepted, Case: e.Case}
	elsewhere, toBelarus := w.promised(t, "AM", w.undertaking("BY"))
	otherID, otherJWS := w.promised(t, "AM", w.undertaking("KZ"))
	past := w.undertaking("KZ")
	past.NotAfter = w.now() - 60
	pastID, pastJWS := w.promised(t, "AM", past)
	unsaid := accepted
	unsaid.Said = statement.Said(otherJWS)
	for what, c := range map[string]struct {
		order custodian.SignOrder
		want  refusal
	}{
		"by a liaison":                {w.acceptOrder(t, "liaison@KZ", id, jws, accepted), no},
		"by another state":            {w.acceptOrder(t, "authority@AM", id, jws, accepted), denied(comity.ArticleNonInterference)},
		"of one to another state":     {w.acceptOrder(t, "authority@KZ", elsewhere, toBelarus, accepted), invalid},
		"of another's words":          {w.acceptOrder(t, "authority@KZ", id, jws, unsaid), invalid},
		"of another undertaking":      {w.acceptOrder(t, "authority@KZ", id, otherJWS, accepted), invalid},
		"of what is no statement":     {w.acceptOrder(t, "authority@KZ", id, "x", accepted), invalid},
		"of what has ended":           {w.acceptOrder(t, "authority@KZ", pastID, pastJWS, accepted), no},
		"for no case":                 {w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted}), invalid},
		"for what is no case":         {w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted, Case: e.ID}), invalid},
		"that declines it for a case": {w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchDeclined, Case: e.Case}), invalid},
		"that says neither":           {w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchDone}), invalid},
	} {
		_, err := w.Local.Sign(t.Context(), c.order)
		refused(t, "an answer "+what, err, c.want)
	}
	w.sign(t, w.acceptOrder(t, "authority@KZ", otherID, otherJWS, statement.AnswerBody{Answer: comity.DispatchDeclined, Reason: "no"}))
	answer := w.sign(t, w.acceptOrder(t, "authority@KZ", id, jws, accepted))
	grant("a grant under what is accepted and may be withdrawn yet", e.Case, id, same, &no)
	w.apply(t, answer, answer)
	w.apply(t, w.sign(t, w.acceptOrder(t, "authority@KZ", id, jws, accepted)), answer) // its answer was lost
	_, err := w.Local.Sign(t.Context(), w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted, Case: other}))
	refused(t, "accepted for another case too", err, conflict)

	grant("a grant under what was declined", e.Case, otherID, same, &no)
	grant("a grant of another case", other, id, same, &no)
	grant("a grant to another state", e.Case, id, func(b *statement.GrantBody) { b.Grantee = comity.Grantee{State: "BY"} }, &no)
	grant("a grant of another category", e.Case, id, func(b *statement.GrantBody) { b.Category = "FRAUD" }, &no)
	grant("a grant that outlasts it", e.Case, id, func(b *statement.GrantBody) { b.NotAfter = w.undertaking("KZ").NotAfter + 60 }, &no)
	grant("a grant under it", e.Case, id, same, nil)

	for what, c := range map[string]struct {
		officer string
		change  func(*statement.UndertakingBody)
		want    refusal
	}{
		"by a liaison":    {"liaison@KZ", func(*statement.UndertakingBody) {}, no},
		"by a foreigner":  {"authority@AM", func(*statement.UndertakingBody) {}, denied(comity.ArticleNonInterference)},
		"to itself":       {"authority@KZ", func(b *statement.UndertakingBody) { b.To = "KZ" }, no},
		"for nothing":     {"authority@KZ", func(b *statement.UndertakingBody) { b.Category = "" }, invalid},
		"that has ended":  {"authority@KZ", func(b *statement.UndertakingBody) { b.NotAfter = w.now() - 1 }, invalid},
		"for ever":        {"authority@KZ", func(b *statement.UndertakingBody) { b.NotAfter = w.now() + int64(custodian.MaxTerm/time.Second) + 60 }, invalid},
		"without a label": {"authority@KZ", func(b *statement.UndertakingBody) { b.Marking = comity.Marking{} }, invalid},
	} {
		b := w.undertaking("AM")
		c.change(&b)
		id := comity.NewID(comity.KindUndertaking)
		_, err := w.Local.Sign(t.Context(), w.signOrder(t, c.officer, statement.KindUndertaking, statement.ActUndertakingGive, id, id, id, b))
		refused(t, "an undertaking "+what, err, c.want)
	}
	own := comity.NewID(comity.KindUndertaking)
	given := w.sign(t, w.signOrder(t, "authority@KZ", statement.KindUndertaking, statement.ActUndertakingGive, own, own, own, w.undertaking("AM")))
	_, err = w.Local.Sign(t.Context(), w.acceptOrder(t, "second@KZ", own, given, accepted))
	refused(t, "the own undertaking accepted", err, invalid)
}

// answeredOtherwise: of what was declined no acceptance comes into force, nor does one
// that was kept back for a day or that answers for another case than the one in force,
// which is not declined.
func answeredOtherwise(t *testing.T, w *World) {
	c, other := w.NewCase(t), w.NewCase(t)
	no := denied(comity.ArticleLegalBasis)
	accept := func(id comity.ID, jws string, c comity.ID) string {
		return w.sign(t, w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted, Case: c}))
	}
	granted := func(c, id comity.ID) error {
		b := w.terms()
		b.Agreement = string(id)
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", c, b))
		return err
	}
	for what, answer := range map[string]func(id comity.ID, jws string) (accepted, second string){
		"signed and then declined":          func(id comity.ID, jws string) (string, string) { return accept(id, jws, c), "" },
		"signed for two, and then declined": func(id comity.ID, jws string) (string, string) { return accept(id, jws, c), accept(id, jws, other) },
	} {
		id, jws := w.promised(t, "AM", w.undertaking("KZ"))
		first, second := answer(id, jws)
		declined := w.sign(t, w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchDeclined, Reason: "no"}))
		refused(t, "a grant under what was "+what, granted(c, id), no)
		for _, kept := range []string{first, second} {
			if kept != "" {
				refused(t, "kept back, "+what, w.Local.Apply(t.Context(), kept), no)
			}
		}
		refused(t, "what declines, applied", w.Local.Apply(t.Context(), declined), invalid)
		refused(t, "a grant under what was "+what+", again", granted(c, id), no)
		w.apply(t, accept(id, jws, c)) // the authority may think better of it
		if err := granted(c, id); err != nil {
			t.Errorf("accepted after all: %v", err)
		}
	}

	id, jws := w.promised(t, "AM", w.undertaking("KZ"))
	first, second := accept(id, jws, c), accept(id, jws, other) // two officers at once
	w.apply(t, first)
	refused(t, "accepted for another case than in force", w.Local.Apply(t.Context(), second), no)
	refused(t, "a grant of the other case", granted(other, id), no)
	_, err := w.Local.Sign(t.Context(), w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchDeclined, Reason: "no"}))
	refused(t, "declined while it is in force", err, conflict)
	if err := granted(c, id); err != nil {
		t.Errorf("a grant of the first: %v", err)
	}

	id, jws = w.promised(t, "AM", w.undertaking("KZ"))
	late := accept(id, jws, c)
	w.advance(custodian.GrantAge + time.Minute)
	refused(t, "an acceptance that was kept back for a day", w.Local.Apply(t.Context(), late), no)
	for range 20 {
		accept(id, jws, c)
	}
	_, err = w.Local.Sign(t.Context(), w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted, Case: c}))
	refused(t, "one acceptance too many", err, conflict)
}

// undertakenBefore: a key that left its state's manifest undertakes nothing, also
// before a server that forgot the newer one.
func undertakenBefore(t *testing.T, w *World) {
	c, before := w.NewCase(t), w.Union.Directory.JWS("AM")
	id, jws := w.promised(t, "AM", w.undertaking("KZ"))
	raw, err := statement.RawJWK(w.Union.Signers["BY"])
	if err != nil {
		t.Fatal(err)
	}
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.StatementKeys = []json.RawMessage{raw} })
	accepting := func() custodian.SignOrder {
		return w.acceptOrder(t, "authority@KZ", id, jws, statement.AnswerBody{Answer: comity.DispatchAccepted, Case: c})
	}
	_, err = w.Local.Sign(t.Context(), accepting())
	refused(t, "an undertaking by a key that left the manifest", err, invalid)
	w.sign(t, w.grantOrder(t, "liaison@KZ", c, w.terms())) // the register knows how far manifests had come
	rolledBack := w.behind(t, w.Union.Directory.JWS("KZ"), before)
	_, err = rolledBack.Sign(t.Context(), accepting())
	refused(t, "the same by an old manifest", err, refusal{code: comity.CodeUnavailable})
}

// behind is a custodian over the same register whose directory has these manifests only.
func (w *World) behind(t *testing.T, manifests ...string) *custodian.Local {
	t.Helper()
	past := statement.NewDirectory(w.Union.Directory.Union(), w.Union.Roots, w.Union.Clock.Now)
	for _, jws := range manifests {
		if err := past.Add(jws); err != nil {
			t.Fatal(err)
		}
	}
	return custodian.New(custodian.Options{State: "KZ", Directory: past, Verifier: w.Union.Verifier, Now: w.Union.Clock.Now}, w.Keys)
}
