package custodian

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// hold is the register's word on one hold of a case. Its release may come first.
type hold struct {
	Placed   *mark `json:"placed,omitempty"`
	NotAfter int64 `json:"notAfter,omitempty"` // Unix seconds; 0: until it is released
	Released *mark `json:"released,omitempty"`
}

// lies reports whether the hold binds at an instant (Unix seconds).
func (h hold) lies(now int64) bool {
	return h.Placed != nil && h.Released == nil && (h.NotAfter == 0 || now < h.NotAfter)
}

// held reports whether any hold lies on the case.
func (e caseEntry) held(now int64) bool {
	for _, h := range e.Holds {
		if h.lies(now) {
			return true
		}
	}
	return false
}

// prune forgets holds that have ended by themselves: applied anew they bind no more.
func (e *caseEntry) prune(now int64) {
	for id, h := range e.Holds {
		if h.Placed != nil && h.NotAfter != 0 && now >= h.NotAfter {
			delete(e.Holds, id)
		}
	}
}

// maxHolds bounds the holds of a case, so that its entry stays small.
const maxHolds = 200

func (l *Local) judgeHold(ctx context.Context, o SignOrder, who asked, s *statement.Statement) error {
	var b statement.HoldBody
	if err := decode(s, &b); err != nil {
		return err
	}
	now := l.now()
	switch {
	case b.ID != o.ID:
		return comity.Invalid("id", "the officer signed the hold under another id")
	case b.Request == "" && who.Officer.Role != comity.RoleAuthority:
		return comity.Denied(comity.ArticleTerm, "a hold is placed by the authority, or by a liaison for another state's request",
			fmt.Sprintf("an officer of the authority of %s places it", l.state))
	case b.Request != "" && who.Officer.Role != comity.RoleLiaison:
		return comity.Denied(comity.ArticleLiaison, "a request is answered by a liaison", fmt.Sprintf("a liaison of %s preserves the case", l.state))
	case b.NotAfter != 0 && b.NotAfter <= now.Unix():
		return comity.Denied(comity.ArticleTerm, "the hold ends before it begins", "set an end that lies ahead")
	case b.Request != "" && (b.NotAfter == 0 || b.NotAfter > now.Add(statement.PreservationAge+statement.Freshness).Unix()):
		return comity.Denied(comity.ArticleTerm, "what is preserved for a request is held for 60 days at most", "set an earlier end, and renew it in time")
	}
	if b.Request != "" {
		if _, err := comity.ParseID(string(b.Request), comity.KindRequest); err != nil {
			return err
		}
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
	if err != nil {
		return err
	}
	c.prune(now.Unix())
	switch {
	case c.Withdrawn != nil:
		return withdrawn(l.state)
	case len(c.Holds) >= maxHolds:
		return comity.Conflict(fmt.Sprintf("%d holds lie on the case", maxHolds)).CuredBy("release those that are no longer needed")
	}
	return nil
}

func (l *Local) judgeHoldRelease(o SignOrder, s *statement.Statement) error {
	var b statement.HoldReleaseBody
	if err := decode(s, &b); err != nil {
		return err
	}
	return ofCase(b.Case, o)
}

func ofCase(signed comity.ID, o SignOrder) error {
	if signed != o.Record {
		return comity.Invalid("case", "the officer signed it of another case")
	}
	return nil
}

// judgeWithdrawal also refuses the proposal of what could not be done.
func (l *Local) judgeWithdrawal(ctx context.Context, o SignOrder, s *statement.Statement) error {
	var b statement.WithdrawBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if b.ID != o.ID {
		return comity.Invalid("id", "the officer signed the withdrawal under another id")
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
	if err != nil {
		return err
	}
	return l.mayWithdraw(c, o.ID)
}

func (l *Local) judgeCancellation(ctx context.Context, o SignOrder, s *statement.Statement) error {
	var b statement.WithdrawCancelBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if err := ofCase(b.Case, o); err != nil {
		return err
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
	if err == nil && c.Withdrawn != nil {
		err = withdrawn(l.state)
	}
	return err
}

// mayWithdraw says what stands in a withdrawal's way but for its time.
func (l *Local) mayWithdraw(c caseEntry, id comity.ID) error {
	switch {
	case c.Withdrawn != nil:
		return withdrawn(l.state)
	case c.Cancelled[id] != nil:
		return comity.Conflict("the withdrawal was cancelled").CuredBy("two officers of the authority withdraw the case anew")
	case c.held(l.now().Unix()):
		return comity.Denied(comity.ArticleTerm, "a hold lies on the case, and nothing of it is destroyed while it does",
			"wait until the hold ends, or have the authority release it")
	}
	return nil
}

func withdrawn(state comity.State) error {
	return comity.Conflict(fmt.Sprintf("%s has withdrawn the case", state)).CuredBy("there is nothing left to do")
}

// enterHold takes holds, releases and cancellations into the case's entry.
func (l *Local) enterHold(ctx context.Context, s statement.Statement, m mark) error {
	return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		if s.Kind == statement.KindCancellation {
			if e.Withdrawn != nil { // too late, and nobody is told otherwise
				return false, withdrawn(l.state)
			}
			if e.Cancelled == nil {
				e.Cancelled = map[comity.ID]*mark{}
			}
			was := e.Cancelled[s.ID]
			if was == nil {
				e.Cancelled[s.ID] = &m
			}
			return was == nil, nil
		}
		e.prune(m.At)
		if e.Holds == nil {
			e.Holds = map[comity.ID]hold{}
		}
		h := e.Holds[s.ID]
		if s.Kind == statement.KindHoldRelease {
			if h.Released != nil {
				return false, nil
			}
			h.Released = &m
			e.Holds[s.ID] = h
			return true, nil
		}
		var b statement.HoldBody
		if err := s.Decode(&b); err != nil {
			return false, comity.Invalid("statement", err.Error())
		}
		if b.NotAfter != 0 && m.At >= b.NotAfter || h.Placed != nil {
			return false, nil
		}
		if e.Withdrawn != nil {
			return false, withdrawn(l.state)
		}
		h.Placed, h.NotAfter = &m, b.NotAfter
		e.Holds[s.ID] = h
		return true, nil
	})
}

// Withdraw implements [Custodian].
func (l *Local) Withdraw(ctx context.Context, compact string) error {
	s, err := l.own(compact)
	if err != nil {
		return err
	}
	if s.Kind != statement.KindWithdrawal {
		return comity.Invalid("statement", "this is not a withdrawal")
	}
	if err := l.newest(ctx, l.state); err != nil {
		return err
	}
	if due := time.Unix(s.IssuedAt, 0).Add(statement.WithdrawalAge); l.now().Before(due) {
		return comity.Denied(comity.ArticleTerm, "until its time any officer of the authority can cancel the withdrawal",
			"wait until "+due.UTC().Format(time.RFC3339))
	}
	m := mark{Statement: statement.ActHash(compact), At: l.now().Unix()}
	// The mark is first: from then on the key is never made again, and who finds
	// the mark without the deletion deletes.
	err = change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		if e.Withdrawn != nil {
			return false, nil
		}
		if err := l.mayWithdraw(*e, s.ID); err != nil {
			return false, err
		}
		e.Withdrawn = &m
		return true, nil
	})
	if err != nil {
		return err
	}
	return l.fault(l.keys.DestroyKey(ctx, KeyName(s.Record)))
}

// stays refuses the key of a case that is withdrawn, and destroys one that was
// made again meanwhile.
func (l *Local) stays(ctx context.Context, record comity.ID) error {
	if record.Kind() != comity.KindCase {
		return nil
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(record))
	if err != nil || c.Withdrawn == nil {
		return err
	}
	if err := l.keys.DestroyKey(ctx, KeyName(record)); err != nil {
		return l.fault(err)
	}
	return withdrawn(l.state)
}
