package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// onEngines runs a test on both engines, which newWorld then takes.
func onEngines(t *testing.T, test func(*testing.T)) {
	t.Helper()
	defer func() { database = exchangetest.SQLite }()
	t.Run("SQLite", test)
	database = exchangetest.Postgres
	t.Run("PostgreSQL", test)
}

// around stands before every call of a part of the exchange, named as in
// "custodian KZ Sign": it performs the call, or not, or makes it fail.
type around func(ctx context.Context, call string, perform func(context.Context) error) error

// hookedCustodian is a custodian within hooks.
type hookedCustodian struct {
	custodian.Custodian
	around around
}

func (c hookedCustodian) call(ctx context.Context, name string, perform func(context.Context) error) error {
	return c.around(ctx, "custodian "+string(c.State())+" "+name, perform)
}

func (c hookedCustodian) NewRecordKey(ctx context.Context, id comity.ID) (wrapped string, key custodian.RecordKey, err error) {
	err = c.call(ctx, "NewRecordKey", func(ctx context.Context) (err error) {
		wrapped, key, err = c.Custodian.NewRecordKey(ctx, id)
		return err
	})
	return wrapped, key, err
}

func (c hookedCustodian) RecordKey(ctx context.Context, id comity.ID, wrapped string) (key custodian.RecordKey, err error) {
	err = c.call(ctx, "RecordKey", func(ctx context.Context) (err error) {
		key, err = c.Custodian.RecordKey(ctx, id, wrapped)
		return err
	})
	return key, err
}

func (c hookedCustodian) Begin(ctx context.Context, o custodian.BeginOrder) (b custodian.Begun, err error) {
	err = c.call(ctx, "Begin", func(ctx context.Context) (err error) { b, err = c.Custodian.Begin(ctx, o); return err })
	return b, err
}

func (c hookedCustodian) Release(ctx context.Context, o custodian.ReleaseOrder) (sealed string, err error) {
	err = c.call(ctx, "Release", func(ctx context.Context) (err error) { sealed, err = c.Custodian.Release(ctx, o); return err })
	return sealed, err
}

func (c hookedCustodian) Sign(ctx context.Context, o custodian.SignOrder) (jws string, err error) {
	err = c.call(ctx, "Sign", func(ctx context.Context) (err error) { jws, err = c.Custodian.Sign(ctx, o); return err })
	return jws, err
}

func (c hookedCustodian) GrantUnder(ctx context.Context, u statement.Under, to comity.Grantee) (jws string, err error) {
	err = c.call(ctx, "GrantUnder", func(ctx context.Context) (err error) { jws, err = c.Custodian.GrantUnder(ctx, u, to); return err })
	return jws, err
}

func (c hookedCustodian) Apply(ctx context.Context, jws string) error {
	return c.call(ctx, "Apply", func(ctx context.Context) error { return c.Custodian.Apply(ctx, jws) })
}

func (c hookedCustodian) Withdraw(ctx context.Context, jws string) error {
	return c.call(ctx, "Withdraw", func(ctx context.Context) error { return c.Custodian.Withdraw(ctx, jws) })
}

func (c hookedCustodian) Standing(ctx context.Context, record, grant comity.ID, grantee comity.State) (open custodian.Limits, err error) {
	err = c.call(ctx, "Standing", func(ctx context.Context) (err error) {
		open, err = c.Custodian.Standing(ctx, record, grant, grantee)
		return err
	})
	return open, err
}

func (c hookedCustodian) Keys(ctx context.Context) (keys []jose.JSONWebKey, err error) {
	err = c.call(ctx, "Keys", func(ctx context.Context) (err error) { keys, err = c.Custodian.Keys(ctx); return err })
	return keys, err
}

// hookedStore is an object store within hooks.
type hookedStore struct {
	object.Store
	state  comity.State
	around around
}

func (s hookedStore) call(ctx context.Context, name string, perform func(context.Context) error) error {
	return s.around(ctx, "store "+string(s.state)+" "+name, perform)
}

func (s hookedStore) Begin(ctx context.Context, key string, until time.Time) (upload string, err error) {
	err = s.call(ctx, "Begin", func(ctx context.Context) (err error) { upload, err = s.Store.Begin(ctx, key, until); return err })
	return upload, err
}

func (s hookedStore) SignPart(ctx context.Context, key, upload string, p object.Part, ttl time.Duration) (signed object.Signed, err error) {
	err = s.call(ctx, "SignPart", func(ctx context.Context) (err error) {
		signed, err = s.Store.SignPart(ctx, key, upload, p, ttl)
		return err
	})
	return signed, err
}

func (s hookedStore) Parts(ctx context.Context, key, upload string) (parts []object.Part, err error) {
	err = s.call(ctx, "Parts", func(ctx context.Context) (err error) { parts, err = s.Store.Parts(ctx, key, upload); return err })
	return parts, err
}

func (s hookedStore) Complete(ctx context.Context, key, upload string, parts []object.Part) (stat object.Stat, err error) {
	err = s.call(ctx, "Complete", func(ctx context.Context) (err error) {
		stat, err = s.Store.Complete(ctx, key, upload, parts)
		return err
	})
	return stat, err
}

func (s hookedStore) Abort(ctx context.Context, key, upload string) error {
	return s.call(ctx, "Abort", func(ctx context.Context) error { return s.Store.Abort(ctx, key, upload) })
}

func (s hookedStore) SignGet(ctx context.Context, key, version string, ttl time.Duration) (signed object.Signed, err error) {
	err = s.call(ctx, "SignGet", func(ctx context.Context) (err error) {
		signed, err = s.Store.SignGet(ctx, key, version, ttl)
		return err
	})
	return signed, err
}

// hookedProver proves within hooks.
type hookedProver struct {
	exchange.Prover
	around around
}

func (p hookedProver) Prove(ctx context.Context, leaf comity.ID, s comity.State) (proof verify.Proof, err error) {
	err = p.around(ctx, "prover "+string(s)+" Prove", func(ctx context.Context) (err error) {
		proof, err = p.Prover.Prove(ctx, leaf, s)
		return err
	})
	return proof, err
}

// hookedDB is a database within hooks.
type hookedDB struct {
	storage.DB
	around around
}

func (d hookedDB) Write(ctx context.Context, f func(storage.Tx) error) error {
	return d.around(ctx, "database Write", func(ctx context.Context) error { return d.DB.Write(ctx, f) })
}

func (d hookedDB) WriteAt(ctx context.Context, at time.Time, f func(storage.Tx) error) error {
	return d.around(ctx, "database Write", func(ctx context.Context) error { return d.DB.WriteAt(ctx, at, f) })
}

func (d hookedDB) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	return d.around(ctx, "database Read", func(ctx context.Context) error { return d.DB.Read(ctx, f) })
}

// serverWith is another server over the world's database, stores and keys,
// within hooks.
func serverWith(t *testing.T, w *exchangetest.World, hooks around) *exchange.Exchange {
	t.Helper()
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Custodian: hookedCustodian{c, hooks}, Store: hookedStore{w.Stores[s], s, hooks}}
	}
	x, err := exchange.New(exchange.Options{DB: hookedDB{w.DB, hooks}, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: hookedProver{w.Prover, hooks}, Log: w.Log})
	must(t, err)
	return x
}

// at is an officer who works through another server.
func at(o *exchangetest.Officer, x *exchange.Exchange) *exchangetest.Officer {
	w := *o.World
	w.Exchange = x
	return &exchangetest.Officer{World: &w, Caller: o.Caller, SessionKey: o.SessionKey}
}
