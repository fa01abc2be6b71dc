package exchange_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// The Articles as they are lived: for each, what it permits and what it denies,
// through the gate, on both engines. Whatever comes of it is in the record of
// acts of the officer's state, with the Article that decided.

// tale is what the chapters are about: Kazakhstan's case, granted to Armenia
// with one exhibit for an investigation.
type tale struct {
	*granted
	t *testing.T
}

// begin tells of a fresh case.
func begin(t *testing.T, w *exchangetest.World) *tale { return &tale{grantIn(t, w), t} }

func (s *tale) revoked() *tale {
	s.liaison.Do(s.t, s.liaison.Revoke(s.t, s.c, s.grant.Body.ID))
	return s
}

func (s *tale) reserved() *tale { must(s.t, s.reserve(s.t)); return s }

func (s *tale) closed() *tale {
	s.owner.Do(s.t, &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: s.c, ExpectedVersion: 1, Status: comity.CaseClosed})
	return s
}

// file files a case, as it is changed.
func file(o *exchangetest.Officer, t *testing.T, change func(*exchange.FileCase)) error {
	act := &exchange.FileCase{Key: exchangetest.Key(), Category: tokentest.Category, Marking: comity.DefaultMarking,
		Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: o.Caller.Officer.State}}, Text: comity.CaseText{Title: "A case"}}
	if change != nil {
		change(act)
	}
	return o.Try(t, act)
}

// another is the tale of another case, released to Armenia without exhibits.
func (s *tale) another(change func(*exchange.FileCase)) *tale {
	act := &exchange.FileCase{Key: exchangetest.Key(), Category: tokentest.Category, Marking: comity.DefaultMarking, Text: comity.CaseText{Title: "Another"},
		Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}}
	if change != nil {
		change(act)
	}
	s.owner.Do(s.t, act)
	g := *s.granted
	g.c, g.exhibit, g.release = act.ID, "", s.owner.Release(s.t, act.ID, "AM")
	return &tale{&g, s.t}
}

// reads the case for a purpose: an error when its words are closed, as the case says it.
func (s *tale) reads(o *exchangetest.Officer, p comity.Purpose) error {
	v := caseOf(s.t, o, s.c, p)
	switch {
	case v == nil:
		return comity.NotFound()
	case v.Text == nil:
		r := v.Access.Redactions[0]
		return comity.Denied(r.Article, r.Reason, r.Cure)
	}
	return nil
}

func (s *tale) opens(o *exchangetest.Officer, p comity.Purpose) error {
	act, _ := o.Opening(s.t, s.exhibit, s.header, p, s.grant.Body.ID)
	if o.Caller.Officer.State == "KZ" {
		act, _ = o.Opening(s.t, s.exhibit, s.header, p, "")
	}
	return o.Try(s.t, act)
}

func (s *tale) grants(o *exchangetest.Officer, change func(*statement.GrantBody)) error {
	body := o.GrantBody("AM", s.release)
	if s.exhibit != "" {
		body.Exhibits = []comity.ID{s.exhibit}
	}
	if change != nil {
		change(&body)
	}
	return o.Try(s.t, o.MakeGrant(s.t, s.c, body))
}

func (s *tale) narrows(o *exchangetest.Officer, change func(*statement.NarrowBody)) error {
	body := statement.NarrowBody{Case: s.c, Scope: s.grant.Body.Scope, Exhibits: s.grant.Body.Exhibits, Caveats: s.grant.Body.Caveats, NotAfter: s.grant.Body.NotAfter}
	change(&body)
	return o.Try(s.t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: s.grant.Body.ID, ExpectedVersion: 2, Body: body,
		Act: o.Sign(s.t, statement.Act{Act: statement.ActGrantNarrow, Record: s.grant.Body.ID}, body)})
}

func (s *tale) reserves(o *exchangetest.Officer) error {
	body := statement.ReserveBody{Reason: "domestic"}
	return o.Try(s.t, &exchange.ReserveCase{Key: exchangetest.Key(), Case: s.c, ExpectedVersion: 1, Body: body,
		Act: o.Sign(s.t, statement.Act{Act: statement.ActCaseReserve, Record: s.c}, body)})
}

func (s *tale) releases(o *exchangetest.Officer, to comity.State) error {
	return o.Try(s.t, &exchange.DecideRelease{Key: exchangetest.Key(), Case: s.c, Decider: comity.DeciderOwner, Grantee: to, Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: s.Clock.Now().Add(time.Hour)})
}

func (s *tale) logs(o *exchangetest.Officer) error {
	return s.Exchange.Read(s.t.Context(), o.Caller, func(r *exchange.Reader) error { _, err := r.Log(exchange.LogFilter{}, 10, ""); return err })
}

func (s *tale) asks(o *exchangetest.Officer, to comity.State, category comity.Category) error {
	return o.Try(s.t, &exchange.SendRequest{Key: exchangetest.Key(), To: to, Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}})
}

const (
	investigation = comity.PurposeInvestigation
	prosecution   = comity.PurposeProsecution
	absent        = comity.Article(255) // answered as what does not exist
)

// chapter is one officer's deed and the Article that denies it, 0 when it is permitted.
type chapter struct {
	tells   string
	officer string
	deed    func(s *tale, o *exchangetest.Officer) error
	denied  comity.Article
}

var chapters = map[comity.Article][]chapter{
	comity.ArticleOriginator: {
		{"an investigator files a case", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return file(o, s.t, nil) }, 0},
		{"a liaison files a case", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return file(o, s.t, nil) }, 0},
		{"the authority files none", "authority@KZ", func(s *tale, o *exchangetest.Officer) error { return file(o, s.t, nil) }, comity.ArticleOriginator},
		{"an agency files none beyond its competence", "ct@KZ", func(s *tale, o *exchangetest.Officer) error { return file(o, s.t, nil) }, comity.ArticleOriginator},
		{"the owner opens the own exhibit", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.opens(o, "") }, 0},
		{"a closed case stands as it was closed", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.closed().c)) }, comity.ArticleOriginator},
	},
	comity.ArticleNonInterference: {
		{"the owner adds an entry", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.c)) }, 0},
		{"the grantee adds none", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.c)) }, comity.ArticleNonInterference},
		{"nor does the grantee's liaison revoke", "liaison@AM", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, o.Revoke(s.t, s.c, s.grant.Body.ID)) }, comity.ArticleNonInterference},
		{"nor its authority reserve", "authority@AM", func(s *tale, o *exchangetest.Officer) error { return s.reserves(o) }, comity.ArticleNonInterference},
		{"a liaison before whom the case was laid does not change it", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.c)) }, comity.ArticleNonInterference},
	},
	comity.ArticleTerritory: {
		{"a state asks another for what is to be done there", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.asks(o, "AM", tokentest.Category) }, 0},
		{"a case says on what ground the state claims it", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error {
			return file(o, s.t, func(f *exchange.FileCase) { f.Nexus[0].State = "AM" })
		}, comity.ArticleTerritory},
	},
	comity.ArticleNeutrality: {
		{"no prone category is granted that nobody assessed", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.another(func(f *exchange.FileCase) { f.Category = "INTRUSION_GOVERNMENT" }).grants(o, nil)
		}, comity.ArticleNeutrality},
	},
	comity.ArticleExternalNexus: {
		{"a case that touches another state is granted", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.another(nil).grants(o, nil) }, 0},
		{"one that touches none is not", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.another(func(f *exchange.FileCase) { f.Nexus = f.Nexus[:1] }).grants(o, nil)
		}, comity.ArticleExternalNexus},
	},
	comity.ArticleDomesticReservation: {
		{"the authority reserves a case", "authority@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserves(o) }, 0},
		{"a liaison does not", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserves(o) }, comity.ArticleDomesticReservation},
		{"nor does the owner", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserves(o) }, comity.ArticleDomesticReservation},
		{"a reserved case is not granted", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserved().grants(o, nil) }, comity.ArticleDomesticReservation},
		{"nor released", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserved().releases(o, "AM") }, comity.ArticleDomesticReservation},
		{"at home it reads on", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reserved().reads(o, "") }, 0},
		{"abroad only that the grant ended", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.reserved().reads(o, investigation) }, comity.ArticleTerm},
	},
	comity.ArticleLegalBasis: {
		{"a grant rests on an agreement", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.grants(o, nil) }, 0},
		{"no grant rests on none", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Agreement = "none" })
		}, comity.ArticleLegalBasis},
		{"a request rests on one", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.asks(o, "KZ", tokentest.Category) }, 0},
		{"none in a category that it does not cover", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.asks(o, "KZ", "FRAUD") }, comity.ArticleLegalBasis},
		{"what was granted ends with the agreement", "investigator@AM", func(s *tale, o *exchangetest.Officer) error {
			return s.withoutAgreement(func() error { return s.reads(o, investigation) })
		}, comity.ArticleLegalBasis},
		{"its exhibits too", "investigator@AM", func(s *tale, o *exchangetest.Officer) error {
			return s.withoutAgreement(func() error { return s.opens(o, investigation) })
		}, comity.ArticleLegalBasis},
	},
	comity.ArticleLiaison: {
		{"a mandated liaison grants", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.grants(o, nil) }, 0},
		{"one without a mandate does not", "deputy@KZ", func(s *tale, o *exchangetest.Officer) error { return s.grants(o, nil) }, comity.ArticleLiaison},
		{"the owner does not", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.grants(o, nil) }, comity.ArticleLiaison},
		{"the authority does not", "authority@KZ", func(s *tale, o *exchangetest.Officer) error { return s.grants(o, nil) }, comity.ArticleLiaison},
		{"no grant without a release decision", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Release = comity.NewID(comity.KindRelease) })
		}, comity.ArticleLiaison},
		{"none to another state than was decided", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Grantee.State = "BY" })
		}, comity.ArticleLiaison},
		{"none for another purpose", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Purpose = prosecution })
		}, comity.ArticleLiaison},
		{"an exhibit that is not named stays closed", "investigator@AM", func(s *tale, o *exchangetest.Officer) error {
			s.exhibit = s.owner.Upload(s.t, s.c, "unnamed", []byte("x"))
			return s.opens(o, investigation)
		}, comity.ArticleLiaison},
		{"the authority gives a mandate", "authority@KZ", func(s *tale, o *exchangetest.Officer) error {
			s.As(s.t, "deputy@KZ") // who is known from the first login on
			return o.Try(s.t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: "KZ:deputy-1", NotBefore: s.Clock.Now(), NotAfter: s.Clock.Now().Add(time.Hour)})
		}, 0},
		{"a liaison gives none", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return o.Try(s.t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: "KZ:third-1", NotBefore: s.Clock.Now(), NotAfter: s.Clock.Now().Add(time.Hour)})
		}, comity.ArticleLiaison},
	},
	comity.ArticlePurpose: {
		{"the grantee reads for the purpose of the grant", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, investigation) }, 0},
		{"and opens its exhibit", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.opens(o, investigation) }, 0},
		{"not for another purpose", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, prosecution) }, comity.ArticlePurpose},
		{"nor the exhibit", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.opens(o, prosecution) }, comity.ArticlePurpose},
		{"not without saying for what", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, "") }, comity.ArticlePurpose},
		{"evidence names the decision on assistance", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Grade, b.Assistance = comity.GradeEvidence, "MLA 7/2026" })
		}, 0},
		{"without one nothing is granted as evidence", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Grade = comity.GradeEvidence })
		}, comity.ArticlePurpose},
	},
	comity.ArticleOriginatorControl: {
		{"the originator grants to a third state", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			release := s.owner.Release(s.t, s.c, "BY")
			return s.grants(o, func(b *statement.GrantBody) { b.Grantee.State, b.Release, b.Exhibits = "BY", release, nil })
		}, 0},
		{"the grantee does not", "liaison@AM", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.Grantee.State = "BY" })
		}, comity.ArticleOriginatorControl},
		{"nor decides a release", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.releases(o, "BY") }, comity.ArticleOriginatorControl},
	},
	comity.ArticleTerm: {
		{"a liaison narrows a grant", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.narrows(o, func(b *statement.NarrowBody) { b.Scope, b.Exhibits = comity.ScopeSummary, nil })
		}, 0},
		{"and never widens it", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.narrows(o, func(b *statement.NarrowBody) { b.NotAfter += 3600 })
		}, comity.ArticleTerm},
		{"a grant ends in the future", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error {
			return s.grants(o, func(b *statement.GrantBody) { b.NotBefore -= 7200; b.NotAfter = b.NotBefore + 3600 })
		}, comity.ArticleTerm},
		{"a liaison revokes a grant", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, o.Revoke(s.t, s.c, s.grant.Body.ID)) }, 0},
		{"the next read is denied", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.revoked().reads(o, investigation) }, comity.ArticleTerm},
		{"and the next opening", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.revoked().opens(o, investigation) }, comity.ArticleTerm},
	},
	comity.ArticleNoOracle: {
		{"a third state's officer finds no case", "investigator@BY", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, investigation) }, absent},
		{"nor its exhibit", "investigator@BY", func(s *tale, o *exchangetest.Officer) error { return s.opens(o, investigation) }, absent},
		{"nor its grant", "liaison@BY", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, o.Revoke(s.t, s.c, s.grant.Body.ID)) }, absent},
		{"nor does a colleague who is not assigned", "colleague@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, "") }, absent},
		{"who changes nothing either", "colleague@KZ", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.c)) }, absent},
		{"once assigned, the colleague reads it", "colleague@KZ", func(s *tale, o *exchangetest.Officer) error {
			s.owner.Do(s.t, &exchange.AssignCase{Key: exchangetest.Key(), ID: s.c, Officer: o.Caller.Officer.Ref()})
			return s.reads(o, "")
		}, 0},
		{"a former grantee learns only that the grant ended", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return s.revoked().reads(o, investigation) }, comity.ArticleTerm},
		{"and changes nothing", "investigator@AM", func(s *tale, o *exchangetest.Officer) error { return o.Try(s.t, entry(s.revoked().c)) }, absent},
	},
	comity.ArticleAccountability: {
		{"a liaison reads the record of acts", "liaison@KZ", func(s *tale, o *exchangetest.Officer) error { return s.logs(o) }, 0},
		{"the authority reads the record of acts", "authority@AM", func(s *tale, o *exchangetest.Officer) error { return s.logs(o) }, 0},
		{"an investigator does not", "investigator@KZ", func(s *tale, o *exchangetest.Officer) error { return s.logs(o) }, comity.ArticleAccountability},
	},
	comity.ArticleNoBypass: {
		{"an auditor reads the record of acts", "auditor@KZ", func(s *tale, o *exchangetest.Officer) error { return s.logs(o) }, 0},
		{"and the grants", "auditor@KZ", func(s *tale, o *exchangetest.Officer) error {
			found := map[comity.ID]*comity.Grant{}
			o.Read(s.t, func(r *exchange.Reader) (err error) { found, err = r.Grants([]comity.ID{s.grant.Body.ID}); return err })
			if found[s.grant.Body.ID] == nil {
				return comity.NotFound()
			}
			return nil
		}, 0},
		{"but no case", "auditor@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, "") }, absent},
		{"and files none", "auditor@KZ", func(s *tale, o *exchangetest.Officer) error { return file(o, s.t, nil) }, comity.ArticleNoBypass},
		{"and asks no other state", "auditor@KZ", func(s *tale, o *exchangetest.Officer) error { return s.asks(o, "AM", tokentest.Category) }, comity.ArticleNoBypass},
		{"the authority reads a case laid before it", "authority@KZ", func(s *tale, o *exchangetest.Officer) error { return s.reads(o, "") }, 0},
		{"and opens no exhibit", "authority@KZ", func(s *tale, o *exchangetest.Officer) error { return s.opens(o, "") }, comity.ArticleNoBypass},
	},
}

// withoutAgreement denounces the agreement for as long as f runs.
func (s *tale) withoutAgreement(f func() error) error {
	var was []statement.Agreement
	s.Publish(s.t, "AM", func(m *statement.Manifest) { was, m.Agreements = m.Agreements, nil })
	defer s.Publish(s.t, "AM", func(m *statement.Manifest) { m.Agreements = was })
	return f()
}

func TestArticles(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		for article, all := range chapters {
			t.Run(strings.ReplaceAll(article.String(), " ", "_"), func(t *testing.T) {
				permits, denials := 0, 0
				for _, c := range all {
					t.Run(c.tells, func(t *testing.T) {
						s := begin(t, w)
						o := w.As(t, c.officer)
						err := c.deed(s, o)
						outcomes := []audit.Outcome{audit.Done, audit.Read, audit.Released}
						switch c.denied {
						case 0:
							permits++
							must(t, err)
						case absent:
							denials++
							want(t, err, comity.CodeNotFound, 0)
							outcomes = []audit.Outcome{audit.NotFound}
						default:
							denials++
							want(t, err, comity.CodeDenied, c.denied)
							if e := err.(*comity.Error); e.Message == "" || e.Cure == "" {
								t.Errorf("the denial does not explain itself: %q, cure %q", e.Message, e.Cure)
							}
							outcomes = []audit.Outcome{audit.Refused}
						}
						if c.denied == 0 && strings.Contains(c.tells, "reads the record of acts") {
							return // what concerns the own state may be looked at at any time
						}
						logged(t, s, o, outcomes, c.denied)
					})
				}
				if permits == 0 && article != comity.ArticleNeutrality || denials == 0 {
					t.Errorf("%v is told with %d permits and %d denials", article, permits, denials)
				}
			})
		}
	})
}

// TestResidency: no exhibit is begun where the custodian is another state's.
func TestResidency(t *testing.T) {
	w := newWorld(t)
	states := map[comity.State]exchange.State{"KZ": {Custodian: w.Custodians["AM"], Store: w.Stores["KZ"]}}
	x, err := exchange.New(exchange.Options{DB: w.DB, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "x"}
	begin := func(o *exchangetest.Officer) error {
		return o.Try(t, &exchange.BeginEvidence{Key: exchangetest.Key(), Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
			Act: o.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: c, RecipientJKT: jkt}, body)}}})
	}
	want(t, begin(at(owner, x)), comity.CodeDenied, comity.ArticleResidency)
	must(t, begin(owner))
}

// logged checks that the deed stands in the record of acts of the officer's
// state, once, with its outcome and the Article that denied it.
func logged(t *testing.T, s *tale, o *exchangetest.Officer, outcomes []audit.Outcome, denied comity.Article) {
	t.Helper()
	var found []audit.Content
	for _, e := range logOf(t, s.World, "auditor@"+string(o.Caller.Officer.State)) {
		if e.Content.RequestID == o.Caller.RequestID {
			found = append(found, e.Content)
		}
	}
	if len(found) != 1 || !slices.Contains(outcomes, found[0].Outcome) || found[0].Actor.Ref != o.Caller.Officer.Ref() {
		t.Fatalf("in the record of acts stands %+v", found)
	}
	if denied.Valid() {
		of := found[0].Article
		for _, r := range found[0].Records {
			of = max(of, r.Denied)
		}
		if of != denied {
			t.Errorf("the record of acts says %v, wanted %v", of, denied)
		}
	}
}
