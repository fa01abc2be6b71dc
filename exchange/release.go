package exchange

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
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
	return a.checkScope(tx, view.ID, d.Scope, d.Exhibits)
}

// checkScope takes a scope and exhibits of the case that are complete.
func (a *attempt) checkScope(tx storage.ReadTx, c comity.ID, s comity.Scope, exhibits []comity.ID) error {
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
	return nil
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
		Reference: d.Reference, Grantee: d.Grantee, Scope: d.Scope, Exhibits: d.Exhibits, Purpose: d.Purpose,
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
			if r.ID == d.Release {
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
