package custodian

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// teamEntry is the register's word on a contribution to a joint team, or on a
// standing grant to one. Ended may come before the rest.
type teamEntry struct {
	mark
	Said  string            `json:"said,omitempty"` // hex SHA-256 of the body that the officer signed, "" while only its end is known
	By    comity.OfficerRef `json:"by,omitempty"`
	Turns statement.Turns   `json:"turns,omitzero"` // when it was contributed
	Case  comity.ID         `json:"case,omitempty"` // that was contributed
	Ended *mark             `json:"ended,omitempty"`
}

func teamKey(id comity.ID) string { return "team/" + string(id) }

// team is the agreement that sets up a joint team, as the own state carries it
// now, and that is to last until an instant.
func (l *Local) team(id string, until int64) (statement.Agreement, error) {
	m, err := l.directory.State(l.state)
	if err != nil {
		return statement.Agreement{}, err
	}
	i := slices.IndexFunc(m.Agreements, func(a statement.Agreement) bool { return a.ID == id && a.Team })
	if i < 0 {
		return statement.Agreement{}, comity.Denied(comity.ArticleLegalBasis, fmt.Sprintf("%s has joined no such joint team", l.state),
			"the state's authority joins it, in the state's manifest")
	}
	a := m.Agreements[i]
	switch {
	case until <= l.now().Unix():
		return a, comity.Denied(comity.ArticleTerm, "it ends before it begins", "set an end that lies ahead")
	case until > a.Until.Unix():
		return a, comity.Denied(comity.ArticleTerm, "it outlasts the joint team", "end it by "+a.Until.UTC().Format(time.RFC3339))
	case until-l.now().Unix() > int64(MaxTerm/time.Second):
		return a, comity.Denied(comity.ArticleTerm, "nothing is granted for longer than five years", "set an earlier end")
	}
	return a, nil
}

// judgeContribution checks what a case is contributed with, and notes in which
// turn of the case and its category: none reaches beyond a reservation.
func (l *Local) judgeContribution(ctx context.Context, o SignOrder, s *statement.Statement) error {
	var b statement.ContributionBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if b.ID != o.ID {
		return comity.Invalid("id", "the officer signed the contribution under another id")
	}
	if err := b.Marking.Check(); err != nil {
		return err
	}
	if err := checkNamed(b.Scope, b.Exhibits, b.Subjects); err != nil {
		return err
	}
	switch {
	case s.Officer.Role != comity.RoleInvestigator && s.Officer.Role != comity.RoleLiaison:
		return comity.Denied(comity.ArticleLiaison, "a case is contributed by an investigator or a liaison", "the case's owner contributes it")
	case len(b.Exhibits)+len(b.Subjects) > statement.MaxContributed:
		return comity.Invalid("exhibits", fmt.Sprintf("a contribution names %d exhibits and persons at most", statement.MaxContributed))
	case b.Scope.Rank() < 0:
		return comity.Invalid("scope", "this is not a scope")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	}
	if _, err := l.team(b.Team, b.NotAfter); err != nil {
		return err
	}
	c, of, err := l.shareable(ctx, o.Record, b.Category)
	if err != nil {
		return err
	}
	s.Turns = &statement.Turns{Case: c.turn(), Category: of.turn()}
	return nil
}

func (l *Local) judgeStanding(ctx context.Context, s *statement.Statement) error {
	var b statement.StandingBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if err := b.Caveats.Marking.Check(); err != nil {
		return err
	}
	switch {
	case len(b.Grantees) == 0 || len(b.Grantees) > statement.MaxGrantees:
		return comity.Invalid("grantees", fmt.Sprintf("a standing grant names 1 to %d grantees", statement.MaxGrantees))
	case b.Scope.Rank() < 0:
		return comity.Invalid("scope", "this is not a scope")
	case b.Grade.Rank() < 0:
		return comity.Invalid("grade", "this is not a grade")
	case b.Grade == comity.GradeEvidence && b.Assistance == "":
		return comity.Denied(comity.ArticlePurpose, "use as evidence names the mutual-assistance decision", "name the decision")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case b.Caveats.Marking.TLP == comity.TLPRed:
		return comity.Denied(comity.ArticleLiaison, "what is marked TLP:RED is granted by two liaisons", "grant such a case by itself")
	}
	a, err := l.team(b.Team, b.NotAfter)
	if err != nil {
		return err
	}
	if b.NotAfter-l.now().Unix() > int64(statement.MaxStanding/time.Second) {
		return comity.Denied(comity.ArticleTerm, "a standing grant grants for 90 days at most", "set an earlier end, and make another then")
	}
	for i, g := range b.Grantees {
		switch err := g.Check(); {
		case err != nil:
			return err
		case g.State == l.state || !slices.Contains(a.Parties, g.State):
			return comity.Denied(comity.ArticleLegalBasis, "a standing grant is to other members of the joint team", "name members of the team")
		case slices.Contains(b.Grantees[:i], g):
			return comity.Invalid("grantees", "one of the grantees is named twice")
		}
		if err := l.newest(ctx, g.State); err != nil {
			return err
		}
	}
	s.Agreement = &statement.AgreementRef{ID: a.ID, Hash: a.Hash()}
	return nil
}

// enterTeam takes a contribution, a standing grant or the end of one into the
// register.
func (l *Local) enterTeam(ctx context.Context, s statement.Statement, m mark) error {
	return change(ctx, l, teamKey(s.ID), func(e *teamEntry) (bool, error) {
		if s.Record != s.ID { // a contribution is of a case
			if e.Case != "" && e.Case != s.Record {
				return false, comity.Invalid("case", "another case was contributed")
			}
			e.Case = s.Record
		}
		if s.Kind == statement.KindContributionEnd || s.Kind == statement.KindStandingEnd {
			was := e.Ended
			if was == nil {
				e.Ended = &m
			}
			return was == nil, nil
		}
		made := teamEntry{m, statement.Said(string(s.Body)), s.Officer.Ref, turnsOf(s.Turns), e.Case, e.Ended}
		if e.Said != "" && !made.same(*e) { // signed again it would reach beyond a reservation
			return false, comity.Conflict("there is another under this id").CuredBy("choose another id")
		}
		first := e.Said == ""
		*e = made
		return first, nil
	})
}

// same reports whether two are of one officer, of one body and in one turn.
func (e teamEntry) same(o teamEntry) bool {
	return e.Said == o.Said && e.By == o.By && e.Turns == o.Turns
}

// runs reads of a contribution, or of a standing grant, that it was made and has
// not ended.
func (l *Local) runs(ctx context.Context, s statement.Statement) error {
	e, _, err := read[teamEntry](ctx, l, teamKey(s.ID))
	switch {
	case err != nil:
		return err
	case e.Said == "" || !e.same(teamEntry{Said: statement.Said(string(s.Body)), By: s.Officer.Ref, Turns: turnsOf(s.Turns)}):
		return comity.NotFound()
	case e.Ended != nil:
		return ended()
	}
	return nil
}

// GrantUnder implements [Custodian].
func (l *Local) GrantUnder(ctx context.Context, u statement.Under, to comity.Grantee) (string, error) {
	standing, err := l.own(u.Standing)
	if err != nil {
		return "", err
	}
	contribution, err := l.own(u.Contribution)
	if err != nil {
		return "", err
	}
	b, err := statement.GrantUnder(standing, contribution, to)
	if err != nil {
		return "", err
	}
	if err := l.newest(ctx, l.state); err != nil {
		return "", err
	}
	for _, s := range []statement.Statement{standing, contribution} {
		if err := l.runs(ctx, s); err != nil {
			return "", err
		}
	}
	if err := l.ownCase(ctx, contribution.Record); err != nil {
		return "", err
	}
	body, err := statement.Canonical(b)
	if err != nil {
		return "", fmt.Errorf("custodian: %w", err)
	}
	s := statement.Statement{Kind: statement.KindGrant, Union: l.directory.Union(), State: l.state, ID: b.ID, Record: contribution.Record,
		Officer: standing.Officer, Act: standing.Act, Body: json.RawMessage(body), Under: &u, IssuedAt: l.now().Unix()}
	if err := l.judgeGrant(ctx, SignOrder{ID: b.ID, Record: s.Record}, b, &s); err != nil {
		return "", err
	}
	if now, then := turnsOf(s.Turns), turnsOf(contribution.Turns); now.Case != then.Case || now.Category != then.Category {
		return "", comity.Denied(comity.ArticleDomesticReservation, "the case was contributed before it was reserved, and that does not revive",
			"the case's owner contributes it anew")
	}
	switch was := standing.Agreement; {
	case was == nil || s.Agreement.ID != was.ID || s.Agreement.Hash != was.Hash:
		return "", comity.Denied(comity.ArticleLegalBasis, "the joint team's agreement has another text than when the standing grant was made",
			"a liaison makes a standing grant anew")
	case s.Agreement.Ratified > standing.IssuedAt:
		return "", comity.Denied(comity.ArticleLegalBasis, "the joint team was ratified anew since the standing grant was made",
			"a liaison makes a standing grant anew")
	}
	signer, err := l.signer(ctx)
	if err != nil {
		return "", err
	}
	compact, err := statement.Sign(ctx, signer, statement.TypStatement, s)
	if err != nil {
		return "", err
	}
	if _, err := l.directory.VerifyStatement(compact); err != nil { // as of all that leaves here
		return "", fmt.Errorf("custodian: what was signed does not verify: %w", err)
	}
	return compact, nil
}

// under are the standing grant and the contribution with which a grant ends, none
// for a grant that stands by itself.
func (l *Local) under(s statement.Statement, b statement.GrantBody) ([]comity.ID, error) {
	if s.Under == nil {
		return nil, nil
	}
	standing, err := l.own(s.Under.Standing)
	return []comity.ID{standing.ID, b.Release}, err
}

// over reports whether a grant was ended, itself or with the standing grant or the
// contribution that it rests on.
func (l *Local) over(ctx context.Context, e grantEntry) (bool, error) {
	if e.Ended != nil || e.Grant == nil {
		return e.Ended != nil, nil
	}
	for _, id := range e.Grant.Under {
		t, _, err := read[teamEntry](ctx, l, teamKey(id))
		if err != nil || t.Ended != nil {
			return true, err
		}
	}
	return false, nil
}
