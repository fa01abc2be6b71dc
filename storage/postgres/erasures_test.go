package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// TestErasuresHaveTheirWall: an opening is erased by the system alone, as a whole and
// once, and only under an erasure of its own state that runs and reaches it.
func TestErasuresHaveTheirWall(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	now := time.Now().UTC().Truncate(time.Microsecond)
	leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: now, Openings: []storage.Opening{
		{State: "KZ", Salt: [32]byte{1}, Content: []byte("said"), Facets: storage.Facets{Act: "read"}}}}
	decide := func(s comity.State, before time.Time, status comity.ErasureStatus) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return tx.InsertErasure(storage.Erasure{Erasure: comity.Erasure{ID: comity.NewID(comity.KindErasure), State: s, Before: before, Status: status}})
		})
	}
	if err := errors.Join(db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AppendLeaf(leaf) }),
		decide("AM", now.Add(time.Hour), comity.ErasureRunning), decide("KZ", now, comity.ErasureRunning), decide("KZ", now.Add(time.Hour), comity.ErasureDone)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Sequence(t.Context(), 9, nil); err != nil {
		t.Fatal(err)
	}
	conn := acting{app(t, d), t}
	const zero = `decode(repeat('00', 32), 'hex')`
	set := func(salt, content, by string) string {
		return `UPDATE openings SET salt = ` + salt + `, content = ` + content + `, erased_by = ` + by
	}
	erase := set(zero, `''`, `'leaf1_x'`)
	refuse := func(what, as, state, text string) {
		t.Helper()
		var refused *pgconn.PgError
		if n, err := conn.run(as, state, text); !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %d rows, %v", what, n, err)
		}
	}
	refuse("while no erasure that reaches it runs", "system", "KZ", erase)
	if err := decide("KZ", now.Add(time.Microsecond), comity.ErasureRunning); err != nil {
		t.Fatal(err)
	}
	refuse("by an act", "act", "KZ", erase)
	refuse("by another state's act", "act", "AM", erase)
	refuse("with its salt kept", "system", "KZ", set("salt", `''`, `'leaf1_x'`))
	refuse("with other content", "system", "KZ", set(zero, `'other'`, `'leaf1_x'`))
	refuse("without a leaf that says so", "system", "KZ", set(zero, `''`, `''`))
	if n, err := conn.run("act", "KZ", `DELETE FROM log_facets`); err != nil || n != 0 {
		t.Errorf("an act takes away what %d leaves are found by: %v", n, err)
	}
	if n, err := conn.run("officer", "KZ", erase); err == nil && n != 0 {
		t.Errorf("who reads erases %d openings", n)
	}
	if n, err := conn.run("system", "KZ", erase); err != nil || n != 1 {
		t.Errorf("erased were %d openings, %v", n, err)
	}
}
