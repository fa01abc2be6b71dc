package custodian

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// eyesOf refuses a grant by one liaison of what takes two (Article 8): of
// originals, as the register has them, and of what is marked TLP:RED, as the
// grant's own caveats say, which bind at least as the case's marking.
func (l *Local) eyesOf(ctx context.Context, b statement.GrantBody, s *statement.Statement) error {
	if s.Kind == statement.KindProposal || s.Second != nil || b.Emergency != "" {
		return nil
	}
	const cure = "a second liaison approves the same grant"
	if b.Caveats.Marking.TLP == comity.TLPRed {
		return comity.Denied(comity.ArticleLiaison, "what is marked TLP:RED is granted by two liaisons", cure)
	}
	for _, id := range b.Exhibits {
		e, _, err := read[evidenceEntry](ctx, l, evidenceKey(id))
		if err != nil {
			return err
		}
		if e.Original {
			return comity.Denied(comity.ArticleLiaison, "an original exhibit is granted by two liaisons", cure)
		}
	}
	return nil
}

// judgeConfirmation checks that a grant made in danger to life is confirmed in
// time and by another liaison than made it, both as the register has it.
func (l *Local) judgeConfirmation(ctx context.Context, o SignOrder, b statement.ConfirmBody, by statement.SignedBy) error {
	if _, err := comity.ParseID(string(b.Release), comity.KindRelease); err != nil {
		return comity.Denied(comity.ArticleLiaison, "a confirmation rests on a release decision", "the case's owner records one")
	}
	e, err := l.grantOf(ctx, o, b.Case)
	if err != nil {
		return err
	}
	if e.Grant == nil {
		return comity.NotFound()
	}
	c, of, err := l.turns(ctx, o.Record, e.Grant.Category)
	switch {
	case err != nil:
		return err
	case e.Grant.ended(c, of):
		return ended()
	case e.Grant.Lapses == 0:
		return comity.Invalid("grant", "this grant was not made in an emergency")
	case e.Ended != nil:
		return ended()
	case e.Grant.By.Ref == by.Ref || e.Grant.By.JKT == by.JKT:
		return comity.Denied(comity.ArticleLiaison, "who granted in danger to life is not the one to confirm it", "another liaison of the state confirms it")
	case b.NotAfter > e.Grant.NotAfter:
		return comity.Denied(comity.ArticleTerm, "the confirmation lasts longer than the grant", fmt.Sprintf("confirm it until %s at most", time.Unix(e.Grant.NotAfter, 0).UTC().Format(time.RFC3339)))
	}
	return e.lapsed(l.now())
}

// lapsed refuses to confirm what has lapsed: it is granted anew, over a release
// decision.
func (e grantEntry) lapsed(now time.Time) error {
	if e.Confirmed == nil && now.Unix() >= e.Grant.Lapses {
		return comity.Denied(comity.ArticleLiaison, "the grant lapsed: nobody confirmed it within 72 hours", "a liaison grants anew, over a release decision")
	}
	return nil
}

// applyConfirmation lets a grant that was made in danger to life run on, once.
// A confirmation that was kept back until the grant had lapsed comes too late.
func (l *Local) applyConfirmation(ctx context.Context, s statement.Statement, m mark) error {
	var b statement.ConfirmBody
	if err := s.Decode(&b); err != nil {
		return comity.Invalid("statement", err.Error())
	}
	return change(ctx, l, grantKey(s.ID), func(e *grantEntry) (bool, error) {
		if err := e.of(s); err != nil {
			return false, err
		}
		switch {
		case e.Grant == nil || e.Grant.Lapses == 0 || e.Grant.By.Ref == s.Officer.Ref:
			return false, comity.Invalid("statement", "there is no grant that it could confirm")
		case e.Confirmed != nil:
			return false, nil
		}
		if err := e.lapsed(l.now()); err != nil {
			return false, err
		}
		e.Confirmed = &confirmed{m, b.NotAfter}
		return true, nil
	})
}
