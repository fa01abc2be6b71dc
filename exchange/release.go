package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// maxTerm bounds how far in the future a grant may end (Article 11).
const maxTerm = 5 * 366 * 24 * time.Hour

// DecideRelease records the decision of a case's owner, a prosecutor or a
// court that a case may be released, without which no liaison grants. The case
// thereby reaches the state's liaisons and its authority.
type DecideRelease struct {
	Key       string         `json:"-"`
	Case      comity.ID      `json:"case"`
	Decider   comity.Decider `json:"decider"`
	Reference string         `json:"reference"`
	Grantee   comity.State   `json:"grantee"`
	Scope     comity.Scope   `json:"scope"`
	Exhibits  []comity.ID    `json:"exhibits"`
	Subjects  []comity.ID    `json:"subjects,omitempty"` // victims, witnesses and minors whom a grant may name
	Purpose   comity.Purpose `json:"purpose"`
	NotAfter  time.Time      `json:"notAfter"`

	ID comity.ID `json:"-"`
}

func (d *DecideRelease) about() (sovereignty.Action, string, any) {
	return sovereignty.ReleaseDecide, d.Key, d
}

func (d *DecideRelease) judge(tx storage.ReadTx, a *attempt) error {
	view, err := a.actOnCase(tx, d.Case, sovereignty.Circumstances{})
	if err != nil {
		return err
	}
	switch {
	case d.Decider != comity.DeciderOwner && d.Decider != comity.DeciderProsecutor && d.Decider != comity.DeciderCourt:
		return comity.Invalid("decider", "the deciders are OWNER, PROSECUTOR and COURT")
	case d.Decider != comity.DeciderOwner && d.Reference == "":
		return comity.Invalid("reference", "a prosecutor's or court's decision has a reference")
	case checkLine("reference", d.Reference) != nil:
		return checkLine("reference", d.Reference)
	case !d.Grantee.Valid() || d.Grantee == view.State:
		return comity.Invalid("grantee", "a release names another state")
	case !d.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	}
	if err := a.x.member("grantee", d.Grantee); err != nil {
		return err
	}
	if err := checkTerm("notAfter", a.now, a.now, d.NotAfter); err != nil {
		return err
	}
	return a.checkNamed(tx, view.ID, d.Scope, d.Exhibits, d.Subjects)
}

// checkNamed takes a scope, exhibits of the case that are complete, and persons of
// it whom full scope leaves out.
func (a *attempt) checkNamed(tx storage.ReadTx, c comity.ID, s comity.Scope, exhibits, subjects []comity.ID) error {
	if s != comity.ScopeSummary && s != comity.ScopeFull && s != comity.ScopeExhibits {
		return comity.Invalid("scope", "the scopes are SUMMARY, FULL and EXHIBITS")
	}
	if s == comity.ScopeExhibits && len(exhibits) == 0 {
		return comity.Invalid("exhibits", "this scope names at least one exhibit")
	}
	if len(exhibits) > maxPerAct {
		return comity.Invalid("exhibits", fmt.Sprintf("at most %d exhibits are named", maxPerAct))
	}
	found, err := a.exhibits(tx, exhibits)
	if err != nil {
		return err
	}
	for _, id := range exhibits {
		if e, ok := found[id]; !ok || e.Case != c || e.Status != comity.EvidenceSealed {
			return comity.Invalid("exhibits", "this is not a complete exhibit of the case")
		}
	}
	return a.checkPersons(tx, c, s, subjects)
}

// checkPersons takes persons whom a scope that leaves them out would open by name.
// One who is hidden, or of another case, is refused as one who does not exist.
func (a *attempt) checkPersons(tx storage.ReadTx, c comity.ID, s comity.Scope, subjects []comity.ID) error {
	switch {
	case len(subjects) == 0:
		return nil
	case s != comity.ScopeFull:
		return comity.Invalid("subjects", "persons are named within full scope only").CuredBy("name none, or choose FULL")
	case len(subjects) > custodian.MaxSubjects:
		return comity.Invalid("subjects", fmt.Sprintf("at most %d persons are named", custodian.MaxSubjects))
	}
	found, err := a.subjects(tx, c, subjects)
	if err != nil {
		return err
	}
	for i, id := range subjects {
		switch p, ok := found[id]; {
		case !ok:
			return comity.Invalid("subjects", "this is not a subject of the case")
		case slices.Contains(subjects[:i], id):
			return comity.Invalid("subjects", "a person is named twice").CuredBy("name each once")
		case p.Marking.TLP == comity.TLPRed:
			return comity.Invalid("subjects", "what is marked TLP:RED inside a case is no part of full scope, named or not").CuredBy("leave it out")
		case !p.Protected():
			return comity.Invalid("subjects", "full scope opens this subject unnamed: only victims, witnesses and minors are named").CuredBy("leave it out")
		}
	}
	return nil
}

// subjects finds those subjects of a case that the officer may find. Of what is
// hidden no row is loaded, as of what is absent (Article 12).
func (a *attempt) subjects(tx storage.ReadTx, c comity.ID, ids []comity.ID) (map[comity.ID]storage.Subject, error) {
	cases, err := tx.Parents(a.viewer(), ids)
	if err != nil {
		return nil, err
	}
	return tx.SubjectsByID(slices.DeleteFunc(slices.Clone(ids), func(id comity.ID) bool { return cases[id] != c }))
}

// named are those of the subjects that a grant of full scope opens by their names.
func (a *attempt) named(tx storage.ReadTx, c comity.ID, ids []comity.ID) (all []comity.Subject, err error) {
	found, err := a.subjects(tx, c, ids)
	for i, id := range ids {
		if s, ok := found[id]; ok && !slices.Contains(ids[:i], id) && s.Protected() && s.Marking.TLP != comity.TLPRed {
			all = append(all, s.Subject)
		}
	}
	return all, err
}

func checkTerm(field string, now, from, until time.Time) error {
	switch {
	case !until.After(now) || !until.After(from):
		return comity.Denied(comity.ArticleTerm, "every grant and release ends in the future, after it begins", "name a later end")
	case until.After(now.Add(maxTerm)):
		return comity.Denied(comity.ArticleTerm, "no grant or release runs longer than five years", "name an earlier end and renew it then")
	}
	return nil
}

func (d *DecideRelease) prepare(context.Context, *attempt) error {
	d.ID = comity.NewID(comity.KindRelease)
	return nil
}

func (d *DecideRelease) commit(tx storage.Tx, a *attempt) error {
	own := a.who.Officer.State
	err := tx.InsertRelease(comity.Release{ID: d.ID, Case: d.Case, State: own, Officer: a.who.Officer.Ref(), Decider: d.Decider,
		Reference: d.Reference, Grantee: d.Grantee, Scope: d.Scope, Exhibits: d.Exhibits, Subjects: d.Subjects, Purpose: d.Purpose,
		NotAfter: d.NotAfter, CreatedAt: a.now})
	if err != nil {
		return err
	}
	for _, office := range []comity.Role{comity.RoleLiaison, comity.RoleAuthority} {
		if err := tx.Assign(d.Case, storage.OfficeViewer(own, office), a.who.Officer.Ref()); err != nil {
			return err
		}
	}
	a.on(string(d.ID))
	a.made = []comity.ID{d.ID}
	return nil
}

func (d *DecideRelease) finish(context.Context, *attempt) error { return nil }

func (d *DecideRelease) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	d.ID = ids[0]
	return nil
}

// WithdrawRelease withdraws a release decision: no further grant rests on it.
// Grants that were made on it run on until a liaison ends them.
type WithdrawRelease struct {
	Key     string    `json:"-"`
	Case    comity.ID `json:"case"`
	Release comity.ID `json:"release"`
}

func (d *WithdrawRelease) about() (sovereignty.Action, string, any) {
	return sovereignty.ReleaseWithdraw, d.Key, d
}

func (d *WithdrawRelease) judge(tx storage.ReadTx, a *attempt) error {
	var named comity.Release
	_, err := a.actOnCaseAs(tx, d.Case, func(v storage.CaseView) (c sovereignty.Circumstances, err error) {
		all, err := tx.Releases([]comity.ID{v.ID})
		for _, r := range all[v.ID] {
			if r.ID == d.Release && r.Team == "" { // a contribution is withdrawn by a signed act
				named = r
			}
		}
		c.Recorded = named.Officer == a.who.Officer.Ref()
		return c, err
	})
	switch {
	case err != nil:
		return err
	case named.ID == "":
		return comity.NotFound()
	case !named.WithdrawnAt.IsZero():
		return comity.Conflict("the release decision is withdrawn already").CuredBy("there is nothing to do")
	}
	a.on(string(d.Release))
	return nil
}

func (d *WithdrawRelease) prepare(context.Context, *attempt) error { return nil }

func (d *WithdrawRelease) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{d.Release}
	return tx.WithdrawRelease(d.Release, a.who.Officer.Ref(), a.now)
}

func (d *WithdrawRelease) finish(context.Context, *attempt) error              { return nil }
func (d *WithdrawRelease) repeat(context.Context, *attempt, []comity.ID) error { return nil }
