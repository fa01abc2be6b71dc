package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/storagetest"
)

func openDatabase(t *testing.T) (storage.DB, *stack.Database) {
	t.Helper()
	d := postgrestest.Database(t)
	db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db, d
}

func open(t *testing.T) storage.DB {
	t.Helper()
	db, _ := openDatabase(t)
	return db
}

func TestStorage(t *testing.T) { storagetest.Run(t, open) }

func app(t *testing.T, d *stack.Database) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.AppDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestRights tries as the application role what it must not be able to do.
func TestRights(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	conn := app(t, d)
	for _, text := range []string{
		"UPDATE cases SET state = 'AM'", "UPDATE cases SET agency = 'AM/x'", "UPDATE cases SET created_at = 0", "DELETE FROM cases",
		"UPDATE entries SET sealed = ''", "DELETE FROM entries", "UPDATE subjects SET protected = false", "DELETE FROM observables",
		"UPDATE evidence SET header = ''", "UPDATE evidence SET wrapped_key = ''", "DELETE FROM evidence",
		"UPDATE custody SET at = 0", "DELETE FROM custody", "UPDATE record_keys SET wrapped = ''", "UPDATE cases SET wrapped_key = ''", "DELETE FROM record_keys",
		"UPDATE requests SET state = 'AM'", "DELETE FROM requests", "UPDATE messages SET sealed = ''", "DELETE FROM refusals",
		"UPDATE grants SET viewer = 'BY'", "UPDATE grants SET grantee_state = 'BY'", "UPDATE grants SET purpose = ''", "DELETE FROM grants",
		"UPDATE releases SET scope = 'FULL'", "DELETE FROM releases", "UPDATE mandates SET not_after = 9", "DELETE FROM mandates",
		"UPDATE shifts SET until_at = 9", "UPDATE shifts SET sealed = ''", "DELETE FROM shifts",
		"UPDATE standings SET not_after = 9", "UPDATE standings SET grantees = ''", "DELETE FROM standings", "UPDATE releases SET team = ''", "UPDATE grants SET standing_id = ''",
		"UPDATE leaves SET hash = ''", "DELETE FROM leaves", "UPDATE log_tiles SET hashes = hashes", "DELETE FROM log_tiles", "UPDATE openings SET commitment = ''", "UPDATE openings SET state = 'AM'", "DELETE FROM openings", "UPDATE erasures SET before_at = 9", "DELETE FROM erasures",
		"INSERT INTO log_head VALUES (2, 0)", "DELETE FROM log_head", "UPDATE idempotency SET ids = ''", "UPDATE officers SET ref = ''", "DELETE FROM officers",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)", "TRUNCATE visibility",
		"CREATE TABLE public.mine ()", "DROP TABLE cases", "ALTER TABLE cases DISABLE TRIGGER ALL", "CREATE INDEX ON cases (state)",
		"SET ROLE " + d.Owner, "CREATE ROLE x",
	} {
		_, err := conn.Exec(t.Context(), text)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "42501" { // insufficient_privilege
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestReadersHoldUpNoAct: however many read, a writer finds a connection.
func TestReadersHoldUpNoAct(t *testing.T) {
	db := open(t)
	defer db.Close()
	end, begun := make(chan struct{}), make(chan struct{}, 100)
	var wg sync.WaitGroup
	for range cap(begun) {
		wg.Go(func() {
			if err := db.Read(storage.AsSystem(t.Context()), func(storage.ReadTx) error {
				begun <- struct{}{}
				<-end
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	defer wg.Wait()
	defer close(end)
	for range 16 { // no fewer read at once, and the others wait
		<-begun
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error { return tx.LockState("KZ") }); err != nil {
		t.Errorf("behind readers a writer got no connection: %v", err)
	}
}

func TestOpenBeforeMigrating(t *testing.T) {
	d := stacktest.NewDatabase(t)
	if db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "migrate") {
		t.Errorf("opened %v, %v", db, err)
	}
	// Several servers may migrate at once, and again.
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}

func TestBadAddressShowsNoPassword(t *testing.T) {
	_, err := postgres.Open(t.Context(), "postgres://u:canary-password@127.0.0.1:notaport/x", postgres.Options{})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
	_, err = postgres.Open(t.Context(), "postgres://u:canary-password@127.0.0.1:1/x", postgres.Options{})
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "canary") {
			t.Errorf("error %v", e)
		}
	}
	if comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestClock(t *testing.T) {
	d := stacktest.NewDatabase(t)
	if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
		if want := time.Date(2030, 1, 2, 2, 4, 5, 6000, time.UTC); r.Now() != want {
			t.Errorf("the clock says %v, want %v", r.Now(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEffectsSkipLocked has one server hold an effect: another takes those
// that it does not hold.
func TestEffectsSkipLocked(t *testing.T) {
	db, _ := openDatabase(t)
	defer db.Close()
	write := func(f func(storage.Tx) error) {
		t.Helper()
		if err := db.Write(storage.AsSystem(t.Context()), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []storage.Effect{{ID: "case1_a", Kind: "a1"}, {ID: "case1_a", Kind: "a2"}, {ID: "case1_b", Kind: "b1"}} {
		write(func(tx storage.Tx) error { return tx.AddEffect(e) })
	}
	due := func(tx storage.Tx, limit int) string {
		all, err := tx.DueEffects(limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range all {
			kinds = append(kinds, e.Kind)
		}
		return strings.Join(kinds, " ")
	}
	write(func(tx storage.Tx) error {
		if got := due(tx, 1); got != "a1" {
			t.Errorf("the first server took %q", got)
		}
		write(func(tx storage.Tx) error {
			if got := due(tx, 9); got != "a2 b1" {
				t.Errorf("the second server took %q", got)
			}
			return nil
		})
		return nil
	})
}

// TestSequenceBesideSlowWriter sequences while an older leaf is not committed
// yet, and while another sequencer is at work.
func TestSequenceBesideSlowWriter(t *testing.T) {
	db, _ := openDatabase(t)
	defer db.Close()
	sequence := func(want int) {
		t.Helper()
		if n, err := db.Sequence(t.Context(), 9, nil); err != nil || n != want {
			t.Fatalf("sequenced %d, %v; want %d", n, err, want)
		}
	}
	leaf := func(n int) storage.Leaf {
		return storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: time.Now().Add(time.Duration(n) * time.Hour), Openings: []storage.Opening{{State: "KZ"}}}
	}
	slow := leaf(-9)
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if err := tx.AppendLeaf(slow); err != nil {
			return err
		}
		if err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AppendLeaf(leaf(1)) }); err != nil {
			return err
		}
		sequence(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	inner := func(int) int {
		if n, err := db.Sequence(t.Context(), 9, nil); n != 0 || err != nil {
			t.Errorf("a second sequencer beside the first: %d, %v", n, err)
		}
		return 0
	}
	if n, err := db.Sequence(t.Context(), 9, inner); n != 1 || err != nil {
		t.Fatalf("sequenced %d, %v", n, err)
	}
	err = db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
		m, err := r.LogByID("KZ", []comity.ID{slow.ID})
		if m[slow.ID].Leaf.Index != 1 {
			t.Errorf("the slow writer's leaf has index %d", m[slow.ID].Leaf.Index)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRestart stops and starts PostgreSQL under an open database.
func TestRestart(t *testing.T) {
	p := stacktest.PrivatePostgres(t)
	d, err := p.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	write := func() error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return tx.InsertIdempotency(storage.Idempotency{Key: strings.Repeat("k", n)})
		})
	}
	read := func() error {
		return db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			_, err := r.IdempotencyOf("", "", "", "")
			return err
		})
	}
	// All connections of the pool are idle and will be broken.
	var opened, release sync.WaitGroup
	opened.Add(6)
	release.Add(1)
	var held sync.WaitGroup
	for range 6 {
		held.Go(func() {
			err := db.Read(storage.AsSystem(t.Context()), func(storage.ReadTx) error { opened.Done(); release.Wait(); return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	opened.Wait()
	release.Done()
	held.Wait()
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The very first operation, not a later one.
	if err := read(); err != nil {
		t.Errorf("the first read after a restart: %v", err)
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	n++
	if err := write(); err != nil {
		t.Errorf("the first write after a restart: %v", err)
	}

	// A connection that breaks within a transaction: the write is tried again.
	n++
	broken := 0
	err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if broken++; broken == 1 {
			if err := p.Restart(t.Context()); err != nil {
				return err
			}
		}
		return tx.InsertIdempotency(storage.Idempotency{Key: strings.Repeat("k", n)})
	})
	if err != nil || broken < 2 {
		t.Errorf("a write over a restart: %v, tried %d times", err, broken)
	}
	err = db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
		if err := p.Restart(t.Context()); err != nil {
			return err
		}
		_, err := r.IdempotencyOf("", "", "", "")
		return err
	})
	if comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("a snapshot that broke: %v", err)
	}

	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	n++
	for name, f := range map[string]func() error{"read": read, "write": write, "check": func() error { return db.Check(t.Context()) },
		"sequence": func() error {
			_, err := db.Sequence(t.Context(), 1, nil)
			return err
		},
		"open": func() error { _, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{}); return err }} {
		if err := f(); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("%s while stopped: %v", name, err)
		}
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("to say so took %v", took)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{"check": func() error { return db.Check(t.Context()) }, "read": read, "write": write} {
		if err := f(); err != nil {
			t.Errorf("%s after starting again: %v", name, err)
		}
	}
	// Nothing that was answered was lost.
	for i := range n + 1 {
		err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			_, err := r.IdempotencyOf("", "", "", strings.Repeat("k", i))
			return err
		})
		if err != nil {
			t.Errorf("row %d: %v", i, err)
		}
	}
}
