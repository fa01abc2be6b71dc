package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
)

// wire is a way to PostgreSQL that can be cut.
type wire struct {
	net.Listener
	to    string
	mu    sync.Mutex
	conns []*net.TCPConn
}

func newWire(t *testing.T, dsn string) (w *wire, through string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = &wire{Listener: l, to: u.Host}
	u.Host = l.Addr().String()
	t.Cleanup(func() { l.Close(); w.cut() })
	go w.serve()
	return w, u.String()
}

func (w *wire) serve() {
	for {
		c, err := w.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			c.Close()
			continue
		}
		near := c.(*net.TCPConn)
		w.mu.Lock()
		w.conns = append(w.conns, near)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(far, near); far.Close() }()
		go func() { _, _ = io.Copy(near, far); near.Close() }()
	}
}

// cut resets every connection, so that the next that is written to one fails at once.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.SetLinger(0)
		c.Close()
	}
	w.conns = nil
}

// TestBrokenBeforeAnythingIsSent: what is written down of a read goes out in one
// message with its COMMIT. Where the connection had broken before that, nothing can
// have been committed, and another one is taken.
func TestBrokenBeforeAnythingIsSent(t *testing.T) {
	d := postgrestest.Database(t)
	w, dsn := newWire(t, d.AppDSN)
	db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var written []comity.ID
	write := func() {
		t.Helper()
		l := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: time.Now(), Openings: []storage.Opening{{State: "KZ"}}}
		if err := db.WriteAt(storage.AsSystem(t.Context()), time.Now(), func(tx storage.Tx) error { return tx.AppendLeaf(l) }); err != nil {
			t.Errorf("after %d: %v", len(written), err)
			return
		}
		written = append(written, l.ID)
	}
	read := func() (found int) {
		t.Helper()
		err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			m, err := r.LogByID("KZ", written)
			found = len(m)
			return err
		})
		if err != nil {
			t.Errorf("after %d: %v", len(written), err)
		}
		return found
	}
	for range 20 {
		write() // on a connection that has all prepared, within the second in which the pool asks none whether it lives
		w.cut()
		write()
		w.cut()
		if n := read(); n != len(written) {
			t.Fatalf("%d of %d leaves are there", n, len(written))
		}
	}
}

// TestBrokenWhileCommitting: where COMMIT was sent and no answer came, it may have
// committed; nothing is written a second time.
func TestBrokenWhileCommitting(t *testing.T) {
	d := postgrestest.Database(t)
	w, dsn := newWire(t, d.AppDSN)
	db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	owner, err := pgx.Connect(t.Context(), d.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	if _, err := owner.Exec(t.Context(), `BEGIN; LOCK TABLE leaves IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	tries, ended := 0, make(chan error)
	go func() {
		ended <- db.WriteAt(storage.AsSystem(t.Context()), time.Now(), func(tx storage.Tx) error {
			tries++
			return tx.AppendLeaf(storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: time.Now(), Openings: []storage.Opening{{State: "KZ"}}})
		})
	}()
	for waiting := false; !waiting; time.Sleep(time.Millisecond) { // in the middle of what it sent
		if err := owner.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'leaves'::regclass)`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	w.cut()
	if err := <-ended; comity.CodeOf(err) != comity.CodeUnavailable || tries != 1 {
		t.Errorf("it was tried %d times: %v", tries, err)
	}
}
