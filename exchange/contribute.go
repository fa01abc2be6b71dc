package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ContributeCase is the signed decision of a case's owner that the case may be
// released to the members of a joint team. What the state's liaisons grant the team
// by standing grants then follows by itself (Articles 7 and 8).
type ContributeCase struct {
	Key  string                     `json:"-"`
	Case comity.ID                  `json:"case"`
	Body statement.ContributionBody `json:"body"`
	Act  string                     `json:"-"`

	Statement string `json:"-"` // the state's signed contribution

	changeCase
	canonical json.RawMessage
}

func (c *ContributeCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseContribute, c.Key, c
}

// team is the joint team of an id by which the officer's state is bound now, for a
// category where one is given.
func (a *attempt) team(id string, c comity.Category) (statement.Agreement, bool) {
	own := a.who.Officer.State
	m, err := a.x.dir.State(own)
	if err != nil {
		return statement.Agreement{}, false
	}
	i := slices.IndexFunc(m.Agreements, func(x statement.Agreement) bool { return x.ID == id && x.Team })
	if i < 0 {
		return statement.Agreement{}, false
	}
	t := m.Agreements[i]
	if c == "" {
		c = t.Categories[0]
	}
	return t, slices.ContainsFunc(t.Parties, func(s comity.State) bool {
		if s == own {
			return false
		}
		_, err := a.x.dir.Agreement(own, s, id, c, "", a.now)
		return err == nil
	})
}

func (c *ContributeCase) judge(tx storage.ReadTx, a *attempt) error {
	b := c.Body
	_, canonical, err := a.verify(c.Act, statement.ActCaseContribute, c.Case, b)
	if err != nil {
		return err
	}
	c.canonical = canonical
	var team statement.Agreement
	c.view, err = a.actOnCaseAs(tx, c.Case, func(v storage.CaseView) (q sovereignty.Circumstances, err error) {
		q.Signed = true
		team, q.Agreement = a.team(b.Team, v.Category)
		return q, nil
	})
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(b.ID), comity.KindRelease); err != nil {
		return err
	}
	until := time.Unix(b.NotAfter, 0).UTC()
	if err := first(checkTerm("notAfter", a.now, a.now, until), b.Marking.Check()); err != nil {
		return err
	}
	switch {
	case len(b.Exhibits)+len(b.Subjects) > statement.MaxContributed:
		return comity.Invalid("exhibits", fmt.Sprintf("a contribution names %d exhibits and persons at most", statement.MaxContributed))
	case b.Category != c.view.Category:
		return comity.Invalid("category", "the case is of another category; read it again")
	case !b.Marking.AsStrict(c.view.Marking):
		return comity.Invalid("marking", "what is contributed is marked at least as strictly as the case")
	case b.Marking.TLP == comity.TLPRed:
		return comity.Invalid("marking", "what is marked TLP:RED is granted by two liaisons").CuredBy("have the case granted by itself")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case until.After(team.Until):
		return comity.Denied(comity.ArticleTerm, "the contribution outlasts the joint team", "end it by "+team.Until.UTC().Format(time.RFC3339))
	}
	if err := a.checkNamed(tx, c.view.ID, b.Scope, b.Exhibits, b.Subjects); err != nil {
		return err
	}
	named, err := a.exhibits(tx, b.Exhibits)
	for _, e := range named {
		if e.Original {
			return comity.Invalid("exhibits", "an original is granted by two liaisons").CuredBy("leave it out, and have it granted by itself")
		}
	}
	a.on(string(b.ID))
	return err
}

func (c *ContributeCase) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(c.view.State)
	if err != nil {
		return err
	}
	c.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(c.Act), Kind: statement.KindContribution, ID: c.Body.ID, Record: c.Case, Body: c.canonical})
	return err
}

func (c *ContributeCase) commit(tx storage.Tx, a *attempt) error {
	b, own := c.Body, c.view.State
	err := tx.InsertRelease(comity.Release{ID: b.ID, Case: c.Case, State: own, Officer: a.who.Officer.Ref(), Decider: comity.DeciderOwner, Scope: b.Scope,
		Exhibits: b.Exhibits, Subjects: b.Subjects, Purpose: b.Purpose, NotAfter: time.Unix(b.NotAfter, 0).UTC(), CreatedAt: a.now, Team: b.Team, Statement: c.Statement})
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("no contribution can be made under this id").CuredBy("choose another id")
	}
	if err != nil {
		return err
	}
	for _, office := range []comity.Role{comity.RoleLiaison, comity.RoleAuthority} {
		if err := tx.Assign(c.Case, storage.OfficeViewer(own, office), a.who.Officer.Ref()); err != nil {
			return err
		}
	}
	a.made = []comity.ID{b.ID}
	return tx.AddEffect(stands(b.ID, own, a.now))
}

func (c *ContributeCase) finish(ctx context.Context, a *attempt) error {
	return a.x.standNow(ctx, stands(c.Body.ID, c.view.State, a.now))
}

func (c *ContributeCase) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		r, err := tx.Contribution(a.viewer(), ids[0])
		c.Statement = r.Statement
		return err
	})
	if err != nil {
		return err
	}
	return c.finish(ctx, a)
}

// WithdrawContribution takes a contribution to a joint team back, and ends what was
// granted on it.
type WithdrawContribution struct {
	Key          string                        `json:"-"`
	Contribution comity.ID                     `json:"contribution"`
	Body         statement.ContributionEndBody `json:"body"`
	Act          string                        `json:"-"`

	Ended     []comity.ID `json:"-"` // the grants that ended
	Statement string      `json:"-"` // the state's signed end of it

	row       comity.Release
	canonical json.RawMessage
}

func (w *WithdrawContribution) about() (sovereignty.Action, string, any) {
	return sovereignty.ContributionWithdraw, w.Key, w
}

// contributed finds a contribution of the own state as the officer may find its case.
func (a *attempt) contributed(tx storage.ReadTx, id comity.ID) (comity.Release, sovereignty.Question, error) {
	a.records = nil
	row, err := tx.Contribution(a.viewer(), id)
	if err != nil && !isAbsent(err) {
		return row, sovereignty.Question{}, err
	}
	view, record, visible, err := a.findCase(tx, row.Case)
	if err != nil {
		return row, sovereignty.Question{}, err
	}
	if visible = visible && view.Own; visible {
		a.origin = view.State
	}
	a.on(string(id))
	return row, sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true,
		Recorded: row.Officer == a.who.Officer.Ref()}}, nil
}

func (w *WithdrawContribution) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(w.Act, statement.ActContributionWithdraw, w.Contribution, w.Body)
	if err != nil {
		return err
	}
	row, q, err := a.contributed(tx, w.Contribution)
	if err != nil {
		return err
	}
	w.row, w.canonical = row, canonical
	if err := a.decide(q); err != nil {
		return err
	}
	switch {
	case w.Body.Case != row.Case:
		return comity.Invalid("case", "another case was contributed; read it again")
	case !row.WithdrawnAt.IsZero():
		return comity.Conflict("the contribution is withdrawn already").CuredBy("there is nothing to do")
	case len(w.Body.Reason) > maxObjection:
		return tooLong("reason", maxObjection)
	}
	return checkText("reason", w.Body.Reason)
}

func (w *WithdrawContribution) prepare(ctx context.Context, a *attempt) (err error) {
	w.Statement, err = a.signEnd(ctx, w.row.State, custodian.SignOrder{Asker: a.asker(w.Act), Kind: statement.KindContributionEnd,
		ID: w.Contribution, Record: w.row.Case, Body: w.canonical}, intent{})
	return err
}

func (w *WithdrawContribution) commit(tx storage.Tx, a *attempt) (err error) {
	a.made = []comity.ID{w.Contribution}
	if w.Ended, err = a.endUnder(tx, w.Contribution, tx.WithdrawRelease(w.Contribution, a.who.Officer.Ref(), a.now)); err != nil {
		return err
	}
	for _, id := range w.Ended {
		a.on(string(id))
	}
	if err := a.settled(tx, w.Contribution); err != nil {
		return err
	}
	return tx.AddEffect(apply(w.Contribution, w.row.State, w.Statement, a.now))
}

func (w *WithdrawContribution) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, w.Contribution, w.row.State, w.Statement)
}

// repeat has the end signed once more.
func (w *WithdrawContribution) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, w)
}

// endUnder ends what is under a contribution or a standing grant that has just been
// ended, and tells each grantee.
func (a *attempt) endUnder(tx storage.Tx, id comity.ID, err error) (ids []comity.ID, _ error) {
	if isAbsent(err) {
		return nil, storage.ErrConflict
	}
	if err != nil {
		return nil, err
	}
	ended, err := tx.EndGrantsUnder(id, a.now)
	for _, g := range ended {
		ids = append(ids, g.ID)
		a.tellEnded(g)
	}
	return ids, err
}
