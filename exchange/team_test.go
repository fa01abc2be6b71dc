package exchange_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// newTeam is a bench whose KZ, AM and BY are a joint team.
func newTeam(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.JoinTeam(t, "KZ", "AM", "BY")
	return b
}

func reads(t *testing.T, o *exchangetest.Officer, c comity.ID) bool {
	t.Helper()
	v := caseOf(t, o, c, comity.PurposeInvestigation)
	return v != nil && v.Text != nil
}

// told counts a state's leaves of an act upon a grant.
func (b *bench) told(t *testing.T, s comity.State, act string, grants ...comity.ID) (n int) {
	t.Helper()
	must(t, b.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
		entries, err := tx.Log(s, storage.LogFilter{}, storage.Page{Limit: 200})
		for _, e := range entries {
			c, fault := audit.Open(e)
			if fault != nil {
				return fault
			}
			if c.Act == act && c.Outcome == audit.Done && slices.ContainsFunc(c.Records, func(r audit.Record) bool { return slices.Contains(grants, comity.ID(r.ID)) }) {
				n++
			}
		}
		return err
	}))
	return n
}

// TestJointTeam: by one signed statement of a liaison each member reads what officers
// contribute, before and after; each grant has a leaf of its own, and they end with
// the contribution, and with the standing grant.
func TestJointTeam(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newTeam(t)
		belarus := b.As(t, "investigator@BY")
		before := b.owner.FileCase(t, "Before", "AM")
		e := b.owner.Upload(t, before, "a", []byte("image"))
		first := b.owner.Contribute(t, before, e)
		b.owner.Do(t, first)
		if reads(t, b.foreign, before) {
			t.Fatal("a contribution alone opens the case")
		}
		standing := b.liaison.Standing(t, "AM", "BY")
		b.liaison.Do(t, standing)
		after, apart := b.owner.FileCase(t, "After", "AM"), b.owner.FileCase(t, "Apart", "AM")
		second := b.owner.Contribute(t, after)
		b.owner.Do(t, second)
		for _, o := range []*exchangetest.Officer{b.foreign, belarus} {
			if !reads(t, o, before) || !reads(t, o, after) || reads(t, o, apart) {
				t.Fatalf("%s reads %v, %v and %v", o.Caller.Officer.State, reads(t, o, before), reads(t, o, after), reads(t, o, apart))
			}
		}
		grants := b.grants(t, before)
		if len(grants) != 2 || grants[0].Standing != standing.ID || grants[0].Release != first.Body.ID || grants[0].Agreement != tokentest.Team {
			t.Fatalf("the grants are %+v", grants)
		}
		for _, g := range grants {
			if n := b.told(t, g.Grantee.State, "grantBegun", g.ID); n != 1 {
				t.Errorf("%s is told %d times of its grant", g.Grantee.State, n)
			}
			if n := b.told(t, "KZ", "grantMake", g.ID); n != 1 {
				t.Errorf("the grant to %s has %d leaves of its own", g.Grantee.State, n)
			}
		}
		toArmenia := grants[slices.IndexFunc(grants, func(g *comity.Grant) bool { return g.Grantee.State == "AM" })]
		if got := b.foreign.Download(t, e, header(t, b.foreign, before, e), comity.PurposeInvestigation, toArmenia.ID); string(got) != "image" {
			t.Errorf("the exhibit opens as %q", got)
		}
		// Nobody but the own state sees the standing grant.
		for o, want := range map[*exchangetest.Officer]bool{b.liaison: true, b.authority: true, b.As(t, "liaison@AM"): false} {
			o.Read(t, func(r *exchange.Reader) error {
				s, err := r.Standing(standing.ID)
				page, err2 := r.Standings(false, 10, "")
				if (s != nil) != want || (len(page.Items) == 1) != want {
					t.Errorf("%s finds %v and %d", o.Caller.Officer.Ref(), s, len(page.Items))
				}
				return firstError(err, err2)
			})
		}

		ended := b.owner.WithdrawContribution(t, first.Body.ID, before)
		b.owner.Do(t, ended)
		if len(ended.Ended) != 2 || reads(t, b.foreign, before) || reads(t, belarus, before) || !reads(t, b.foreign, after) {
			t.Errorf("withdrawing one contribution ended %v", ended.Ended)
		}
		for _, s := range []comity.State{"AM", "BY"} {
			if n := b.told(t, s, "grantEnded", ended.Ended...); n != 1 {
				t.Errorf("%s is told of %d ends", s, n)
			}
		}
		b.owner.Do(t, b.owner.Contribute(t, before))
		if !reads(t, b.foreign, before) {
			t.Error("what is contributed anew is closed")
		}
		deputy := b.As(t, "deputy@KZ")
		over := deputy.EndStanding(t, standing.ID)
		deputy.Do(t, over)
		if len(over.Ended) != 4 || reads(t, b.foreign, before) || reads(t, belarus, after) {
			t.Errorf("the end of the standing grant ended %v", over.Ended)
		}
		b.owner.Do(t, b.owner.Contribute(t, apart))
		if reads(t, b.foreign, apart) {
			t.Error("a standing grant that has ended opens a case")
		}
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// header is an exhibit's, as its reader finds it.
func header(t *testing.T, o *exchangetest.Officer, c, e comity.ID) (h []byte) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		cases, err := r.Cases([]comity.ID{c}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		pages, err := r.Evidence([]*exchange.CaseView{cases[c]}, 10, "")
		for _, v := range pages[c].Items {
			if v.ID == e {
				h = v.Header
			}
		}
		return err
	})
	return h
}

// TestJointTeamRefused: who may not contribute, make or end a standing grant, and what
// of a contribution none opens.
func TestJointTeamRefused(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		b.JoinTeam(t, "KZ", "AM")
		c := b.owner.FileCase(t, "A case", "AM")
		other := b.As(t, "colleague@KZ")
		foreignLiaison := b.As(t, "liaison@AM")
		want(t, b.foreign.Try(t, b.foreign.Contribute(t, c)), comity.CodeNotFound, 0)
		want(t, other.Try(t, other.Contribute(t, c)), comity.CodeNotFound, 0)
		want(t, b.owner.Try(t, b.owner.Standing(t, "AM")), comity.CodeDenied, comity.ArticleLiaison)
		want(t, b.authority.Try(t, b.authority.Standing(t, "AM")), comity.CodeDenied, comity.ArticleLiaison)
		deputy := b.As(t, "deputy@KZ") // without a mandate
		want(t, deputy.Try(t, deputy.Standing(t, "AM")), comity.CodeDenied, comity.ArticleLiaison)
		lonely := b.As(t, "liaison@BY") // of no team
		b.Mandate(t, "BY")
		want(t, lonely.Try(t, lonely.Standing(t, "KZ")), comity.CodeDenied, comity.ArticleLegalBasis)
		want(t, b.liaison.Try(t, b.liaison.Standing(t, "BY")), comity.CodeDenied, comity.ArticleLegalBasis)
		want(t, b.liaison.Try(t, b.liaison.Standing(t, "KZ")), comity.CodeDenied, comity.ArticleLegalBasis)

		for what, x := range map[string]struct {
			change  func(*statement.ContributionBody)
			code    comity.Code
			article comity.Article
		}{
			"another category":  {func(s *statement.ContributionBody) { s.Category = "FRAUD" }, comity.CodeInvalid, 0},
			"a laxer marking":   {func(s *statement.ContributionBody) { s.Marking.TLP = comity.TLPGreen }, comity.CodeInvalid, 0},
			"TLP:RED":           {func(s *statement.ContributionBody) { s.Marking.TLP = comity.TLPRed }, comity.CodeInvalid, 0},
			"no such team":      {func(s *statement.ContributionBody) { s.Team = tokentest.Agreement }, comity.CodeDenied, comity.ArticleLegalBasis},
			"past its end":      {func(s *statement.ContributionBody) { s.NotAfter = b.Clock.Now().Unix() - 1 }, comity.CodeDenied, comity.ArticleTerm},
			"past the team's":   {func(s *statement.ContributionBody) { s.NotAfter += 120 * 24 * 3600 }, comity.CodeDenied, comity.ArticleTerm},
			"another's exhibit": {func(s *statement.ContributionBody) { s.Exhibits = []comity.ID{comity.NewID(comity.KindEvidence)} }, comity.CodeInvalid, 0},
		} {
			body := b.owner.Contribute(t, c).Body
			x.change(&body)
			err := b.owner.Try(t, b.owner.ContributeAs(t, c, body))
			if e, ok := err.(*comity.Error); !ok || e.Code != x.code || e.Article != x.article {
				t.Errorf("%s: %v", what, err)
			}
		}
		standing := b.liaison.Standing(t, "AM")
		b.liaison.Do(t, standing)
		again := b.liaison.StandingAs(t, standing.Body)
		again.ID = standing.ID
		again.Act = b.liaison.Sign(t, statement.Act{Act: statement.ActStandingMake, Record: standing.ID}, standing.Body)
		want(t, b.liaison.Try(t, again), comity.CodeConflict, 0)
		hidden, absent := foreignLiaison.Try(t, foreignLiaison.EndStanding(t, standing.ID)), foreignLiaison.Try(t, foreignLiaison.EndStanding(t, comity.NewID(comity.KindStanding)))
		if comity.CodeOf(hidden) != comity.CodeNotFound || hidden.Error() != absent.Error() {
			t.Errorf("another state's standing grant answers %v, and none %v", hidden, absent)
		}
		contributed := b.owner.Contribute(t, c)
		b.owner.Do(t, contributed)
		want(t, b.owner.Try(t, b.owner.ContributeAs(t, c, contributed.Body)), comity.CodeConflict, 0)
		want(t, b.foreign.Try(t, b.foreign.WithdrawContribution(t, contributed.Body.ID, c)), comity.CodeNotFound, 0)
		want(t, other.Try(t, other.WithdrawContribution(t, contributed.Body.ID, c)), comity.CodeNotFound, 0)
		want(t, b.liaison.Try(t, b.liaison.WithdrawContribution(t, contributed.Body.ID, c)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, b.owner.Try(t, &exchange.WithdrawRelease{Key: exchangetest.Key(), Case: c, Release: contributed.Body.ID}), comity.CodeNotFound, 0)

		// A contribution is the release decision of no other grant.
		body := b.liaison.GrantBody("AM", contributed.Body.ID)
		body.Agreement = tokentest.Team
		want(t, b.liaison.Try(t, b.liaison.MakeGrant(t, c, body)), comity.CodeDenied, comity.ArticleLiaison)
	})
}

// TestJointTeamEnds: a reservation, the end of the mandate and of the team itself
// reach what is under a standing grant as they reach any grant.
func TestJointTeamEnds(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newTeam(t)
		standing := b.liaison.Standing(t, "AM")
		b.liaison.Do(t, standing)
		c, kept := b.owner.FileCase(t, "Reserved", "AM"), b.owner.FileCase(t, "Kept", "AM")
		b.owner.Do(t, b.owner.Contribute(t, c))
		b.owner.Do(t, b.owner.Contribute(t, kept))
		if !reads(t, b.foreign, c) || !reads(t, b.foreign, kept) {
			t.Fatal("closed to the team")
		}
		b.authority.Do(t, b.authority.Reserve(t, c, 1))
		want(t, b.owner.Try(t, b.owner.Contribute(t, c)), comity.CodeDenied, comity.ArticleDomesticReservation)
		lift := b.authority.Lift(t, c, "")
		b.authority.Do(t, lift)
		second := b.As(t, "second@KZ")
		second.Do(t, second.Lift(t, c, lift.Proposed))
		b.liaison.Do(t, b.liaison.Standing(t, "AM")) // over what was contributed before
		if v := caseOf(t, b.foreign, c, comity.PurposeInvestigation); v != nil && v.Text != nil {
			t.Error("what was contributed before the reservation came back")
		}
		b.owner.Do(t, b.owner.Contribute(t, c))
		if !reads(t, b.foreign, c) {
			t.Error("what was contributed after the lifting is closed")
		}

		must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			all, err := tx.MandatesOf("KZ:liaison-1", tx.Now())
			if err != nil {
				return err
			}
			return tx.EndMandate(all[0].ID, tx.Now())
		}))
		late := b.owner.FileCase(t, "Late", "AM")
		b.owner.Do(t, b.owner.Contribute(t, late))
		if reads(t, b.foreign, late) || !reads(t, b.foreign, kept) {
			t.Error("a liaison without a mandate grants, or what was granted before has ended")
		}
		b.Mandate(t, "KZ")

		b.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = m.Agreements[:1] })
		if reads(t, b.foreign, kept) {
			t.Error("who left the team reads on")
		}
		b.Clock.Advance(6 * 24 * time.Hour)
		b.owner = b.As(t, "investigator@KZ")
		b.owner.Do(t, b.owner.Contribute(t, b.owner.FileCase(t, "After its end", "AM")))
	})
}

// TestForgedTeamRow: a row of a grant that the operator puts under another standing
// grant, so that it outlasts its own, opens nothing.
func TestForgedTeamRow(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newTeam(t)
		contributed, standing := b.owner.Contribute(t, b.owner.FileCase(t, "A case", "AM")), b.liaison.Standing(t, "AM")
		b.owner.Do(t, contributed)
		standing.Body.Purpose = comity.PurposeProsecution // none follows by itself
		standing = b.liaison.StandingAs(t, standing.Body)
		b.liaison.Do(t, standing)
		fits := b.liaison.Standing(t, "AM")
		keys := b.Custodians["KZ"]
		_, canonical, err := statement.BodyHash(fits.Body)
		must(t, err)
		said, err := keys.Sign(t.Context(), custodian.SignOrder{Kind: statement.KindStanding, ID: fits.ID, Record: fits.ID, Body: canonical,
			Asker: statement.Asker{Token: b.liaison.Caller.Token, Act: fits.Act}})
		must(t, err)
		jws, err := keys.GrantUnder(t.Context(), statement.Under{Standing: said, Contribution: contributed.Statement}, fits.Body.Grantees[0])
		must(t, err)
		must(t, keys.Apply(t.Context(), jws))
		made, err := b.Directory.VerifyStatement(jws)
		must(t, err)
		var body statement.GrantBody
		must(t, made.Decode(&body))
		must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return tx.InsertGrant(comity.Grant{ID: made.ID, Case: made.Record, State: "KZ", Liaison: made.Officer.Ref, Function: made.Officer.Function, Grantee: body.Grantee,
				Scope: body.Scope, Grade: body.Grade, Caveats: body.Caveats, Purpose: body.Purpose, Agreement: body.Agreement, Release: body.Release,
				NotBefore: time.Unix(body.NotBefore, 0).UTC(), NotAfter: time.Unix(body.NotAfter, 0).UTC(), Status: comity.GrantActive, Version: 1,
				CreatedAt: b.Clock.Now().UTC(), Statement: jws, AgreementHash: made.Agreement.Hash, Standing: standing.ID})
		}))
		open := false
		err = b.Exchange.Read(t.Context(), b.foreign.Caller, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{contributed.Case}, comity.PurposeInvestigation)
			v := found[contributed.Case]
			open = v != nil && v.Text != nil
			return err
		})
		if open {
			t.Errorf("under another standing grant the case is open (%v)", err)
		}
	})
}

// TestTeamKeyRetired: a contribution that was signed by a key which has left the
// manifest is granted to nobody, and holds up no other.
func TestTeamKeyRetired(t *testing.T) {
	b := newTeam(t)
	old, next := b.owner.FileCase(t, "Old", "AM"), b.owner.FileCase(t, "Next", "AM")
	b.owner.Do(t, b.owner.Contribute(t, old))
	b.owner.Do(t, b.owner.Contribute(t, next))
	must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		// As after a rotation: it verifies no more.
		r := comity.Release{ID: comity.NewID(comity.KindRelease), Case: old, State: "KZ", Officer: b.owner.Caller.Officer.Ref(), Decider: comity.DeciderOwner, Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotAfter: b.Clock.Now().Add(time.Hour), CreatedAt: b.Clock.Now(), Team: tokentest.Team, Statement: "eyJ.e30.x"}
		return tx.InsertRelease(r)
	}))
	b.liaison.Do(t, b.liaison.Standing(t, "AM"))
	if !reads(t, b.foreign, old) || !reads(t, b.foreign, next) || len(b.grants(t, old)) != 1 {
		t.Error("what does not verify is granted, or holds up what does")
	}
}

// TestTeamMemberAway: a member whose manifest has lapsed is granted nothing, and no
// other member waits for it.
func TestTeamMemberAway(t *testing.T) {
	b := newTeam(t)
	b.Publish(t, "AM", func(m *statement.Manifest) { m.Expires = b.Clock.Now().Add(time.Hour) })
	b.liaison.Do(t, b.liaison.Standing(t, "AM", "BY"))
	b.Clock.Advance(2 * time.Hour)
	owner, belarus := b.As(t, "investigator@KZ"), b.As(t, "investigator@BY")
	b.liaison = b.As(t, "liaison@KZ")
	first, next := owner.FileCase(t, "First", "BY"), owner.FileCase(t, "Next", "BY")
	for _, c := range []comity.ID{first, next} {
		owner.Do(t, owner.Contribute(t, c))
		if !reads(t, belarus, c) {
			t.Error("one member waits for another")
		}
	}
	if grants := b.grants(t, first); len(grants) != 1 || grants[0].Grantee.State != "BY" {
		t.Errorf("granted: %v", grants)
	}
}
