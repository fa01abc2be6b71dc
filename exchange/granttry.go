package exchange

import (
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// GrantTrial is what a grant would do, before anybody makes it.
type GrantTrial struct {
	// Alone: the liaison could make it. Proposed: the liaison could propose it, for
	// another to approve.
	Alone, Proposed bool
	// Denials are everything that stands in the way of making it alone, or, where
	// it takes two, of proposing it.
	Denials []Reason
	// Faults are mistakes of form and what else would refuse it, all at once.
	Faults []error

	Grantee  comity.Grantee
	Agencies []comity.AgencyID // that it would reach
	From     time.Time
	Until    time.Time // by when it ends, whoever confirms it
	// Lapses is when it ends unless a second liaison confirms it, zero where it
	// does not lapse.
	Lapses    time.Time
	Basis     *Basis
	Mandate   comity.ID         // under which it would be made
	ActingFor comity.OfficerRef // whose mandate that is, when it is not the liaison's own
	// Level and Withheld are what the grantee would see of the case.
	Level    sovereignty.Access
	Withheld []Redaction
	Tally    storage.Tally
	Exhibits []comity.Evidence // that it would open, by name
	Subjects []comity.Subject  // victims, witnesses and minors whom it would open, by name
}

// TryGrant weighs a grant that nobody makes: nothing is signed, and nothing is told
// abroad. It is nil for a case that is not to be found.
func (r *Reader) TryGrant(c comity.ID, b statement.GrantBody) (*GrantTrial, error) {
	a := &attempt{x: r.x, who: r.who, now: r.now, action: sovereignty.GrantMake}
	b.ID = comity.NewID(comity.KindGrant)
	view, record, visible, err := a.findCase(r.tx, c)
	if err != nil {
		return nil, err
	}
	own := visible && view.Own
	q := sovereignty.Question{Officer: r.who.Officer, Action: sovereignty.GrantMake, Record: record,
		Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true}}
	g := &MakeGrant{Case: c, Body: b, changeCase: changeCase{view: view}}
	if own {
		if err := g.circumstances(r.tx, a, &q); err != nil {
			return nil, err
		}
	}
	alone := r.x.policies.Explain(q)
	if d := alone[0]; !d.Permit && !d.Explainable {
		r.note(audit.Record{ID: string(c)}, "")
		return nil, nil
	}
	t := &GrantTrial{Alone: alone[0].Permit, Grantee: b.Grantee, Level: sovereignty.AccessNone}
	if !own || r.who.Officer.Role != comity.RoleLiaison { // who grants nothing is not shown what it would do
		t.Denials = r.x.reasons(alone, q)
		r.note(audit.Record{ID: string(c), Level: string(sovereignty.AccessNone), Purpose: b.Purpose}, view.State)
		return t, nil
	}
	q.Action = sovereignty.GrantPropose
	together := r.x.policies.Explain(q)
	t.Proposed = together[0].Permit && b.Emergency == ""
	if !t.Alone && !t.Proposed {
		// Of what takes two, that it takes two is not in the way.
		t.Denials = r.x.reasons(together, q)
		if b.Emergency != "" {
			t.Denials = r.x.reasons(alone, q)
		}
	}
	t.Mandate = g.mandate.ID
	if g.mandate.Liaison != r.who.Officer.Ref() {
		t.ActingFor = g.mandate.Liaison
	}
	r.note(audit.Record{ID: string(c), Level: string(sovereignty.AccessOwn), Purpose: b.Purpose}, view.State)
	return t, r.weigh(t, g, a)
}

// weigh fills in what a grant would open, and to whom.
func (r *Reader) weigh(t *GrantTrial, g *MakeGrant, a *attempt) error {
	b, view := g.Body, g.view
	for _, err := range []error{g.check(), r.x.grantee(b.Grantee), a.checkNamed(r.tx, view.ID, b.Scope, b.Exhibits, b.Subjects), a.checkRequest(r.tx, view.ID, b)} {
		if err != nil {
			if comity.CodeOf(err) == comity.CodeInternal || comity.CodeOf(err) == comity.CodeUnavailable {
				return err
			}
			t.Faults = append(t.Faults, err)
		}
	}
	if b.Category != view.Category {
		t.Faults = append(t.Faults, comity.Invalid("category", "the case is of another category; read it again"))
	}
	basis, err := r.x.basis(r.tx, r.viewer(), view, b)
	if err != nil {
		return err
	}
	t.Basis = basis
	if m, err := r.x.dir.State(b.Grantee.State); err == nil {
		for _, agency := range m.Agencies {
			if b.Grantee.Agency == "" || agency.ID == b.Grantee.Agency {
				t.Agencies = append(t.Agencies, agency.ID)
			}
		}
	}
	t.From, t.Until = time.Unix(b.NotBefore, 0).UTC(), time.Unix(b.NotAfter, 0).UTC()
	if lapses := r.now.Truncate(time.Second).Add(comity.EmergencyAge); b.Emergency != "" && lapses.Before(t.Until) {
		t.Lapses = lapses
	}
	if b.Scope.Rank() < 0 {
		return nil // what it opens cannot be said
	}
	seen := &CaseView{Case: view.Case.Case, Access: Access{Level: map[comity.Scope]sovereignty.Access{comity.ScopeFull: sovereignty.AccessFull,
		comity.ScopeSummary: sovereignty.AccessSummary, comity.ScopeExhibits: sovereignty.AccessExhibits}[b.Scope]}}
	seen.abroad()
	t.Level, t.Withheld = seen.Access.Level, seen.Access.Redactions
	if t.Tally, err = r.tx.Tally(view.ID); err != nil {
		return err
	}
	if t.Level != sovereignty.AccessFull {
		t.Tally.Entries.Abroad, t.Tally.Subjects.Abroad, t.Tally.Observables.Abroad = 0, 0, 0
	}
	found, err := r.tx.EvidenceByID(b.Exhibits)
	for _, id := range b.Exhibits {
		if e, ok := found[id]; ok && e.Case == view.ID && e.Status == comity.EvidenceSealed && !slices.ContainsFunc(t.Exhibits, func(x comity.Evidence) bool { return x.ID == id }) {
			t.Exhibits = append(t.Exhibits, e.Evidence)
		}
	}
	if err != nil {
		return err
	}
	t.Tally.Evidence.Abroad = len(t.Exhibits)
	if t.Subjects, err = a.named(r.tx, view.ID, b.Subjects); err != nil || t.Level != sovereignty.AccessFull {
		t.Subjects = nil
		return err
	}
	t.Tally.Subjects.Abroad += len(t.Subjects)
	return nil
}
