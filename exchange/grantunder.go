package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// effectStand makes the grants that a standing grant or a contribution, which is its
// record, brings about.
const effectStand = "stand"

func stands(id comity.ID, s comity.State, now time.Time) storage.Effect {
	return storage.Effect{ID: id, Kind: effectStand, State: s, NotBefore: now}
}

// standNow makes them within the time that an officer waits. What is not made by
// then follows by itself.
func (x *Exchange) standNow(ctx context.Context, own storage.Effect) error {
	within, cancel := context.WithTimeout(ctx, effectTime/2)
	defer cancel()
	due := own
	err := x.db.Write(ctx, func(tx storage.Tx) error {
		all, err := tx.EffectsOf(own.ID)
		for _, e := range all {
			if e.Kind == effectStand {
				due = e
			}
		}
		return err
	})
	if err == nil {
		err = x.perform(within, due)
	}
	switch {
	case errors.Is(err, errEffect):
		return nil // the act stands, and what is forged is reported to who runs the exchange
	case err != nil && (within.Err() == nil || ctx.Err() != nil):
		return follows(err)
	}
	return nil // what is not made within the time follows by itself
}

// pair is a standing grant with a contribution.
type pair struct {
	standing     comity.StandingGrant
	contribution comity.Release
}

// contributionsAtOnce bounds what is loaded of a team in one step.
const contributionsAtOnce = 100

// stand makes every grant that is missing. It is idempotent: a grant's id follows from
// what it is made of. What the Articles refuse is noted for the state, and waits for
// a new contribution or standing grant.
func (x *Exchange) stand(ctx context.Context, e storage.Effect) error {
	var later, forged []error // of one pair; the others do not wait for it
	for after := comity.ID(""); ; {
		pairs, next, err := x.pairs(ctx, e, after)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			for _, to := range p.standing.Grantees {
				err := x.grantUnder(ctx, e, p, to)
				if err != nil {
					err = fmt.Errorf("%s of %s to %s: %w", p.contribution.ID, p.standing.ID, to.Viewer(), err)
				}
				switch {
				case errors.Is(err, errEffect):
					forged = append(forged, err)
				case err != nil:
					later = append(later, err)
				}
				if ctx.Err() != nil {
					return errors.Join(append(later, ctx.Err())...)
				}
			}
		}
		if next == "" {
			break
		}
		after = next
	}
	switch {
	case len(later) > 0:
		return errors.Join(later...)
	case len(forged) > 0: // once nothing else waits
		return errors.Join(forged...)
	}
	return x.db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		if err := tx.DoneEffect(e.Seq); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return nil // another server was as fast
	})
}

// pairs are those of the effect's record after a contribution, and the contribution
// to go on after, "" at the end.
func (x *Exchange) pairs(ctx context.Context, e storage.Effect, after comity.ID) (all []pair, next comity.ID, err error) {
	err = x.db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
		all, next = nil, ""
		if e.ID.Kind() == comity.KindRelease {
			c, err := tx.ContributionOf(e.State, e.ID)
			if err != nil || !c.Live(tx.Now()) {
				return absentIsNone(err)
			}
			standing, err := tx.StandingsTo(e.State, c.Team, tx.Now())
			for _, s := range standing {
				all = append(all, pair{s, c})
			}
			return err
		}
		s, err := tx.StandingByID(e.State, e.ID)
		if err != nil || !s.Live(tx.Now()) {
			return absentIsNone(err)
		}
		contributed, err := tx.Contributions(e.State, s.Team, tx.Now(), after, contributionsAtOnce)
		for _, c := range contributed {
			all = append(all, pair{s, c})
		}
		if len(contributed) == contributionsAtOnce {
			next = contributed[len(contributed)-1].ID
		}
		return err
	})
	return all, next, err
}

func absentIsNone(err error) error {
	if isAbsent(err) {
		return nil
	}
	return err
}

// grantUnder makes one grant, in a transaction and a leaf of its own. It is judged as
// one that the liaison of the standing grant makes now, over the contribution as its
// release decision.
func (x *Exchange) grantUnder(ctx context.Context, e storage.Effect, p pair, to comity.Grantee) error {
	standing, err := x.statements.get(x.dir, p.standing.Statement)
	var contribution statement.Statement
	if err == nil {
		contribution, err = x.statements.get(x.dir, p.contribution.Statement)
	}
	if err != nil {
		if comity.CodeOf(err) == comity.CodeUnavailable { // an expired manifest
			return err
		}
		// Signed by a key that has left the manifest: to be signed anew. The others do not wait for it.
		x.log.Warn("a grant to a joint team is not made", "standing", p.standing.ID, "contribution", p.contribution.ID, "error", err)
		return nil
	}
	if standing.ID != p.standing.ID || contribution.ID != p.contribution.ID || contribution.Record != p.contribution.Case {
		return forgedEffect(e, "a row of what it grants by is not what its statement says")
	}
	by := standing.Officer
	a := &attempt{x: x, action: sovereignty.GrantMake, outcome: audit.Done, who: Caller{Identity: token.Identity{Officer: comity.Officer{State: standing.State, Agency: by.Agency,
		Role: by.Role, Function: by.Function, Pseudonym: by.Ref.Pseudonym()}}}}
	id := statement.GrantIDUnder(standing.ID, contribution.ID, to)
	body, err := statement.GrantUnder(standing, contribution, to)
	if err != nil { // INVALID is what is not within the other, as for another purpose: there is nothing to make
		a.on(string(contribution.Record))
		return x.refusedUnder(ctx, a, id, err)
	}
	ctx = storage.As(ctx, a.who.Officer)
	g := &MakeGrant{Case: p.contribution.Case, Body: body, standing: p.standing}
	switch row, err := x.madeUnder(ctx, e, p, id); {
	case err != nil:
		return err
	case row.Status == comity.GrantPending: // it waits for the register still
		return x.runEffects(ctx, apply(id, row.State, row.Statement, row.CreatedAt))
	case row.ID != "":
		return nil
	}
	err = x.db.Read(ctx, func(tx storage.ReadTx) error {
		a.reset(tx.Now())
		return g.judgeUnder(tx, a)
	})
	if err == nil {
		err = g.genuine(ctx, a)
	}
	if err != nil {
		return x.refusedUnder(ctx, a, id, err)
	}
	keys, err := x.custodian(standing.State)
	if err != nil {
		return err
	}
	g.Statement, err = keys.GrantUnder(ctx, statement.Under{Standing: p.standing.Statement, Contribution: p.contribution.Statement}, to)
	if err == nil {
		g.made, err = x.statements.get(x.dir, g.Statement)
	}
	if err != nil {
		return x.refusedUnder(ctx, a, id, err)
	}
	err = x.db.Write(ctx, func(tx storage.Tx) error {
		a.reset(tx.Now())
		if err := g.judgeUnder(tx, a); err != nil {
			return err
		}
		if err := g.commit(tx, a); err != nil {
			return err
		}
		return appendLeaves(tx, a.now, a.contents(nil))
	})
	if comity.CodeOf(err) == comity.CodeConflict { // perhaps another server was as fast
		if row, fault := x.madeUnder(ctx, e, p, id); fault != nil || row.ID != "" {
			return fault
		}
	}
	if err != nil {
		return x.refusedUnder(ctx, a, id, err)
	}
	return g.finish(ctx, a)
}

// madeUnder is the grant of an id as it was made before, zero where there is none. A
// row that says anything else is the operator's, and does not pass for it.
func (x *Exchange) madeUnder(ctx context.Context, e storage.Effect, p pair, id comity.ID) (g comity.Grant, err error) {
	err = x.db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) (err error) {
		g, err = tx.GrantRow(id)
		return err
	})
	if err != nil {
		return comity.Grant{}, absentIsNone(err)
	}
	switch _, err := x.terms(g, p.contribution.State); {
	case errors.Is(err, errForged):
		return comity.Grant{}, forgedEffect(e, err.Error())
	case err != nil:
		return comity.Grant{}, err
	case g.Standing != p.standing.ID || g.Case != p.contribution.Case: // the id says the rest
		return comity.Grant{}, forgedEffect(e, "there is another grant under the id "+string(id))
	}
	return g, nil
}

// refusedUnder notes for the state what the Articles refuse, and goes on. It is noted
// once of each grant that does not come about, however often that is tried. What
// the register is too busy for is tried again.
func (x *Exchange) refusedUnder(ctx context.Context, a *attempt, id comity.ID, cause error) error {
	switch comity.CodeOf(cause) {
	case comity.CodeDenied:
		a.outcome = audit.Refused
	case comity.CodeNotFound:
		a.outcome = audit.NotFound
	case comity.CodeInvalid: // what is named is not there any more
		return nil
	default:
		return cause
	}
	a.on(string(id))
	own := a.who.Officer.State
	return x.db.Write(storage.AsSystem(context.WithoutCancel(ctx)), func(tx storage.Tx) error {
		if err := tx.LockState(own); err != nil { // two servers note one after the other
			return err
		}
		noted, err := tx.Log(own, storage.LogFilter{Record: string(id), Act: string(a.action)}, storage.Page{Limit: 1})
		if err != nil || len(noted) > 0 {
			return err
		}
		a.now = tx.Now().UTC()
		return appendLeaves(tx, a.now, a.contents(cause))
	})
}

// judgeUnder judges a grant that follows from a standing grant and a contribution.
func (g *MakeGrant) judgeUnder(tx storage.ReadTx, a *attempt) error {
	view, record, visible, err := a.findCase(tx, g.Case)
	if err != nil {
		return err
	}
	g.view = view
	a.on(string(g.Case))
	a.on(string(g.Body.Release))
	a.on(string(g.standing.ID))
	a.purpose = g.Body.Purpose
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true}}
	if visible {
		a.origin = view.State
		if err := g.circumstances(tx, a, &q); err != nil {
			return err
		}
		if s, err := tx.StandingByID(view.State, g.standing.ID); err != nil || !s.Live(a.now) {
			return comity.Denied(comity.ArticleTerm, "the standing grant has ended", "a liaison makes another")
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if g.Body.Category != view.Category {
		return comity.Invalid("category", "the case is of another category than it was contributed with")
	}
	return a.checkNamed(tx, view.ID, g.Body.Scope, g.Body.Exhibits, g.Body.Subjects)
}
