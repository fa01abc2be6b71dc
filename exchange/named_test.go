package exchange_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// persons are the subjects of a case: one whom full scope opens, and those whom
// it leaves out.
type persons struct {
	*granted
	suspect, victim, witness, child, redVictim, redSuspect comity.ID
}

// inCase adds the persons to the case of a granted world, whose grant names none.
func inCase(t *testing.T, g *granted) *persons {
	t.Helper()
	p := &persons{granted: g}
	add := &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c}
	for i, role := range []comity.SubjectRole{comity.SubjectSuspect, comity.SubjectVictim, comity.SubjectWitness, comity.SubjectContact, comity.SubjectVictim, comity.SubjectSuspect} {
		s := exchange.NewSubject{Kind: comity.SubjectPerson, Role: role, Minor: i == 3, Marking: comity.DefaultMarking, Text: comity.SubjectText{Identifier: "x"}}
		if i >= 4 {
			s.Marking = red
		}
		add.Subjects = append(add.Subjects, s)
	}
	g.owner.Do(t, add)
	p.suspect, p.victim, p.witness, p.child, p.redVictim, p.redSuspect = add.IDs[0], add.IDs[1], add.IDs[2], add.IDs[3], add.IDs[4], add.IDs[5]
	return p
}

// released is the owner's decision to release the case with persons of it.
func (p *persons) released(t *testing.T, subjects ...comity.ID) comity.ID {
	t.Helper()
	d := p.decision(subjects...)
	p.owner.Do(t, d)
	return d.ID
}

func (p *persons) decision(subjects ...comity.ID) *exchange.DecideRelease {
	return &exchange.DecideRelease{Key: exchangetest.Key(), Case: p.c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Subjects: subjects, Purpose: investigation, NotAfter: p.Clock.Now().Add(30 * 24 * time.Hour)}
}

// body is a grant for a week that names persons.
func (p *persons) body(release comity.ID, subjects ...comity.ID) statement.GrantBody {
	b := p.liaison.GrantBody("AM", release)
	b.Subjects = subjects
	return b
}

func (p *persons) narrowing(t *testing.T, b statement.GrantBody, version int, scope comity.Scope, subjects ...comity.ID) *exchange.NarrowGrant {
	t.Helper()
	n := statement.NarrowBody{Case: p.c, Scope: scope, Exhibits: b.Exhibits, Subjects: subjects, Caveats: b.Caveats, NotAfter: b.NotAfter}
	return &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: b.ID, ExpectedVersion: version, Body: n,
		Act: p.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: b.ID}, n)}
}

// seen lists the subjects whom an officer is shown of the case, and holds against
// it which the officer finds by their ids.
func (p *persons) seen(t *testing.T, o *exchangetest.Officer, purpose comity.Purpose) (all []comity.ID) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{p.c}, purpose)
		if err != nil || found[p.c] == nil {
			return err
		}
		pages, err := r.Subjects([]*exchange.CaseView{found[p.c]}, 10, "")
		for _, s := range pages[p.c].Items {
			all = append(all, s.ID)
		}
		return err
	})
	ids := []comity.ID{p.suspect, p.victim, p.witness, p.child, p.redVictim, p.redSuspect}
	o.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes(ids, purpose)
		for _, id := range ids {
			n := found[id]
			if (n.Subject != nil) != slices.Contains(all, id) || n.Subject != nil && (n.Subject.ID != id || n.Subject.Text.Identifier != "x") {
				t.Errorf("%s lists %v and finds by its id %+v", o.Caller.Officer.Ref(), all, n.Subject)
			}
		}
		return err
	})
	return all
}

func (p *persons) sees(t *testing.T, what string, purpose comity.Purpose, want ...comity.ID) {
	t.Helper()
	slices.Sort(want) // they were added at one instant
	if got := p.seen(t, p.foreign, purpose); !slices.Equal(got, want) {
		t.Errorf("%s: Armenia sees %v, not %v", what, got, want)
	}
}

// TestNamedPersons: full scope leaves out victims, witnesses and minors unless the
// grant names them; whom it names no more is closed on the next read.
func TestNamedPersons(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		p := inCase(t, grantIn(t, newWorld(t)))
		p.sees(t, "named by nothing", investigation, p.suspect)
		unknown := why(t, p.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: comity.NewID(comity.KindSubject), Purpose: investigation})
		closed := func(what string, id comity.ID) {
			t.Helper()
			e := why(t, p.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: id, Purpose: investigation})
			if e.Permit || e.Basis != nil || len(e.Reasons) != 1 || e.Reasons[0].Reason != unknown.Reasons[0].Reason {
				t.Errorf("%s is explained as %+v, and nobody as %+v", what, e, unknown)
			}
			want(t, p.foreign.Try(t, p.foreign.Annotate(t, p.c, id, p.grant.Body.ID, "known here")), comity.CodeNotFound, 0)
		}
		closed("a victim who is not named", p.victim)
		closed("a victim who is red", p.redVictim)

		release := p.released(t, p.victim, p.child)
		wide := p.body(release, p.victim, p.witness)
		want(t, p.liaison.Try(t, p.liaison.MakeGrant(t, p.c, wide)), comity.CodeDenied, comity.ArticleLiaison)
		b := p.body(release, p.victim, p.child)
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, b))
		p.sees(t, "a victim and a minor named", investigation, p.suspect, p.victim, p.child)
		p.sees(t, "for another purpose", comity.PurposeProsecution)
		if got := p.seen(t, p.As(t, "investigator@BY"), investigation); got != nil {
			t.Errorf("a third state sees %v", got)
		}
		closed("a witness who is not named", p.witness)
		if e := why(t, p.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: p.victim, Purpose: investigation}); !e.Permit {
			t.Errorf("a named victim is explained as %+v", e)
		}
		p.foreign.Do(t, p.foreign.Annotate(t, p.c, p.victim, b.ID, "known here"))

		export := &exchange.ExportCase{Key: exchangetest.Key(), Case: p.c, Purpose: investigation, Use: comity.UseAnalysis}
		p.foreign.Do(t, export)
		var out []comity.ID
		for _, s := range export.Export.Subjects {
			out = append(out, s.ID)
		}
		slices.Sort(out)
		if want := slices.Sorted(slices.Values([]comity.ID{p.suspect, p.victim, p.child})); !slices.Equal(out, want) {
			t.Errorf("exported are %v, not %v", out, want)
		}

		// Both states find in the record of acts who was shown, and under which grant.
		for _, who := range []string{"auditor@KZ", "auditor@AM"} {
			shown := about(logOf(t, p.World, who), p.child)
			if !slices.ContainsFunc(shown, func(c audit.Content) bool {
				return c.Actor.State == "AM" && slices.ContainsFunc(c.Records, func(r audit.Record) bool { return r.ID == string(p.child) && r.Grant == b.ID })
			}) {
				t.Errorf("%s: of a minor who was shown the record of acts says %+v", who, shown)
			}
		}

		want(t, p.liaison.Try(t, p.narrowing(t, b, 2, comity.ScopeFull, p.victim, p.witness)), comity.CodeDenied, comity.ArticleTerm)
		want(t, p.liaison.Try(t, p.narrowing(t, b, 2, comity.ScopeSummary, p.child)), comity.CodeInvalid, 0)
		p.liaison.Do(t, p.narrowing(t, b, 2, comity.ScopeFull, p.child))
		p.sees(t, "a victim narrowed away", investigation, p.suspect, p.child)
		closed("a victim who was named", p.victim)
		want(t, p.foreign.Try(t, p.foreign.Annotate(t, p.c, p.victim, b.ID, "late")), comity.CodeNotFound, 0)
		want(t, p.liaison.Try(t, p.narrowing(t, b, 3, comity.ScopeFull, p.child, p.victim)), comity.CodeDenied, comity.ArticleTerm)
		want(t, p.liaison.Try(t, p.narrowing(t, b, 3, comity.ScopeFull, p.child)), comity.CodeInvalid, 0)
		p.liaison.Do(t, p.liaison.Revoke(t, p.c, b.ID))
		p.sees(t, "the grant that named revoked, the other running", investigation, p.suspect)
	})
}

// TestNamedByWhom: a release decision and a grant name protected persons of their
// case, whom the officer sees, and nobody else.
func TestNamedByWhom(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		p := inCase(t, grantIn(t, newWorld(t)))
		colleague := p.As(t, "colleague@KZ")
		hidden := &persons{granted: &granted{World: p.World, owner: colleague, c: colleague.FileCase(t, "Another case", "AM")}}
		hidden = inCase(t, hidden.granted)
		release := p.released(t, p.victim, p.witness, p.child)
		entry := addEntry(t, p.owner, p.c, comity.DefaultMarking)
		for what, c := range map[string]struct {
			subjects []comity.ID
			message  string
		}{
			"a subject that is hidden":     {[]comity.ID{hidden.victim}, "this is not a subject of the case"},
			"a subject that there is not":  {[]comity.ID{comity.NewID(comity.KindSubject)}, "this is not a subject of the case"},
			"one that there is not, late":  {[]comity.ID{p.victim, comity.NewID(comity.KindSubject)}, "this is not a subject of the case"},
			"an entry":                     {[]comity.ID{entry}, "this is not a subject of the case"},
			"somebody twice":               {[]comity.ID{p.victim, p.victim}, "a person is named twice"},
			"somebody who is TLP:RED":      {[]comity.ID{p.redVictim}, "what is marked TLP:RED inside a case is no part of full scope, named or not"},
			"somebody who is not left out": {[]comity.ID{p.suspect}, "full scope opens this subject unnamed: only victims, witnesses and minors are named"},
			"too many":                     {slices.Repeat([]comity.ID{p.victim}, 101), "at most 100 persons are named"},
		} {
			err := p.owner.Try(t, p.decision(c.subjects...))
			want(t, err, comity.CodeInvalid, 0)
			if m := err.(*comity.Error).Message; m != c.message {
				t.Errorf("%s released: %q", what, m)
			}
			// In an emergency no release decision stands before the grant.
			b := p.body("", c.subjects...)
			b.Emergency, b.Purpose, b.NotAfter = "a child is held", comity.PurposeDangerToLife, p.Clock.Now().Add(time.Hour).Unix()
			err = p.liaison.Try(t, p.liaison.MakeGrant(t, p.c, b))
			want(t, err, comity.CodeInvalid, 0)
			if m := err.(*comity.Error).Message; m != c.message {
				t.Errorf("%s granted: %q", what, m)
			}
			trial := try(t, p.liaison, p.c, b)
			if len(trial.Faults) != 1 || trial.Faults[0].(*comity.Error).Message != c.message {
				t.Errorf("%s tried: %v", what, trial.Faults)
			}
		}
		for _, scope := range []comity.Scope{comity.ScopeSummary, comity.ScopeExhibits} {
			b := p.body(release, p.victim)
			b.Scope = scope
			if scope == comity.ScopeExhibits {
				d := p.decision(p.victim)
				d.Exhibits = []comity.ID{p.exhibit}
				p.owner.Do(t, d)
				b.Release, b.Exhibits = d.ID, []comity.ID{p.exhibit}
			}
			want(t, p.liaison.Try(t, p.liaison.MakeGrant(t, p.c, b)), comity.CodeInvalid, 0)
		}
		// Nobody abroad learns by naming whether there is such a person.
		for _, id := range []comity.ID{p.victim, comity.NewID(comity.KindSubject)} {
			by := p.As(t, "liaison@BY")
			want(t, by.Try(t, by.MakeGrant(t, p.c, p.body(release, id))), comity.CodeNotFound, 0)
			am := p.As(t, "liaison@AM")
			want(t, am.Try(t, am.MakeGrant(t, p.c, p.body(release, id))), comity.CodeDenied, comity.ArticleOriginatorControl)
		}

		trial := try(t, p.liaison, p.c, p.body(release, p.victim, p.child))
		var ids []comity.ID
		for _, s := range trial.Subjects {
			ids = append(ids, s.ID)
		}
		if !trial.Alone || !slices.Equal(ids, []comity.ID{p.victim, p.child}) || trial.Tally.Subjects.Abroad != 3 || trial.Tally.Subjects.All != 6 {
			t.Errorf("a grant that would name two: %+v", trial)
		}
		narrow := p.body(release, p.victim)
		narrow.Scope = comity.ScopeSummary
		if trial := try(t, p.liaison, p.c, narrow); len(trial.Subjects) != 0 || trial.Tally.Subjects.Abroad != 0 || len(trial.Faults) != 1 {
			t.Errorf("a summary that would name one: %+v", trial)
		}
	})
}

// TestNamedByTwoGrants: each grant opens whom it names, under its own caveats.
func TestNamedByTwoGrants(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		p := inCase(t, grantIn(t, newWorld(t)))
		release := p.released(t, p.victim, p.witness)
		first, second := p.body(release, p.victim), p.body(release, p.witness)
		second.Caveats.Marking.Handling = comity.H2
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, first))
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, second))
		p.sees(t, "named by two grants", investigation, p.suspect, p.victim, p.witness)
		p.foreign.Read(t, func(r *exchange.Reader) error {
			found, err := r.Nodes([]comity.ID{p.victim, p.witness}, investigation)
			plain, strict := found[p.victim].Subject.Obligations(), found[p.witness].Subject.Obligations()
			h2 := func(o comity.Obligation) bool { return o.Code == "HANDLING_H2" }
			if slices.ContainsFunc(plain, h2) || !slices.ContainsFunc(strict, h2) {
				t.Errorf("the witness binds %v, under the stricter grant that names him, and the victim %v", strict, plain)
			}
			return err
		})
		p.liaison.Do(t, p.liaison.Revoke(t, p.c, first.ID))
		p.sees(t, "one of them revoked", investigation, p.suspect, p.witness)
		p.liaison.Do(t, p.narrowing(t, second, 2, comity.ScopeSummary))
		p.sees(t, "the other narrowed to the summary", investigation, p.suspect)
	})
}

// TestNamedByTwoLiaisons: what is proposed says whom it names, and is approved so.
func TestNamedByTwoLiaisons(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		p := inCase(t, &granted{World: e.World, owner: e.owner, liaison: e.liaison, foreign: e.foreign, c: e.c})
		b := p.body(p.released(t, p.victim, p.child), p.victim)
		b.Caveats.Marking = red
		proposal := e.propose(t, e.liaison, b)
		more := b
		more.Subjects = []comity.ID{p.victim, p.child}
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, more, proposal)), comity.CodeInvalid, 0)
		p.sees(t, "proposed", investigation)
		e.deputy.Do(t, e.deputy.ApproveGrant(t, e.c, b, proposal))
		p.sees(t, "approved", investigation, p.suspect, p.victim)
	})
}

// TestNamedInDanger: one liaison names a person at once where life is in danger;
// the release decision that confirms it names the person too.
func TestNamedInDanger(t *testing.T) {
	p := inCase(t, grantIn(t, newWorld(t)))
	deputy := p.As(t, "deputy@KZ")
	p.authority.Do(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: deputy.Caller.Officer.Ref(), NotBefore: p.Clock.Now().Add(-time.Minute), NotAfter: p.Clock.Now().Add(40 * 24 * time.Hour)})
	b := p.body("", p.child)
	b.Emergency, b.Purpose = "a child is held", comity.PurposeDangerToLife
	p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, b))
	p.sees(t, "in danger to life", comity.PurposeDangerToLife, p.suspect, p.child)
	confirm := func(subjects ...comity.ID) error {
		d := p.decision(subjects...)
		d.Purpose = comity.PurposeDangerToLife
		p.owner.Do(t, d)
		body := statement.ConfirmBody{Case: p.c, Release: d.ID, NotAfter: b.NotAfter}
		return deputy.Try(t, &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: b.ID, ExpectedVersion: 2, Body: body,
			Act: deputy.Sign(t, statement.Act{Act: statement.ActGrantConfirm, Record: b.ID}, body)})
	}
	want(t, confirm(), comity.CodeDenied, comity.ArticleLiaison)
	want(t, confirm(p.victim), comity.CodeDenied, comity.ArticleLiaison)
	must(t, confirm(p.victim, p.child))
	p.Clock.Advance(comity.EmergencyAge + time.Hour)
	p.foreign = p.As(t, "investigator@AM")
	p.sees(t, "confirmed", comity.PurposeDangerToLife, p.suspect, p.child)
}

// TestAttackNamed: who writes to the database past the gate names nobody.
func TestAttackNamed(t *testing.T) {
	t.Run("named in the row", func(t *testing.T) {
		g, raw := operated(t)
		p := inCase(t, g)
		exec(t, raw, `UPDATE grants SET subjects = ? WHERE id = ?`, `["`+string(p.victim)+`"]`, g.grant.Body.ID)
		p.sees(t, "named in the row alone", investigation)
	})
	t.Run("narrowing undone", func(t *testing.T) {
		g, raw := operated(t)
		p := inCase(t, g)
		b := p.body(p.released(t, p.victim, p.witness), p.victim, p.witness)
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, b))
		exec(t, raw, `CREATE TABLE old AS SELECT * FROM grants`)
		p.liaison.Do(t, p.narrowing(t, b, 2, comity.ScopeFull, p.witness))
		exec(t, raw, `UPDATE grants SET narrowing = old.narrowing, subjects = old.subjects FROM old WHERE grants.id = old.id`)
		p.sees(t, "as the register has it", investigation, p.suspect, p.witness)
	})
	t.Run("a role flipped while it is granted", func(t *testing.T) {
		g, raw := operated(t)
		p := inCase(t, g)
		release := p.released(t, p.victim)
		exec(t, raw, `UPDATE subjects SET tlp = 'AMBER' WHERE id = ?`, p.redVictim)
		d := p.decision(p.redVictim)
		p.owner.Do(t, d) // a decision is about ids; what is granted on it is held against the words
		if p.liaison.Try(t, p.liaison.MakeGrant(t, p.c, p.body(d.ID, p.redVictim))) == nil {
			t.Error("a person marked TLP:RED was named over a label that does not open with the words")
		}
		exec(t, raw, `UPDATE subjects SET tlp = 'RED' WHERE id = ?`, p.redVictim)
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, p.body(release, p.victim)))
		p.sees(t, "the label put back", investigation, p.suspect, p.victim)
	})
}

// TestNamedAnnotation: what is accepted of a person whom full scope leaves out is
// shown to no third state by scope alone.
func TestNamedAnnotation(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		p := inCase(t, newGranted(t))
		b := p.body(p.released(t, p.victim), p.victim)
		p.liaison.Do(t, p.liaison.MakeGrant(t, p.c, b))
		plain := p.liaison.MakeGrant(t, p.c, p.liaison.GrantBody("BY", p.owner.Release(t, p.c, "BY")))
		p.liaison.Do(t, plain)
		third := p.As(t, "investigator@BY")
		for _, id := range []comity.ID{p.victim, p.suspect} {
			note := p.foreign.Annotate(t, p.c, id, b.ID, "known here")
			p.foreign.Do(t, note)
			p.owner.Do(t, p.owner.Answers(t, note.Body.ID, note.Statement, comity.DispatchAccepted, ""))
		}
		records := func(o *exchangetest.Officer) (all []comity.ID) {
			for _, v := range annotationsOf(t, o, p.c) {
				all = append(all, v.Record)
			}
			return all
		}
		if all := records(p.As(t, "liaison@AM")); len(all) != 2 {
			t.Errorf("the author's state reads %v", all)
		}
		if all := records(third); !slices.Equal(all, []comity.ID{p.suspect}) {
			t.Errorf("a grantee to whom the victim is not named reads annotations of %v", all)
		}
	})
}

// TestAnnotationMarked: the author's marking binds an accepted annotation to third
// states too: what is kept with the originator is not shown on, and what is shown
// comes with what binds it, and without how both sides dealt with each other.
func TestAnnotationMarked(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		third := g.As(t, "investigator@BY")
		mark := func(tlp comity.TLP, pap comity.PAP, h comity.Handling) comity.Marking {
			return comity.Marking{TLP: tlp, PAP: pap, Handling: h}
		}
		of := map[comity.ID]comity.Marking{}
		for _, m := range []comity.Marking{mark(comity.TLPAmber, comity.PAPRed, comity.H1), mark(comity.TLPRed, comity.PAPAmber, comity.H0),
			mark(comity.TLPAmberStrict, comity.PAPAmber, comity.H0), mark(comity.TLPAmber, comity.PAPAmber, comity.H2), mark(comity.TLPAmber, comity.PAPAmber, comity.H3)} {
			body := statement.AnnotationBody{ID: comity.NewID(comity.KindAnnotation), Record: g.c, Grant: g.grant.Body.ID, Form: comity.AnnotationFact,
				Source: "A", Information: "1", Marking: m, Text: "known here"}
			note := &exchange.Annotate{Key: exchangetest.Key(), Case: g.c, Body: body, Act: g.foreign.Sign(t, statement.Act{Act: statement.ActAnnotationAdd, Record: g.c}, body)}
			g.foreign.Do(t, note)
			g.owner.Do(t, g.owner.Answers(t, body.ID, note.Statement, comity.DispatchAccepted, "an inner remark to Armenia"))
			of[body.ID] = m
		}
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("BY", g.owner.Release(t, g.c, "BY"))))
		shown := annotationsOf(t, third, g.c)
		if len(shown) != 1 || of[shown[0].ID] != mark(comity.TLPAmber, comity.PAPRed, comity.H1) {
			t.Fatalf("Belarus is shown %+v", shown)
		}
		v := shown[0]
		if v.Text == nil || v.Text.Text != "known here" || v.Grant != "" || v.Answered != nil {
			t.Errorf("Belarus is shown it as %+v, text %+v, answered %+v", v.Dispatch, v.Text, v.Answered)
		}
		codes := func(d *exchange.DispatchView) (all []comity.ObligationCode) {
			for _, o := range d.Obligations() {
				all = append(all, o.Code)
			}
			return all
		}
		for _, c := range []comity.ObligationCode{comity.ObligePurpose, comity.ObligePAPRed, comity.ObligeH1, comity.ObligeOnward} {
			if !slices.Contains(codes(v), c) {
				t.Errorf("it binds Belarus by %v, not by %s", codes(v), c)
			}
		}
		if all := annotationsOf(t, g.owner, g.c); len(all) != 5 {
			t.Errorf("the originator is shown %d", len(all))
		}
		home := g.owner.Dispatch(t, v.ID)
		if home.Grant == "" || home.Answered == nil || !slices.Equal(codes(home), []comity.ObligationCode{comity.ObligeH1, comity.ObligePAPRed, comity.ObligeTLPAmber}) {
			t.Errorf("the originator is shown it as %+v, bound by %v", home.Dispatch, codes(home))
		}
		if author := g.foreign.Dispatch(t, v.ID); author.Answered == nil || author.Answered.Reason != "an inner remark to Armenia" {
			t.Errorf("the author is shown the answer %+v", author.Answered)
		}

		// Both states read of who was shown it; under which grant the originator alone.
		read := func(who string) (grants []comity.ID) {
			for _, c := range about(logOf(t, g.World, who), v.ID) {
				for _, r := range c.Records {
					if c.Act == "read" && c.Actor.State == "BY" && r.ID == string(v.ID) {
						grants = append(grants, r.Grant)
					}
				}
			}
			return grants
		}
		if got := read("auditor@AM"); !slices.Equal(got, []comity.ID{""}) {
			t.Errorf("the author's state reads of %v", got)
		}
		if got := read("auditor@KZ"); len(got) != 1 || got[0] == "" {
			t.Errorf("the originator reads of %v", got)
		}
	})
}

// TestNoticeOfAnnotation: what was accepted and shown on can prove wrong as well:
// the originator's notice reaches who was shown it.
func TestNoticeOfAnnotation(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		third := g.As(t, "investigator@BY")
		note, open := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "known here"), g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "not accepted")
		g.foreign.Do(t, note)
		g.foreign.Do(t, open)
		g.owner.Do(t, g.owner.Answers(t, note.Body.ID, note.Statement, comity.DispatchAccepted, ""))
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("BY", g.owner.Release(t, g.c, "BY"))))
		if len(annotationsOf(t, third, g.c)) != 1 {
			t.Fatal("Belarus is not shown the annotation")
		}
		n := g.liaison.Notice(t, g.c, note.Body.ID, 0, comity.NoticeErase)
		g.liaison.Do(t, n)
		if v := third.Dispatch(t, n.Body.ID); !slices.Equal(n.Reached, []comity.State{"BY"}) || v == nil || v.Record != note.Body.ID {
			t.Errorf("the notice reached %v: %+v", n.Reached, v)
		}
		other := g.owner.FileCase(t, "Another", "AM")
		for _, c := range []struct{ of, record comity.ID }{{g.c, open.Body.ID}, {g.c, comity.NewID(comity.KindAnnotation)}, {other, note.Body.ID}} {
			want(t, g.liaison.Try(t, g.liaison.Notice(t, c.of, c.record, 0, comity.NoticeErase)), comity.CodeNotFound, 0)
		}
	})
}
