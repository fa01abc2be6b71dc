package custodian

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Bounds of a grant's terms.
const (
	MaxTerm     = 5 * 366 * 24 * time.Hour // five years
	MaxExhibits = 500                      // with MaxSubjects, a signed statement stays below 64 KiB
	MaxSubjects = 100                      // victims, witnesses and minors who are named
)

func (l *Local) judgeGrant(ctx context.Context, o SignOrder, b statement.GrantBody, s *statement.Statement) error {
	if b.ID != o.ID {
		return comity.Invalid("id", "the liaison signed the grant under another id")
	}
	if err := l.checkTerms(b); err != nil {
		return err
	}
	if err := l.newest(ctx, b.Grantee.State); err != nil {
		return err
	}
	c, of, err := l.shareable(ctx, o.Record, b.Category)
	if err != nil {
		return err
	}
	if c.Assessed.adverse() {
		return adverse(l.state)
	}
	if b.Emergency != "" {
		by := signer{s.Officer.Ref, s.Officer.JKT}
		if err := c.once(b, by); err != nil {
			return err
		}
		if err := c.room(b.Grantee.State, by); err != nil {
			return err
		}
	}
	if turns := (statement.Turns{Case: c.turn(), Category: of.turn()}); turns != (statement.Turns{}) {
		s.Turns = &turns
	}
	if err := l.eyesOf(ctx, o.Record, b, s); err != nil {
		return err
	}
	s.Agreement, err = l.basis(ctx, o.Record, b)
	return err
}

func (l *Local) checkTerms(b statement.GrantBody) error {
	if err := b.Grantee.Check(); err != nil {
		return err
	}
	if err := b.Caveats.Marking.Check(); err != nil {
		return err
	}
	if err := checkNamed(b.Scope, b.Exhibits, b.Subjects); err != nil {
		return err
	}
	switch _, err := comity.ParseID(string(b.Release), comity.KindRelease); {
	case b.Emergency != "" && b.Purpose != comity.PurposeDangerToLife:
		return comity.Denied(comity.ArticleLiaison, "only danger to life is granted for as an emergency", "name that purpose, or grant over a release decision")
	case err != nil && (b.Emergency == "" || b.Release != ""):
		return comity.Denied(comity.ArticleLiaison, "a grant rests on a release decision", "the case's owner records one")
	}
	if b.Request != "" {
		if _, err := comity.ParseID(string(b.Request), comity.KindRequest); err != nil {
			return err
		}
	}
	switch {
	case b.Grantee.State == l.state:
		return comity.Denied(comity.ArticleLiaison, "a grant is made to another state", "name another state")
	case b.Scope.Rank() < 0:
		return comity.Invalid("scope", "this is not a scope")
	case b.Scope == comity.ScopeExhibits && len(b.Exhibits) == 0:
		return comity.Invalid("exhibits", "a grant of exhibits names them")
	case b.Grade != comity.GradeIntelligence && b.Grade != comity.GradeLead && b.Grade != comity.GradeEvidence:
		return comity.Invalid("grade", "this is not a grade")
	case b.Grade == comity.GradeEvidence && b.Assistance == "":
		return comity.Denied(comity.ArticlePurpose, "use as evidence names the mutual-assistance decision", "name the decision")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case b.Agreement == "":
		return comity.Denied(comity.ArticleLegalBasis, "a grant names its agreement", "name one in force between both states")
	case b.NotBefore < 0 || b.NotAfter <= b.NotBefore || b.NotAfter <= l.now().Unix():
		return comity.Denied(comity.ArticleTerm, "the grant ends before it begins", "set an end that lies ahead")
	case b.NotAfter-min(b.NotBefore, l.now().Unix()) > int64(MaxTerm/time.Second):
		return comity.Denied(comity.ArticleTerm, "a grant ends within five years", "set an earlier end")
	}
	return nil
}

// checkNamed checks what terms name: exhibits, and persons whom full scope leaves
// out unless named. That these are of the case, and such persons, the exchange judges.
func checkNamed(s comity.Scope, exhibits, subjects []comity.ID) error {
	if len(subjects) > 0 && s != comity.ScopeFull {
		return comity.Invalid("subjects", "persons are named within full scope only")
	}
	if err := checkEach("exhibits", comity.KindEvidence, MaxExhibits, exhibits); err != nil {
		return err
	}
	return checkEach("subjects", comity.KindSubject, MaxSubjects, subjects)
}

func checkEach(field string, kind comity.Kind, most int, ids []comity.ID) error {
	if len(ids) > most {
		return comity.Invalid(field, fmt.Sprintf("a grant names at most %d %s", most, field))
	}
	for i, id := range ids {
		if _, err := comity.ParseID(string(id), kind); err != nil {
			return err
		}
		if slices.Contains(ids[:i], id) {
			return comity.Invalid(field, fmt.Sprintf("one of the %s is named twice", field))
		}
	}
	return nil
}

// grantOf reads what the register holds of a grant that is to be lessened,
// which may be nothing yet. The officer's act says of which case it is.
func (l *Local) grantOf(ctx context.Context, o SignOrder, named comity.ID) (grantEntry, error) {
	if named != o.Record {
		return grantEntry{}, comity.Invalid("case", "the officer signed it of another case")
	}
	e, _, err := read[grantEntry](ctx, l, grantKey(o.ID))
	if err == nil && e.Case != "" && e.Case != o.Record {
		err = comity.Invalid("case", "the grant is of another case")
	}
	return e, err
}

// judgeNarrowing checks that the remaining terms lie within those that the
// register leaves.
func (l *Local) judgeNarrowing(ctx context.Context, o SignOrder, b statement.NarrowBody) error {
	if err := checkNamed(b.Scope, b.Exhibits, b.Subjects); err != nil {
		return err
	}
	if err := b.Caveats.Marking.Check(); err != nil {
		return err
	}
	if b.Scope.Rank() < 0 {
		return comity.Invalid("scope", "this is not a scope")
	}
	e, err := l.grantOf(ctx, o, b.Case)
	if err != nil {
		return err
	}
	if e.Ended != nil {
		return ended()
	}
	if standing := e.standing(); standing != nil && !narrowed(b).within(*standing) {
		return comity.Denied(comity.ArticleTerm, "a grant is only ever narrowed, and these terms are wider", "the liaison makes a new grant for what is more")
	}
	return nil
}
