package client

import (
	"context"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Assessment is an officer's recorded judgement of a case's predominant
// character. Its reasons are empty while the state's keys cannot be reached.
type Assessment struct {
	ID        comity.ID         `json:"id"`
	Case      comity.ID         `json:"case"`
	Officer   comity.OfficerRef `json:"officer"`
	Function  string            `json:"function"`
	Category  comity.Category   `json:"category"`
	Character comity.Character  `json:"character"`
	CreatedAt time.Time         `json:"createdAt"`
	Conduct   string            `json:"conduct,omitempty"`
	Motive    string            `json:"motive,omitempty"`
	Context   string            `json:"context,omitempty"`
	Statement string            `json:"statement,omitempty"`
	Check     Check             `json:"check"`
}

// Objection is what the recipient of a grant holds against it.
type Objection struct {
	ID        comity.ID         `json:"id"`
	Grant     comity.ID         `json:"grant"`
	State     comity.State      `json:"state"`
	Officer   comity.OfficerRef `json:"officer"`
	Function  string            `json:"function"`
	Ground    comity.Character  `json:"ground"`
	CreatedAt time.Time         `json:"createdAt"`
	Statement string            `json:"statement"`
	Check     Check             `json:"check"`
}

// NewAssessment is an assessment to record.
type NewAssessment struct {
	Category  comity.Category // of the case, as it is shown
	Character comity.Character
	Conduct   string
	Motive    string
	Context   string
}

// CaseAssess records how the officer judges a case's predominant character, by a
// signed act (Article 5). The state's statement is verified on receipt.
func (c *Client) CaseAssess(ctx context.Context, caseID comity.ID, expectedVersion int, in NewAssessment) (*Case, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.AssessBody{ID: comity.NewID(comity.KindAssessment), Category: in.Category, Character: in.Character,
		Conduct: in.Conduct, Motive: in.Motive, Context: in.Context}
	p, err := mutate[casePayload](ctx, c, "CaseAssess", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActCaseAssess, Record: caseID}, body)
		return struct {
			statement.AssessBody
			Case            comity.ID `json:"case"`
			ExpectedVersion int       `json:"expectedVersion"`
			Act             string    `json:"act"`
		}{body, caseID, expectedVersion, act}, err
	})
	assessed, err := caseOf(p, err)
	if err != nil {
		return nil, err
	}
	return assessed, c.checkOwn(ctx, p.Statement, statement.KindAssessment, body.ID, caseID, body)
}

// GrantObject objects to a grant that the own state received, by a signed act
// (Article 5). It changes nothing else. The state's statement is verified on receipt.
// Of a grant to another officer or agency of the own state, which the login does not
// read, the answer has the id and the case alone.
func (c *Client) GrantObject(ctx context.Context, caseID, grantID comity.ID, ground comity.Character) (*Grant, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	if err := id("grant", grantID, comity.KindGrant); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.ObjectBody{ID: comity.NewID(comity.KindObjection), Case: caseID, Ground: ground}
	p, err := mutate[grantPayload](ctx, c, "GrantObject", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantObject, Record: grantID}, body)
		return struct {
			statement.ObjectBody
			Grant comity.ID `json:"grant"`
			Act   string    `json:"act"`
		}{body, grantID, act}, err
	})
	if err != nil {
		return nil, err
	}
	g := p.Grant
	if g == nil { // to another of the own state: it is answered for, and not read
		g = &Grant{ID: grantID, Case: caseID}
	} else {
		c.checkGrant(ctx, g)
		c.checkObjections(ctx, g)
	}
	return g, c.checkOwn(ctx, p.Statement, statement.KindObjection, body.ID, grantID, body)
}

// checkAssessments verifies the statements behind a case's assessments.
func (c *Client) checkAssessments(ctx context.Context, k *Case) {
	for i := range k.Assessments {
		a := &k.Assessments[i]
		if a.Statement == "" {
			continue
		}
		s, err := c.statementOf(ctx, a.Statement, []statement.Kind{statement.KindAssessment}, k.State, a.ID, k.ID)
		var b statement.AssessBody
		if err == nil {
			err = s.Decode(&b)
		}
		if err == nil && (b != statement.AssessBody{ID: a.ID, Category: a.Category, Character: a.Character, Conduct: a.Conduct, Motive: a.Motive, Context: a.Context} ||
			s.Officer.Ref != a.Officer) {
			err = errors.New("the assessment is shown otherwise than the state signed")
		}
		if err == nil {
			err = errNone
		}
		a.Check = Check{err}
	}
}

// checkObjections verifies the statements behind a grant's objections.
func (c *Client) checkObjections(ctx context.Context, g *Grant) {
	for i := range g.Objections {
		o := &g.Objections[i]
		s, err := c.statementOf(ctx, o.Statement, []statement.Kind{statement.KindObjection}, o.State, o.ID, g.ID)
		var b statement.ObjectBody
		if err == nil {
			err = s.Decode(&b)
		}
		if err == nil && (b.Ground != o.Ground || b.Case != g.Case || s.Officer.Ref != o.Officer) {
			err = errors.New("the objection is shown otherwise than the state signed")
		}
		if err == nil {
			err = errNone
		}
		o.Check = Check{err}
	}
}
