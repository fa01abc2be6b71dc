package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// StandingGrant is one signed statement by which the own state opens to other members
// of a joint team what its officers contribute to it.
type StandingGrant struct {
	ID         comity.ID         `json:"id"`
	Team       string            `json:"team"` // id of the agreement that sets the team up
	Liaison    comity.OfficerRef `json:"liaison"`
	Function   string            `json:"function"`
	Grantees   []comity.Grantee  `json:"grantees"`
	Scope      comity.Scope      `json:"scope"` // the widest that it grants
	Grade      comity.Grade      `json:"grade"`
	Assistance string            `json:"assistance,omitempty"`
	Caveats    comity.Caveats    `json:"caveats"`
	Purpose    comity.Purpose    `json:"purpose"`
	NotAfter   time.Time         `json:"notAfter"`
	Live       bool              `json:"live"`
	CreatedAt  time.Time         `json:"createdAt"`
	EndedBy    comity.OfficerRef `json:"endedBy,omitempty"`
	EndedAt    time.Time         `json:"endedAt,omitzero"`
	Statement  string            `json:"statement"`
	// Ended are the grants under it that ended, from [Client.StandingEnd] only.
	Ended []comity.ID `json:"endedGrants,omitempty"`
	Check Check       `json:"check"`
}

// NewContribution is a case to contribute to a joint team, until a whole second.
type NewContribution struct {
	Case     comity.ID
	Team     string          // id of the agreement that sets the team up
	Category comity.Category // of the case, as it is shown
	Marking  comity.Marking  // at least as strict as the case's
	Scope    comity.Scope    // the widest that is released
	Exhibits []comity.ID
	Subjects []comity.ID // victims, witnesses and minors who are released by name
	Purpose  comity.Purpose
	NotAfter time.Time
}

// CaseContribute contributes a case to a joint team, by a signed act of its owner.
// What liaisons grant the team by standing grants then follows by itself. The
// state's statement is verified on receipt.
func (c *Client) CaseContribute(ctx context.Context, in NewContribution) (*Release, error) {
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	until := in.NotAfter.UTC().Truncate(time.Second)
	body := statement.ContributionBody{ID: comity.NewID(comity.KindRelease), Team: in.Team, Category: in.Category, Marking: in.Marking, Scope: in.Scope,
		Exhibits: in.Exhibits, Subjects: in.Subjects, Purpose: in.Purpose, NotAfter: until.Unix()}
	r, err := releaseOf(mutate[releasePayload](ctx, c, "CaseContribute", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActCaseContribute, Record: in.Case}, body)
		return struct {
			ID       comity.ID       `json:"id"`
			Case     comity.ID       `json:"case"`
			Team     string          `json:"team"`
			Category comity.Category `json:"category"`
			Marking  comity.Marking  `json:"marking"`
			Scope    comity.Scope    `json:"scope"`
			Exhibits []comity.ID     `json:"exhibits,omitempty"`
			Subjects []comity.ID     `json:"subjects,omitempty"`
			Purpose  comity.Purpose  `json:"purpose"`
			NotAfter time.Time       `json:"notAfter"`
			Act      string          `json:"act"`
		}{body.ID, in.Case, body.Team, body.Category, body.Marking, body.Scope, body.Exhibits, body.Subjects, body.Purpose, until, act}, err
	}))
	if err != nil {
		return nil, err
	}
	return r, c.checkOwn(ctx, r.Statement, statement.KindContribution, body.ID, in.Case, body)
}

// ContributionWithdraw takes a contribution to a joint team back, and gives it with
// the grants that ended by it.
func (c *Client) ContributionWithdraw(ctx context.Context, contribution, caseID comity.ID, reason string) (*Release, []comity.ID, error) {
	if err := errors.Join(id("contribution", contribution, comity.KindRelease), id("case", caseID, comity.KindCase)); err != nil {
		return nil, nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, nil, err
	}
	body := statement.ContributionEndBody{Case: caseID, Reason: reason}
	p, err := mutate[teamPayload](ctx, c, "ContributionWithdraw", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActContributionWithdraw, Record: contribution}, body)
		return struct {
			Contribution comity.ID `json:"contribution"`
			Case         comity.ID `json:"case"`
			Reason       string    `json:"reason,omitempty"`
			Act          string    `json:"act"`
		}{contribution, caseID, reason, act}, err
	})
	if err == nil && p.Release == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, nil, err
	}
	return p.Release, p.Ended, c.checkOwn(ctx, p.Statement, statement.KindContributionEnd, contribution, caseID, body)
}

type teamPayload struct {
	payload
	Release   *Release       `json:"release"`
	Standing  *StandingGrant `json:"standing"`
	Ended     []comity.ID    `json:"endedGrants"`
	Statement string         `json:"statement"`
}

// NewStanding is the terms of a standing grant, until a whole second.
type NewStanding struct {
	Team       string // id of the agreement that sets the team up
	Grantees   []comity.Grantee
	Scope      comity.Scope
	Grade      comity.Grade
	Assistance string // the mutual-assistance decision, for GradeEvidence
	Caveats    comity.Caveats
	Purpose    comity.Purpose
	NotAfter   time.Time
}

// StandingMake grants to other members of a joint team what the own state's officers
// contribute to it, before and after, by a signed act of the liaison. The state's
// statement is verified on receipt.
func (c *Client) StandingMake(ctx context.Context, in NewStanding) (*StandingGrant, error) {
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	until, standing := in.NotAfter.UTC().Truncate(time.Second), comity.NewID(comity.KindStanding)
	body := statement.StandingBody{Team: in.Team, Grantees: in.Grantees, Scope: in.Scope, Grade: in.Grade, Assistance: in.Assistance, Caveats: in.Caveats,
		Purpose: in.Purpose, NotAfter: until.Unix()}
	p, err := mutate[teamPayload](ctx, c, "StandingMake", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActStandingMake, Record: standing}, body)
		return struct {
			ID         comity.ID        `json:"id"`
			Team       string           `json:"team"`
			Grantees   []comity.Grantee `json:"grantees"`
			Scope      comity.Scope     `json:"scope"`
			Grade      comity.Grade     `json:"grade"`
			Assistance string           `json:"assistance,omitempty"`
			Caveats    comity.Caveats   `json:"caveats"`
			Purpose    comity.Purpose   `json:"purpose"`
			NotAfter   time.Time        `json:"notAfter"`
			Act        string           `json:"act"`
		}{standing, body.Team, body.Grantees, body.Scope, body.Grade, body.Assistance, body.Caveats, body.Purpose, until, act}, err
	})
	if err == nil && p.Standing == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	if err := c.checkOwn(ctx, p.Standing.Statement, statement.KindStanding, standing, standing, body); err != nil {
		return nil, err
	}
	p.Standing.Check = Check{errNone}
	return p.Standing, nil
}

// StandingEnd ends a standing grant and every grant under it.
func (c *Client) StandingEnd(ctx context.Context, standing comity.ID, reason string) (*StandingGrant, error) {
	if err := id("standing", standing, comity.KindStanding); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.StandingEndBody{Reason: reason}
	p, err := mutate[teamPayload](ctx, c, "StandingEnd", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActStandingEnd, Record: standing}, body)
		return struct {
			Standing comity.ID `json:"standing"`
			Reason   string    `json:"reason,omitempty"`
			Act      string    `json:"act"`
		}{standing, reason, act}, err
	})
	if err == nil && p.Standing == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	if err := c.checkOwn(ctx, p.Statement, statement.KindStandingEnd, standing, standing, body); err != nil {
		return nil, err
	}
	p.Standing.Ended = p.Ended
	return p.Standing, c.checkStanding(ctx, p.Standing)
}

// Standings lists the own state's standing grants, newest first: live ones, or with
// all every one.
func (c *Client) Standings(ctx context.Context, all bool, first int, after string) (Page[StandingGrant], error) {
	var data struct {
		Viewer struct {
			Standings Page[StandingGrant] `json:"standings"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Standings", variables(map[string]any{"all": all, "first": first, "after": after}), &data)
	for i := range data.Viewer.Standings.Nodes {
		if err == nil {
			err = c.checkStanding(ctx, &data.Viewer.Standings.Nodes[i])
		}
	}
	return data.Viewer.Standings, err
}

// checkStanding verifies the statement behind a standing grant of the own state.
func (c *Client) checkStanding(ctx context.Context, s *StandingGrant) error {
	own, err := c.state(ctx)
	if err != nil {
		return err
	}
	made, err := c.statementOf(ctx, s.Statement, []statement.Kind{statement.KindStanding}, own, s.ID, s.ID)
	var b statement.StandingBody
	if err == nil {
		err = made.Decode(&b)
	}
	if err == nil && (b.Team != s.Team || !slices.Equal(b.Grantees, s.Grantees) || b.Scope != s.Scope || b.Grade != s.Grade || b.Assistance != s.Assistance ||
		b.Caveats != s.Caveats || b.Purpose != s.Purpose || b.NotAfter != s.NotAfter.Unix() || made.Officer.Ref != s.Liaison) {
		err = errors.New("the standing grant is shown otherwise than the state signed")
	}
	if err == nil {
		err = errNone
	}
	s.Check = Check{err}
	return nil
}
