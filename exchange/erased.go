package exchange

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// effectErase erases the openings of an erasure, which is its record.
const effectErase = "erase"

// logErased is what the record of acts calls the erasing of one batch.
const logErased = "logErased"

const (
	// erasedAtOnce bounds the openings looked at in one transaction, and erasing
	// how long an effect goes on before others of its state have their turn.
	erasedAtOnce = 1000
	erasing      = 3 * time.Second
)

// erase carries out an erasure, a batch in each transaction, until it is done or
// others are to have their turn. Interrupted anywhere it goes on after the last
// batch that was committed.
func (x *Exchange) erase(ctx context.Context, e storage.Effect) error {
	officers, err := x.decidedErasure(ctx, e)
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		done := false
		err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
			if done, err = x.eraseSome(tx, e, officers); err != nil {
				return err
			}
			switch {
			case done:
				err = tx.DoneEffect(e.Seq)
			case time.Since(began) >= erasing:
				err = tx.DelayEffect(e.Seq, tx.Now())
			}
			return absentIsNone(err) // another server was as fast
		})
		if err != nil || done || time.Since(began) >= erasing {
			return err
		}
	}
}

// decidedErasure gives who approved an erasure, as its state signed it: the row alone
// proves nothing.
func (x *Exchange) decidedErasure(ctx context.Context, e storage.Effect) (audit.Actor, error) {
	var row storage.Erasure
	var wrapped string
	err := x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.ErasuresByID(e.State, []comity.ID{e.ID})
		if err != nil {
			return err
		}
		var ok bool
		if row, ok = found[e.ID]; !ok {
			return storage.ErrNotFound
		}
		keys, err := tx.RecordKeys([]comity.ID{e.ID})
		wrapped = keys[e.ID][e.State]
		return err
	})
	if err != nil {
		return audit.Actor{}, err
	}
	key, err := x.keys.get(ctx, keyRef{e.ID, e.State, wrapped})
	if err != nil {
		return audit.Actor{}, err
	}
	var text erasureText
	if err := unseal(key, bindErasure(row.Erasure), row.Sealed, &text); err != nil {
		return audit.Actor{}, forgedEffect(e, err.Error())
	}
	said, err := x.dir.VerifyStatement(text.Statement)
	if err != nil {
		return audit.Actor{}, err
	}
	var body statement.EraseBody
	if err := said.Decode(&body); err != nil || said.Kind != statement.KindErasure || said.ID != e.ID || said.State != e.State || body.Before != row.Before.Unix() {
		return audit.Actor{}, forgedEffect(e, "its statement is another's")
	}
	by := said.Second.Officer // whom every statement of this kind has
	return audit.Actor{State: said.State, Agency: by.Agency, Function: by.Function, Ref: by.Ref}, nil
}

// eraseSome erases one batch and leaves the leaf that says so, and reports whether
// it was the last.
func (x *Exchange) eraseSome(tx storage.Tx, e storage.Effect, by audit.Actor) (done bool, err error) {
	row, err := tx.LockErasure(e.ID)
	if err != nil || row.Status == comity.ErasureDone {
		return true, err
	}
	if err := tx.LockState(row.State); err != nil { // no hold is placed between the look and the erasing
		return false, err
	}
	found, err := tx.OpeningsBefore(row.State, row.Before, row.Past, erasedAtOnce)
	if err != nil {
		return false, err
	}
	now := tx.Now().UTC()
	old, kept, err := x.erasable(tx, row.State, found, now)
	if err != nil {
		return false, err
	}
	if len(old) > 0 {
		leaves, err := audit.Leaves(now, map[comity.State]audit.Content{row.State: {Act: logErased, Outcome: audit.Done, At: now,
			Policies: x.policies.Hash(), Article: comity.ArticleAccountability, Actor: by, Records: []audit.Record{{ID: string(row.ID)}},
			Erased: places(row.Before, old)}})
		if err != nil {
			return false, err
		}
		if err := first(tx.AppendLeaf(leaves[0]), tx.EraseOpenings(row.State, old, leaves[0].ID)); err != nil {
			return false, err
		}
	}
	row.Erased += int64(len(old))
	row.Kept += kept
	if len(found) > 0 {
		last := found[len(found)-1].Leaf
		row.Past = storage.Key{At: last.At, ID: last.ID}
	}
	if done = len(found) < erasedAtOnce; done {
		row.Status, row.DoneAt = comity.ErasureDone, now
	}
	return done, tx.MoveErasure(row)
}

// erasable are those of a state's openings that are erased, with what they were found
// by. What erasures left stays, for it says what became of the others; what concerns
// a case under a hold stays while that lies; what has no place yet is for a later
// erasure; and what is not of its leaf shows that somebody changed it.
func (x *Exchange) erasable(tx storage.Tx, s comity.State, found []storage.LogEntry, now time.Time) (old []storage.LogEntry, kept int64, err error) {
	contents := make([]audit.Content, len(found))
	var records []comity.ID
	for i, e := range found {
		c, err := audit.Open(e)
		if err != nil {
			x.incident(s, string(e.Leaf.ID), err, "")
			kept++
			continue
		}
		if e.Leaf.Index < 0 || c.Act == logErased || c.Act == string(sovereignty.LogErase) {
			kept++
			continue
		}
		contents[i] = c
		records = append(records, namedIn(c)...)
	}
	slices.Sort(records)
	held, err := tx.HeldRecords(s, slices.Compact(records), now)
	if err != nil {
		return nil, 0, err
	}
	for i, e := range found {
		switch c := contents[i]; {
		case c.Act == "":
		case slices.ContainsFunc(namedIn(c), func(id comity.ID) bool { return held[id] }):
			kept++
		default:
			e.Leaf.Openings[0].Facets = audit.Facets(c)
			old = append(old, e)
		}
	}
	return old, kept, nil
}

// namedIn are the records and grants that a content names.
func namedIn(c audit.Content) (ids []comity.ID) {
	for _, r := range c.Records {
		ids = append(ids, comity.ID(r.ID))
		if r.Grant != "" {
			ids = append(ids, r.Grant)
		}
	}
	return ids
}

// places says which openings were erased, so that no other passes for one of them.
func places(before time.Time, old []storage.LogEntry) *verify.Erased {
	indexes := make([]int64, len(old))
	for i, e := range old {
		indexes[i] = e.Leaf.Index
	}
	slices.Sort(indexes)
	hash := verify.Places(indexes)
	return &verify.Erased{Before: before.UTC(), From: indexes[0], Until: indexes[len(indexes)-1], Count: int64(len(indexes)), Places: hex.EncodeToString(hash[:])}
}
