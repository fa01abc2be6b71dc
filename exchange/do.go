package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Act is one thing an officer does. The types of this package that implement it
// are pointers to small structs: what the officer gives, and what came of it.
type Act interface {
	// about names the act, the idempotency key, and the input it is bound to
	// (without signatures and nonces, which a repeat makes anew).
	about() (action sovereignty.Action, key string, input any)
	// judge loads what the decision needs and decides. It is called on a
	// snapshot before prepare, and again within the transaction before commit,
	// where it locks what it loads.
	judge(tx storage.ReadTx, a *attempt) error
	// prepare makes effects that may be abandoned.
	prepare(ctx context.Context, a *attempt) error
	// commit writes the change. It must only write.
	commit(tx storage.Tx, a *attempt) error
	// finish makes what may only follow the log. The act stands by then.
	finish(ctx context.Context, a *attempt) error
	// repeat fills the results of an act that the same key already performed.
	repeat(ctx context.Context, a *attempt, ids []comity.ID) error
}

// attempt is one run of an act through the gate.
type attempt struct {
	x      *Exchange
	who    Caller
	action sovereignty.Action
	now    time.Time // the one instant that this step judges against

	decision  sovereignty.Decision // that carried the act
	records   []audit.Record       // acted on, as the officer named them
	purpose   comity.Purpose
	use       comity.Use     // of what is exported
	digest    string         // of it, hex
	origin    comity.State   // whose record it is, when the officer may see it: told of denials too
	concerned []comity.State // told of the act once it is done
	// across is the other side of a request, which is told who acted by state
	// and function alone: how a side works within itself is its own matter.
	across comity.State
	// told is what a state reads instead of the act's own content.
	told map[comity.State]audit.Content
	// apart is told in leaves of their own, each to one state, so that none
	// learns what else the act did, and to whom.
	apart []told
	// events are told of beside those that follow from the leaves.
	events  []storage.Event
	made    []comity.ID                // ids that a repeat answers with
	nonces  []nonce                    // of the signed acts used
	leaves  map[comity.State]comity.ID // the act's own, by who reads it; once it is committed
	intent  []byte                     // that waits in the outbox while what it is about is signed
	outcome audit.Outcome
}

type told struct {
	state   comity.State
	content audit.Content
}

// nonce is that of a signed act, and the hash of the whole act.
type nonce struct{ jkt, value, act string }

// Do performs an act for an officer, or says why not. On success the act's
// results are set, its leaf is in the record of acts, and its effects are done.
// An error of code UNAVAILABLE from a finishing effect says so: the act stands
// and the effect follows by itself.
func (x *Exchange) Do(ctx context.Context, who Caller, act Act) (err error) {
	began := time.Now()
	ctx = storage.As(ctx, who.Officer)
	action, key, input := act.about()
	a := &attempt{x: x, who: who, action: action, outcome: audit.Done}
	defer func() { x.observe(string(action), outcomeOf(err), time.Since(began)) }()
	defer x.poke()

	if _, err := uuid.Parse(key); err != nil {
		return comity.Invalid("idempotencyKey", "an idempotency key is a UUID")
	}
	canonical, err := statement.Canonical(input)
	if err != nil {
		return err
	}
	idem := storage.Idempotency{Issuer: who.Officer.Issuer, Subject: who.Officer.Subject,
		Mutation: string(action), Key: key, InputHash: sha256.Sum256(canonical)}

	var earlier *storage.Idempotency
	err = x.db.Read(ctx, func(tx storage.ReadTx) error {
		a.reset(tx.Now())
		found, err := tx.IdempotencyOf(idem.Issuer, idem.Subject, idem.Mutation, idem.Key)
		switch {
		case err == nil:
			earlier = &found
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if earlier != nil { // judged with the rows as they are now, not as they were
			a.made = slices.Clone(earlier.IDs)
		}
		return act.judge(tx, a)
	})
	if earlier != nil && earlier.InputHash != idem.InputHash {
		return comity.Conflict("this idempotency key was used for another input")
	}
	// Done before, and permitted still: where the act can no longer be done
	// because it was (a conflict), the decision before that must have permitted.
	if earlier != nil && a.decision.Permit && (err == nil || comity.CodeOf(err) == comity.CodeConflict) {
		if repeated := x.repeat(ctx, a, act, earlier.IDs); !errors.Is(repeated, errAnew) {
			return repeated
		}
	}
	if err == nil {
		err = act.prepare(ctx, a)
	}
	if err != nil {
		return x.deny(ctx, a, err)
	}

	err = x.db.Write(ctx, func(tx storage.Tx) error {
		a.reset(tx.Now())
		idem.At = a.now
		if err := act.judge(tx, a); err != nil {
			return err
		}
		for _, n := range a.nonces {
			err := tx.UseNonce(n.jkt, n.value, a.now.Add(2*statement.Freshness))
			if errors.Is(err, storage.ErrExists) {
				return comity.Unauthenticated("this signed act was used before; sign it anew", err)
			}
			if err != nil {
				return err
			}
		}
		if err := act.commit(tx, a); err != nil {
			return err
		}
		idem.IDs = a.made
		if earlier == nil {
			if err := insertKey(tx, idem); err != nil {
				return err
			}
		}
		var err error
		if a.leaves, err = newLeaves(tx, a.now, a.contents(nil)); err != nil {
			return err
		}
		return a.appendApart(tx)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = comity.Conflict("the record changed meanwhile; read it again")
	}
	if err != nil {
		// Only when the transaction certainly did not happen: the answer to a
		// commit can be lost.
		if p, ok := act.(interface {
			abandon(context.Context, *attempt)
		}); ok && refused(err) {
			p.abandon(ctx, a)
		}
		return x.deny(ctx, a, err)
	}
	return act.finish(ctx, a)
}

// appendApart writes what is told beside the act's own leaf.
func (a *attempt) appendApart(tx storage.Tx) error {
	for _, t := range a.apart {
		if err := appendLeaves(tx, a.now, map[comity.State]audit.Content{t.state: t.content}); err != nil {
			return err
		}
	}
	for i := range a.events {
		a.events[i].ID = fmt.Sprintf("%s %d", comity.NewID(comity.KindLeaf), i)
	}
	return tx.AppendEvents(a.events)
}

// refused reports whether an act ended by a judgement, not by a fault.
func refused(err error) bool {
	switch comity.CodeOf(err) {
	case comity.CodeInternal, comity.CodeUnavailable:
		return false
	}
	return true
}

// repeat answers an act that was done before, and leaves a leaf that it did.
func (x *Exchange) repeat(ctx context.Context, a *attempt, act Act, ids []comity.ID) error {
	if err := act.repeat(ctx, a, ids); err != nil {
		return err
	}
	a.outcome, a.concerned, a.origin, a.across, a.told = audit.Repeated, nil, "", "", nil
	return x.append(ctx, a, nil)
}

// append writes a leaf of its own about the attempt, also when the asker no
// longer waits for the answer.
func (x *Exchange) append(ctx context.Context, a *attempt, cause error) error {
	return x.db.Write(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		a.now = tx.Now().UTC()
		return appendLeaves(tx, a.now, a.contents(cause))
	})
}

// appendLeaves writes what happened into the record of acts, for each state its
// own content, and the events that follow from it.
func appendLeaves(tx storage.Tx, at time.Time, contents map[comity.State]audit.Content) error {
	_, err := newLeaves(tx, at, contents)
	return err
}

// newLeaves is appendLeaves that tells which leaf each state reads.
func newLeaves(tx storage.Tx, at time.Time, contents map[comity.State]audit.Content) (map[comity.State]comity.ID, error) {
	leaves, err := audit.Leaves(at, contents)
	if err != nil {
		return nil, err
	}
	of := map[comity.State]comity.ID{}
	for _, l := range leaves {
		if err := tx.AppendLeaf(l); err != nil {
			return nil, err
		}
		for _, o := range l.Openings {
			of[o.State] = l.ID
		}
	}
	return of, tx.AppendEvents(eventsOf(leaves[0].ID, at, contents))
}

// errAnew is a repeat's way to say that the act is performed again, as a new
// one, since its result is kept nowhere.
var errAnew = errors.New("exchange: to be performed anew")

func insertKey(tx storage.Tx, idem storage.Idempotency) error {
	err := tx.InsertIdempotency(idem)
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("the same act is being performed just now; ask again")
	}
	return err
}

// reset clears what a run of judge and commit collects, since a transaction may
// run more than once.
func (a *attempt) reset(now time.Time) {
	a.now = now.UTC()
	a.records, a.origin, a.concerned, a.across, a.told, a.apart, a.events, a.nonces = nil, "", nil, "", nil, nil, nil, nil
	a.decision, a.made, a.digest = sovereignty.Decision{}, nil, ""
	if a.outcome == audit.Proposed {
		a.outcome = audit.Done
	}
}

// on names a record that the act is about, and the states concerned by it.
func (a *attempt) on(record string, states ...comity.State) {
	a.records = append(a.records, audit.Record{ID: record})
	a.concerned = append(a.concerned, states...)
}

// decide asks the policies, and keeps the decision that carried the act.
func (a *attempt) decide(q sovereignty.Question) error {
	q.Officer = a.who.Officer
	if q.Action == "" {
		q.Action = a.action
	}
	d := a.x.policies.Decide(q)
	a.decision = d
	return d.Err()
}

// decideOn decides an act that adds the own state's words to what is another's.
// How these are declared to be classified is told to the own state alone.
func (a *attempt) decideOn(q sovereignty.Question) error {
	err := a.decide(q)
	if a.decision.Article == comity.ArticlePurpose && !a.decision.Permit {
		a.origin = ""
	}
	return err
}

// deny logs a denial before the officer learns of it and returns the error to
// answer with. Mistakes of form and parts that are away are no denials.
func (x *Exchange) deny(ctx context.Context, a *attempt, cause error) error {
	switch comity.CodeOf(cause) {
	case comity.CodeDenied:
		a.outcome = audit.Refused
	case comity.CodeNotFound:
		a.outcome = audit.NotFound
	default:
		return cause
	}
	if err := x.append(ctx, a, cause); err != nil {
		return err
	}
	return cause
}

// contents writes down the attempt, for each state what concerns it.
func (a *attempt) contents(cause error) map[comity.State]audit.Content {
	content := a.content(a.action)
	content.Records, content.Purpose = a.records, a.purpose
	content.Use, content.Digest = a.use, a.digest
	content.Article, content.Reason = a.decision.Article, ""
	if len(a.nonces) == 1 {
		content.Signed = a.nonces[0].act
	}
	if e, ok := errors.AsType[*comity.Error](cause); ok {
		content.Reason = e.Message
		content.Article = e.Article
		if a.outcome == audit.NotFound {
			content.Article = comity.ArticleNoOracle
		}
	}
	contents := map[comity.State]audit.Content{}
	if a.origin != "" && a.outcome != audit.NotFound && a.outcome != audit.Repeated {
		contents[a.origin] = content
	}
	if a.outcome == audit.Done || a.outcome == audit.Released {
		for _, s := range a.concerned {
			contents[s] = content
		}
		if a.across != "" {
			contents[a.across] = across(content)
		}
		for s, told := range a.told {
			contents[s] = told
		}
	}
	contents[a.who.Officer.State] = content
	return contents
}

// across is what the other side of a request reads of an act upon it.
func across(c audit.Content) audit.Content {
	c.Actor = audit.Actor{State: c.Actor.State, Function: c.Actor.Function}
	return c
}

func (a *attempt) content(action sovereignty.Action) audit.Content {
	return audit.Content{Act: string(action), Outcome: a.outcome, At: a.now, Actor: actorOf(a.who.Officer),
		Policies: a.x.policies.Hash(), RequestID: a.who.RequestID}
}

func actorOf(o comity.Officer) audit.Actor {
	return audit.Actor{State: o.State, Agency: o.Agency, Function: o.Function, Ref: o.Ref()}
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	return string(comity.CodeOf(err))
}
