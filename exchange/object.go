package exchange

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ObjectGrant puts on record that the state which received a grant holds the
// matter to be predominantly of a character that is not shareable (Article 5).
// Both states see it; it changes nothing else.
type ObjectGrant struct {
	Key   string               `json:"-"`
	Grant comity.ID            `json:"grant"`
	Body  statement.ObjectBody `json:"body"`
	Act   string               `json:"-"`

	Statement string `json:"-"`

	grant     comity.Grant
	canonical json.RawMessage
}

func (o *ObjectGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantObject, o.Key, o
}

func (o *ObjectGrant) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(o.Act, statement.ActGrantObject, o.Grant, o.Body)
	if err != nil {
		return err
	}
	g, ok, covered, err := a.bound(tx, o.Grant)
	if err != nil {
		return err
	}
	o.grant, o.canonical = g, canonical
	a.purpose = g.Purpose
	q := sovereignty.Question{Record: sovereignty.Record{State: g.State, Kind: comity.KindGrant}, Circumstances: sovereignty.Circumstances{Visible: ok, Signed: true}}
	q.Circumstances.Grant.Present = covered
	if err := a.decide(q); err != nil { // that it was refused is the own side's matter
		return err
	}
	if _, err := comity.ParseID(string(o.Body.ID), comity.KindObjection); err != nil {
		return err
	}
	if !o.Body.Ground.Valid() || o.Body.Ground == comity.CharacterOrdinary {
		return comity.Invalid("ground", "the grounds are POLITICAL, MILITARY, RELIGIOUS and RACIAL")
	}
	return ofCase(g, o.Body.Case)
}

func (o *ObjectGrant) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	o.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(o.Act), Kind: statement.KindObjection, ID: o.Body.ID, Record: o.Grant, Body: o.canonical})
	return err
}

func (o *ObjectGrant) commit(tx storage.Tx, a *attempt) error {
	who := a.who.Officer
	err := tx.InsertObjection(comity.Objection{ID: o.Body.ID, Grant: o.Grant, Case: o.grant.Case, State: who.State, To: o.grant.State, Officer: who.Ref(),
		Function: who.Function, Ground: o.Body.Ground, CreatedAt: a.now, Statement: o.Statement})
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("no objection can be made under this id").CuredBy("choose another id")
	}
	if err != nil {
		return err
	}
	a.on(string(o.Body.ID), o.grant.State)
	a.made = []comity.ID{o.Grant}
	return nil
}

func (o *ObjectGrant) finish(context.Context, *attempt) error              { return nil }
func (o *ObjectGrant) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// Objections reads those to grants that the officer was shown, oldest first: the
// originator's officers all, a grantee's those of its own state.
func (r *Reader) Objections(grants []*comity.Grant) (map[comity.ID][]comity.Objection, error) {
	var ids []comity.ID
	for _, g := range grants {
		ids = append(ids, g.ID)
	}
	found, err := r.tx.Objections(ids)
	if err != nil {
		return nil, err
	}
	own := r.who.Officer.State
	for id, all := range found {
		var shown []comity.Objection
		for _, o := range all {
			if o.State == own || o.To == own {
				shown = append(shown, o)
			}
		}
		found[id] = shown
	}
	return found, nil
}
