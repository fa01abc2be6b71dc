package custodian

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// eyesOf refuses a grant of exhibits that are not complete exhibits of the case,
// and one by one liaison of what takes two (Article 8): of originals, as the
// register has them, and of what is marked TLP:RED, as the grant's own caveats
// say, which bind at least as the case's marking. Who chooses an exhibit's id could
// else have it granted before it is an original.
func (l *Local) eyesOf(ctx context.Context, record comity.ID, b statement.GrantBody, s *statement.Statement) error {
	alone := s.Kind != statement.KindProposal && s.Second == nil && b.Emergency == ""
	if alone && b.Caveats.Marking.TLP == comity.TLPRed {
		return byTwo("what is marked TLP:RED")
	}
	for _, id := range b.Exhibits {
		e, _, err := read[evidenceEntry](ctx, l, evidenceKey(id))
		switch {
		case err != nil:
			return err
		case e.Case != record || e.Received == nil:
			return comity.Invalid("exhibits", fmt.Sprintf("%s is not a complete exhibit of the case", id))
		case alone && e.Original:
			return byTwo("an original exhibit")
		}
	}
	return nil
}

func byTwo(what string) error {
	return comity.Denied(comity.ArticleLiaison, what+" is granted by two liaisons", "a second liaison approves the same grant")
}

// danger is the trace of a grant that a liaison made in danger to life and that
// no other has confirmed.
type danger struct {
	Grant   comity.ID    `json:"grant"`
	Grantee comity.State `json:"grantee"`
	By      signer       `json:"by"`
	Lapses  int64        `json:"lapses"` // Unix seconds
}

// of reports whether the trace is that of an officer's grant to a state, under
// whichever session key.
func (d danger) of(grantee comity.State, by signer) bool {
	return d.Grantee == grantee && (d.By.Ref == by.Ref || d.By.JKT == by.JKT)
}

// once refuses the grant by which a liaison would renew alone what he granted
// in danger to life: access would not end, without a second having looked
// (Article 8). Another may end within the time of the first that is unconfirmed.
func (c caseEntry) once(b statement.GrantBody, by signer) error {
	for _, d := range c.Danger {
		if d.of(b.Grantee.State, by) && d.Grant != b.ID && b.NotAfter > d.Lapses {
			return comity.Denied(comity.ArticleLiaison, "the liaison granted it in danger to life before, and no other liaison confirmed that",
				fmt.Sprintf("another liaison confirms the earlier grant, or grants; or the case's owner decides the release; or this one ends by %s",
					time.Unix(d.Lapses, 0).UTC().Format(time.RFC3339)))
		}
	}
	return nil
}

// Bounds of the traces on a case: of one liaison for one state, so that none uses
// up the others', and of all. Who would pass one has a release decided.
const (
	maxDangersOfOne = 20
	maxDangers      = 400
)

// room refuses a trace for which there is no room, of an officer to a state.
func (c caseEntry) room(grantee comity.State, by signer) error {
	of := 0
	for _, d := range c.Danger {
		if d.of(grantee, by) {
			of++
		}
	}
	if of < maxDangersOfOne && len(c.Danger) < maxDangers {
		return nil
	}
	return comity.Denied(comity.ArticleLiaison, fmt.Sprintf("%d grants in danger to life were confirmed by nobody", max(of, len(c.Danger))),
		"another liaison confirms them; or the case's owner records a release decision, and a liaison grants over it")
}

// trace notes a grant in danger to life in its case's entry. Each has its own,
// which only its own confirmation removes: that of one grant says nothing of
// another.
func (l *Local) trace(ctx context.Context, record comity.ID, d danger) error {
	return change(ctx, l, caseKey(record), func(e *caseEntry) (bool, error) {
		if slices.ContainsFunc(e.Danger, func(x danger) bool { return x.Grant == d.Grant }) {
			return false, nil
		}
		if err := e.room(d.Grantee, d.By); err != nil {
			return false, err
		}
		e.Danger = append(e.Danger, d)
		return true, nil
	})
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
	err := change(ctx, l, grantKey(s.ID), func(e *grantEntry) (bool, error) {
		if err := e.of(s); err != nil {
			return false, err
		}
		switch {
		case e.Grant == nil || e.Grant.Lapses == 0 || e.Grant.By.Ref == s.Officer.Ref || e.Grant.By.JKT == s.Officer.JKT:
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
	if err != nil {
		return err
	}
	return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		n := len(e.Danger)
		e.Danger = slices.DeleteFunc(e.Danger, func(d danger) bool { return d.Grant == s.ID })
		return len(e.Danger) < n, nil
	})
}
