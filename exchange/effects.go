package exchange

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/storage"
)

// effectApply takes a state's own statement (the payload) into the register of
// its custodian.
const effectApply = "apply"

// retryAfter is how long an effect that failed waits for its next attempt,
// doubled with each up to retryMost.
const (
	retryAfter = time.Second
	retryMost  = time.Minute
)

// apply is the effect of a statement on a record.
func apply(record comity.ID, s comity.State, jws string, now time.Time) storage.Effect {
	return storage.Effect{ID: record, Kind: effectApply, State: s, Payload: []byte(jws), NotBefore: now}
}

// enter takes a statement that the act left for a record into the register now, and
// what else waits for that record.
func (a *attempt) enter(ctx context.Context, record comity.ID, s comity.State, jws string) error {
	return a.x.runEffects(ctx, apply(record, s, jws, a.now))
}

// runEffects carries out an effect and the others that wait for its record now.
// It does not rely on finding the effect in the outbox: a row that got lost must
// not turn an act that was answered as done into one that never happens. An
// error says that the act stands and that the rest follows by itself.
func (x *Exchange) runEffects(ctx context.Context, own storage.Effect) error {
	var due []storage.Effect
	err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
		due, err = tx.EffectsOf(own.ID)
		return err
	})
	if err != nil {
		return follows(err)
	}
	if len(own.Payload) > 0 && !slices.ContainsFunc(due, func(e storage.Effect) bool { return bytes.Equal(e.Payload, own.Payload) }) {
		due = append(due, own)
	}
	var faults []error // of one effect; the others do not wait for it
	for _, e := range due {
		if e.NotBefore.Equal(parkedUntil) && !bytes.Equal(e.Payload, own.Payload) {
			continue
		}
		if e.Kind == effectApply { // acts under way are settled when their time has come
			faults = append(faults, x.perform(ctx, e))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return follows(err)
	}
	return nil
}

// follows says that an act stands whose effect is still to come.
func follows(err error) error {
	e := &comity.Error{Code: comity.CodeUnavailable, Message: "the act is recorded; the custodian's register follows by itself as soon as it can be reached"}
	return e.Because(err)
}

// effectTime is how long one attempt at an effect may take.
const effectTime = 10 * time.Second

// Effects carries out waiting effects until ctx ends: those of this server that
// were interrupted, and those of servers that are gone. A state whose custodian
// hangs holds up no other state's. It also takes manifests that were published
// through other servers, asks anew for record keys in use, and forgets record keys
// and idempotency keys past their age.
func (x *Exchange) Effects(ctx context.Context) {
	ctx = storage.AsSystem(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var forgot time.Time
	busy := map[comity.State]chan struct{}{}
	var keys sync.WaitGroup
	keys.Go(func() { x.renewKeys(ctx) })
	defer func() {
		for _, done := range busy {
			<-done
		}
		keys.Wait()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x.keys.prune()
		if err := x.TellIncidents(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("incidents wait to be told", "error", err)
		}
		if _, err := x.TakeManifests(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("manifests that were published elsewhere wait", "error", err)
		}
		if now := time.Now(); now.Sub(forgot) >= forgetEvery {
			forgot = now
			x.forget(ctx)
		}
		var atWork []comity.State // still at the last ones: theirs are left to come due again
		for state, done := range busy {
			select {
			case <-done:
				delete(busy, state)
			default:
				atWork = append(atWork, state)
			}
		}
		due, err := x.takeDue(ctx, atWork)
		if err != nil {
			if ctx.Err() == nil {
				x.log.Warn("effects wait", "error", err)
			}
			continue
		}
		for state, effects := range due {
			done := make(chan struct{})
			busy[state] = done
			go func() {
				defer close(done)
				x.carryOut(ctx, effects)
			}()
		}
	}
}

// An idempotency key answers repeats for so long, and is then forgotten.
const (
	idempotencyAge  = 30 * 24 * time.Hour
	forgottenAtOnce = 500
	forgetEvery     = time.Minute
)

// forget deletes old idempotency keys, some at a time.
func (x *Exchange) forget(ctx context.Context) {
	for n := forgottenAtOnce; n == forgottenAtOnce; {
		err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
			n, err = tx.ForgetIdempotency(tx.Now().Add(-idempotencyAge), forgottenAtOnce)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				x.log.Warn("old idempotency keys stay for now", "error", err)
			}
			return
		}
	}
}

func (x *Exchange) carryOut(ctx context.Context, due []storage.Effect) {
	for _, e := range due {
		within, cancel := context.WithTimeout(ctx, effectTime)
		if err := x.perform(within, e); err != nil && !hopeless(e, err) { // which said so itself
			x.log.Warn("an effect waits", "record", e.ID, "kind", e.Kind, "state", e.State, "attempts", e.Attempts+1, "error", err)
		}
		cancel()
	}
}

// effectsAtOnce bounds the effects taken up in one round.
const effectsAtOnce = 32

// takeDue takes up due effects of the states that are not at work, by state.
func (x *Exchange) takeDue(ctx context.Context, atWork []comity.State) (map[comity.State][]storage.Effect, error) {
	var due []storage.Effect
	err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
		if due, err = tx.DueEffects(effectsAtOnce, atWork); err != nil {
			return err
		}
		// Put off before they are tried: a server that dies has not lost them,
		// and another does not try the same at once.
		for _, e := range due {
			wait := min(retryAfter<<min(e.Attempts, 6), retryMost)
			if err := tx.DelayEffect(e.Seq, tx.Now().Add(wait)); err != nil {
				return err
			}
		}
		return nil
	})
	byState := map[comity.State][]storage.Effect{}
	for _, e := range due {
		byState[e.State] = append(byState[e.State], e)
	}
	return byState, err
}

// perform carries out one effect, or parks it. All kinds are idempotent, so that two
// servers doing one at once do no harm.
func (x *Exchange) perform(ctx context.Context, e storage.Effect) error {
	err := x.effect(ctx, e)
	if hopeless(e, err) {
		x.park(ctx, e, err)
	}
	return err
}

func (x *Exchange) effect(ctx context.Context, e storage.Effect) error {
	switch e.Kind {
	case effectSettle:
		return x.settle(ctx, e)
	case effectWithdraw:
		return x.withdraw(ctx, e)
	case effectStand:
		return x.stand(ctx, e)
	case effectErase:
		return x.erase(ctx, e)
	}
	c, err := x.custodian(e.State)
	if err != nil {
		return err
	}
	err = c.Apply(ctx, string(e.Payload))
	late := comity.CodeOf(err) == comity.CodeDenied // the register will never take it
	if err != nil && !late {
		return err
	}
	return x.db.Write(ctx, func(tx storage.Tx) error {
		if e.ID.Kind() == comity.KindGrant {
			if err := x.activate(tx, e, late); err != nil {
				return err
			}
		}
		if err := tx.DoneEffect(e.Seq); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return nil // another server was as fast
	})
}

// activate opens a grant that has entered the register, unless it was ended
// meanwhile; one that came too late for it ends without ever having been in
// force, and one whose confirmation came too late ends when it lapsed. The case is
// locked first, as everywhere.
func (x *Exchange) activate(tx storage.Tx, e storage.Effect, late bool) error {
	said, g, ok, err := x.said(tx, e)
	if err != nil || !ok {
		return err
	}
	if said.Kind == statement.KindConfirmation {
		if !late {
			return nil
		}
		return x.lapsed(tx, g, said)
	}
	if g.Status != comity.GrantPending {
		return nil
	}
	g.Version++
	if late {
		now := tx.Now().UTC()
		g.Status, g.EndedAt = comity.GrantEnded, now
		if err := tx.UpdateGrant(g, g.Version-1); err != nil {
			return err
		}
		// Its own state alone knew of it.
		c := x.grantSaid(grantEnded, g, said, now)
		return appendLeaves(tx, now, map[comity.State]audit.Content{g.State: c})
	}
	g.Status = comity.GrantActive
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	// Only now does the grantee learn of it: until here it opened nothing.
	now := tx.Now().UTC()
	c := x.grantSaid(grantBegun, g, said, now)
	return appendLeaves(tx, now, map[comity.State]audit.Content{g.State: c, g.Grantee.State: c})
}

// lapsed ends a grant whose confirmation the register did not take: by the
// register it ended after its 72 hours, and its row says no more that it runs on.
func (x *Exchange) lapsed(tx storage.Tx, g comity.Grant, said statement.Statement) error {
	if g.Status != comity.GrantActive && g.Status != comity.GrantPending {
		return nil
	}
	made, err := x.statements.get(x.dir, g.Statement)
	if err != nil {
		return err
	}
	a := &attempt{x: x, now: tx.Now().UTC()}
	a.tellEnded(g)
	g.Status, g.EndedAt = comity.GrantEnded, a.now
	if at := time.Unix(made.IssuedAt, 0).UTC().Add(comity.EmergencyAge); at.Before(a.now) {
		g.EndedAt = at
	}
	g.Version++
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	if err := appendLeaves(tx, a.now, map[comity.State]audit.Content{g.State: x.grantSaid(grantEnded, g, said, a.now)}); err != nil {
		return err
	}
	return a.appendApart(tx)
}

// grantSaid is what is read of a grant that came into force, or never did.
func (x *Exchange) grantSaid(act string, g comity.Grant, said statement.Statement, now time.Time) audit.Content {
	return audit.Content{Act: act, Outcome: audit.Done, At: now, Policies: x.policies.Hash(), Purpose: g.Purpose, Article: comity.ArticleLiaison,
		Actor:   audit.Actor{State: g.State, Agency: said.Officer.Agency, Function: said.Officer.Function, Ref: said.Officer.Ref},
		Records: []audit.Record{{ID: string(g.Case), Grant: g.ID}, {ID: string(g.ID)}}}
}
