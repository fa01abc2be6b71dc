package custodian

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// undertakingEntry is the register's word on an undertaking of another state:
// what the own authority's acceptance of it, which is in force, says, and what
// acceptances were signed that are not. One that is signed waits, as a grant does,
// until it is applied: its giver may withdraw it until then.
type undertakingEntry struct {
	mark
	acceptance
	Signed map[string]acceptance `json:"signed,omitempty"` // by hex SHA-256 of the JWS
}

// acceptance is for which case an undertaking is accepted, and what it says.
type acceptance struct {
	Said     string          `json:"said"` // hex SHA-256 of the other state's statement
	Of       comity.State    `json:"of"`   // that gave it
	Case     comity.ID       `json:"case"`
	Category comity.Category `json:"category"`
	NotAfter int64           `json:"notAfter"` // Unix seconds
	IssuedAt int64           `json:"issuedAt"` // Unix seconds, of the acceptance
}

// same reports whether both accept the same words for the same case.
func (a acceptance) same(b acceptance) bool { return a.Case == b.Case && a.Said == b.Said }

func undertakingKey(id comity.ID) string { return "undertaking/" + string(id) }

func judgeUndertaking(s *statement.Statement) error {
	var b statement.UndertakingBody
	if err := decode(s, &b); err != nil {
		return err
	}
	switch {
	case b.To == s.State || !b.To.Valid():
		return comity.Denied(comity.ArticleLegalBasis, "reciprocity is promised to another state", "name another state")
	case !b.Category.Formed():
		return comity.Invalid("category", "this is not the code of a category")
	case b.NotAfter <= s.IssuedAt || b.NotAfter > s.IssuedAt+int64(MaxTerm/time.Second):
		return comity.Invalid("notAfter", "an undertaking binds until an instant within five years")
	}
	return b.Marking.Check()
}

// judgeAcceptance verifies what is answered: the other state's own statement,
// to this one.
func (l *Local) judgeAcceptance(ctx context.Context, o SignOrder, s *statement.Statement) error {
	var b statement.AnswerBody
	if err := decode(s, &b); err != nil {
		return err
	}
	switch {
	case b.Answer != comity.DispatchAccepted && b.Answer != comity.DispatchDeclined:
		return comity.Invalid("answer", fmt.Sprintf("%.20q is no answer to an undertaking", b.Answer))
	case b.Answer == comity.DispatchDeclined && b.Case != "":
		return comity.Invalid("case", "what is declined is for no case")
	case b.Answer == comity.DispatchDeclined:
		e, _, err := read[undertakingEntry](ctx, l, undertakingKey(o.ID))
		if err == nil && e.Case != "" {
			err = acceptedBefore()
		}
		return err
	}
	given, said, err := l.given(ctx, o.ID, o.Answered)
	if err != nil {
		return err
	}
	if said.To != l.state || statement.Said(o.Answered) != b.Said {
		return comity.Invalid("said", "the officer answered another undertaking")
	}
	if _, err := comity.ParseID(string(b.Case), comity.KindCase); err != nil {
		return err
	}
	if said.NotAfter <= l.now().Unix() {
		return comity.Denied(comity.ArticleLegalBasis, "the undertaking has ended", fmt.Sprintf("%s gives another", given.State))
	}
	if _, _, err := l.shareable(ctx, b.Case, said.Category); err != nil {
		return err
	}
	e, _, err := read[undertakingEntry](ctx, l, undertakingKey(o.ID))
	if err == nil && e.Case != "" && !e.same(acceptance{Case: b.Case, Said: b.Said}) {
		err = acceptedElse()
	}
	return err
}

func acceptedElse() error {
	return comity.Conflict("the undertaking was accepted for another case").CuredBy("have another given")
}

// acceptedBefore refuses to decline what is in force: grants may rest on it.
func acceptedBefore() error {
	return comity.Conflict("the undertaking was accepted").CuredBy("have the grants that rest on it revoked")
}

// given reads the undertaking of another state, by the newest of its manifests
// that was ever judged by: a key that left it undertakes nothing.
func (l *Local) given(ctx context.Context, id comity.ID, compact string) (statement.Statement, statement.UndertakingBody, error) {
	var b statement.UndertakingBody
	s, err := l.directory.VerifyStatement(compact)
	if err != nil {
		if comity.CodeOf(err) == comity.CodeUnavailable { // an expired manifest
			return s, b, err
		}
		return s, b, comity.Invalid("answered", "this is not a statement of a state of the union").Because(err)
	}
	if s.Kind != statement.KindUndertaking || s.ID != id || s.State == l.state {
		return s, b, comity.Invalid("answered", "this is not the undertaking that is answered")
	}
	if err := l.newest(ctx, s.State); err != nil {
		return s, b, err
	}
	if err := s.Decode(&b); err != nil {
		return s, b, comity.Invalid("answered", err.Error())
	}
	return s, b, nil
}

// maxSigned bounds the acceptances of one undertaking that were signed within
// [GrantAge] and are not in force.
const maxSigned = 20

// answerUndertaking notes an acceptance that was signed. Of what is declined no
// acceptance that was signed before comes into force; one that is in force stands,
// and the decline is not given out.
func (l *Local) answerUndertaking(ctx context.Context, s statement.Statement, compact, answered string) error {
	var b statement.AnswerBody
	if err := s.Decode(&b); err != nil {
		return err
	}
	if b.Answer != comity.DispatchAccepted {
		return change(ctx, l, undertakingKey(s.ID), func(e *undertakingEntry) (bool, error) {
			if e.Case != "" {
				return false, acceptedBefore()
			}
			known := len(e.Signed) > 0
			*e = undertakingEntry{}
			return known, nil
		})
	}
	from, said, err := l.given(ctx, s.ID, answered)
	if err != nil {
		return err
	}
	now := l.now()
	return change(ctx, l, undertakingKey(s.ID), func(e *undertakingEntry) (bool, error) {
		a := acceptance{b.Said, from.State, b.Case, said.Category, said.NotAfter, s.IssuedAt}
		if e.Case != "" {
			if !e.same(a) {
				return false, acceptedElse()
			}
			return false, nil
		}
		maps.DeleteFunc(e.Signed, func(_ string, a acceptance) bool { return a.late(now) })
		if len(e.Signed) >= maxSigned {
			return false, comity.Conflict("the undertaking was answered too often").CuredBy("have another given")
		}
		if e.Signed == nil {
			e.Signed = map[string]acceptance{}
		}
		e.Signed[statement.ActHash(compact)] = a
		return true, nil
	})
}

// late reports whether the acceptance was kept back for too long to be applied.
func (a acceptance) late(now time.Time) bool { return now.Sub(time.Unix(a.IssuedAt, 0)) > GrantAge }

// applyAcceptance has an acceptance that was signed be a legal basis.
func (l *Local) applyAcceptance(ctx context.Context, s statement.Statement, m mark) error {
	var b statement.AnswerBody
	if err := s.Decode(&b); err != nil || b.Answer != comity.DispatchAccepted {
		return comity.Invalid("statement", "this is not the acceptance of an undertaking").Because(err)
	}
	return change(ctx, l, undertakingKey(s.ID), func(e *undertakingEntry) (bool, error) {
		if e.same(acceptance{Case: b.Case, Said: b.Said}) {
			return false, nil
		}
		a, signed := e.Signed[m.Statement]
		if !signed || e.Case != "" || a.late(l.now()) {
			return false, comity.Denied(comity.ArticleLegalBasis, "the undertaking was answered otherwise, or more than a day ago",
				"the grantee's authority gives another")
		}
		*e = undertakingEntry{mark: m, acceptance: a}
		return true, nil
	})
}

// basis is the legal basis of a grant (Article 7): an agreement in force between
// both states that covers the category, or an undertaking of the grantee's that
// the own authority accepted for the case, and that outlasts the grant.
func (l *Local) basis(ctx context.Context, record comity.ID, b statement.GrantBody) (*statement.AgreementRef, error) {
	if id := comity.ID(b.Agreement); id.Kind() == comity.KindUndertaking {
		e, _, err := read[undertakingEntry](ctx, l, undertakingKey(id))
		switch {
		case err != nil:
			return nil, err
		case e.Case != record || e.Of != b.Grantee.State || e.Category != b.Category:
			return nil, comity.Denied(comity.ArticleLegalBasis, fmt.Sprintf("the authority of %s accepted no such undertaking for the case", l.state),
				"the grantee's authority gives an undertaking, and the originator's accepts it for the case")
		case b.NotAfter > e.NotAfter:
			return nil, comity.Denied(comity.ArticleLegalBasis, "the grant outlasts the undertaking that it rests on",
				"end it by "+time.Unix(e.NotAfter, 0).UTC().Format(time.RFC3339))
		}
		return &statement.AgreementRef{ID: b.Agreement, Hash: e.Said}, nil
	}
	a, err := l.directory.Agreement(l.state, b.Grantee.State, b.Agreement, b.Category, "", l.now())
	if err != nil {
		return nil, err
	}
	ref := a.Ref()
	return &ref, nil
}
