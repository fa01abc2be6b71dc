package objecttest

import (
	"net/http"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

// Bench measures what one client on this machine gets: puts and gets of parts of 64 MiB, the default size.
func Bench(b *testing.B, store object.Store) {
	data := random(64 << 20)
	part := PartOf(1, data)
	b.Run("put", func(b *testing.B) {
		key := newKey(b)
		id := begin(b, store, key)
		signed := sign(b, store, key, id, part)
		b.SetBytes(part.Size)
		for b.Loop() {
			if a := Send(b, http.DefaultClient, signed, data); a.Status != http.StatusOK {
				b.Fatalf("%d %s", a.Status, a.Body)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		key := newKey(b)
		done := Upload(b, store, key, data)
		signed, err := store.SignGet(b.Context(), key, done.Version, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(part.Size)
		for b.Loop() {
			if a := Send(b, http.DefaultClient, signed, nil); a.Status != http.StatusOK {
				b.Fatalf("%d %s", a.Status, a.Body)
			}
		}
	})
}
