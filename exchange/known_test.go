package exchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// TestNamesAreKnown: states, agencies and own officers that an act names are
// those of the manifests, and officers who were seen; other states' officers,
// which only those states resolve, are taken by their form.
func TestNamesAreKnown(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		c := b.owner.FileCase(t, "A case", "AM")
		release := b.owner.Release(t, c, "AM")
		grant := func(to comity.Grantee) error {
			body := b.liaison.GrantBody("AM", release)
			body.Grantee = to
			return b.liaison.Try(t, b.liaison.MakeGrant(t, c, body))
		}
		mandate := func(ref comity.OfficerRef) error {
			now := b.Clock.Now()
			return b.authority.Try(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: ref, NotBefore: now, NotAfter: now.Add(time.Hour)})
		}
		assign := func(ref comity.OfficerRef, remove bool) error {
			return b.owner.Try(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: ref, Remove: remove})
		}
		decide := func(s comity.State) error {
			return b.owner.Try(t, &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderOwner, Grantee: s,
				Scope: comity.ScopeFull, Purpose: comity.PurposeInvestigation, NotAfter: b.Clock.Now().Add(time.Hour)})
		}
		ask := func(s comity.State) error {
			return b.owner.Try(t, &exchange.SendRequest{Key: exchangetest.Key(), To: s, Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt,
				Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}})
		}
		for name, err := range map[string]error{
			"an agency that is none":              grant(comity.Grantee{State: "AM", Agency: "AM/nope"}),
			"a state that is no member":           grant(comity.Grantee{State: "XX"}),
			"a release to no member":              decide("XX"),
			"a request to no member":              ask("XX"),
			"a mandate to nobody":                 mandate("KZ:zzzz"),
			"a mandate to an investigator":        mandate(b.owner.Caller.Officer.Ref()),
			"a case assigned to nobody":           assign("KZ:inv-zzzz", false),
			"one assigned to who never logged in": assign("KZ:colleague-1", false),
		} {
			if comity.CodeOf(err) != comity.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.As(t, "colleague@KZ")
		b.As(t, "deputy@KZ")
		for name, err := range map[string]error{
			"an agency of the manifest":         grant(comity.Grantee{State: "AM", Agency: "AM/cyber"}),
			"another state's officer, unproven": grant(comity.Grantee{State: "AM", Officer: "AM:whoever"}),
			"a colleague once seen":             assign("KZ:colleague-1", false),
			"a liaison once seen":               mandate("KZ:deputy-1"),
			"the removal of anybody":            assign("KZ:inv-zzzz", true),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestOfficersListed: the own state's officers who were seen, for those who
// assign and mandate them.
func TestOfficersListed(t *testing.T) {
	w := newWorld(t)
	w.As(t, "investigator@AM")
	owner, auditor := w.As(t, "investigator@KZ"), w.As(t, "auditor@KZ")
	w.As(t, "liaison@KZ")
	var all []comity.Officer
	owner.Read(t, func(r *exchange.Reader) (err error) { all, err = r.Officers(); return err })
	roles := map[comity.OfficerRef]comity.Role{}
	for _, o := range all {
		roles[o.Ref()] = o.Role
		if o.State != "KZ" || o.Agency == "" || o.Function == "" || o.Subject != "" {
			t.Errorf("listed: %+v", o)
		}
	}
	if len(all) != 3 || roles["KZ:liaison-1"] != comity.RoleLiaison || roles["KZ:investigator-1"] != comity.RoleInvestigator {
		t.Errorf("listed: %v", roles)
	}
	err := w.Exchange.Read(t.Context(), auditor.Caller, func(r *exchange.Reader) error { _, err := r.Officers(); return err })
	want(t, err, comity.CodeDenied, comity.ArticleNoBypass)
	leaves := logOf(t, w, "auditor@KZ")
	if len(leaves) != 2 {
		t.Fatalf("a look at the officers and a denied one left %d leaves", len(leaves))
	}
	denied, listed := leaves[0].Content, leaves[1].Content
	if denied.Outcome != audit.Refused || denied.Article != comity.ArticleNoBypass || denied.Actor.Ref != auditor.Caller.Officer.Ref() ||
		len(denied.Records) != 1 || denied.Records[0].ID != "officers" {
		t.Errorf("the denial stands as %+v", denied)
	}
	if listed.Outcome != audit.Read || listed.Actor.Ref != owner.Caller.Officer.Ref() {
		t.Errorf("the list stands as %+v", listed)
	}
}

// TestIDOfAHiddenGrant: whoever may not see a grant is not told of it by its id,
// nor sent to read it; of the own state's one is.
func TestIDOfAHiddenGrant(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		made := func(from, to string, id comity.ID) (comity.ID, error) {
			owner, liaison := b.As(t, "investigator@"+from), b.As(t, "liaison@"+from)
			c := owner.FileCase(t, "A case", comity.State(to))
			body := liaison.GrantBody(comity.State(to), owner.Release(t, c, comity.State(to)))
			if id != "" {
				body.ID = id
			}
			return body.ID, liaison.Try(t, liaison.MakeGrant(t, c, body))
		}
		b.Mandate(t, "AM")
		b.Mandate(t, "BY")
		id, err := made("KZ", "AM", "")
		must(t, err)
		for from, to := range map[string]string{"KZ": "AM", "AM": "KZ", "BY": "KZ"} { // its own, the grantee, a stranger
			_, err := made(from, to, id)
			want(t, err, comity.CodeConflict, 0)
			e, _ := err.(*comity.Error)
			if told := strings.Contains(e.Error(), "there is a grant"); told != (from == "KZ") || !told && e.Cure != "choose another id" {
				t.Errorf("%s is told %q, to %q", from, e, e.Cure)
			}
		}
	})
}

// TestGrantAnswersAnOpenRequest: a request that ended otherwise is answered by
// no grant any more.
func TestGrantAnswersAnOpenRequest(t *testing.T) {
	l := newLetters(t)
	l.Mandate(t, "KZ")
	owner := l.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case", "AM")
	release := owner.Release(t, c, "AM")
	for way, code := range map[string]comity.Code{"receive, refuse": comity.CodeConflict, "receive, acknowledge, nothing held": comity.CodeConflict,
		"receive, close": comity.CodeConflict, "receive, acknowledge": "", "receive, acknowledge, execute": ""} {
		body := l.liaison.GrantBody("AM", release)
		body.Request = l.brought(t, way)
		err := l.liaison.Try(t, l.liaison.MakeGrant(t, c, body))
		e, _ := err.(*comity.Error)
		if (err == nil) != (code == "") || err != nil && (e == nil || e.Code != code || e.Cure == "") {
			t.Errorf("after %s: %v", way, err)
		}
	}
}

// TestImpossibleMoves: who cannot move a request so is told how it can be moved.
func TestImpossibleMoves(t *testing.T) {
	l := newLetters(t)
	cure := func(o *exchangetest.Officer, id comity.ID, m sovereignty.Action) string {
		t.Helper()
		e, ok := l.move(t, o, id, exchange.MoveRequest{Move: m, Note: "note"}).(*comity.Error)
		if !ok || e.Code != comity.CodeConflict {
			t.Fatalf("%s: %v", m, e)
		}
		return e.Cure
	}
	sent := l.brought(t, "")
	for got, want := range map[string]string{
		cure(l.liaison, sent, sovereignty.RequestAcknowledge): "possible from here: receive; as in: comity request receive " + string(sent),
		cure(l.sender, sent, sovereignty.RequestSupplement):   "possible from here: close; as in: comity request close " + string(sent),
	} {
		if got != want {
			t.Errorf("%q, wanted %q", got, want)
		}
	}
	o := l.As(t, "investigator@KZ")
	c := o.FileCase(t, "A case")
	shut := func() error {
		return o.Try(t, &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, o, c, "").Version, Status: comity.CaseClosed})
	}
	must(t, shut())
	if err := shut(); comity.CodeOf(err) != comity.CodeConflict || err.Error() != "the case is closed already" {
		t.Errorf("closed twice: %v", err)
	}
}
