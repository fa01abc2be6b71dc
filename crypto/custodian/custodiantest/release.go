package custodiantest

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
)

func ready(t *testing.T, w *World) {
	if err := w.Local.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys, err := w.Local.Keys(t.Context())
	if err != nil || len(keys) != 1 || !keys[0].IsPublic() {
		t.Fatalf("the statement keys are %v, %v", keys, err)
	}
	// A manifest that lists other keys only: nobody could verify.
	e := w.NewExhibit(t, w.NewCase(t))
	for _, kid := range []string{"other", keys[0].KeyID} {
		other, err := statement.NewSoftSigner(w.Union.Keys["KZ"], kid)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := statement.RawJWK(other)
		if err != nil {
			t.Fatal(err)
		}
		w.Union.Publish(t, "KZ", func(m *statement.Manifest) { m.StatementKeys[0] = raw })
		refused(t, "a key that is not in the manifest", w.Local.Check(t.Context()), refusal{code: comity.CodeUnavailable})
		_, err = w.Local.Release(t.Context(), w.Order(t, "investigator@KZ", e, "", ""))
		refused(t, "a release that nobody could verify", err, refusal{code: comity.CodeUnavailable})
	}
}

func begin(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	o := w.beginOrder(t, "investigator@KZ", caseID)
	b, err := w.Local.Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	h, err := envelope.ParseHeader(b.Header)
	if err != nil {
		t.Fatal(err)
	}
	if h.State != "KZ" || h.Case != string(caseID) || h.Evidence != string(o.Evidence) || h.Length != o.Body.Size {
		t.Errorf("the header is that of %s %s %s, %d bytes", h.State, h.Case, h.Evidence, h.Length)
	}
	sk, err := w.Union.Directory.VerifySealedKey(b.SealedKey)
	if err != nil {
		t.Fatal(err)
	}
	if sk.State != "KZ" || sk.Case != caseID || sk.Evidence != o.Evidence || sk.Commitment != hex.EncodeToString(h.Commitment[:]) ||
		sk.Root != "" || sk.Act != statement.ActHash(o.Act) || sk.Expires <= w.now() || sk.Expires > w.now()+600 {
		t.Errorf("the sealed key is bound to %+v", sk.Binding)
	}
	w.openSealed(t, "investigator@KZ", b.SealedKey, o.Act, Exhibit{Case: caseID, ID: o.Evidence, Header: b.Header})
	_, err = w.Local.Begin(t.Context(), o)
	refused(t, "the same act again", err, unauthenticated)
}

func beginRefused(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	thief, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		officer string
		change  func(*custodian.BeginOrder)
		want    refusal
	}{
		"a server's own key":    {"", func(o *custodian.BeginOrder) { o.Recipient = jwk(thief) }, unauthenticated},
		"no key":                {"", func(o *custodian.BeginOrder) { o.Recipient = jose.JSONWebKey{} }, unauthenticated},
		"another size":          {"", func(o *custodian.BeginOrder) { o.Body.Size++ }, unauthenticated},
		"another case":          {"", func(o *custodian.BeginOrder) { o.Case = w.NewCase(t) }, unauthenticated},
		"another's token":       {"", func(o *custodian.BeginOrder) { o.Token = w.session(t, "colleague@KZ").token }, unauthenticated},
		"no token":              {"", func(o *custodian.BeginOrder) { o.Token = "" }, unauthenticated},
		"no act":                {"", func(o *custodian.BeginOrder) { o.Act = "" }, unauthenticated},
		"an id of another kind": {"", func(o *custodian.BeginOrder) { o.Evidence = o.Case }, invalid},
		"an officer abroad":     {"investigator@AM", nil, denied(comity.ArticleNonInterference)},
		"the authority":         {"authority@KZ", nil, denied(comity.ArticleNoBypass)},
		"the auditor":           {"auditor@KZ", nil, denied(comity.ArticleNoBypass)},
		"a negative size, signed": {"", func(o *custodian.BeginOrder) {
			o.Body.Size = -7
			o.Asker = w.asker(t, "investigator@KZ", statement.Act{Act: statement.ActEvidenceBegin, Record: caseID,
				RecipientJKT: thumb(t, w.session(t, "investigator@KZ").key)}, o.Body)
		}, invalid},
	} {
		officer := c.officer
		if officer == "" {
			officer = "investigator@KZ"
		}
		o := w.beginOrder(t, officer, caseID)
		if c.change != nil {
			c.change(&o)
		}
		_, err := w.Local.Begin(t.Context(), o)
		refused(t, what, err, c.want)
	}
	_, err = w.Local.Begin(t.Context(), w.beginOrder(t, "investigator@KZ", comity.NewID(comity.KindCase)))
	refused(t, "a case whose key this state does not hold", err, absent)
}

// ownRelease: the own state's officers open at any time, reserved or not.
func ownRelease(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	w.open(t, "investigator@KZ", e, "")
	w.open(t, "liaison@KZ", e, "")
	w.open(t, "investigator@KZ", w.begun(t, e.Case), "")
	w.apply(t, w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case)))
	w.open(t, "investigator@KZ", e, "")
	for _, officer := range []string{"authority@KZ", "auditor@KZ"} {
		w.closed(t, officer, officer, e, "", denied(comity.ArticleNoBypass))
	}
	w.closed(t, "a grant where none is needed", "investigator@KZ", e, comity.NewID(comity.KindGrant), invalid)
}

func releaseAbroad(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	o := w.Order(t, "investigator@AM", e, grant, comity.PurposeInvestigation)
	sealed, err := w.Local.Release(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	sk, err := w.Union.Directory.VerifySealedKey(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if sk.Root != e.Declared.Root || sk.PlainSHA256 != e.Declared.PlainSHA256 || sk.Nonces != e.Declared.Nonces || sk.BeginHash != e.Declared.BeginHash || sk.Root == "" || sk.ObjectVersion != "v1" ||
		sk.RecipientJKT != thumb(t, o.Recipient) || sk.HeaderHash != headerHash(t, e.Header) {
		t.Errorf("the sealed key is bound to %+v", sk.Binding)
	}
	if got := w.openSealed(t, "investigator@AM", sealed, o.Act, e); string(got) != string(e.DEK) {
		t.Error("the released key is another")
	}
}

// releaseRefused changes one thing of a good order at a time.
func releaseRefused(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	e, other := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	uploading := w.begun(t, caseID)
	both := w.terms(e.ID, uploading.ID)
	w.apply(t, w.unjudged(t, "liaison@KZ", caseID, both))
	grant, officer := both.ID, "investigator@AM"
	thief, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	good := func() custodian.ReleaseOrder { return w.Order(t, officer, e, grant, comity.PurposeInvestigation) }
	// acted gives the order with another act, rightly signed.
	acted := func(change func(*statement.Act)) func(*custodian.ReleaseOrder) {
		return func(o *custodian.ReleaseOrder) {
			a := w.openAct(t, officer, e, grant, comity.PurposeInvestigation)
			change(&a)
			o.Asker = w.asker(t, officer, a, statement.OpenBody{})
		}
	}
	// signedBy gives the order with an act by another key.
	unsigned := func(at int64, union string) string {
		a := w.openAct(t, officer, e, grant, comity.PurposeInvestigation)
		a.Union, a.IssuedAt = union, at
		hash, _, err := statement.BodyHash(statement.OpenBody{})
		if err != nil {
			t.Fatal(err)
		}
		a.BodyHash = hash
		jws, err := statement.SignAct(w.session(t, officer).key, a)
		if err != nil {
			t.Fatal(err)
		}
		return jws
	}
	union, late := w.Union.Directory.Union(), int64(statement.Freshness.Seconds())+5
	for what, c := range map[string]struct {
		change func(*custodian.ReleaseOrder)
		want   refusal
	}{
		"a server's own key": {func(o *custodian.ReleaseOrder) { o.Recipient = jwk(thief) }, unauthenticated},
		"a server's own key, act without recipient": {func(o *custodian.ReleaseOrder) {
			acted(func(a *statement.Act) { a.RecipientJKT = "" })(o)
			o.Recipient = jwk(thief)
		}, unauthenticated},
		"another officer's token": {func(o *custodian.ReleaseOrder) { o.Token = w.session(t, "colleague@AM").token }, unauthenticated},
		"an act by another key": {func(o *custodian.ReleaseOrder) {
			o.Act = w.Union.Act(t, thief, w.openAct(t, officer, e, grant, comity.PurposeInvestigation), statement.OpenBody{})
		}, unauthenticated},
		"an act by and for another key": {func(o *custodian.ReleaseOrder) {
			a := w.openAct(t, officer, e, grant, comity.PurposeInvestigation)
			a.RecipientJKT = thumb(t, thief)
			o.Act, o.Recipient = w.Union.Act(t, thief, a, statement.OpenBody{}), jwk(thief)
		}, unauthenticated},
		"a stale act":             {func(o *custodian.ReleaseOrder) { o.Act = unsigned(w.now()-late, union) }, unauthenticated},
		"an act of the future":    {func(o *custodian.ReleaseOrder) { o.Act = unsigned(w.now()+late, union) }, unauthenticated},
		"an act of another union": {func(o *custodian.ReleaseOrder) { o.Act = unsigned(w.now(), "union.other") }, unauthenticated},
		"another act":             {acted(func(a *statement.Act) { a.Act = statement.ActEvidenceComplete }), unauthenticated},
		"an act on another":       {acted(func(a *statement.Act) { a.Record = other.ID }), unauthenticated},
		"another header's hash":   {acted(func(a *statement.Act) { a.HeaderHash = headerHash(t, other.Header) }), unauthenticated},
		"no header's hash":        {acted(func(a *statement.Act) { a.HeaderHash = "" }), unauthenticated},
		"another body": {func(o *custodian.ReleaseOrder) {
			o.Asker = w.asker(t, officer, w.openAct(t, officer, e, grant, comity.PurposeInvestigation), statement.RevokeBody{Reason: "x"})
		}, unauthenticated},
		"garbage for an act": {func(o *custodian.ReleaseOrder) { o.Act = "a.b.c" }, unauthenticated},
		"a damaged token":    {func(o *custodian.ReleaseOrder) { o.Token += "x" }, unauthenticated},
		"another purpose":    {acted(func(a *statement.Act) { a.Purpose = comity.PurposeProsecution }), denied(comity.ArticlePurpose)},
		"no purpose":         {acted(func(a *statement.Act) { a.Purpose = "" }), denied(comity.ArticlePurpose)},
		"no grant":           {acted(func(a *statement.Act) { a.Grant = "" }), absent},
		"an unknown grant":   {acted(func(a *statement.Act) { a.Grant = comity.NewID(comity.KindGrant) }), absent},
		"an upload that goes on": {func(o *custodian.ReleaseOrder) {
			*o = w.Order(t, officer, uploading, grant, comity.PurposeInvestigation)
		}, absent},
		"an id of another kind": {func(o *custodian.ReleaseOrder) { o.Evidence = o.Case }, invalid},
	} {
		o := good()
		c.change(&o)
		sealed, err := w.Local.Release(t.Context(), o)
		if refused(t, what, err, c.want); sealed != "" {
			t.Errorf("%s: an answer beside the error", what)
		}
	}
	o := good()
	if _, err := w.Local.Release(t.Context(), o); err != nil {
		t.Fatalf("the order that all these changed is refused itself: %v", err)
	}
	_, err = w.Local.Release(t.Context(), o)
	refused(t, "a replayed act", err, unauthenticated)
}

// swapped: records of one exhibit given for another's.
func swapped(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	a, b, elsewhere := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID), w.NewExhibit(t, w.NewCase(t))
	unfinished := w.begun(t, caseID)
	grant, _ := w.Granted(t, caseID, w.terms(a.ID, b.ID))
	parse := func(e *Exhibit) envelope.Header {
		h, err := envelope.ParseHeader(e.Header)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	bytes := func(h envelope.Header) []byte {
		raw, err := h.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for what, change := range map[string]func(*Exhibit){
		"another exhibit's wrapped key": func(e *Exhibit) { e.WrappedKey = b.WrappedKey },
		"another case's wrapped key":    func(e *Exhibit) { e.WrappedKey = elsewhere.WrappedKey },
		"another exhibit's header":      func(e *Exhibit) { e.Header = b.Header },
		"another's header and key":      func(e *Exhibit) { e.Header, e.WrappedKey = b.Header, b.WrappedKey },
		"another case":                  func(e *Exhibit) { e.Case = elsewhere.Case },
		"a foreign header": func(e *Exhibit) {
			h := parse(e)
			h.State = "AM"
			e.Header = bytes(h)
		},
		"another salt": func(e *Exhibit) {
			h := parse(e)
			h.Salt[0] ^= 1
			e.Header = bytes(h)
		},
		"another length": func(e *Exhibit) {
			h := parse(e)
			h.Length++
			e.Header = bytes(h)
		},
		"a commitment to another key": func(e *Exhibit) {
			h := parse(e)
			h.Commitment = parse(&b).Commitment
			e.Header = bytes(h)
		},
		"no commitment": func(e *Exhibit) {
			h := parse(e)
			h.Commitment = [32]byte{}
			e.Header = bytes(h)
		},
		"a cut header": func(e *Exhibit) { e.Header = e.Header[:len(e.Header)-1] },
	} {
		whole, half := a, unfinished
		change(&whole)
		change(&half)
		for who, by := range map[string]struct {
			officer string
			e       Exhibit
			grant   comity.ID
		}{"the own state": {"investigator@KZ", whole, ""}, "who uploads it": {"investigator@KZ", half, ""}, "a grantee": {"investigator@AM", whole, grant}} {
			officer, e, g := by.officer, by.e, by.grant
			var o custodian.ReleaseOrder
			if what == "a cut header" {
				o = w.Order(t, officer, a, g, comity.PurposeInvestigation)
				o.Header = e.Header
			} else {
				o = w.Order(t, officer, e, g, comity.PurposeInvestigation)
			}
			_, err := w.Local.Release(t.Context(), o)
			refused(t, what+" for "+who, err, invalid)
		}
	}
	w.open(t, "investigator@AM", a, grant)
}

// reach: to whom the grant does not reach, it is absent.
func reach(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	e, unnamed := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	elsewhere := w.NewExhibit(t, w.NewCase(t))
	agency := w.terms(e.ID)
	state, officer := agency, agency
	state.Grantee = comity.Grantee{State: "AM"}
	officer.Grantee = comity.Grantee{State: "AM", Officer: "AM:colleague-1"}
	state.ID, officer.ID = comity.NewID(comity.KindGrant), comity.NewID(comity.KindGrant)
	toAgency, _ := w.Granted(t, caseID, agency)
	toState, _ := w.Granted(t, caseID, state)
	toOfficer, _ := w.Granted(t, caseID, officer)

	for _, who := range []string{"investigator@AM", "colleague@AM", "liaison@AM"} {
		w.open(t, who, e, toAgency)
	}
	w.open(t, "ct@AM", e, toState)
	w.open(t, "colleague@AM", e, toOfficer)
	w.closed(t, "another agency", "ct@AM", e, toAgency, absent)
	w.closed(t, "another officer", "investigator@AM", e, toOfficer, absent)
	for _, g := range []comity.ID{toAgency, toState, toOfficer} {
		w.closed(t, "another state", "investigator@BY", e, g, absent)
	}
	w.closed(t, "an exhibit not named", "investigator@AM", unnamed, toAgency, denied(comity.ArticleLiaison))
	w.closed(t, "an exhibit of another case", "investigator@AM", elsewhere, toAgency, absent)
	w.closed(t, "the authority abroad", "authority@AM", e, toAgency, denied(comity.ArticleNoBypass))
	w.closed(t, "the auditor abroad", "auditor@AM", e, toAgency, denied(comity.ArticleNoBypass))

	// Signed but not in the register.
	o := w.grantOrder(t, "liaison@KZ", caseID, w.terms(e.ID))
	w.sign(t, o)
	w.closed(t, "a grant that is not in the register", "investigator@AM", e, o.ID, absent)
}

func term(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	b := w.terms(e.ID)
	b.NotBefore, b.NotAfter = w.now()+3600, w.now()+7200
	grant, _ := w.Granted(t, e.Case, b)
	w.closed(t, "before it begins", "investigator@AM", e, grant, denied(comity.ArticleTerm))
	w.advance(3601 * time.Second)
	w.open(t, "investigator@AM", e, grant)
	w.advance(3600 * time.Second)
	w.closed(t, "after it ended", "investigator@AM", e, grant, denied(comity.ArticleTerm))
}

// basisEnds: a state that leaves the agreement, or rewrites it, ends what rests on it.
func basisEnds(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, grant)
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements[0].Title += ", revised" })
	w.closed(t, "an agreement of another text", "investigator@AM", e, grant, denied(comity.ArticleLegalBasis))
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	w.closed(t, "no agreement", "investigator@AM", e, grant, denied(comity.ArticleLegalBasis))
}

// denounced: what a denunciation ended no later ratification revives; what runs out
// runs on.
func denounced(t *testing.T, w *World) {
	agree := func(change func(*statement.Agreement)) {
		for _, s := range []comity.State{"KZ", "AM"} {
			w.Union.Publish(t, s, func(m *statement.Manifest) { change(&m.Agreements[0]) })
		}
	}
	for _, effect := range []statement.Denunciation{statement.DenunciationEnds, statement.DenunciationRunOut} {
		agree(func(a *statement.Agreement) { a.OnDenunciation = effect })
		w.Union.Publish(t, "KZ", func(m *statement.Manifest) { m.Agreements[0].Ratified = w.Union.Clock.Now().Add(-time.Hour).UTC() })
		e := w.NewExhibit(t, w.NewCase(t))
		grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
		w.advance(time.Minute)
		w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements[0].Denounced = w.Union.Clock.Now().UTC() })
		w.advance(time.Hour)
		want := denied(comity.ArticleLegalBasis)
		check := func(what string) {
			t.Helper()
			if effect == statement.DenunciationRunOut {
				w.open(t, "investigator@AM", e, grant)
			} else {
				w.closed(t, what, "investigator@AM", e, grant, want)
			}
		}
		check("denounced")
		w.Union.Publish(t, "AM", func(m *statement.Manifest) {
			m.Agreements[0].Denounced, m.Agreements[0].Ratified = time.Time{}, w.Union.Clock.Now().UTC()
		})
		check("ratified anew")
		anew, _ := w.Granted(t, e.Case, w.terms(e.ID))
		w.open(t, "investigator@AM", e, anew)
	}
}

// manifests: a server that is given an old manifest after a newer one was judged
// by, its own memory wiped, is refused. What left the agreement stays left.
func manifests(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, grant)
	before := w.Union.Directory.JWS("AM")
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	w.closed(t, "no agreement", "investigator@AM", e, grant, denied(comity.ArticleLegalBasis))

	past := statement.NewDirectory(w.Union.Directory.Union(), w.Union.Roots, w.Union.Clock.Now)
	for _, jws := range []string{w.Union.Directory.JWS("KZ"), w.Union.Directory.JWS("BY"), before} {
		if err := past.Add(jws); err != nil {
			t.Fatal(err)
		}
	}
	rolledBack := custodian.New(custodian.Options{State: "KZ", Directory: past, Verifier: w.Union.Verifier, Now: w.Union.Clock.Now}, w.Keys)
	away := refusal{code: comity.CodeUnavailable}
	order := w.Order(t, "investigator@AM", e, grant, comity.PurposeInvestigation)
	_, err := rolledBack.Release(t.Context(), order)
	refused(t, "a release by an old manifest", err, away)
	_, err = rolledBack.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	refused(t, "a grant by an old manifest", err, away)
	own := w.Order(t, "investigator@KZ", e, "", comity.PurposeInvestigation)
	own.Proof = w.log.prove(t, own.Proof.Opening, w.Union.Witnesses["KZ"], w.Union.Witnesses["BY"]) // Armenia's key may be out of use
	if _, err := rolledBack.Release(t.Context(), own); err != nil {
		t.Errorf("what the old manifest has nothing to do with: %v", err)
	}
	// With the newest one it judges again, the same act.
	if err := past.Add(w.Union.Directory.JWS("AM")); err != nil {
		t.Fatal(err)
	}
	_, err = rolledBack.Release(t.Context(), order)
	refused(t, "no agreement, again", err, denied(comity.ArticleLegalBasis))
}

func quota(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.Local = w.Another(custodian.Quota{PerSecond: 0.1, Burst: 2})
	w.open(t, "investigator@AM", e, grant)
	w.open(t, "investigator@AM", e, grant)
	w.closed(t, "the third", "colleague@AM", e, grant, refusal{code: comity.CodeLimit})
	w.open(t, "investigator@KZ", e, "") // the own state has none
	w.closed(t, "another state's own quota", "investigator@BY", e, grant, absent)
	// What the quota refused was not heard: it does not fill the memory of acts.
	order := w.Order(t, "colleague@AM", e, grant, comity.PurposeInvestigation)
	_, err := w.Local.Release(t.Context(), order)
	refused(t, "one more", err, refusal{code: comity.CodeLimit})
	w.advance(11 * time.Second)
	if _, err := w.Local.Release(t.Context(), order); err != nil {
		t.Errorf("the same act, in time: %v", err)
	}
}

// liveRegister: what one server's custodian signed binds another's at once.
func liveRegister(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	first, second := w.Local, w.Another(custodian.Quota{})
	w.Local = second
	w.open(t, "investigator@AM", e, grant)
	w.Local = first
	w.sign(t, w.revokeOrder(t, "deputy@KZ", grant, e.Case))
	w.Local = second
	w.closed(t, "revoked at another server", "investigator@AM", e, grant, denied(comity.ArticleTerm))
}
