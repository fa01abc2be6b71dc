package exchange

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
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

// runEffects carries out the waiting effects of one record now. An error says
// that the act stands and that the rest follows by itself.
func (x *Exchange) runEffects(ctx context.Context, record comity.ID) error {
	var due []storage.Effect
	err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
		due, err = tx.EffectsOf(record)
		return err
	})
	if err != nil {
		return standing(err)
	}
	for _, e := range due {
		if err := x.perform(ctx, e); err != nil {
			return standing(err)
		}
	}
	return nil
}

func standing(err error) error {
	e := &comity.Error{Code: comity.CodeUnavailable, Message: "the act is recorded; the custodian's register follows by itself as soon as it can be reached"}
	return e.Because(err)
}

// Effects carries out waiting effects until ctx ends: those of this server that
// were interrupted, and those of servers that are gone.
func (x *Exchange) Effects(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x.keys.prune()
		if err := x.resume(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("effects wait", "error", err)
		}
	}
}

// effectsAtOnce bounds the effects taken up in one round.
const effectsAtOnce = 32

func (x *Exchange) resume(ctx context.Context) error {
	var due []storage.Effect
	err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
		if due, err = tx.DueEffects(effectsAtOnce); err != nil {
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
	if err != nil {
		return err
	}
	for _, e := range due {
		if err := x.perform(ctx, e); err != nil {
			x.log.Warn("an effect waits", "record", e.ID, "kind", e.Kind, "state", e.State, "attempts", e.Attempts+1, "error", err)
		}
	}
	return nil
}

// perform carries out one effect. Applying a statement is idempotent, so that
// two servers doing it at once do no harm.
func (x *Exchange) perform(ctx context.Context, e storage.Effect) error {
	c, err := x.custodian(e.State)
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, string(e.Payload)); err != nil {
		return err
	}
	return x.db.Write(ctx, func(tx storage.Tx) error {
		if e.ID.Kind() == comity.KindGrant {
			if err := x.activate(tx, e); err != nil {
				return err
			}
		}
		return tx.DoneEffect(e.Seq)
	})
}

// activate opens a grant that has entered the register, unless it was ended
// meanwhile. The case is locked first, as everywhere.
func (x *Exchange) activate(tx storage.Tx, e storage.Effect) error {
	said, err := x.dir.VerifyStatement(string(e.Payload))
	if err != nil {
		return err
	}
	c, err := tx.LockCase(said.Record)
	if err != nil {
		return err
	}
	g, err := tx.LockGrant(e.ID)
	if err != nil || g.Status != comity.GrantPending || c.Reserved {
		return err
	}
	g.Status = comity.GrantActive
	g.Version++
	return tx.UpdateGrant(g, g.Version-1)
}
