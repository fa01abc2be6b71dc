package exchange

import (
	"cmp"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// finder establishes the facts of a question that nobody acts on, as the acts
// themselves do. The statements that it runs are the same for records that are
// hidden and records that are absent.
type finder struct {
	*Reader
	a     *attempt
	why   Why
	basis *Basis
}

func (f *finder) question() (q sovereignty.Question, err error) {
	switch f.why.Record.Kind() {
	case "":
		return f.uponNone()
	case comity.KindRequest:
		found, err := f.tx.Requests(f.viewer(), []comity.ID{f.why.Record})
		row, ok := found[f.why.Record]
		if ok {
			f.agreed(row.State, row.To, "", row.Category, row.Kind)
		}
		return requestQuestion(row, ok, f.who.Officer), err
	case comity.KindGrant:
		return f.grant()
	case comity.KindRelease:
		_, q, err := f.a.contributed(f.tx, f.why.Record)
		return q, err
	case comity.KindMandate, comity.KindProposal, comity.KindReservation, comity.KindShift, comity.KindStanding:
		return f.office()
	case comity.KindHold:
		found, err := f.tx.Holds(f.viewer(), []comity.ID{f.why.Record})
		if err != nil {
			return q, err
		}
		return f.upon(found[f.why.Record].Case, "")
	case comity.KindWithdrawal:
		found, err := f.tx.Withdrawals(f.viewer(), []comity.ID{f.why.Record})
		if err != nil {
			return q, err
		}
		return f.upon(found[f.why.Record].Case, "")
	case comity.KindCase:
		return f.upon(f.why.Record, "")
	case comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled, comity.KindUndertaking:
		return f.dispatch()
	}
	parents, err := f.tx.Parents(f.viewer(), []comity.ID{f.why.Record})
	if err != nil {
		return q, err
	}
	return f.upon(parents[f.why.Record], f.why.Record)
}

// dispatch is about what one state handed another.
func (f *finder) dispatch() (q sovereignty.Question, err error) {
	v, record, ok, err := f.a.findDispatch(f.tx, f.why.Record)
	if err != nil {
		return q, err
	}
	q = sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: ok, Signed: true}}
	switch f.why.Action {
	case sovereignty.AnnotationAnswer:
		q.Record, err = f.a.annotated(f.tx, v)
	case sovereignty.ReferralChange:
		category := cmp.Or(f.why.Category, v.Category)
		q.Circumstances.Agreement = ok && f.agreed(v.State, v.To, "", category, "")
		q.Record.Reserved, _, err = f.a.domesticMatter(f.tx, v.Case, category)
	}
	return q, err
}

// agreed finds the legal basis between two states, "" of the first that covers.
func (f *finder) agreed(a, b comity.State, id string, c comity.Category, k comity.RequestKind) bool {
	found, err := f.x.dir.Agreement(a, b, id, c, k, f.now)
	if err == nil {
		f.basis = basisOf(found)
	}
	return err == nil
}

func basisOf(a statement.Agreement) *Basis {
	return &Basis{Agreement: a.ID, Title: a.Title, Hash: a.Hash()}
}

// resting is the basis that a grant rests on as it is now, nil when there is none.
func (f *finder) resting(g comity.Grant, rests basis, c comity.Category) *Basis {
	if comity.ID(rests.ID).Kind() == comity.KindUndertaking {
		return &Basis{Agreement: rests.ID, Hash: rests.Hash}
	}
	found, err := f.x.dir.Standing(g.State, g.Grantee.State, rests.ID, c, f.now)
	if err != nil {
		return nil
	}
	return basisOf(found)
}

func (f *finder) uponNone() (sovereignty.Question, error) {
	q := f.a.ownState()
	q.Circumstances.Signed = true
	switch f.why.Action {
	case sovereignty.CaseFile, sovereignty.RequestSend:
		category, _ := sovereignty.Category(f.why.Category)
		q.Record = sovereignty.Record{State: f.who.Officer.State, Agency: f.who.Officer.Agency, Category: f.why.Category,
			Marking: comity.DefaultMarking, Claimed: true, Nexus: true, Owner: true, To: f.why.State}
		q.Circumstances.Competent = f.why.Category == "" || f.a.competent(category)
		if f.why.Category == "" { // of any
			q.Record.Category = sovereignty.Categories()[0].Code
		}
	}
	if f.why.Action == sovereignty.ReferralOffer {
		q.Record.Dispatch, q.Record.To, q.Circumstances.Visible = comity.DispatchReferral, f.why.State, true
		q.Circumstances.Agreement = f.why.State == "" || f.why.Category == "" || f.agreed(f.who.Officer.State, f.why.State, "", f.why.Category, "")
		reserved, err := f.a.categoryReserved(f.tx, f.why.Category)
		q.Record.Reserved = reserved
		return q, err
	}
	if f.why.Action == sovereignty.LogErase { // of what is old enough, by the first of two
		q.Circumstances.Proposed, q.Circumstances.Aged = true, true
	}
	if f.why.Action == sovereignty.StandingMake {
		under, err := f.a.mandates(f.tx, f.who.Officer.Ref())
		q.Circumstances.Mandate, q.Circumstances.Agreement = len(under) > 0, f.teams(f.why.Category)
		return q, err
	}
	if f.why.Action == sovereignty.DutyContact && f.why.State != "" { // without one, the own state's
		q.Record.State = f.why.State
		q.Circumstances.Agreement = f.x.dir.Bound(f.who.Officer.State, f.why.State, f.now)
	}
	if f.why.Action == sovereignty.UndertakingGive {
		q.Record.Dispatch, q.Record.To, q.Circumstances.Visible = comity.DispatchUndertaking, f.why.State, true
		return q, nil
	}
	if f.why.Action == sovereignty.RequestSend {
		q.Circumstances.Agreement, q.Circumstances.Offered = f.why.State == "", f.why.State == ""
		if f.why.State != "" {
			found, lacking, err := f.x.dir.RequestBasis(f.who.Officer.State, f.why.State, q.Record.Category, f.why.Kind, comity.UrgencyRoutine, f.now)
			if err == nil {
				f.basis = basisOf(found)
			}
			q.Circumstances.Agreement, q.Circumstances.Offered = err == nil, len(lacking) == 0
		}
	}
	return q, nil
}

// office is about what belongs to the own state as such.
func (f *finder) office() (q sovereignty.Question, err error) {
	q = f.a.ownState()
	q.Circumstances.Visible, q.Circumstances.Signed, q.Circumstances.Proposed = false, true, true
	switch f.why.Record.Kind() {
	case comity.KindMandate, comity.KindShift, comity.KindStanding: // whoever may not end any is not told which there are
		asked := q
		asked.Officer, asked.Action, asked.Circumstances.Visible = f.who.Officer, f.why.Action, true
		if !f.x.policies.Decide(asked).Permit {
			return asked, nil
		}
		if f.why.Record.Kind() != comity.KindMandate {
			if f.why.Record.Kind() == comity.KindShift {
				_, err = f.tx.ShiftByID(f.who.Officer.State, f.why.Record)
			} else {
				_, err = f.tx.StandingByID(f.who.Officer.State, f.why.Record)
			}
			q.Circumstances.Visible = err == nil
			return q, absentIsNone(err)
		}
		all, err := f.tx.Mandates(f.who.Officer.State)
		q.Circumstances.Visible = slices.ContainsFunc(all, func(m comity.Mandate) bool { return m.ID == f.why.Record })
		return q, err
	case comity.KindProposal:
		found, err := f.tx.Proposals(f.viewer(), []comity.ID{f.why.Record})
		_, q.Circumstances.Visible = found[f.why.Record]
		return q, err
	}
	all, err := f.tx.Reservations(f.who.Officer.State)
	q.Circumstances.Visible = slices.ContainsFunc(all, func(r storage.Reservation) bool { return r.ID == f.why.Record })
	return q, err
}

func (f *finder) grant() (sovereignty.Question, error) {
	if f.why.Action == sovereignty.DisclosureNotify || f.why.Action == sovereignty.GrantObject {
		g, ok, covered, err := f.a.bound(f.tx, f.why.Record)
		return sovereignty.Question{Record: sovereignty.Record{State: g.State, Kind: comity.KindGrant}, Circumstances: sovereignty.Circumstances{Visible: ok,
			Signed: true, Explained: true, Grant: sovereignty.GrantFacts{Present: covered}}}, err
	}
	g, q, err := f.a.findGrant(f.tx, f.why.Record)
	if err != nil || !q.Circumstances.Visible {
		return q, err
	}
	c := &q.Circumstances
	c.Narrows = true
	c.Grant = sovereignty.GrantFacts{Present: g.Grantee.Covers(f.who.Officer)}
	if f.why.Action == sovereignty.GrantRead {
		q.Record.Assigned = g.State == f.who.Officer.State // whoever finds it there may read it
	}
	if basis, err := f.x.terms(g, q.Record.State); err == nil && g.Live(f.now) && q.Record.Category != "" {
		f.basis = f.resting(g, basis, q.Record.Category)
	}
	if f.why.Action != sovereignty.GrantConfirm || g.State != f.who.Officer.State {
		return q, nil
	}
	under, err := f.a.mandates(f.tx, f.who.Officer.Ref())
	if err != nil {
		return q, err
	}
	c.Mandate, c.Ceiling, c.Another = len(under) > 0, true, g.Liaison != f.who.Officer.Ref()
	c.Release, err = f.released(g.Case, g.Grantee.State, g.Purpose, g.Liaison)
	return q, err
}

// released is the release decision that would do best: what the terms of a grant
// would have to keep to is not known here.
func (f *finder) released(c comity.ID, to comity.State, p comity.Purpose, also comity.OfficerRef) (best sovereignty.ReleaseFacts, err error) {
	all, err := f.tx.Releases([]comity.ID{c})
	for _, r := range all[c] {
		if !r.Live(f.now) {
			continue
		}
		facts := sovereignty.ReleaseFacts{Present: true, ByAnother: r.Officer != f.who.Officer.Ref() && r.Officer != also,
			SameState: r.Team == "" && (to == "" || r.Grantee == to), SamePurpose: p == "" || r.Purpose == p, CoversScope: true, CoversExhibits: true, CoversSubjects: true, CoversTerm: true}
		if !best.Present || facts.SameState && facts.SamePurpose && (facts.ByAnother || !best.SameState || !best.SamePurpose) {
			best = facts
		}
	}
	return best, err
}

// upon is about a case, or a record inside it. Of a case that is hidden nothing more
// is loaded than of one that is absent.
func (f *finder) upon(id, inner comity.ID) (sovereignty.Question, error) {
	view, record, visible, err := f.a.findCase(f.tx, id)
	if err != nil {
		return sovereignty.Question{}, err
	}
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true, Purpose: f.why.Purpose}}
	switch {
	case visible && view.Own:
		return f.atHome(view, inner, q)
	case visible:
		return q, f.abroad(view, inner, &q)
	case view.Ended != nil && (f.why.Action == sovereignty.CaseRead || f.why.Action == sovereignty.CaseExport):
		q.Record.State, q.Circumstances.Visible = view.State, true
		q.Circumstances.Grant = sovereignty.GrantFacts{Present: true, Ended: true, Purpose: view.Ended.Purpose}
	}
	return q, nil
}

// abroad takes the grant that does most for the reader.
func (f *finder) abroad(view storage.CaseView, inner comity.ID, q *sovereignty.Question) error {
	var g *comity.Grant
	if inner.Kind() == comity.KindEvidence {
		g = grantNaming(view.Grants, inner, f.why.Purpose)
		q.Circumstances.Visible = g != nil
	} else if opened, err := f.opened(inner); err != nil || !slices.ContainsFunc(view.Grants, opened) {
		q.Circumstances.Visible = false
		return err
	} else if o := f.offer(view, f.why.Purpose); len(o.usable) > 0 {
		g = &o.usable[0]
	} else if len(o.others) > 0 {
		g = &o.others[0].Grant
	}
	q.Circumstances.Grant = grantFacts(g, inner)
	q.Circumstances.Assessed, q.Circumstances.Adverse = view.Assessed.Shareable(view.Category), view.Assessed.Adverse()
	if g == nil {
		return nil
	}
	if f.why.Action == sovereignty.AnnotationAdd { // what the grant opens is annotated
		live, err := f.a.reads(view, q.Record, *g)
		q.Circumstances.Grant.Live = err == nil && live
	}
	basis, err := f.x.terms(*g, view.State)
	if err == nil && f.x.inForce(*g, basis, view.Category, f.now) {
		q.Circumstances.Agreement = true
		if f.basis = f.resting(*g, basis, view.Category); f.basis != nil {
			f.basis.Grant = g.ID
		}
	}
	return nil
}

// opened tells whether a grant opens a record inside its case, or the case.
func (f *finder) opened(inner comity.ID) (func(comity.Grant) bool, error) {
	if inner == "" {
		return func(comity.Grant) bool { return true }, nil
	}
	_, opened, err := f.a.inside(f.tx, inner)
	return opened, err
}

// atHome loads what acts upon an own case are decided by.
func (f *finder) atHome(view storage.CaseView, exhibit comity.ID, q sovereignty.Question) (sovereignty.Question, error) {
	c := &q.Circumstances
	c.Resident, c.Becomes, c.KeepsNexus, c.Proposed, c.Term = f.a.resident(), view.Category, linkedAbroad(view.Nexus, view.State), true, true
	c.Assessed, c.Adverse, c.KeepsAssessed = view.Assessed.Shareable(view.Category), view.Assessed.Adverse(), true
	var err error
	if c.Granted, err = f.tx.GrantsRun(view.ID, f.now); err != nil {
		return q, err
	}
	if c.Held, err = f.tx.Held(view.ID, f.now); err != nil {
		return q, err
	}
	if exhibit.Kind() == comity.KindEvidence {
		found, err := f.tx.EvidenceByID([]comity.ID{exhibit})
		if err != nil {
			return q, err
		}
		q.Record.Original = found[exhibit].Original
	}
	switch f.why.Action {
	case sovereignty.CaseUpdate:
		return q, f.changing(view, c)
	case sovereignty.ReleaseDecide, sovereignty.CaseContribute, sovereignty.GrantMake, sovereignty.GrantPropose:
		c.Agreement = f.why.Action != sovereignty.CaseContribute || f.teams(view.Category)
		reserved, err := f.tx.CategoryReserved(view.State, view.Category)
		if err != nil {
			return q, err
		}
		q.Record.Reserved = q.Record.Reserved || reserved
	case sovereignty.ReleaseWithdraw:
		all, err := f.tx.Releases([]comity.ID{view.ID})
		c.Recorded = slices.ContainsFunc(all[view.ID], func(r comity.Release) bool { return r.Live(f.now) && r.Officer == f.who.Officer.Ref() })
		return q, err
	}
	if f.why.Action == sovereignty.GrantMake || f.why.Action == sovereignty.GrantPropose {
		return q, f.granting(view, c)
	}
	return q, nil
}

// changing is about the change of a case, into another category where one is given.
func (f *finder) changing(view storage.CaseView, c *sovereignty.Circumstances) (err error) {
	if f.why.Category == "" || f.why.Category == view.Category {
		return nil
	}
	c.Relabelled = true
	c.Becomes, c.KeepsAssessed = f.why.Category, view.Assessed.Shareable(f.why.Category)
	if c.LeavesReserved, err = f.a.categoryReserved(f.tx, view.Category); err == nil {
		c.EntersReserved, err = f.a.categoryReserved(f.tx, c.Becomes)
	}
	return err
}

// teams reports whether a joint team binds the own state now, for a category where
// one is given.
func (f *finder) teams(c comity.Category) bool {
	m, err := f.x.dir.State(f.who.Officer.State)
	return err == nil && slices.ContainsFunc(m.Agreements, func(x statement.Agreement) bool {
		_, in := f.a.team(x.ID, c)
		return in
	})
}

// granting takes the terms of a grant as the Articles want them, and asks of the
// rest: mandate, release decision, agreement.
func (f *finder) granting(view storage.CaseView, c *sovereignty.Circumstances) error {
	under, err := f.a.mandates(f.tx, f.who.Officer.Ref())
	if err != nil {
		return err
	}
	c.Mandate, c.Ceiling, c.FirstMandate, c.Caveats, c.Grade = len(under) > 0, true, true, true, comity.GradeLead
	c.Grantee = f.why.State
	if c.Agreement = f.why.State == ""; !c.Agreement && f.why.State != view.State {
		c.Agreement = f.agreed(view.State, f.why.State, "", view.Category, "")
		if !c.Agreement {
			if f.basis, err = f.undertaken(view); err != nil {
				return err
			}
			c.Agreement = f.basis != nil
		}
	}
	c.Release, err = f.released(view.ID, f.why.State, f.why.Purpose, "")
	return err
}

// undertaken finds an undertaking of the grantee's that was accepted for a case, nil
// for none.
func (f *finder) undertaken(c storage.CaseView) (*Basis, error) {
	filter := storage.DispatchFilter{Kind: comity.DispatchUndertaking, Received: true, State: f.why.State}
	for p := (storage.Page{Limit: maxPage}); ; {
		found, err := f.tx.ListDispatches(f.viewer(), filter, p)
		if err != nil {
			return nil, err
		}
		for _, u := range found {
			if accepts(u, c, f.why.State, f.now) {
				return &Basis{Agreement: string(u.ID)}, nil
			}
		}
		if len(found) < p.Limit {
			return nil, nil
		}
		p.After = place(found[len(found)-1].CreatedAt, found[len(found)-1].ID)
	}
}
