package exchange_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// entries are all openings of a state as they lie in the database, newest first.
func entries(t *testing.T, db storage.DB, s comity.State) (all []storage.LogEntry) {
	t.Helper()
	must(t, db.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) {
		all, err = tx.Log(s, storage.LogFilter{}, storage.Page{Limit: 1 << 20})
		return err
	}))
	return all
}

func erasures(t *testing.T, o *exchangetest.Officer) (all []exchange.ErasureView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { all, err = r.Erasures(); return err })
	return all
}

// ran waits until an erasure is done.
func ran(t *testing.T, w *exchangetest.World, e comity.ID) exchange.ErasureView {
	t.Helper()
	var found exchange.ErasureView
	effects(t, w.Exchange, func() bool {
		for _, is := range erasures(t, w.As(t, "authority@KZ")) {
			if is.ID == e {
				found = is
			}
		}
		return found.Status == comity.ErasureDone
	})
	return found
}

// holdsErased checks a state's log after erasures: what is left opens, what is gone
// left nothing but commitments, and each erasing leaf says exactly which those are.
func holdsErased(t *testing.T, db storage.DB, s comity.State) (gone, left int) {
	t.Helper()
	said, groups := map[comity.ID]*verify.Erased{}, map[comity.ID][]int64{}
	for _, e := range entries(t, db, s) {
		by, err := audit.ErasedBy(e)
		must(t, err)
		o := e.Leaf.Openings[0]
		if by != "" {
			gone++
			groups[by] = append(groups[by], e.Leaf.Index)
			if len(o.Content) != 0 || o.Salt != [32]byte{} {
				t.Errorf("of leaf %s is left %q under %x", e.Leaf.ID, o.Content, o.Salt)
			}
			continue
		}
		left++
		c, err := audit.Open(e)
		must(t, err)
		if c.Erased != nil {
			said[e.Leaf.ID] = c.Erased
		}
	}
	for by, indexes := range groups {
		slices.Sort(indexes)
		hash := verify.Places(indexes)
		is := said[by]
		if is == nil || is.Count != int64(len(indexes)) || is.From != indexes[0] || is.Until != indexes[len(indexes)-1] || is.Places != hex.EncodeToString(hash[:]) {
			t.Errorf("leaf %s says of what it erased %+v, which is %v", by, is, indexes)
		}
		delete(said, by)
	}
	if len(said) > 0 {
		t.Errorf("leaves say of openings that they erased them, and they are there: %+v", said)
	}
	return gone, left
}

// TestErase: two officers of the authority erase what is old enough of their own
// state's openings; every leaf stays, and no other state's opening is touched.
func TestErase(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
		g.Sequence(t)
		old := entries(t, g.DB, "KZ")
		theirs := entries(t, g.DB, "AM")
		g.Clock.Advance(comity.ErasureAge + 48*time.Hour)
		authority, second := g.As(t, "authority@KZ"), g.As(t, "second@KZ")
		caseOf(t, g.As(t, "investigator@KZ"), g.c, "") // young
		g.Sequence(t)
		id, before := comity.NewID(comity.KindErasure), g.Clock.Now().Add(-comity.ErasureAge)

		for name, act := range map[string]comity.Article{"liaison@KZ": comity.ArticleAccountability, "investigator@KZ": comity.ArticleAccountability, "auditor@KZ": comity.ArticleNoBypass} {
			o := g.As(t, name)
			err := o.Try(t, o.Erase(t, id, before, ""))
			if comity.CodeOf(err) != comity.CodeDenied {
				t.Errorf("%s: %v, wanted Article %d", name, err, act)
			}
		}
		want(t, authority.Try(t, authority.Erase(t, id, before.Add(time.Minute), "")), comity.CodeDenied, comity.ArticleAccountability)
		want(t, authority.Try(t, authority.Erase(t, id, time.Unix(0, 0), "")), comity.CodeInvalid, 0)
		unsaid := authority.Erase(t, id, before, "")
		unsaid.Body.Reason = ""
		unsaid.Act = authority.Sign(t, statement.Act{Act: statement.ActLogErase, Record: id}, unsaid.Body)
		want(t, authority.Try(t, unsaid), comity.CodeInvalid, 0)
		unsigned := authority.Erase(t, id, before, "")
		unsigned.Body.Before -= 60
		if err := authority.Try(t, unsigned); err == nil {
			t.Error("an act was taken that signs another instant")
		}

		propose := authority.Erase(t, id, before, "")
		authority.Do(t, propose)
		again := authority.Erase(t, id, before, "")
		again.Key = propose.Key
		if authority.Do(t, again); again.Proposed != propose.Proposed || propose.Statement != "" {
			t.Errorf("a repeat proposed %s, before %s", again.Proposed, propose.Proposed)
		}
		want(t, second.Try(t, second.Erase(t, id, before, "")), comity.CodeConflict, 0) // the id is taken
		want(t, authority.Try(t, authority.Erase(t, id, before, propose.Proposed)), comity.CodeDenied, comity.ArticleAccountability)
		foreign := g.As(t, "authority@AM")
		want(t, foreign.Try(t, foreign.Erase(t, id, before, propose.Proposed)), comity.CodeDenied, comity.ArticleAccountability)
		want(t, second.Try(t, second.Erase(t, id, before.Add(-time.Hour), propose.Proposed)), comity.CodeInvalid, 0)
		want(t, second.Try(t, second.Erase(t, comity.NewID(comity.KindErasure), before, propose.Proposed)), comity.CodeInvalid, 0)
		if n, _ := holdsErased(t, g.DB, "KZ"); n != 0 || len(erasures(t, authority)) != 0 {
			t.Fatal("a proposal erased")
		}

		approve := second.Erase(t, id, before, propose.Proposed)
		second.Do(t, approve)
		s, err := g.Directory.VerifyStatement(approve.Statement)
		if err != nil || s.Kind != statement.KindErasure || s.Second == nil || s.Second.Officer.Ref != second.Caller.Officer.Ref() {
			t.Errorf("the state signed %+v, %v", s, err)
		}
		want(t, second.Try(t, second.Erase(t, id, before, propose.Proposed)), comity.CodeConflict, 0)
		repeat := second.Erase(t, id, before, propose.Proposed)
		repeat.Key = approve.Key
		if second.Do(t, repeat); repeat.Statement != approve.Statement {
			t.Error("a repeat is answered with another statement")
		}

		is := ran(t, g.World, id)
		g.Sequence(t)
		gone, _ := holdsErased(t, g.DB, "KZ")
		if gone != len(old) || is.Erased != int64(gone) || is.Kept != 0 || is.Reason != "the term is over" || is.ProposedBy == is.ApprovedBy || is.Statement != approve.Statement {
			t.Errorf("%d of %d openings are gone, and it is shown as %+v", gone, len(old), is)
		}
		now := map[comity.ID]storage.LogEntry{}
		for _, e := range entries(t, g.DB, "KZ") {
			now[e.Leaf.ID] = e
		}
		for _, was := range old {
			is := now[was.Leaf.ID]
			if is.Leaf.Hash != was.Leaf.Hash || is.Leaf.Index != was.Leaf.Index || is.Own != was.Own || !slices.Equal(is.Commitments, was.Commitments) {
				t.Errorf("leaf %s was changed", was.Leaf.ID)
			}
			// Who kept the content finds no commitment by it.
			guess := storage.Opening{State: "KZ", Salt: is.Leaf.Openings[0].Salt, Content: was.Leaf.Openings[0].Content}
			if slices.Contains(is.Commitments, guess.Commitment()) {
				t.Error("what is gone can be guessed")
			}
		}
		still := entries(t, g.DB, "AM")
		for _, was := range theirs {
			i := slices.IndexFunc(still, func(e storage.LogEntry) bool { return e.Leaf.ID == was.Leaf.ID })
			if i < 0 || !bytes.Equal(still[i].Leaf.Openings[0].Content, was.Leaf.Openings[0].Content) || still[i].Leaf.Openings[0].Salt != was.Leaf.Openings[0].Salt {
				t.Errorf("Armenia's opening of %s was touched", was.Leaf.ID)
			}
		}
		var shown []exchange.LogView
		g.As(t, "auditor@KZ").Read(t, func(r *exchange.Reader) error {
			page, err := r.Log(exchange.LogFilter{Until: before}, 100, "")
			shown = page.Items
			return err
		})
		if len(shown) != gone {
			t.Fatalf("%d entries are listed, %d are gone", len(shown), gone)
		}
		if last := shown[len(shown)-1]; last.Content.Outcome != audit.Erased || last.Content.Act != "" || last.Content.Actor.Ref != "" || last.Leaf.Openings[0].ErasedBy == "" {
			t.Errorf("an erased opening is shown as %+v", last)
		}
		if all := erasures(t, g.As(t, "authority@AM")); len(all) != 0 {
			t.Errorf("Armenia reads %+v", all)
		}
		err = g.Exchange.Read(t.Context(), g.As(t, "investigator@KZ").Caller, func(r *exchange.Reader) error { _, err := r.Erasures(); return err })
		want(t, err, comity.CodeDenied, comity.ArticleAccountability)
		// Told of by events as every act of two officers is, abroad to nobody.
		for _, c := range logOf(t, g.World, "auditor@AM") {
			if c.Content.Act == "logErased" || c.Content.Act == string(sovereignty.LogErase) && c.Content.Actor.State != "AM" {
				t.Errorf("Armenia reads %+v", c.Content)
			}
		}
	})
}

// TestEraseKeeps: what erasures left stays, what concerns a case under a hold stays
// while it lies, and what has no place yet is for a later one.
func TestEraseKeeps(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		other := g.owner.FileCase(t, "another", "AM")
		caseOf(t, g.owner, other, "")
		g.authority.Do(t, g.authority.Hold(t, g.c, "", time.Time{}))
		g.Sequence(t)
		caseOf(t, g.owner, other, "") // waits for its place
		g.Clock.Advance(comity.ErasureAge + time.Hour)
		authority, second := g.As(t, "authority@KZ"), g.As(t, "second@KZ")
		first := exchangetest.Erased(t, authority, second, g.Clock.Now().Add(-comity.ErasureAge))
		is := ran(t, g.World, first.Body.ID)
		gone, _ := holdsErased(t, g.DB, "KZ")
		held := 0
		for _, e := range entries(t, g.DB, "KZ") {
			c, err := audit.Open(e)
			if err != nil {
				continue
			}
			if slices.ContainsFunc(c.Records, func(r audit.Record) bool { return r.ID == string(g.c) || r.ID == string(g.exhibit) }) {
				held++
			}
		}
		if gone == 0 || held < 4 || is.Erased != int64(gone) || is.Kept < 5 {
			t.Errorf("%d are gone, %d of the case under a hold are there: %+v", gone, held, is)
		}
		g.Sequence(t)
		hold := erasedHold(t, g, authority)
		authority.Do(t, authority.ReleaseHold(t, hold, g.c))
		g.Sequence(t)
		g.Clock.Advance(comity.ErasureAge + time.Hour)
		authority, second = g.As(t, "authority@KZ"), g.As(t, "second@KZ")
		later := exchangetest.Erased(t, authority, second, g.Clock.Now().Add(-comity.ErasureAge))
		is = ran(t, g.World, later.Body.ID)
		all, _ := holdsErased(t, g.DB, "KZ")
		for _, e := range entries(t, g.DB, "KZ") {
			if !e.Leaf.At.Before(time.Unix(later.Body.Before, 0)) || e.Leaf.Openings[0].ErasedBy != "" {
				continue
			}
			if c, err := audit.Open(e); err != nil || c.Act != "logErased" && c.Act != string(sovereignty.LogErase) {
				t.Errorf("old, and there still: %+v, %v", c, err)
			}
		}
		if all <= gone || is.Kept < 3 {
			t.Errorf("%d were gone, now %d: %+v", gone, all, is)
		}
	})
}

// TestEraseInterrupted: an erasure that is struck at any of its calls goes on through
// another server, and comes to the same.
func TestEraseInterrupted(t *testing.T) {
	for _, how := range []strike{refused, lost, gone} {
		for n := range 6 {
			g := newGranted(t)
			g.Sequence(t)
			count := len(entries(t, g.DB, "KZ"))
			g.Clock.Advance(comity.ErasureAge + time.Hour)
			e := exchangetest.Erased(t, g.As(t, "authority@KZ"), g.As(t, "second@KZ"), g.Clock.Now().Add(-comity.ErasureAge))
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			f := &fault{at: n, how: how, cancel: cancel}
			serverWith(t, g.World, f.around).Effects(ctx)
			cancel()
			if len(f.calls) <= n {
				t.Fatalf("%d calls were made: %v", len(f.calls), f.calls)
			}
			g.Clock.Advance(time.Minute) // when what failed is tried again
			is := ran(t, g.World, e.Body.ID)
			if gone, _ := holdsErased(t, g.DB, "KZ"); gone != count || is.Erased != int64(gone) {
				t.Errorf("struck at call %d (%s): %d of %d are gone, and it says %d", n, how, gone, count, is.Erased)
			}
		}
	}
}

// TestEraseBatches: more than goes into one transaction goes in several, each with a
// leaf that says what it erased.
func TestEraseBatches(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		const many = 2300
		must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			for i := range many {
				c := audit.Content{Act: "read", Outcome: audit.Read, At: tx.Now(), Actor: audit.Actor{State: "AM", Ref: "AM:in-1"}, Records: []audit.Record{{ID: string(comity.NewID(comity.KindCase))}}}
				leaves, err := audit.Leaves(tx.Now().Add(time.Duration(i%7)*time.Second), map[comity.State]audit.Content{"KZ": c, "AM": c})
				if err != nil {
					return err
				}
				if err := tx.AppendLeaf(leaves[0]); err != nil {
					return err
				}
			}
			return nil
		}))
		for w.Sequence(t) > 0 {
		}
		w.Clock.Advance(comity.ErasureAge + time.Hour)
		e := exchangetest.Erased(t, w.As(t, "authority@KZ"), w.As(t, "second@KZ"), w.Clock.Now().Add(-comity.ErasureAge))
		is := ran(t, w, e.Body.ID)
		gone, _ := holdsErased(t, w.DB, "KZ")
		leaves := 0
		for _, e := range entries(t, w.DB, "KZ") {
			if c, err := audit.Open(e); err == nil && c.Act == "logErased" {
				leaves++
			}
		}
		if gone != many || is.Erased != many || leaves != 3 {
			t.Errorf("%d of %d are gone by %d leaves: %+v", gone, many, leaves, is)
		}
		if theirs, _ := holdsErased(t, w.DB, "AM"); theirs != 0 {
			t.Errorf("%d of Armenia's are gone", theirs)
		}
	})
}

// locking is a database that knows which states' rows a transaction locked when it
// looks for holds before it erases, and when it places one.
type locking struct {
	storage.DB
	without        atomic.Pointer[string]
	looked, placed atomic.Int64
}

type lockingTx struct {
	storage.Tx
	of     *locking
	locked map[comity.State]bool
}

func (l *locking) Write(ctx context.Context, f func(storage.Tx) error) error {
	return l.DB.Write(ctx, func(tx storage.Tx) error { return f(&lockingTx{tx, l, map[comity.State]bool{}}) })
}

func (l *lockingTx) LockState(s comity.State) error {
	l.locked[s] = true
	return l.Tx.LockState(s)
}

func (l *lockingTx) want(what string, s comity.State, n *atomic.Int64) {
	if n.Add(1); !l.locked[s] {
		l.of.without.Store(&what)
	}
}

func (l *lockingTx) HeldRecords(s comity.State, ids []comity.ID, at time.Time) (map[comity.ID]bool, error) {
	l.want("erasing", s, &l.of.looked)
	return l.Tx.HeldRecords(s, ids, at)
}

func (l *lockingTx) InsertHold(h storage.Hold) error {
	l.want("placing a hold", h.State, &l.of.placed)
	return l.Tx.InsertHold(h)
}

// TestEraseAgainstHolds: no hold is placed while a batch is erased that it would
// keep, for both lock their state first.
func TestEraseAgainstHolds(t *testing.T) {
	g := newGranted(t)
	db := &locking{DB: g.DB}
	x := g.Another(t, db)
	g.Sequence(t)
	holds := at(g.authority, x)
	holds.Do(t, holds.Hold(t, g.c, "", time.Time{}))
	g.Clock.Advance(comity.ErasureAge + time.Hour)
	authority, second := g.As(t, "authority@KZ"), g.As(t, "second@KZ")
	e := exchangetest.Erased(t, authority, second, g.Clock.Now().Add(-comity.ErasureAge))
	through := *g.World
	through.Exchange = x
	ran(t, &through, e.Body.ID)
	if what := db.without.Load(); what != nil {
		t.Errorf("%s goes on without the state's lock", *what)
	}
	if db.looked.Load() == 0 || db.placed.Load() != 1 {
		t.Errorf("%d looks, %d holds placed", db.looked.Load(), db.placed.Load())
	}
}

// TestEraseForged: a row of the outbox, or of an erasure, that no two officers signed
// erases nothing.
func TestEraseForged(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		g.Sequence(t)
		g.Clock.Advance(comity.ErasureAge + time.Hour)
		id := comity.NewID(comity.KindErasure)
		must(t, g.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return errors.Join(tx.InsertErasure(storage.Erasure{Erasure: comity.Erasure{ID: id, State: "KZ", Before: g.Clock.Now(), Status: comity.ErasureRunning}, Sealed: []byte("made up")}),
				tx.InsertRecordKey(id, "KZ", "made up"),
				tx.AddEffect(storage.Effect{ID: id, Kind: "erase", State: "KZ", NotBefore: tx.Now()}))
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		g.Exchange.Effects(ctx)
		if gone, _ := holdsErased(t, g.DB, "KZ"); gone != 0 {
			t.Errorf("%d openings are gone by a forged row", gone)
		}
	})
}

// erasedHold finds the one hold.
func erasedHold(t *testing.T, g *granted, o *exchangetest.Officer) comity.ID {
	t.Helper()
	var id comity.ID
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListHolds(exchange.HoldFilter{}, 9, "")
		for _, h := range page.Items {
			id = h.ID
		}
		return err
	})
	return id
}
