package custodian

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// undertakingEntry is the register's word on an undertaking of another state
// that the own one accepted for one case.
type undertakingEntry struct {
	mark
	Said     string          `json:"said"` // hex SHA-256 of the other state's statement
	Of       comity.State    `json:"of"`   // that gave it
	Case     comity.ID       `json:"case"`
	Category comity.Category `json:"category"`
	NotAfter int64           `json:"notAfter"` // Unix seconds
}

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
		return nil
	}
	given, said, err := l.given(o.ID, o.Answered)
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
	c, of, err := l.turns(ctx, b.Case, said.Category)
	switch {
	case err != nil:
		return err
	case c.Withdrawn != nil:
		return withdrawn(l.state)
	case c.inForce():
		return reserved(l.state)
	case of.inForce():
		return categoryReserved(l.state)
	}
	e, _, err := read[undertakingEntry](ctx, l, undertakingKey(o.ID))
	if err == nil && e.Case != "" && (e.Case != b.Case || e.Said != b.Said) {
		err = comity.Conflict("the undertaking was accepted for another case").CuredBy("have another given")
	}
	return err
}

// given reads the undertaking of another state.
func (l *Local) given(id comity.ID, compact string) (statement.Statement, statement.UndertakingBody, error) {
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
	if err := s.Decode(&b); err != nil {
		return s, b, comity.Invalid("answered", err.Error())
	}
	return s, b, nil
}

// enterUndertaking has what was accepted be a legal basis from its signing.
func (l *Local) enterUndertaking(ctx context.Context, s statement.Statement, compact, answered string) error {
	var b statement.AnswerBody
	if err := s.Decode(&b); err != nil || b.Answer != comity.DispatchAccepted {
		return err
	}
	from, said, err := l.given(s.ID, answered)
	if err != nil {
		return err
	}
	m := mark{Statement: statement.ActHash(compact), At: l.now().Unix()}
	return change(ctx, l, undertakingKey(s.ID), func(e *undertakingEntry) (bool, error) {
		if e.Case != "" {
			if e.Case != b.Case || e.Said != b.Said {
				return false, comity.Conflict("the undertaking was accepted for another case").CuredBy("have another given")
			}
			return false, nil
		}
		*e = undertakingEntry{m, b.Said, from.State, b.Case, said.Category, said.NotAfter}
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
	return &statement.AgreementRef{ID: a.ID, Hash: a.Hash()}, nil
}
