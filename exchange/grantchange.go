package exchange

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// findGrant finds a grant as the officer may find it, with its case as the
// originator's officers may, locked when within a transaction.
func (a *attempt) findGrant(tx storage.ReadTx, id comity.ID) (comity.Grant, sovereignty.Question, error) {
	a.records = nil
	found, err := tx.Grants(a.viewer(), []comity.ID{id})
	if err != nil {
		return comity.Grant{}, sovereignty.Question{}, err
	}
	g, ok := found[id]
	var view storage.CaseView
	record := sovereignty.Record{Kind: comity.KindGrant}
	if ok {
		var own bool
		if view, record, own, err = a.findCase(tx, g.Case); err != nil {
			return g, sovereignty.Question{}, err
		}
		if w, locked := tx.(storage.Tx); locked {
			if g, err = w.LockGrant(id); err != nil {
				return g, sovereignty.Question{}, err
			}
		}
		if !own || view.State != g.State { // a grantee who knows of the grant, or a liaison whom the case no longer reaches
			record = sovereignty.Record{State: g.State}
		}
		record.Kind, record.Reserved = comity.KindGrant, view.Reserved
		a.origin = g.State
	}
	a.on(string(id))
	a.purpose = g.Purpose
	return g, sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: ok, Signed: true, Grantee: g.Grantee.State}}, nil
}

// ofCase refuses an act signed of another case than the grant's, after the
// officer may know of the grant: its custodian would refuse it too.
func ofCase(g comity.Grant, signed comity.ID) error {
	if signed != g.Case {
		return comity.Invalid("case", "the grant is of another case; read it again")
	}
	return nil
}

func stillRuns(g comity.Grant, now time.Time) error {
	if (g.Status != comity.GrantActive && g.Status != comity.GrantPending) || !now.Before(g.NotAfter) {
		return comity.Conflict("the grant has ended already")
	}
	return nil
}

// NarrowGrant lessens what a grant opens, or for how long. It never widens.
type NarrowGrant struct {
	Key             string               `json:"-"`
	Grant           comity.ID            `json:"grant"`
	ExpectedVersion int                  `json:"expectedVersion"`
	Body            statement.NarrowBody `json:"body"`
	Act             string               `json:"-"`

	Statement string `json:"-"`

	grant     comity.Grant
	canonical json.RawMessage
}

func (n *NarrowGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantNarrow, n.Key, n
}

func (n *NarrowGrant) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(n.Act, statement.ActGrantNarrow, n.Grant, n.Body)
	if err != nil {
		return err
	}
	if err := n.Body.Caveats.Marking.Check(); err != nil {
		return err
	}
	if len(n.Body.Caveats.Text) > maxObjection {
		return tooLong("caveats", maxObjection)
	}
	if err := checkText("caveats", n.Body.Caveats.Text); err != nil {
		return err
	}
	g, q, err := a.findGrant(tx, n.Grant)
	if err != nil {
		return err
	}
	n.grant, n.canonical = g, canonical
	q.Circumstances.Narrows = n.narrows(g, a.now)
	if err := a.decide(q); err != nil {
		return err
	}
	if err := first(ofCase(g, n.Body.Case), stillRuns(g, a.now)); err != nil {
		return err
	}
	// Once it is signed it is in the register, whatever came between: what the
	// officer wanted to be lessened is, and the database follows.
	if g.Version != n.ExpectedVersion && n.Statement == "" {
		return comity.Conflict("the grant changed meanwhile; read it again")
	}
	if n.Body.Scope == g.Scope && subset(g.Exhibits, n.Body.Exhibits) && subset(g.Subjects, n.Body.Subjects) &&
		n.Body.Caveats == g.Caveats && n.Body.NotAfter == g.NotAfter.Unix() {
		return errNothingChanges
	}
	return nil
}

// narrows reports whether what would remain lies within what the grant opens.
func (n *NarrowGrant) narrows(g comity.Grant, now time.Time) bool {
	until := time.Unix(n.Body.NotAfter, 0)
	return covers(g.Scope, n.Body.Scope) && subset(n.Body.Exhibits, g.Exhibits) && subset(n.Body.Subjects, g.Subjects) &&
		!until.After(g.NotAfter) && until.After(now) &&
		n.Body.Caveats.Marking.AsStrict(g.Caveats.Marking) && strings.HasPrefix(n.Body.Caveats.Text, g.Caveats.Text)
}

func (n *NarrowGrant) prepare(ctx context.Context, a *attempt) (err error) {
	n.Statement, err = a.signEnd(ctx, n.grant.State, custodian.SignOrder{Asker: a.asker(n.Act), Kind: statement.KindNarrowing,
		ID: n.Grant, Record: n.grant.Case, Body: n.canonical}, intent{})
	return err
}

func (n *NarrowGrant) commit(tx storage.Tx, a *attempt) error {
	g := n.grant
	g.Scope, g.Exhibits, g.Subjects, g.Caveats = n.Body.Scope, n.Body.Exhibits, n.Body.Subjects, n.Body.Caveats
	g.NotAfter = time.Unix(n.Body.NotAfter, 0).UTC()
	g.Narrowing = n.Statement
	g.Version++
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	if n.grant.Status != comity.GrantPending { // else it never opened anything
		a.concerned = append(a.concerned, g.Grantee.State)
	}
	a.made = []comity.ID{n.Grant}
	if err := a.settled(tx, n.Grant); err != nil {
		return err
	}
	return tx.AddEffect(apply(n.Grant, g.State, n.Statement, a.now))
}

func (n *NarrowGrant) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, n.Grant, n.grant.State, n.Statement)
}

// repeat applies the narrowing that the grant has now: this one, or a later one.
func (n *NarrowGrant) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return a.enter(ctx, n.Grant, n.grant.State, n.grant.Narrowing)
}

// RevokeGrant ends a grant. Reads that begin after its answer see nothing more.
type RevokeGrant struct {
	Key   string               `json:"-"`
	Grant comity.ID            `json:"grant"`
	Body  statement.RevokeBody `json:"body"`
	Act   string               `json:"-"`

	Statement string `json:"-"` // the state's signed revocation, by which the liaison can tell that it was asked for

	grant     comity.Grant
	canonical json.RawMessage
}

func (r *RevokeGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantRevoke, r.Key, r
}

func (r *RevokeGrant) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(r.Act, statement.ActGrantRevoke, r.Grant, r.Body)
	if err != nil {
		return err
	}
	g, q, err := a.findGrant(tx, r.Grant)
	if err != nil {
		return err
	}
	r.grant, r.canonical = g, canonical
	if err := a.decide(q); err != nil {
		return err
	}
	if err := first(ofCase(g, r.Body.Case), stillRuns(g, a.now)); err != nil {
		return err
	}
	if len(r.Body.Reason) > maxObjection {
		return tooLong("reason", maxObjection)
	}
	return checkText("reason", r.Body.Reason)
}

func (r *RevokeGrant) prepare(ctx context.Context, a *attempt) (err error) {
	r.Statement, err = a.signEnd(ctx, r.grant.State, custodian.SignOrder{Asker: a.asker(r.Act), Kind: statement.KindRevocation,
		ID: r.Grant, Record: r.grant.Case, Body: r.canonical}, intent{})
	return err
}

func (r *RevokeGrant) commit(tx storage.Tx, a *attempt) error {
	g := r.grant
	a.tellEnded(g)
	g.Status, g.EndedAt = comity.GrantRevoked, a.now
	g.Version++
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	a.made = []comity.ID{r.Grant}
	if err := a.settled(tx, r.Grant); err != nil {
		return err
	}
	return tx.AddEffect(apply(r.Grant, g.State, r.Statement, a.now))
}

func (r *RevokeGrant) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, r.Grant, r.grant.State, r.Statement)
}

// repeat has the revocation signed once more.
func (r *RevokeGrant) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, r)
}

// What the record of acts calls a grant's beginning and its end, to its grantee.
const (
	grantBegun = "grantBegun"
	grantEnded = "grantEnded"
)

// tellEnded lets the grantee of a grant that was once in force read that it
// ended: in a leaf of its own and in the same words whether it was revoked or
// its case reserved, and by whom, since why it ended, and what else ended with
// it, is the originator's own matter (Articles 4 and 12).
func (a *attempt) tellEnded(g comity.Grant) {
	if g.Status == comity.GrantPending {
		return // it never opened anything
	}
	a.apart = append(a.apart, told{g.Grantee.State, audit.Content{Act: grantEnded, Outcome: audit.Done, At: a.now,
		Actor: audit.Actor{State: g.State}, Records: []audit.Record{{ID: string(g.ID)}}, Policies: a.x.policies.Hash()}})
}
