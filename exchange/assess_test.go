package exchange_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

func assess(t *testing.T, o *exchangetest.Officer, c comity.ID, version int, category comity.Category, found comity.Character) *exchange.AssessCase {
	t.Helper()
	body := statement.AssessBody{ID: comity.NewID(comity.KindAssessment), Category: category, Character: found,
		Conduct: "a ministry's files were encrypted", Motive: "ransom", Context: "a criminal group"}
	return &exchange.AssessCase{Key: exchangetest.Key(), Case: c, ExpectedVersion: version, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCaseAssess, Record: c}, body)}
}

// TestAssessment: a case of a prone category is shareable once another officer
// than its filer found it ordinary, and not any more when it was found otherwise,
// until yet another finds it ordinary again.
func TestAssessment(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		const prone comity.Category = "INTRUSION_GOVERNMENT"
		for _, s := range []comity.State{"KZ", "AM"} {
			b.Publish(t, s, func(m *statement.Manifest) {
				m.Agreements = slices.Clone(m.Agreements)
				m.Agreements[0].Categories = []comity.Category{tokentest.Category, prone}
			})
		}
		authority := b.As(t, "authority@KZ")
		act := &exchange.FileCase{Key: exchangetest.Key(), Category: prone, Marking: comity.DefaultMarking, Text: comity.CaseText{Title: "At the ministry"},
			Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}}
		b.owner.Do(t, act)
		c := act.ID
		release := b.owner.Release(t, c, "AM")
		grant := func() error {
			body := b.liaison.GrantBody("AM", release)
			body.Category = prone
			return b.liaison.Try(t, b.liaison.MakeGrant(t, c, body))
		}
		version := func() int { return caseOf(t, b.owner, c, "").Version }
		reads := func() bool {
			v := caseOf(t, b.foreign, c, investigation)
			return v != nil && v.Text != nil
		}
		want(t, grant(), comity.CodeDenied, comity.ArticleNeutrality)

		ordinary := func(o *exchangetest.Officer) *exchange.AssessCase {
			return assess(t, o, c, version(), prone, comity.CharacterOrdinary)
		}
		want(t, b.owner.Try(t, ordinary(b.owner)), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, b.foreign.Try(t, ordinary(b.foreign)), comity.CodeNotFound, 0)
		auditor := b.As(t, "auditor@KZ")
		want(t, auditor.Try(t, ordinary(auditor)), comity.CodeNotFound, 0)
		stale := assess(t, b.liaison, c, version()+1, prone, comity.CharacterOrdinary)
		want(t, b.liaison.Try(t, stale), comity.CodeConflict, 0)
		want(t, b.liaison.Try(t, assess(t, b.liaison, c, version(), tokentest.Category, comity.CharacterOrdinary)), comity.CodeInvalid, 0)
		want(t, b.liaison.Try(t, assess(t, b.liaison, c, version(), prone, "BORING")), comity.CodeInvalid, 0)
		good := ordinary(b.liaison)
		b.liaison.Do(t, good)
		b.liaison.Do(t, good) // a lost answer
		must(t, grant())
		if !reads() {
			t.Fatal("an assessed case is not read abroad")
		}
		// Another category was never assessed, and none is entered while grants run.
		want(t, change(t, b.owner, c, func(u *exchange.UpdateCase) { k := comity.Category("INTRUSION_MILITARY"); u.Category = &k }), comity.CodeDenied, comity.ArticleNeutrality)

		b.liaison.Do(t, assess(t, b.liaison, c, version(), prone, comity.CharacterPolitical))
		want(t, grant(), comity.CodeDenied, comity.ArticleNeutrality)
		v := caseOf(t, b.foreign, c, investigation)
		if v == nil || v.Text != nil || v.Access.Redactions[0].Article != comity.ArticleNeutrality {
			t.Fatalf("a case that was found not to be shareable shows %+v", v)
		}
		b.foreign.Read(t, func(r *exchange.Reader) error {
			for what, f := range map[string]storage.CaseFilter{"a list": {}, "a filter": {Category: prone}} {
				page, err := r.ListCases(f, investigation, 10, "")
				if err != nil {
					return err
				}
				if len(page.Items) != 0 {
					t.Errorf("%s abroad has it", what)
				}
			}
			return nil
		})
		want(t, b.liaison.Try(t, ordinary(b.liaison)), comity.CodeDenied, comity.ArticleNeutrality) // who found otherwise
		authority.Do(t, ordinary(authority))
		if !reads() {
			t.Error("a case that another officer found ordinary again is not read abroad")
		}
		b.owner.Read(t, func(r *exchange.Reader) error {
			cases, err := r.Cases([]comity.ID{c}, "")
			if err != nil {
				return err
			}
			all, err := r.Assessments([]*exchange.CaseView{cases[c]})
			if len(all[c]) != 3 || all[c][0].Reasons == nil || all[c][0].Reasons.Motive != "ransom" || all[c][1].Character != comity.CharacterPolitical {
				t.Errorf("the assessments are %+v", all[c])
			}
			return err
		})
	})
}

// TestObjection: the recipient's liaison objects to a grant on record; both
// states see it, a third none, and the grant runs on.
func TestObjection(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		id := g.grant.Body.ID
		object := func(o *exchangetest.Officer, ground comity.Character) error {
			body := statement.ObjectBody{ID: comity.NewID(comity.KindObjection), Case: g.c, Ground: ground}
			return o.Try(t, &exchange.ObjectGrant{Key: exchangetest.Key(), Grant: id, Body: body,
				Act: o.Sign(t, statement.Act{Act: statement.ActGrantObject, Record: id}, body)})
		}
		recipient := g.As(t, "liaison@AM")
		want(t, object(g.foreign, comity.CharacterPolitical), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, object(g.liaison, comity.CharacterPolitical), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, object(g.As(t, "liaison@BY"), comity.CharacterPolitical), comity.CodeNotFound, 0)
		want(t, object(recipient, comity.CharacterOrdinary), comity.CodeInvalid, 0)
		must(t, object(recipient, comity.CharacterPolitical))
		for _, o := range []*exchangetest.Officer{g.liaison, recipient, g.foreign} {
			o.Read(t, func(r *exchange.Reader) error {
				found, err := r.Grants([]comity.ID{id})
				if err != nil {
					return err
				}
				all, err := r.Objections([]*comity.Grant{found[id]})
				if len(all[id]) != 1 || all[id][0].Ground != comity.CharacterPolitical || all[id][0].State != "AM" {
					t.Errorf("%s sees %+v", o.Caller.Officer.Ref(), all[id])
				}
				return err
			})
		}
		if v := caseOf(t, g.foreign, g.c, investigation); v == nil || v.Text == nil {
			t.Error("the objection ended the grant")
		}
		g.Clock.Advance(8 * 24 * time.Hour) // its term
		must(t, object(g.As(t, "liaison@AM"), comity.CharacterMilitary))
	})
}
