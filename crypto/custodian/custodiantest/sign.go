package custodiantest

import (
	"encoding/json"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// signAll has every kind of statement signed, and verifies it as anybody could.
func signAll(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	request := comity.NewID(comity.KindRequest)
	for _, c := range []struct {
		order custodian.SignOrder
		role  comity.Role
	}{
		{w.grantOrder(t, "deputy@KZ", e.Case, w.terms(e.ID)), comity.RoleLiaison},
		{w.receiptOrder(t, "investigator@KZ", e), comity.RoleInvestigator},
		{w.signOrder(t, "liaison@KZ", statement.KindRefusal, statement.ActRequestRefuse, request,
			comity.NewID(comity.KindRefusal), request, statement.RefuseBody{Ground: comity.GroundNotStated}), comity.RoleLiaison},
		{w.narrowOrder(t, "liaison@KZ", grant, e.Case, statement.NarrowBody{Scope: comity.ScopeSummary,
			Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: w.now() + 60}), comity.RoleLiaison},
		{w.revokeOrder(t, "liaison@KZ", grant, e.Case), comity.RoleLiaison},
		{w.reserveOrder(t, "authority@KZ", e.Case), comity.RoleAuthority},
	} {
		kind := c.order.Kind
		s, err := w.Union.Directory.VerifyStatement(w.sign(t, c.order))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if s.Kind != kind || s.State != "KZ" || s.ID != c.order.ID || s.Record != c.order.Record || string(s.Body) != string(c.order.Body) ||
			s.Act != c.order.Act || s.Officer.Role != c.role || s.Officer.Ref.State() != "KZ" {
			t.Errorf("%s says %+v", kind, s)
		}
		if (s.Agreement != nil) != (kind == statement.KindGrant) {
			t.Errorf("%s names the agreement %v", kind, s.Agreement)
		}
		_, err = w.Local.Sign(t.Context(), c.order)
		refused(t, string(kind)+" of a replayed act", err, unauthenticated)
	}
}

// endedWhenSigned: what lessens or ends a grant does so before its statement is
// handed out; a server that never applies it gains nothing. A grant alone opens
// nothing until it is applied.
func endedWhenSigned(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	w.sign(t, o)
	w.closed(t, "a grant that is only signed", "investigator@AM", e, o.ID, absent)

	narrowed, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, narrowed)
	w.sign(t, w.narrowOrder(t, "liaison@KZ", narrowed, e.Case, statement.NarrowBody{Scope: comity.ScopeSummary,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: w.now() + 60}))
	w.closed(t, "a narrowing that is only signed", "investigator@AM", e, narrowed, denied(comity.ArticleLiaison))

	revoked, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.sign(t, w.revokeOrder(t, "liaison@KZ", revoked, e.Case))
	w.closed(t, "a revocation that is only signed", "investigator@AM", e, revoked, denied(comity.ArticleTerm))
	w.sign(t, w.revokeOrder(t, "deputy@KZ", revoked, e.Case)) // again, as after a lost answer

	// A grant that its liaison knows of only by the id that her client chose.
	withheld := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	jws := w.sign(t, withheld)
	w.sign(t, w.revokeOrder(t, "liaison@KZ", withheld.ID, e.Case))
	w.apply(t, jws)
	w.closed(t, "a grant that was withheld until it was revoked", "investigator@AM", e, withheld.ID, denied(comity.ArticleTerm))

	running, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case))
	w.closed(t, "a reservation that is only signed", "investigator@AM", e, running, denied(comity.ArticleTerm))
}

func (w *World) receiptOrder(t *testing.T, officer string, e Exhibit) custodian.SignOrder {
	t.Helper()
	o := w.signOrder(t, officer, statement.KindReceipt, statement.ActEvidenceComplete, e.ID, e.ID, e.Case, e.Declared)
	o.Header = e.Header
	return o
}

// grantRefused changes one of the terms of a good grant at a time.
func grantRefused(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	child := comity.NewID(comity.KindSubject)
	const year = 366 * 24 * 3600
	for what, c := range map[string]struct {
		change func(*statement.GrantBody)
		want   refusal
	}{
		"a category that the agreement does not cover": {func(b *statement.GrantBody) { b.Category = "FRAUD" }, denied(comity.ArticleLegalBasis)},
		"no category":                   {func(b *statement.GrantBody) { b.Category = "" }, denied(comity.ArticleLegalBasis)},
		"an unknown agreement":          {func(b *statement.GrantBody) { b.Agreement = "other" }, denied(comity.ArticleLegalBasis)},
		"no agreement":                  {func(b *statement.GrantBody) { b.Agreement = "" }, denied(comity.ArticleLegalBasis)},
		"no release decision":           {func(b *statement.GrantBody) { b.Release = "" }, denied(comity.ArticleLiaison)},
		"the own state":                 {func(b *statement.GrantBody) { b.Grantee = comity.Grantee{State: "KZ"} }, denied(comity.ArticleLiaison)},
		"a state of another union":      {func(b *statement.GrantBody) { b.Grantee = comity.Grantee{State: "FR"} }, invalid},
		"another state's agency":        {func(b *statement.GrantBody) { b.Grantee.Agency = "BY/cyber" }, invalid},
		"no grantee":                    {func(b *statement.GrantBody) { b.Grantee = comity.Grantee{} }, invalid},
		"six years":                     {func(b *statement.GrantBody) { b.NotAfter = w.now() + 6*year }, denied(comity.ArticleTerm)},
		"a year in six years":           {func(b *statement.GrantBody) { b.NotBefore, b.NotAfter = w.now()+5*year, w.now()+6*year }, denied(comity.ArticleTerm)},
		"no end":                        {func(b *statement.GrantBody) { b.NotAfter = 0 }, denied(comity.ArticleTerm)},
		"an end that has passed":        {func(b *statement.GrantBody) { b.NotBefore, b.NotAfter = w.now()-9, w.now()-3 }, denied(comity.ArticleTerm)},
		"an end before it begins":       {func(b *statement.GrantBody) { b.NotBefore = b.NotAfter + 1 }, denied(comity.ArticleTerm)},
		"evidence without the decision": {func(b *statement.GrantBody) { b.Grade = comity.GradeEvidence }, denied(comity.ArticlePurpose)},
		"an unknown grade":              {func(b *statement.GrantBody) { b.Grade = "HEARSAY" }, invalid},
		"an unknown scope":              {func(b *statement.GrantBody) { b.Scope = "ALL" }, invalid},
		"an unknown purpose":            {func(b *statement.GrantBody) { b.Purpose = "CURIOSITY" }, invalid},
		"no marking":                    {func(b *statement.GrantBody) { b.Caveats.Marking = comity.Marking{} }, invalid},
		"exhibits and none named":       {func(b *statement.GrantBody) { b.Scope, b.Exhibits = comity.ScopeExhibits, nil }, invalid},
		"an exhibit twice":              {func(b *statement.GrantBody) { b.Exhibits = []comity.ID{e.ID, e.ID} }, invalid},
		"a case for an exhibit":         {func(b *statement.GrantBody) { b.Exhibits = []comity.ID{e.Case} }, invalid},
		"too many exhibits": {func(b *statement.GrantBody) {
			b.Exhibits = make([]comity.ID, custodian.MaxExhibits+1)
			for i := range b.Exhibits {
				b.Exhibits[i] = comity.NewID(comity.KindEvidence)
			}
		}, invalid},
		"a person named twice":               {func(b *statement.GrantBody) { b.Subjects = []comity.ID{child, child} }, invalid},
		"a case for a person":                {func(b *statement.GrantBody) { b.Subjects = []comity.ID{e.Case} }, invalid},
		"an exhibit for a person":            {func(b *statement.GrantBody) { b.Subjects = []comity.ID{e.ID} }, invalid},
		"a person named within the summary":  {func(b *statement.GrantBody) { b.Scope, b.Subjects = comity.ScopeSummary, []comity.ID{child} }, invalid},
		"a person named within the exhibits": {func(b *statement.GrantBody) { b.Scope, b.Subjects = comity.ScopeExhibits, []comity.ID{child} }, invalid},
		"too many persons": {func(b *statement.GrantBody) {
			for range custodian.MaxSubjects + 1 {
				b.Subjects = append(b.Subjects, comity.NewID(comity.KindSubject))
			}
		}, invalid},
		"a case for a request": {func(b *statement.GrantBody) { b.Request = e.Case }, invalid},
	} {
		b := w.terms(e.ID)
		c.change(&b)
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, b))
		refused(t, what, err, c.want)
	}
	o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	o.ID = comity.NewID(comity.KindGrant)
	_, err := w.Local.Sign(t.Context(), o)
	refused(t, "another id than the liaison's", err, invalid)
	most := w.terms()
	most.Exhibits = make([]comity.ID, custodian.MaxExhibits)
	for i := range most.Exhibits {
		most.Exhibits[i] = comity.NewID(comity.KindEvidence)
	}
	for range custodian.MaxSubjects {
		most.Subjects = append(most.Subjects, comity.NewID(comity.KindSubject))
	}
	w.apply(t, w.unjudged(t, "liaison@KZ", e.Case, most)) // the largest statement is read
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	_, err = w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	refused(t, "an agreement of one side only", err, denied(comity.ArticleLegalBasis))
}

func narrowingRefused(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	a, b, c := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	first := w.terms(a.ID, b.ID)
	first.Scope = comity.ScopeSummary
	grant, _ := w.Granted(t, caseID, first)
	narrower := func() statement.NarrowBody {
		return statement.NarrowBody{Scope: first.Scope, Exhibits: first.Exhibits, Caveats: first.Caveats, NotAfter: first.NotAfter}
	}
	for what, c := range map[string]struct {
		change func(*statement.NarrowBody)
		want   refusal
	}{
		"a wider scope":           {func(n *statement.NarrowBody) { n.Scope = comity.ScopeFull }, denied(comity.ArticleTerm)},
		"one exhibit more":        {func(n *statement.NarrowBody) { n.Exhibits = []comity.ID{a.ID, b.ID, c.ID} }, denied(comity.ArticleTerm)},
		"one exhibit for another": {func(n *statement.NarrowBody) { n.Exhibits = []comity.ID{c.ID} }, denied(comity.ArticleTerm)},
		"a later end":             {func(n *statement.NarrowBody) { n.NotAfter++ }, denied(comity.ArticleTerm)},
		"a laxer marking":         {func(n *statement.NarrowBody) { n.Caveats.Marking.TLP = comity.TLPClear }, denied(comity.ArticleTerm)},
		"a laxer protocol":        {func(n *statement.NarrowBody) { n.Caveats.Marking.PAP = comity.PAPClear }, denied(comity.ArticleTerm)},
		"no marking":              {func(n *statement.NarrowBody) { n.Caveats.Marking = comity.Marking{} }, invalid},
		"an unknown scope":        {func(n *statement.NarrowBody) { n.Scope = "" }, invalid},
		"an exhibit twice":        {func(n *statement.NarrowBody) { n.Exhibits = []comity.ID{a.ID, a.ID} }, invalid},
	} {
		n := narrower()
		c.change(&n)
		_, err := w.Local.Sign(t.Context(), w.narrowOrder(t, "liaison@KZ", grant, caseID, n))
		refused(t, what, err, c.want)
	}

	wrong := w.narrowOrder(t, "liaison@KZ", grant, w.NewCase(t), narrower())
	_, err := w.Local.Sign(t.Context(), wrong)
	refused(t, "another case", err, invalid)
	wrong = w.narrowOrder(t, "liaison@KZ", grant, wrong.Record, narrower())
	wrong.Record = caseID
	_, err = w.Local.Sign(t.Context(), wrong)
	refused(t, "an act that names another case", err, invalid)
	wrong = w.revokeOrder(t, "liaison@KZ", grant, wrong.Record)
	wrong.Record = w.NewCase(t)
	_, err = w.Local.Sign(t.Context(), wrong)
	refused(t, "a revocation whose act names another case", err, invalid)
	w.open(t, "investigator@AM", a, grant)

	// Narrowed in the register: the first statement is not a way back.
	n := narrower()
	n.Exhibits = []comity.ID{a.ID}
	w.sign(t, w.narrowOrder(t, "liaison@KZ", grant, caseID, n))
	w.open(t, "investigator@AM", a, grant)
	w.closed(t, "the exhibit narrowed away", "investigator@AM", b, grant, denied(comity.ArticleLiaison))
	_, err = w.Local.Sign(t.Context(), w.narrowOrder(t, "liaison@KZ", grant, caseID, narrower()))
	refused(t, "wider than the register", err, denied(comity.ArticleTerm))
	n.NotAfter -= 60
	w.sign(t, w.narrowOrder(t, "liaison@KZ", grant, caseID, n))
	n.NotAfter -= 60
	w.sign(t, w.revokeOrder(t, "liaison@KZ", grant, caseID))
	_, err = w.Local.Sign(t.Context(), w.narrowOrder(t, "liaison@KZ", grant, caseID, n))
	refused(t, "a grant that has ended", err, denied(comity.ArticleTerm))
}

// signRefused: who may not, and what was not signed.
func signRefused(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	request := comity.NewID(comity.KindRequest)
	narrow := statement.NarrowBody{Scope: comity.ScopeSummary, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: w.now() + 60}
	orders := map[string]struct {
		make    func(officer string) custodian.SignOrder
		wrong   []string // roles that may not
		article comity.Article
	}{
		"grant":       {func(o string) custodian.SignOrder { return w.grantOrder(t, o, e.Case, w.terms(e.ID)) }, []string{"investigator", "authority", "auditor"}, comity.ArticleLiaison},
		"narrowing":   {func(o string) custodian.SignOrder { return w.narrowOrder(t, o, grant, e.Case, narrow) }, []string{"investigator", "authority", "auditor"}, comity.ArticleLiaison},
		"revocation":  {func(o string) custodian.SignOrder { return w.revokeOrder(t, o, grant, e.Case) }, []string{"investigator", "authority", "auditor"}, comity.ArticleLiaison},
		"reservation": {func(o string) custodian.SignOrder { return w.reserveOrder(t, o, e.Case) }, []string{"investigator", "liaison", "auditor"}, comity.ArticleDomesticReservation},
		"refusal": {func(o string) custodian.SignOrder {
			return w.signOrder(t, o, statement.KindRefusal, statement.ActRequestRefuse, request, comity.NewID(comity.KindRefusal), request, statement.RefuseBody{Ground: comity.GroundNotStated})
		}, []string{"investigator", "authority", "auditor"}, comity.ArticleLiaison},
		"receipt": {func(o string) custodian.SignOrder { return w.receiptOrder(t, o, e) }, []string{"authority", "auditor"}, comity.ArticleNoBypass},
	}
	right := map[string]string{"reservation": "authority", "receipt": "investigator"}
	for kind, c := range orders {
		officer := "liaison@"
		if r := right[kind]; r != "" {
			officer = r + "@"
		}
		for _, role := range c.wrong {
			_, err := w.Local.Sign(t.Context(), c.make(role+"@KZ"))
			refused(t, kind+" by "+role, err, denied(c.article))
		}
		_, err := w.Local.Sign(t.Context(), c.make(officer+"AM"))
		refused(t, kind+" by a foreign officer", err, denied(comity.ArticleNonInterference))
		for what, change := range map[string]func(*custodian.SignOrder){
			"with another body":    func(o *custodian.SignOrder) { o.Body = json.RawMessage(`{"reason":"other"}`) },
			"with no body":         func(o *custodian.SignOrder) { o.Body = nil },
			"with another's token": func(o *custodian.SignOrder) { o.Token = w.session(t, "colleague@KZ").token },
			"without an act":       func(o *custodian.SignOrder) { o.Act = "" },
			"over the act of another kind": func(o *custodian.SignOrder) {
				o.Act = w.asker(t, officer+"KZ", w.openAct(t, officer+"KZ", e, "", ""), statement.OpenBody{}).Act
			},
		} {
			o := c.make(officer + "KZ")
			change(&o)
			_, err := w.Local.Sign(t.Context(), o)
			refused(t, kind+" "+what, err, unauthenticated)
		}
		o := c.make(officer + "KZ")
		o.Body = append(json.RawMessage(" "), o.Body...) // the same hash, since that is over the canonical form
		_, err = w.Local.Sign(t.Context(), o)
		refused(t, kind+" over a body that is not canonical", err, invalid)
		o = c.make(officer + "KZ")
		o.ID = comity.NewID(comity.KindMessage)
		_, err = w.Local.Sign(t.Context(), o)
		refused(t, kind+" with an id of another kind", err, invalid)
		o = c.make(officer + "KZ")
		o.Record = comity.NewID(comity.KindMessage)
		_, err = w.Local.Sign(t.Context(), o)
		refused(t, kind+" on a record of another kind", err, invalid)
	}
	for what, c := range map[string]struct {
		order custodian.SignOrder
		want  refusal
	}{
		"an unknown kind": {custodian.SignOrder{Kind: "pardon"}, invalid},
		"an unknown member": {w.signOrder(t, "liaison@KZ", statement.KindRevocation, statement.ActGrantRevoke, grant, grant, e.Case,
			map[string]string{"reason": "x", "more": "y"}), invalid},
		"an unknown ground": {w.signOrder(t, "liaison@KZ", statement.KindRefusal, statement.ActRequestRefuse, request,
			comity.NewID(comity.KindRefusal), request, statement.RefuseBody{Ground: "BORED"}), invalid},
		"a reservation of another case": {w.signOrder(t, "authority@KZ", statement.KindReservation, statement.ActCaseReserve, e.Case, e.Case,
			comity.NewID(comity.KindCase), statement.ReserveBody{Reason: "x"}), invalid},
		"a grant over another case's act": {w.signOrder(t, "liaison@KZ", statement.KindGrant, statement.ActGrantMake, comity.NewID(comity.KindCase),
			comity.NewID(comity.KindGrant), e.Case, w.terms(e.ID)), unauthenticated},
		"a revocation over another grant's act": {w.signOrder(t, "liaison@KZ", statement.KindRevocation, statement.ActGrantRevoke,
			comity.NewID(comity.KindGrant), grant, e.Case, statement.RevokeBody{Case: e.Case}), unauthenticated},
	} {
		_, err := w.Local.Sign(t.Context(), c.order)
		refused(t, what, err, c.want)
	}
	// Nothing of all this changed anything.
	w.open(t, "investigator@AM", e, grant)
}

// foreign is a statement of another state, rightly signed by that state.
func (w *World) foreign(t *testing.T, state comity.State, kind statement.Kind, id, caseID comity.ID, body any) string {
	t.Helper()
	return w.handmade(t, state, w.Union.Signers[state], kind, id, caseID, body)
}

// forged is a grant of KZ signed by a key that claims to be KZ's.
func (w *World) forged(t *testing.T, id, caseID comity.ID, body any) string {
	t.Helper()
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	real, err := w.Keys.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := statement.NewSoftSigner(key, real.KeyID())
	if err != nil {
		t.Fatal(err)
	}
	return w.handmade(t, "KZ", s, statement.KindGrant, id, caseID, body)
}

func (w *World) handmade(t *testing.T, state comity.State, s statement.Signer, kind statement.Kind, id, caseID comity.ID, body any) string {
	t.Helper()
	officer := "liaison@" + string(state)
	who, _, key := w.Union.Login(t, officer)
	canonical, err := statement.Canonical(body)
	if err != nil {
		t.Fatal(err)
	}
	agreement, err := w.Union.Directory.Agreement("KZ", "AM", tokentest.Agreement, tokentest.Category, "", w.Union.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	jws, err := statement.Sign(t.Context(), s, statement.TypStatement, statement.Statement{Kind: kind, Union: w.Union.Directory.Union(),
		State: state, ID: id, Record: caseID, Officer: statement.SignedBy{Function: who.Officer.Function, Ref: who.Officer.Ref(),
			Agency: who.Officer.Agency, Role: who.Officer.Role, JKT: who.JKT},
		Act:  w.Union.Act(t, key, statement.Act{Act: statement.ActGrantMake, Record: caseID}, body),
		Body: canonical, Agreement: &statement.AgreementRef{ID: agreement.ID, Hash: agreement.Hash()}, IssuedAt: w.now()})
	if err != nil {
		t.Fatal(err)
	}
	return jws
}
