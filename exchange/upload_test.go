package exchange_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestClosedGainsNothing: a closed case takes no part and completes no exhibit;
// an upload that was begun goes on where it stopped once it is reopened.
func TestClosedGainsNothing(t *testing.T) {
	w := newWorld(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case", "AM")
	begun, key := owner.Begin(t, c, "late", 7)
	turn := func(s comity.CaseStatus) {
		owner.Do(t, &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, owner, c, "").Version, Status: s})
	}
	complete := owner.Put(t, begun, key, []byte("exhibit"))
	turn(comity.CaseClosed)
	for name, act := range map[string]exchange.Act{"parts": &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID}, "completion": complete} {
		err := owner.Try(t, act)
		want(t, err, comity.CodeDenied, comity.ArticleOriginator)
		if cure := err.(*comity.Error).Cure; cure != "Reopen the case first: an upload that was begun then goes on where it stopped." {
			t.Errorf("%s: %q", name, cure)
		}
	}
	turn(comity.CaseOpen)
	owner.Do(t, complete)
}

// countedDB counts how often the transactions of a database are tried.
type countedDB struct {
	storage.DB
	asked, tried *atomic.Int32
}

func (d countedDB) Write(ctx context.Context, f func(storage.Tx) error) error {
	d.asked.Add(1)
	return d.DB.Write(ctx, func(tx storage.Tx) error { d.tried.Add(1); return f(tx) })
}

// counted is another server over the world's parts whose transactions are counted.
func counted(t *testing.T, w *exchangetest.World) (*exchange.Exchange, countedDB) {
	t.Helper()
	db := countedDB{w.DB, new(atomic.Int32), new(atomic.Int32)}
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Custodian: c, Store: w.Stores[s]}
	}
	x, err := exchange.New(exchange.Options{DB: db, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	return x, db
}

// TestCompletionsDoNotWaitForEachOther completes exhibits of two cases, named in
// either order at once: no engine has to end one of two that wait for each other.
func TestCompletionsDoNotWaitForEachOther(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		owner := w.As(t, "investigator@KZ")
		cases := []comity.ID{owner.FileCase(t, "One", "AM"), owner.FileCase(t, "Another", "AM")}
		const pairs = 4
		var acts []*exchange.CompleteEvidence
		for i := range 2 * pairs {
			act := &exchange.CompleteEvidence{Key: exchangetest.Key()}
			for j := range cases {
				begun, key := owner.Begin(t, cases[(i+j)%2], "exhibit", 7)
				act.Items = append(act.Items, owner.Put(t, begun, key, []byte("exhibit")).Items...)
			}
			acts = append(acts, act)
		}
		x, db := counted(t, w)
		var wg sync.WaitGroup
		for _, act := range acts {
			wg.Go(func() {
				if err := x.Do(t.Context(), owner.Caller, act); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if db.tried.Load() != db.asked.Load() {
			t.Errorf("%d transactions were tried %d times: some waited for each other", db.asked.Load(), db.tried.Load())
		}
	})
}

// TestOpenedBesideCompletion: an exhibit that is completed while it is opened is
// opened as it is under the lock: the chain of custody names its hash.
func TestOpenedBesideCompletion(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		owner := w.As(t, "investigator@KZ")
		c := owner.FileCase(t, "A case", "AM")
		begun, key := owner.Begin(t, c, "exhibit", 7)
		complete := owner.Put(t, begun, key, []byte("exhibit"))
		open, _ := owner.Opening(t, begun.ID, begun.Header, comity.PurposeInvestigation, "")
		// The opening is judged on its snapshot first; the completion comes between.
		var once sync.Once
		x := serverWith(t, w, func(ctx context.Context, call string, perform func(context.Context) error) error {
			if call == "database Write" {
				once.Do(func() { owner.Do(t, complete) })
			}
			return perform(ctx)
		})
		must(t, x.Do(t.Context(), owner.Caller, open))
		if open.Get == nil || open.Opened.Status != comity.EvidenceSealed {
			t.Errorf("opened as it was before: %+v", open.Opened)
		}
		owner.Read(t, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{c}, "")
			if err != nil {
				return err
			}
			pages, err := r.Evidence([]*exchange.CaseView{found[c]}, 10, "")
			if err != nil {
				return err
			}
			events, err := r.Custody(pages[c].Items)
			for _, e := range events[begun.ID] {
				if e.Kind == comity.CustodyDisclosed && e.Hash != open.Opened.PlainSHA256 || e.Hash == ([32]byte{}) && e.Kind != comity.CustodyBegun {
					t.Errorf("the link of %s names the hash %x", e.Kind, e.Hash)
				}
			}
			return err
		})
	})
}

// TestBusyStateKeepsItsTurn: while a state's custodian hangs, what is due for it
// is left as it is, and does not wait longer for each round that finds it busy.
func TestBusyStateKeepsItsTurn(t *testing.T) {
	b := newBench(t)
	c := b.owner.FileCase(t, "A case", "AM")
	release := b.owner.Release(t, c, "AM")
	away := serverWith(t, b.World, failing("custodian KZ Apply"))
	add := func() comity.ID {
		act := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", release))
		want(t, away.Do(t.Context(), b.liaison.Caller, act), comity.CodeUnavailable, 0)
		return act.Body.ID
	}
	add()
	hangs := make(chan struct{})
	var calls atomic.Int32
	x := serverWith(t, b.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if call == "custodian KZ Apply" {
			calls.Add(1)
			<-hangs
		}
		return perform(ctx)
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.Effects(ctx) }()
	defer func() { close(hangs); stop(); <-done }()
	for deadline := time.Now().Add(time.Minute); calls.Load() == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no effect is carried out")
		}
	}
	second := add() // comes due while the first one hangs
	time.Sleep(3500 * time.Millisecond)
	must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		waiting, err := tx.EffectsOf(second)
		if len(waiting) != 1 || waiting[0].Attempts != 0 {
			t.Errorf("the effect of a busy state: %+v", waiting)
		}
		return err
	}))
}

// TestOldKeysAreForgotten: an idempotency key answers repeats for thirty days,
// and is then forgotten by the server's own round.
func TestOldKeysAreForgotten(t *testing.T) {
	w := newWorld(t)
	owner := w.As(t, "investigator@KZ")
	o := owner.Caller.Officer
	kept := func(key string) bool {
		var err error
		must(t, w.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
			_, err = tx.IdempotencyOf(o.Issuer, o.Subject, "caseFile", key)
			return nil
		}))
		return err == nil
	}
	must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		for key, age := range map[string]int{"old": 31, "young": 29} {
			err := tx.InsertIdempotency(storage.Idempotency{Issuer: o.Issuer, Subject: o.Subject, Mutation: "caseFile", Key: key,
				At: tx.Now().Add(-time.Duration(age) * 24 * time.Hour)})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	effects(t, w.Exchange, func() bool { return !kept("old") })
	if !kept("young") {
		t.Error("a key that still answers was forgotten")
	}
}
