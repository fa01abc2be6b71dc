// Package exchangetest makes a whole exchange for tests: a union of states
// with issuers, and for each a custodian and an object store, over one
// database. All of it is the real thing.
package exchangetest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object/directory"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// policies are the same for all, and never change.
var policies = sync.OnceValues(sovereignty.Load)

// World is an exchange with everything around it.
type World struct {
	*tokentest.Union
	Exchange   *exchange.Exchange
	DB         storage.DB
	Custodians map[comity.State]*custodian.Local
	Stores     map[comity.State]*directory.Store
	Prover     *Prover
	Log        *slog.Logger

	labels *sync.Map // of exhibits begun, see [World.Label]
	parts  exchange.Options
}

// Options changes what a world is made of.
type Options struct {
	States []comity.State // KZ, AM and BY when empty
	// DB makes the database on the world's clock; SQLite in a fresh file when nil.
	DB func(testing.TB, func() time.Time) storage.DB
	// Keys makes a state's keys; a fresh keyring when nil.
	Keys func(testing.TB, comity.State) custodian.Keys
	Log  *slog.Logger
}

// New makes a world with the embedded adapters.
func New(t testing.TB, states ...comity.State) *World { return NewWith(t, Options{States: states}) }

// NewWith makes a world.
func NewWith(t testing.TB, o Options) *World {
	t.Helper()
	w := &World{Union: tokentest.NewUnion(t, o.States...), Custodians: map[comity.State]*custodian.Local{},
		Stores: map[comity.State]*directory.Store{}, Log: o.Log, labels: &sync.Map{}}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	if o.DB == nil {
		o.DB = SQLite
	}
	if o.Keys == nil {
		o.Keys = Keyring
	}
	w.DB = o.DB(t, w.Clock.Now)
	states := map[comity.State]exchange.State{}
	for _, s := range w.Directory.States() {
		keys := o.Keys(t, s)
		signer, err := keys.Signer(t.Context())
		must(t, err)
		public, err := statement.RawJWK(signer)
		must(t, err)
		w.Publish(t, s, func(m *statement.Manifest) { m.StatementKeys = []json.RawMessage{public} })
		w.Custodians[s] = custodian.New(custodian.Options{State: s, Directory: w.Directory, Verifier: w.Verifier, Now: w.Clock.Now}, keys)
		w.Stores[s] = store(t, s)
		states[s] = exchange.State{Custodian: w.Custodians[s], Store: w.Stores[s]}
	}
	w.Prover = NewProver(t, w)
	policies, err := policies()
	must(t, err)
	var key [32]byte
	_, _ = rand.Read(key[:])
	w.parts = exchange.Options{DB: w.DB, Directory: w.Directory, Policies: policies, States: states, CursorKey: key, Prover: w.Prover, Log: w.Log}
	w.Exchange, err = exchange.New(w.parts)
	must(t, err)
	return w
}

// Another is the exchange of another server, over the same database opened anew.
func (w *World) Another(t testing.TB, db storage.DB) *exchange.Exchange {
	t.Helper()
	parts := w.parts
	parts.DB = db
	x, err := exchange.New(parts)
	must(t, err)
	return x
}

// SQLite makes a fresh database of SQLite.
func SQLite(t testing.TB, now func() time.Time) storage.DB {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Options{Now: now})
}

// Postgres makes a fresh database on the real PostgreSQL of the test run.
func Postgres(t testing.TB, now func() time.Time) storage.DB {
	t.Helper()
	db, _ := postgrestest.Open(t, postgres.Options{Now: now})
	return db
}

// Keyring makes a fresh keyring.
func Keyring(t testing.TB, _ comity.State) custodian.Keys {
	t.Helper()
	keys, err := keyring.Open(stacktest.TempDir(t))
	must(t, err)
	return keys
}

// store opens a directory store and serves it.
func store(t testing.TB, s comity.State) *directory.Store {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	st, err := directory.Open(stacktest.TempDir(t), "http://"+server.Listener.Addr().String()+"/store/"+string(s))
	must(t, err)
	server.Config.Handler = st
	server.Start()
	t.Cleanup(func() { server.Close(); must(t, st.Close()) })
	return st
}

// Sequence gives every waiting leaf its place.
func (w *World) Sequence(t testing.TB) int {
	t.Helper()
	n, err := w.DB.Sequence(t.Context(), 10000, nil)
	must(t, err)
	return n
}

// As logs an officer in, as in "liaison@KZ", and has the exchange see the token.
func (w *World) As(t testing.TB, name string) *Officer {
	t.Helper()
	id, _, key := w.Login(t, name)
	o := &Officer{World: w, Caller: exchange.Caller{Identity: id, RequestID: uuid.NewString()}, SessionKey: key}
	w.Exchange.Seen(t.Context(), o.Caller)
	return o
}

// Officer is an officer at work in a world.
type Officer struct {
	*World
	Caller     exchange.Caller
	SessionKey *ecdsa.PrivateKey
}

// Identity is who the officer is.
func (o *Officer) Identity() token.Identity { return o.Caller.Identity }

// Do performs an act and fails the test when it fails.
func (o *Officer) Do(t testing.TB, act exchange.Act) {
	t.Helper()
	if err := o.Try(t, act); err != nil {
		t.Fatalf("%s: %v", o.Caller.Officer.Ref(), err)
	}
}

// Try performs an act.
func (o *Officer) Try(t testing.TB, act exchange.Act) error {
	t.Helper()
	return o.Exchange.Do(t.Context(), o.Caller, act)
}

// Read reads and fails the test when it fails.
func (o *Officer) Read(t testing.TB, f func(*exchange.Reader) error) {
	t.Helper()
	must(t, o.Exchange.Read(t.Context(), o.Caller, f))
}

// Sign signs an act over a body.
func (o *Officer) Sign(t testing.TB, a statement.Act, body any) string {
	t.Helper()
	return o.Act(t, o.SessionKey, a, body)
}

// Key is a fresh idempotency key.
func Key() string { return uuid.NewString() }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
