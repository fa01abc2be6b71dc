package statement_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// notary makes statements of KZ for a test, over a real officer's act.
type notary struct {
	*tokentest.Union
	key *ecdsa.PrivateKey
	who token.Identity
}

func newNotary(t testing.TB, officer string) *notary {
	t.Helper()
	u := tokentest.NewUnion(t)
	who, _, key := u.Login(t, officer)
	return &notary{u, key, who}
}

func (n *notary) statement(t testing.TB, kind statement.Kind, act string, id, record, on comity.ID, body any) statement.Statement {
	t.Helper()
	_, canonical, err := statement.BodyHash(body)
	if err != nil {
		t.Fatal(err)
	}
	o := n.who.Officer
	s := statement.Statement{Kind: kind, Union: tokentest.Name, State: "KZ", ID: id, Record: record,
		Officer: statement.SignedBy{Function: o.Function, Ref: o.Ref(), Agency: o.Agency, Role: o.Role, JKT: n.who.JKT},
		Act:     n.Act(t, n.key, statement.Act{Act: act, Record: on}, body), Body: canonical, IssuedAt: n.Clock.Now().Unix()}
	if kind == statement.KindGrant {
		s.Agreement = &statement.AgreementRef{ID: tokentest.Agreement, Hash: anyHash}
	}
	return s
}

func (n *notary) sign(t testing.TB, s statement.Statement) string {
	t.Helper()
	compact, err := statement.Sign(context.Background(), n.Signers["KZ"], statement.TypStatement, s)
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func grantBody() statement.GrantBody {
	now := time.Now().Unix()
	return statement.GrantBody{ID: comity.NewID(comity.KindGrant), Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking, Text: "<not> for \"court\" & é"}, Purpose: comity.PurposeInvestigation,
		Agreement: tokentest.Agreement, Release: comity.NewID(comity.KindRelease), NotBefore: now, NotAfter: now + 3600}
}

func (n *notary) grant(t testing.TB) statement.Statement {
	t.Helper()
	c, body := comity.NewID(comity.KindCase), grantBody()
	return n.statement(t, statement.KindGrant, statement.ActGrantMake, body.ID, c, c, body)
}

func TestStatementsRoundTrip(t *testing.T) {
	terms, c := grantBody(), comity.NewID(comity.KindCase)
	grant := terms.ID
	request, evidence := comity.NewID(comity.KindRequest), comity.NewID(comity.KindEvidence)
	reservation, hold, withdrawal := comity.NewID(comity.KindReservation), comity.NewID(comity.KindHold), comity.NewID(comity.KindWithdrawal)
	category := statement.CategoryBody{Category: tokentest.Category, Reason: "domestic"}
	shift := statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: "KZ:liaison-1", Until: 1, Contact: "+000"}
	second := map[statement.Kind]bool{statement.KindLifting: true, statement.KindCategoryLifting: true, statement.KindWithdrawal: true, statement.KindErasure: true}
	erasure := statement.EraseBody{ID: comity.NewID(comity.KindErasure), Before: 1, Reason: "old"}
	for _, k := range []struct {
		officer        string
		kind           statement.Kind
		act            string
		id, record, on comity.ID
		body, into     any
	}{
		{"liaison@KZ", statement.KindGrant, statement.ActGrantMake, grant, c, c, terms, &statement.GrantBody{}},
		{"deputy@KZ", statement.KindNarrowing, statement.ActGrantNarrow, grant, c, grant,
			statement.NarrowBody{Case: c, Scope: comity.ScopeSummary, NotAfter: 1}, &statement.NarrowBody{}},
		{"liaison@KZ", statement.KindRevocation, statement.ActGrantRevoke, grant, c, grant, statement.RevokeBody{Case: c, Reason: "done"}, &statement.RevokeBody{}},
		{"authority@KZ", statement.KindReservation, statement.ActCaseReserve, c, c, c, statement.ReserveBody{Reason: "domestic"}, &statement.ReserveBody{}},
		{"liaison@KZ", statement.KindRefusal, statement.ActRequestRefuse, comity.NewID(comity.KindRefusal), request, request,
			statement.RefuseBody{Ground: comity.GroundNotStated}, &statement.RefuseBody{}},
		{"investigator@KZ", statement.KindReceipt, statement.ActEvidenceComplete, evidence, c, evidence,
			statement.CompleteBody{BeginHash: anyHash, Root: anyHash, PlainSHA256: anyHash, Size: 1 << 40, Parts: 9}, &statement.CompleteBody{}},
		{"authority@KZ", statement.KindLifting, statement.ActCaseReserveLift, c, c, c, statement.LiftBody{Reason: "over"}, &statement.LiftBody{}},
		{"authority@KZ", statement.KindCategoryReservation, statement.ActCategoryReserve, reservation, reservation, reservation, category, &statement.CategoryBody{}},
		{"authority@KZ", statement.KindCategoryLifting, statement.ActCategoryReserveLift, reservation, reservation, reservation, category, &statement.CategoryBody{}},
		{"authority@KZ", statement.KindHold, statement.ActHoldPlace, hold, c, c, statement.HoldBody{ID: hold, Reason: "proceedings"}, &statement.HoldBody{}},
		{"authority@KZ", statement.KindHoldRelease, statement.ActHoldRelease, hold, c, hold, statement.HoldReleaseBody{Case: c}, &statement.HoldReleaseBody{}},
		{"authority@KZ", statement.KindWithdrawal, statement.ActCaseWithdraw, withdrawal, c, c, statement.WithdrawBody{ID: withdrawal}, &statement.WithdrawBody{}},
		{"authority@KZ", statement.KindCancellation, statement.ActCaseWithdrawCancel, withdrawal, c, withdrawal, statement.WithdrawCancelBody{Case: c}, &statement.WithdrawCancelBody{}},
		{"authority@KZ", statement.KindShift, statement.ActDutySet, shift.ID, shift.ID, shift.ID, shift, &statement.DutyBody{}},
		{"authority@KZ", statement.KindErasure, statement.ActLogErase, erasure.ID, erasure.ID, erasure.ID, erasure, &statement.EraseBody{}},
	} {
		n := newNotary(t, k.officer)
		s := n.statement(t, k.kind, k.act, k.id, k.record, k.on, k.body)
		if second[k.kind] {
			other := &notary{Union: n.Union}
			other.who, _, other.key = n.Login(t, "second@KZ")
			by := other.statement(t, k.kind, k.act, k.id, k.record, k.on, k.body)
			if _, err := n.Directory.VerifyStatement(n.sign(t, s)); err == nil {
				t.Errorf("%s: by one officer", k.kind)
			}
			s.Second = &statement.Second{Officer: by.Officer, Act: by.Act}
		}
		got, err := n.Directory.VerifyStatement(n.sign(t, s))
		if err != nil {
			t.Errorf("%s: %v", k.kind, err)
			continue
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Errorf("%s: %s", k.kind, d)
		}
		if err := got.Decode(k.into); err != nil {
			t.Errorf("%s: %v", k.kind, err)
		}
		want, _ := json.Marshal(k.body)
		if have, _ := json.Marshal(k.into); string(have) != string(want) {
			t.Errorf("%s: body %s, wanted %s", k.kind, have, want)
		}
	}
}

func TestStatementRefused(t *testing.T) {
	n := newNotary(t, "liaison@KZ")
	other := newKey(t)
	good := n.grant(t)
	if _, err := n.Directory.VerifyStatement(n.sign(t, good)); err != nil {
		t.Fatal(err)
	}
	otherGrant := n.grant(t)
	investigator, _, investigatorKey := n.Login(t, "investigator@KZ")
	for name, change := range map[string]func(*statement.Statement){
		"unknown kind":             func(s *statement.Statement) { s.Kind = "pardon" },
		"kind of another act":      func(s *statement.Statement) { s.Kind = statement.KindRevocation },
		"another union":            func(s *statement.Statement) { s.Union = "another" },
		"another state's key":      func(s *statement.Statement) { s.State = "AM" },
		"a state outside":          func(s *statement.Statement) { s.State = "FR" },
		"id of another kind":       func(s *statement.Statement) { s.ID = comity.NewID(comity.KindCase) },
		"record of another kind":   func(s *statement.Statement) { s.Record = s.ID },
		"another id":               func(s *statement.Statement) { s.ID = comity.NewID(comity.KindGrant) },
		"another record":           func(s *statement.Statement) { s.Record = comity.NewID(comity.KindCase) },
		"another act":              func(s *statement.Statement) { s.Act = otherGrant.Act },
		"no act":                   func(s *statement.Statement) { s.Act = "" },
		"another body":             func(s *statement.Statement) { s.Body = otherGrant.Body },
		"no body":                  func(s *statement.Statement) { s.Body = nil },
		"another officer's key":    func(s *statement.Statement) { s.Officer.JKT = investigator.JKT },
		"officer of another state": func(s *statement.Statement) { s.Officer.Ref = "AM:liaison-1" },
		"agency of another state":  func(s *statement.Statement) { s.Officer.Agency = "AM/cyber" },
		"an investigator's grant":  func(s *statement.Statement) { s.Officer.Role = comity.RoleInvestigator },
		"long after the act":       func(s *statement.Statement) { s.IssuedAt += int64(statement.Freshness/time.Second) + 5 },
		"long before the act":      func(s *statement.Statement) { s.IssuedAt -= int64(statement.Freshness/time.Second) + 5 },
		"without agreement":        func(s *statement.Statement) { s.Agreement = nil },
		"another agreement":        func(s *statement.Statement) { s.Agreement.ID = "other" },
		"agreement without hash":   func(s *statement.Statement) { s.Agreement.Hash = "" },
		"act of another union": func(s *statement.Statement) {
			s.Act = resign(t, n.key, s.Act, func(a *statement.Act) { a.Union = "x" })
		},
		"act signed with other key": func(s *statement.Statement) { s.Act = resign(t, other, s.Act, func(*statement.Act) {}) },
		"act by another officer":    func(s *statement.Statement) { s.Act = resign(t, investigatorKey, s.Act, func(*statement.Act) {}) },
		"act with another body": func(s *statement.Statement) {
			s.Act = resign(t, n.key, s.Act, func(a *statement.Act) { a.BodyHash = anyHash })
		},
		"body with unknown member": func(s *statement.Statement) {
			b, _ := statement.Canonical(map[string]any{"scope": "FULL", "everything": true})
			setBody(t, n.key, s, b)
		},
		"ends before it begins": func(s *statement.Statement) {
			b := grantBody()
			b.ID, b.NotAfter = s.ID, b.NotBefore
			_, c, _ := statement.BodyHash(b)
			setBody(t, n.key, s, c)
		},
		"grantee without state": func(s *statement.Statement) {
			b := grantBody()
			b.ID = s.ID
			b.Grantee = comity.Grantee{}
			_, c, _ := statement.BodyHash(b)
			setBody(t, n.key, s, c)
		},
	} {
		s := good
		ref := *good.Agreement
		s.Agreement = &ref
		change(&s)
		if _, err := n.Directory.VerifyStatement(n.sign(t, s)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	grant, of := comity.NewID(comity.KindGrant), comity.NewID(comity.KindCase)
	for kind, s := range map[statement.Kind]statement.Statement{
		statement.KindNarrowing: n.statement(t, statement.KindNarrowing, statement.ActGrantNarrow, grant, of, grant,
			statement.NarrowBody{Case: comity.NewID(comity.KindCase), Scope: comity.ScopeSummary, NotAfter: 1}),
		statement.KindRevocation: n.statement(t, statement.KindRevocation, statement.ActGrantRevoke, grant, of, grant,
			statement.RevokeBody{Case: comity.NewID(comity.KindCase)}),
	} {
		if _, err := n.Directory.VerifyStatement(n.sign(t, s)); err == nil {
			t.Errorf("a %s that the officer signed of another case was taken", kind)
		}
	}
	authority := &notary{Union: n.Union}
	authority.who, _, authority.key = n.Login(t, "authority@KZ")
	c := comity.NewID(comity.KindCase)
	reservation := authority.statement(t, statement.KindReservation, statement.ActEvidenceBegin, c, c, c, statement.ReserveBody{Reason: "x"})
	if _, err := n.Directory.VerifyStatement(n.sign(t, reservation)); err == nil {
		t.Error("a reservation over the act that begins an exhibit was taken")
	}
	payload, err := statement.Canonical(good)
	if err != nil {
		t.Fatal(err)
	}
	header := func(change ...any) map[string]any {
		h := map[string]any{"alg": "ES256", "typ": statement.TypStatement, "kid": n.Signers["KZ"].KeyID()}
		for i := 0; i < len(change); i += 2 {
			h[change[i].(string)] = change[i+1]
		}
		return h
	}
	state := n.Keys["KZ"]
	if _, err := n.Directory.VerifyStatement(tokentest.Forge(t, header(), payload, state)); err != nil {
		t.Fatalf("the forge itself: %v", err)
	}
	// The officer's client itself hashed another spelling of the same JSON.
	odd := good
	odd.Act = resign(t, n.key, good.Act, func(a *statement.Act) {
		sum := sha256.Sum256([]byte(strings.Replace(string(good.Body), "{", "{ ", 1)))
		a.BodyHash = hex.EncodeToString(sum[:])
	})
	oddPayload, err := statement.Canonical(odd)
	if err != nil {
		t.Fatal(err)
	}
	spaced := strings.Replace(string(oddPayload), `"body":{`, `"body":{ `, 1)
	for name, compact := range map[string]string{
		"signed by the officer":    tokentest.Forge(t, header(), payload, n.key),
		"the officer's key inside": tokentest.Forge(t, header("jwk", tokentest.JWK(t, n.key)), payload, n.key),
		"unknown kid":              tokentest.Forge(t, header("kid", "other"), payload, state),
		"no kid":                   tokentest.Forge(t, header("kid", ""), payload, state),
		"typ of a sealed key":      tokentest.Forge(t, header("typ", statement.TypSealedKey), payload, state),
		"typ of an act":            tokentest.Forge(t, header("typ", statement.TypAct), payload, state),
		"crit":                     tokentest.Forge(t, header("crit", []string{"x"}, "x", 1), payload, state),
		"alg EdDSA":                tokentest.Forge(t, header("alg", "EdDSA"), payload, state),
		"alg none":                 tokentest.Forge(t, header("alg", "none"), payload, nil),
		"body not canonical":       tokentest.Forge(t, header(), []byte(spaced), state),
		"unknown member":           tokentest.Forge(t, header(), []byte(strings.Replace(string(payload), "{", `{"more":1,`, 1)), state),
		"second state":             tokentest.Forge(t, header(), []byte(strings.Replace(string(payload), "{", `{"state":"AM",`, 1)), state),
		"trailing data":            tokentest.Forge(t, header(), append(payload, 'x'), state),
	} {
		if _, err := n.Directory.VerifyStatement(compact); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := n.Directory.VerifySealedKey(n.sign(t, good)); err == nil {
		t.Error("a statement was taken for a sealed key")
	}
	n.Clock.Advance(366 * 24 * time.Hour)
	if _, err := n.Directory.VerifyStatement(n.sign(t, good)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("under an expired manifest: %v", err)
	}
}

// resign signs a changed act.
func resign(t testing.TB, key *ecdsa.PrivateKey, act string, change func(*statement.Act)) string {
	t.Helper()
	a, _, err := statement.ReadActAnytime(act)
	if err != nil {
		t.Fatal(err)
	}
	change(&a)
	out, err := statement.SignAct(key, a)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// setBody gives a statement another body, which the officer signs too.
func setBody(t testing.TB, key *ecdsa.PrivateKey, s *statement.Statement, canonical []byte) {
	t.Helper()
	h, _, err := statement.BodyHash(json.RawMessage(canonical))
	if err != nil {
		t.Fatal(err)
	}
	s.Body = canonical
	s.Act = resign(t, key, s.Act, func(a *statement.Act) { a.BodyHash = h })
}

// A key that the state no longer lists signs nothing any more; both the old and
// the new one hold while both are listed.
func TestStatementKeyRotation(t *testing.T) {
	n := newNotary(t, "liaison@KZ")
	old := n.sign(t, n.grant(t))
	next, err := statement.NewSoftSigner(newKey(t), "KZ-statements-2")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := statement.RawJWK(next)
	if err != nil {
		t.Fatal(err)
	}
	n.Publish(t, "KZ", func(m *statement.Manifest) { m.StatementKeys = append(m.StatementKeys, raw) })
	n.Signers["KZ"] = next
	fresh := n.sign(t, n.grant(t))
	for _, compact := range []string{old, fresh} {
		if _, err := n.Directory.VerifyStatement(compact); err != nil {
			t.Error(err)
		}
	}
	n.Publish(t, "KZ", func(m *statement.Manifest) { m.StatementKeys = m.StatementKeys[1:] })
	if _, err := n.Directory.VerifyStatement(old); err == nil {
		t.Error("a statement by a withdrawn key was taken")
	}
	if _, err := n.Directory.VerifyStatement(fresh); err != nil {
		t.Error(err)
	}
}

func FuzzVerifyStatement(f *testing.F) {
	n := newNotary(f, "liaison@KZ")
	payload, err := statement.Canonical(n.grant(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload, statement.TypStatement)
	f.Add([]byte(`{"state":"KZ","kind":"receipt","body":null}`), statement.TypStatement)
	f.Add([]byte(`{"state":"KZ","exp":-1}`), statement.TypSealedKey)
	f.Fuzz(func(t *testing.T, payload []byte, typ string) {
		compact := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": typ, "kid": n.Signers["KZ"].KeyID()}, payload, n.Keys["KZ"])
		if s, err := n.Directory.VerifyStatement(compact); err == nil && (s.State != "KZ" || typ != statement.TypStatement) {
			t.Errorf("taken: %q %+v", typ, s)
		}
		if k, err := n.Directory.VerifySealedKey(compact); err == nil && (k.State != "KZ" || typ != statement.TypSealedKey) {
			t.Errorf("taken: %q %+v", typ, k)
		}
	})
}
