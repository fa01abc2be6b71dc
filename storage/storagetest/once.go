package storagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func nonces(t *testing.T, db storage.DB) {
	use := func(jkt, nonce string, until time.Time) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.UseNonce(jkt, nonce, until) })
	}
	later := time.Now().Add(time.Hour)
	if err := use("a", "1", later); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the same nonce", use("a", "1", later), storage.ErrExists)
	for _, n := range [][2]string{{"a", "2"}, {"b", "1"}, {"A", "1"}} {
		if err := use(n[0], n[1], later); err != nil {
			t.Errorf("%v: %v", n, err)
		}
	}
	// A transaction that failed used nothing.
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if err := tx.UseNonce("a", "3", later); err != nil {
			return err
		}
		return errPlanned
	})
	wantErr(t, "the planned error", err, errPlanned)
	if err := use("a", "3", later); err != nil {
		t.Error(err)
	}
	// Old ones are forgotten, live ones never.
	if err := use("old", "1", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := use("old", "1", time.Now().Add(-time.Hour)); err != nil {
		t.Errorf("an expired nonce is kept: %v", err)
	}
	wantErr(t, "a live nonce after forgetting", use("a", "1", later), storage.ErrExists)

	// Of many at once, one uses it.
	var used atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch err := use("race", "1", later); {
			case err == nil:
				used.Add(1)
			case !errors.Is(err, storage.ErrExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if used.Load() != 1 {
		t.Errorf("one nonce was used %d times", used.Load())
	}
}

func idempotency(t *testing.T, db storage.DB) {
	i := storage.Idempotency{Issuer: "i", Subject: "s", Mutation: "caseFile", Key: "k", InputHash: [32]byte{1}, IDs: []comity.ID{"case1_a", "case1_b"}, At: noon}
	none := i
	none.Subject, none.IDs = "t", nil
	other := i
	other.InputHash = [32]byte{2}
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertIdempotency(i); err != nil {
			return err
		}
		wantErr(t, "the same key", tx.InsertIdempotency(other), storage.ErrExists)
		return tx.InsertIdempotency(none)
	})
	read(t, db, func(r storage.ReadTx) error {
		for _, want := range []storage.Idempotency{i, none} {
			got, err := r.IdempotencyOf(want.Issuer, want.Subject, want.Mutation, want.Key)
			if err != nil {
				return err
			}
			equal(t, "idempotency", got, want)
		}
		for _, k := range [][4]string{{"x", "s", "caseFile", "k"}, {"i", "x", "caseFile", "k"}, {"i", "s", "x", "k"}, {"i", "s", "caseFile", "K"}} {
			_, err := r.IdempotencyOf(k[0], k[1], k[2], k[3])
			wantErr(t, "another scope", err, storage.ErrNotFound)
		}
		return nil
	})
}

// idempotencyForgotten: old keys go, the oldest first and no more at once than
// asked for; younger ones stay.
func idempotencyForgotten(t *testing.T, db storage.DB) {
	key := func(k string, at time.Time) storage.Idempotency {
		return storage.Idempotency{Issuer: "i", Subject: "s", Mutation: "m", Key: k, At: at}
	}
	write(t, db, func(tx storage.Tx) error {
		for k, at := range map[string]time.Time{"oldest": hours(-3), "old": hours(-2), "edge": noon, "young": hours(1)} {
			if err := tx.InsertIdempotency(key(k, at)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []struct {
		forgotten int
		left      []string
	}{{1, []string{"edge", "old", "young"}}, {1, []string{"edge", "young"}}, {0, []string{"edge", "young"}}} {
		write(t, db, func(tx storage.Tx) error {
			n, err := tx.ForgetIdempotency(noon, 1)
			equal(t, "forgotten at once", n, want.forgotten)
			return err
		})
		read(t, db, func(r storage.ReadTx) error {
			var left []string
			for _, k := range []string{"edge", "old", "oldest", "young"} {
				switch _, err := r.IdempotencyOf("i", "s", "m", k); {
				case err == nil:
					left = append(left, k)
				case !errors.Is(err, storage.ErrNotFound):
					return err
				}
			}
			equal(t, "the keys that are left", left, want.left)
			return nil
		})
	}
}

func addEffects(t *testing.T, db storage.DB, all ...storage.Effect) {
	t.Helper()
	write(t, db, func(tx storage.Tx) error {
		for _, e := range all {
			if err := tx.AddEffect(e); err != nil {
				return err
			}
		}
		return nil
	})
}

func kinds(all []storage.Effect) (k []string) {
	for _, e := range all {
		k = append(k, e.Kind)
	}
	return k
}

func effects(t *testing.T, db storage.DB) {
	past, future := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond), time.Now().Add(time.Hour)
	a1 := storage.Effect{ID: "case1_a", Kind: "a1", State: "KZ", Payload: []byte{0, 1}, NotBefore: past}
	addEffects(t, db, a1, storage.Effect{ID: "case1_a", Kind: "a2"}, storage.Effect{ID: "case1_b", Kind: "b1", NotBefore: future},
		storage.Effect{ID: "case1_b", Kind: "b2"}, storage.Effect{ID: "case1_c", Kind: "c1"})
	write(t, db, func(tx storage.Tx) error {
		due, err := tx.DueEffects(9, nil)
		if err != nil {
			return err
		}
		equal(t, "due, whatever else waits for the record", kinds(due), []string{"a2", "b2", "c1", "a1"})
		for _, e := range due {
			if e.Kind == "a1" {
				a1.Seq = e.Seq
				equal(t, "effect", e, a1)
			}
		}
		others, err := tx.DueEffects(9, []comity.State{"KZ", "AM"})
		if err != nil {
			return err
		}
		equal(t, "due, but for a state that is at work", kinds(others), []string{"a2", "b2", "c1"})
		one, err := tx.DueEffects(1, nil)
		equal(t, "due, one of them", kinds(one), []string{"a2"})
		return err
	})
	write(t, db, func(tx storage.Tx) error {
		of, err := tx.EffectsOf("case1_b")
		if err != nil {
			return err
		}
		equal(t, "all of a record, in order", kinds(of), []string{"b1", "b2"})
		return tx.DoneEffect(of[0].Seq)
	})
	write(t, db, func(tx storage.Tx) error {
		if err := tx.DelayEffect(a1.Seq, future); err != nil {
			return err
		}
		due, err := tx.DueEffects(9, nil)
		equal(t, "due after one was done and one delayed", kinds(due), []string{"a2", "b2", "c1"})
		if err != nil {
			return err
		}
		of, err := tx.EffectsOf("case1_a")
		if err != nil {
			return err
		}
		if of[0].Attempts != 1 || !of[0].NotBefore.Equal(future.Truncate(time.Microsecond)) {
			t.Errorf("delayed: %+v", of[0])
		}
		wantErr(t, "done twice", errors.Join(tx.DoneEffect(a1.Seq), tx.DoneEffect(a1.Seq)), storage.ErrNotFound)
		wantErr(t, "delay of none", tx.DelayEffect(a1.Seq, future), storage.ErrNotFound)
		due, err = tx.DueEffects(9, nil)
		equal(t, "due after the first was done", kinds(due), []string{"a2", "b2", "c1"})
		return err
	})
}

// effectsConcurrent has several servers carry out the effects of several
// records: each once.
func effectsConcurrent(t *testing.T, db storage.DB) {
	const records, each = 5, 6
	for n := range each {
		for r := range records {
			addEffects(t, db, storage.Effect{ID: comity.ID("case1_" + string(rune('a'+r))), Kind: string(rune('0' + n))})
		}
	}
	var mu sync.Mutex
	ran := map[comity.ID]string{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				var doing []storage.Effect
				err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) (err error) {
					if doing, err = tx.DueEffects(2, nil); err != nil {
						return err
					}
					for _, e := range doing {
						if err := tx.DoneEffect(e.Seq); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done := 0
				for _, e := range doing {
					ran[e.ID] += e.Kind
				}
				for _, r := range ran {
					done += len(r)
				}
				mu.Unlock()
				if done == records*each {
					return
				}
			}
		})
	}
	wg.Wait()
	for id, r := range ran {
		// The servers report after their commit, so only the count is exact here.
		if len(r) != each {
			t.Errorf("%s: ran %q", id, r)
		}
	}
}

// together runs f n times in each of several goroutines.
func together(t *testing.T, n int, f func() error) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n {
				if err := f(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func lockCase(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	together(t, 10, func() error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			got, err := tx.LockCase(c.ID)
			if err != nil {
				return err
			}
			got.Version++
			return tx.UpdateCase(got, got.Version-1)
		})
	})
	if view, _ := see(t, db, kzOwner, noon, c.ID); view.Version != 41 {
		t.Errorf("after 40 updates the version is %d", view.Version)
	}
}

func lockState(t *testing.T, db storage.DB) {
	var inside atomic.Int32
	together(t, 10, func() error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			if err := tx.LockState("KZ"); err != nil {
				return err
			}
			if inside.Add(1) > 1 {
				t.Error("two acts hold one state's lock")
			}
			time.Sleep(time.Millisecond)
			inside.Add(-1)
			// What was committed before the lock was taken is seen under it.
			all, err := tx.Mandates("KZ")
			if err != nil {
				return err
			}
			return tx.InsertMandate(comity.Mandate{ID: comity.NewID(comity.KindMandate), State: "KZ", NotAfter: hours(len(all))})
		})
	})
	all := get(t, db, func(r storage.ReadTx) ([]comity.Mandate, error) { return r.Mandates("KZ") })
	ends := map[time.Time]bool{}
	for _, m := range all {
		ends[m.NotAfter] = true
	}
	if len(all) != 40 || len(ends) != 40 {
		t.Errorf("%d acts under the lock saw %d different pasts, want 40 of each", len(all), len(ends))
	}
}

// lockGrantAndCase has acts that lock a grant and acts that lock its case first:
// none may fail or be lost, and none may wait for another that waits for it.
func lockGrantAndCase(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	g := grant(t, db, c, comity.Grantee{State: "AM"}, noon)
	var n, ran atomic.Int32
	together(t, 8, func() error {
		caseFirst := n.Add(1)%2 == 0
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			ran.Add(1)
			if caseFirst {
				if _, err := tx.LockCase(c.ID); err != nil {
					return err
				}
			}
			got, err := tx.LockGrant(g.ID)
			if err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
			got.Version++
			return tx.UpdateGrant(got, got.Version-1)
		})
	})
	if v := lockedGrant(t, db, g.ID).Version; v != 33 {
		t.Errorf("after 32 updates the version is %d", v)
	}
	// An engine that finds two waiting for each other ends one, which is tried again.
	if ran.Load() != 32 {
		t.Errorf("32 updates were tried %d times: some waited for each other", ran.Load())
	}
}
