package exchange_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// Two servers over one database, the states' stores and the states' keys:
// nothing is shared between them but those.

// newPair makes a world and a second server beside its own. Calls of the second
// server's parts pass the hooks.
func newPair(t *testing.T, open func(t testing.TB, now func() time.Time) (a, b storage.DB), hooks around) (*exchangetest.World, *exchange.Exchange) {
	t.Helper()
	var second storage.DB
	rings := map[comity.State]string{}
	w := exchangetest.NewWith(t, exchangetest.Options{
		DB: func(t testing.TB, now func() time.Time) (first storage.DB) {
			first, second = open(t, now)
			return first
		},
		Keys: func(t testing.TB, s comity.State) custodian.Keys {
			rings[s] = stacktest.TempDir(t)
			keys, err := keyring.Open(rings[s])
			if err != nil {
				t.Fatal(err)
			}
			return keys
		},
	})
	states := map[comity.State]exchange.State{}
	for s, dir := range rings {
		keys, err := keyring.Open(dir)
		must(t, err)
		c := custodian.New(custodian.Options{State: s, Directory: w.Directory, Verifier: w.Verifier, Now: w.Clock.Now}, keys)
		states[s] = exchange.State{Custodian: hookedCustodian{c, hooks}, Store: w.Stores[s]}
	}
	x, err := exchange.New(exchange.Options{DB: second, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	return w, x
}

// engines open one database twice.
var engines = map[string]func(t testing.TB, now func() time.Time) (a, b storage.DB){
	"SQLite": func(t testing.TB, now func() time.Time) (storage.DB, storage.DB) {
		path := sqlitetest.File(t)
		return opened(t, func(ctx context.Context) (storage.DB, error) { return sqlite.Open(ctx, path, sqlite.Options{Now: now}) })
	},
	"PostgreSQL": func(t testing.TB, now func() time.Time) (storage.DB, storage.DB) {
		d := postgrestest.Database(t)
		return opened(t, func(ctx context.Context) (storage.DB, error) {
			return postgres.Open(ctx, d.AppDSN, postgres.Options{Now: now})
		})
	},
}

func opened(t testing.TB, open func(context.Context) (storage.DB, error)) (storage.DB, storage.DB) {
	t.Helper()
	var both [2]storage.DB
	for i := range both {
		db, err := open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		both[i] = db
	}
	return both[0], both[1]
}

// TestRevokedAtNextRead: revoked through one server, a case is closed to reads
// through the other that begin after the revocation was answered: of 200
// revocations with readers at work, none leaves a read that sees more.
func TestRevokedAtNextRead(t *testing.T) {
	trials := 200
	if soak {
		trials = 20_000
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait, each for its own readers
			w, x := newPair(t, open, failing("none"))
			w.Mandate(t, "KZ")
			owner, liaison, foreign := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
			c := owner.FileCase(t, "A case", "AM")
			begun, key := owner.Begin(t, c, "exhibit", 7)
			exhibit := owner.Finish(t, begun, key, []byte("exhibit"))
			release := owner.Release(t, c, "AM", exhibit)

			// Even: nothing is granted from before the read until after it.
			var epoch, checked, saw, opened atomic.Int64
			var grant atomic.Value
			grant.Store(comity.ID(""))
			look := func(f func() (bool, error), count *atomic.Int64) {
				e := epoch.Load()
				open, err := f()
				switch closed := e%2 == 0 && e == epoch.Load(); {
				case err != nil:
					t.Error(err)
				case open && closed:
					t.Errorf("in epoch %d a read that began after the revocation saw the case", e)
				case open:
					count.Add(1)
				case closed:
					checked.Add(1)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			var readers sync.WaitGroup
			defer func() { stop(); readers.Wait() }()
			read := func(reader *exchangetest.Officer) {
				look(func() (open bool, err error) {
					err = reader.Exchange.Read(t.Context(), reader.Caller, func(r *exchange.Reader) error {
						found, err := r.Cases([]comity.ID{c}, comity.PurposeInvestigation)
						open = found[c] != nil && found[c].Text != nil
						return err
					})
					return open, err
				}, &saw)
			}
			for _, reader := range []*exchangetest.Officer{at(foreign, x), at(foreign, x), foreign} {
				readers.Go(func() {
					for ctx.Err() == nil && !t.Failed() {
						read(reader)
						time.Sleep(rand.N(10 * time.Millisecond))
					}
				})
			}
			readers.Go(func() { // and one who opens the exhibit
				var reader *exchangetest.Officer
				for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
					if i%100 == 0 {
						reader = at(w.As(t, "investigator@AM"), x) // sessions end
					}
					look(func() (bool, error) {
						act, _ := reader.Opening(t, exhibit, begun.Header, comity.PurposeInvestigation, grant.Load().(comity.ID))
						switch err := reader.Try(t, act); comity.CodeOf(err) {
						case comity.CodeDenied, comity.CodeNotFound, comity.CodeLimit:
							return false, nil
						default:
							return act.SealedKey != "", err
						}
					}, &opened)
					time.Sleep(rand.N(100 * time.Millisecond))
				}
			})
			for i := range trials {
				if t.Failed() {
					break
				}
				if i%50 == 0 {
					liaison = w.As(t, "liaison@KZ") // sessions end
				}
				epoch.Add(1)
				made := liaison.MakeGrant(t, c, liaison.GrantBody("AM", release, exhibit))
				liaison.Do(t, made)
				grant.Store(made.Body.ID)
				time.Sleep(rand.N(10 * time.Millisecond))
				if i%10 == 0 { // the others are left to chance
					seen := saw.Load()
					awaited(t, "a reader sees the granted case", func() bool { return saw.Load() > seen || t.Failed() })
				}
				if i == 0 {
					awaited(t, "the exhibit is opened", func() bool { return opened.Load() > 0 || t.Failed() })
				}
				revoke := liaison.Revoke(t, c, made.Body.ID)
				revoker, reader := liaison, at(foreign, x)
				if i%2 == 1 {
					revoker, reader = at(liaison, x), foreign
				}
				revoker.Do(t, revoke)
				epoch.Add(1)
				read(reader) // at once, through the other server
			}
			if saw.Load() < int64(trials)/10 || opened.Load() == 0 || checked.Load() < int64(trials) {
				t.Errorf("the readers saw the granted case %d times, opened its exhibit %d times, and checked %d times that it is closed", saw.Load(), opened.Load(), checked.Load())
			}
		})
	}
}

// awaited waits for what others do meanwhile.
func awaited(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
