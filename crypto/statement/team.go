package statement

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
)

// A joint team is an agreement with an end ([Agreement.Team]). Each member opens to
// the others those of its own cases that it contributes: an officer who decides
// the release contributes a case, a liaison makes one standing grant, and for each
// contribution within it the state signs an ordinary grant to each grantee, which
// carries both statements and says nothing that does not follow from them.

type (
	// ContributionBody is the decision to release a case to the members of a joint
	// team; the act's record is the case. The officer's client chooses the id.
	ContributionBody struct {
		ID       comity.ID       `json:"id"`
		Team     string          `json:"team"`     // id of the agreement
		Category comity.Category `json:"category"` // of the case as it was read
		Marking  comity.Marking  `json:"marking"`  // the least that binds its use
		Scope    comity.Scope    `json:"scope"`    // the widest that is released
		Exhibits []comity.ID     `json:"exhibits,omitempty"`
		Subjects []comity.ID     `json:"subjects,omitempty"` // victims, witnesses and minors who are named
		Purpose  comity.Purpose  `json:"purpose"`
		NotAfter int64           `json:"notAfter"` // Unix seconds
	}
	// ContributionEndBody withdraws a contribution, and ends what was granted on it;
	// the act's record is the contribution.
	ContributionEndBody struct {
		Case   comity.ID `json:"case"` // that was contributed
		Reason string    `json:"reason,omitempty"`
	}
	// StandingBody is a standing grant of what the state contributes to a joint team;
	// the act's record is the standing grant.
	StandingBody struct {
		Team       string           `json:"team"` // id of the agreement
		Grantees   []comity.Grantee `json:"grantees"`
		Scope      comity.Scope     `json:"scope"` // the widest that is granted; SUMMARY leaves out exhibits
		Grade      comity.Grade     `json:"grade"`
		Assistance string           `json:"assistance,omitempty"`
		Caveats    comity.Caveats   `json:"caveats"`
		Purpose    comity.Purpose   `json:"purpose"`
		NotAfter   int64            `json:"notAfter"` // Unix seconds
	}
	// StandingEndBody ends a standing grant and every grant under it; the act's
	// record is the standing grant.
	StandingEndBody struct {
		Reason string `json:"reason,omitempty"`
	}
)

// Under is what a grant to a joint team follows from, instead of from an act of its own.
type Under struct {
	Standing     string `json:"standing"`     // the state's statement of the standing grant, JWS
	Contribution string `json:"contribution"` // the state's statement of the contribution, JWS
}

const (
	MaxGrantees = 50 // of a standing grant
	// MaxContributed bounds the exhibits and persons of a contribution: a grant
	// carries it twice, and stays below the 64 KiB of a statement.
	MaxContributed = 150
	// MaxStanding is the longest that a standing grant grants: no liaison is asked
	// again meanwhile.
	MaxStanding = 90 * 24 * time.Hour
)

// GrantUnder gives the terms of the grant that a standing grant makes of a
// contribution to one of its grantees. The same three give the same grant, under the
// same id. It is INVALID what is not within the other.
func GrantUnder(standing, contribution Statement, to comity.Grantee) (GrantBody, error) {
	var s StandingBody
	var c ContributionBody
	if standing.Kind != KindStanding || contribution.Kind != KindContribution {
		return GrantBody{}, comity.Invalid("statement", "this is not a standing grant with a contribution")
	}
	if err := errors.Join(standing.Decode(&s), contribution.Decode(&c)); err != nil {
		return GrantBody{}, err
	}
	scope := c.Scope
	if s.Scope.Rank() < scope.Rank() {
		scope = s.Scope
	}
	b := GrantBody{ID: GrantIDUnder(standing.ID, contribution.ID, to), Category: c.Category, Grantee: to,
		Scope: scope, Exhibits: c.Exhibits, Subjects: c.Subjects, Grade: s.Grade, Assistance: s.Assistance,
		Caveats: comity.Caveats{Marking: s.Caveats.Marking.Meet(c.Marking), Text: s.Caveats.Text}, Purpose: s.Purpose,
		Agreement: s.Team, Release: contribution.ID, NotBefore: max(standing.IssuedAt, contribution.IssuedAt), NotAfter: min(s.NotAfter, c.NotAfter)}
	if scope != comity.ScopeFull {
		b.Subjects = nil
	}
	if s.Scope == comity.ScopeSummary { // a summary has no exhibits
		b.Exhibits = nil
	}
	switch {
	case standing.State != contribution.State:
		return b, comity.Invalid("contribution", "the contribution is another state's than the standing grant")
	case s.Team != c.Team:
		return b, comity.Invalid("team", "the contribution is to another team than the standing grant")
	case s.Purpose != c.Purpose:
		return b, comity.Invalid("purpose", "the contribution is for another purpose than the standing grant")
	case scope == comity.ScopeExhibits && len(b.Exhibits) == 0:
		return b, comity.Invalid("exhibits", "the contribution names no exhibit, and the standing grant opens nothing else")
	case contribution.Officer.Role != comity.RoleInvestigator && contribution.Officer.Role != comity.RoleLiaison:
		return b, comity.Denied(comity.ArticleLiaison, "a case is contributed by an investigator or a liaison", "the case's owner contributes it")
	case standing.Officer.Ref == contribution.Officer.Ref || standing.Officer.JKT == contribution.Officer.JKT:
		return b, comity.Denied(comity.ArticleLiaison, "the officer who grants contributed the case too", "another officer contributes it, or another liaison makes a standing grant")
	case !slices.Contains(s.Grantees, to):
		return b, comity.Invalid("grantee", "the standing grant names no such grantee")
	}
	return b, nil
}

// GrantIDUnder is the id of the grant that a standing grant makes of a contribution to
// one of its grantees.
func GrantIDUnder(standing, contribution comity.ID, to comity.Grantee) comity.ID {
	return comity.DerivedID(comity.KindGrant, string(standing), string(contribution), string(to.State), to.Viewer())
}

// checkUnder verifies a grant that has no act of its own: both statements that it
// follows from, and that it follows from them.
func (d *Directory) checkUnder(s Statement) error {
	if s.Under == nil {
		return nil
	}
	standing, err := d.VerifyStatement(s.Under.Standing)
	if err != nil {
		return fmt.Errorf("the standing grant that it is under: %w", err)
	}
	contribution, err := d.VerifyStatement(s.Under.Contribution)
	if err != nil {
		return fmt.Errorf("the contribution that it is of: %w", err)
	}
	var b GrantBody
	if err := s.Decode(&b); err != nil {
		return err
	}
	follows, err := GrantUnder(standing, contribution, b.Grantee)
	if err != nil {
		return err
	}
	body, err := Canonical(follows)
	switch {
	case err != nil:
		return err
	case s.Kind != KindGrant || s.Of != "" || s.Second != nil:
		return errors.New("nothing but a grant is under a standing grant")
	case s.Union != d.union:
		return fmt.Errorf("it is not of the union %q", d.union)
	case s.State != standing.State || s.Officer != standing.Officer || s.Act != standing.Act:
		return errors.New("the standing grant is another state's or liaison's")
	case s.Record != contribution.Record:
		return errors.New("the contribution is of another case")
	case !bytes.Equal(body, s.Body):
		return errors.New("it does not follow from the standing grant and the contribution")
	case s.IssuedAt < b.NotBefore-clockSlack || s.IssuedAt > b.NotAfter:
		return errors.New("it was not made within the term of both")
	case s.Agreement == nil || standing.Agreement == nil || s.Agreement.ID != standing.Agreement.ID || s.Agreement.Hash != standing.Agreement.Hash:
		return errors.New("its agreement is not the team of the standing grant")
	}
	return s.checkGrant(&b)
}
