package directory_test

import (
	"net/http/httptest"
	"testing"

	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/object/directory"
	"github.com/comity-platform/comity/storage/object/objecttest"
)

func TestSuite(t *testing.T) {
	objecttest.Run(t, func(t *testing.T) object.Store { return serve(t, t.TempDir()) })
}

// serve opens the store in dir and serves it at a path of a server of its own, until the test ends.
func serve(t testing.TB, dir string) *directory.Store {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	store, err := directory.Open(dir, "http://"+server.Listener.Addr().String()+"/store/KZ")
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = store
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func BenchmarkStore(b *testing.B) { objecttest.Bench(b, serve(b, b.TempDir())) }
