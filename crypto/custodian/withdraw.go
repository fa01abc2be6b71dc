package custodian

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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

// lying counts the holds that lie on the case.
func (e caseEntry) lying(now int64) (n int) {
	for _, h := range e.Holds {
		if h.lies(now) {
			n++
		}
	}
	return n
}

func (e caseEntry) held(now int64) bool { return e.lying(now) > 0 }

// prune forgets holds that have ended by themselves: applied anew they bind no
// more; and withdrawals that nobody carried out in their time.
func (e *caseEntry) prune(now int64) {
	for id, h := range e.Holds {
		if h.Placed != nil && h.NotAfter != 0 && now >= h.NotAfter {
			delete(e.Holds, id)
		}
	}
	for id, p := range e.Pending {
		if p.late(now) {
			delete(e.Pending, id)
		}
	}
}

// pending is a withdrawal that two officers signed and whose time has not come.
type pending struct {
	Statement string `json:"statement"`       // hex SHA-256 of the JWS that was signed last
	Signed    int64  `json:"signed"`          // Unix seconds, when that was
	First     int64  `json:"first,omitempty"` // Unix seconds, when it was first signed; 0: when it was last
}

// names reports whether a withdrawal is carried out by a statement that was signed
// at an instant (Unix seconds). Any that was signed since it waits does, for each is
// both officers' word; one from before does not, whose time has run already.
func (p pending) names(signed int64) bool {
	return signed >= cmp.Or(p.First, p.Signed) && signed <= p.Signed
}

// late reports whether the withdrawal is not carried out any more.
func (p pending) late(now int64) bool {
	return now >= p.Signed+int64((statement.WithdrawalAge+statement.WithdrawalLife)/time.Second)
}

// Bounds that keep a case's entry small.
const (
	maxHolds    = 100 // that lie on it
	maxReleased = 100 // that were released, of which the oldest are forgotten
	maxPending  = 20
)

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
	case c.lying(now.Unix()) >= maxHolds:
		return comity.Conflict(fmt.Sprintf("%d holds lie on the case", maxHolds)).CuredBy("release those that are no longer needed")
	}
	return nil
}

// judgeHoldRelease refuses the release of what was never placed: it would lie
// in the register for a hold yet to come.
func (l *Local) judgeHoldRelease(ctx context.Context, o SignOrder, s *statement.Statement) error {
	var b statement.HoldReleaseBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if err := ofCase(b.Case, o); err != nil {
		return err
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
	if _, known := c.Holds[o.ID]; err == nil && !known {
		err = comity.Conflict("no such hold lies on the case").CuredBy("there is nothing to release")
	}
	return err
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
	c.prune(l.now().Unix())
	if _, again := c.Pending[o.ID]; !again && len(c.Pending) >= maxPending {
		return comity.Conflict(fmt.Sprintf("%d withdrawals of the case wait for their time", maxPending)).CuredBy("cancel those that are not meant")
	}
	if n := len(c.Cancelled); n > 0 {
		s.Turns = &statement.Turns{Withdrawals: n}
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
	if err != nil {
		return err
	}
	_, waits := c.Pending[o.ID]
	switch {
	case c.Withdrawn != nil:
		return withdrawn(l.state)
	case !waits && c.Cancelled[o.ID] == nil:
		return comity.Conflict("no such withdrawal of the case waits for its time").CuredBy("there is nothing to cancel")
	}
	return nil
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

// forgetReleased keeps the entry small. A hold whose release is forgotten and
// that is applied anew lies until it is released once more, which destroys nothing.
func (e *caseEntry) forgetReleased() {
	var released []comity.ID
	for id, h := range e.Holds {
		if h.Released != nil {
			released = append(released, id)
		}
	}
	slices.SortFunc(released, func(a, b comity.ID) int {
		return cmp.Or(cmp.Compare(e.Holds[a].Released.At, e.Holds[b].Released.At), strings.Compare(string(a), string(b)))
	})
	for len(released) > maxReleased {
		delete(e.Holds, released[0])
		released = released[1:]
	}
}

// enterWithdrawal notes that a withdrawal waits for its time, so that the
// register knows of it before anybody is told, and none is carried out that was
// kept back.
func (l *Local) enterWithdrawal(ctx context.Context, s statement.Statement, compact string) error {
	return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		e.prune(l.now().Unix())
		if err := l.mayWithdraw(*e, s.ID); err != nil {
			return false, err
		}
		if e.Pending == nil {
			e.Pending = map[comity.ID]pending{}
		}
		was := e.Pending[s.ID]
		first := cmp.Or(was.First, was.Signed, s.IssuedAt)
		e.Pending[s.ID] = pending{statement.ActHash(compact), max(was.Signed, s.IssuedAt), first}
		return true, nil
	})
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
				delete(e.Pending, s.ID)
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
			e.forgetReleased()
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
	missed := false
	err = change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		if e.Withdrawn != nil {
			return false, nil
		}
		if err := l.mayWithdraw(*e, s.ID); err != nil {
			return false, err
		}
		if p, waits := e.Pending[s.ID]; !waits || !p.names(s.IssuedAt) || p.late(m.At) {
			// It was kept back until it was forgotten: as if somebody had cancelled it.
			if missed = true; e.Cancelled == nil {
				e.Cancelled = map[comity.ID]*mark{}
			}
			e.Cancelled[s.ID] = &m
			delete(e.Pending, s.ID)
			return true, nil
		}
		e.Withdrawn = &m
		return true, nil
	})
	if err == nil && missed {
		err = comity.Conflict("the withdrawal was not carried out in its time, and is no more").CuredBy("two officers of the authority withdraw the case anew")
	}
	if err != nil {
		return err
	}
	return l.fault(l.keys.DestroyKey(ctx, KeyName(s.Record)))
}

// gone refuses the key of a case that is withdrawn and whose deletion failed,
// as if it had not.
func (l *Local) gone(ctx context.Context, record comity.ID) error {
	err := l.stays(ctx, record)
	if comity.CodeOf(err) == comity.CodeConflict {
		return comity.NotFound().Because(err)
	}
	return err
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
