package storagetest

import (
	"errors"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// manifests: those of a state, the newest first, each number once; and the
// highest number of each state.
func manifests(t *testing.T, db storage.DB) {
	numbers := func() map[comity.State]int64 { return get(t, db, storage.ReadTx.ManifestNumbers) }
	equal(t, "before any was published", numbers(), map[comity.State]int64{})
	var all []storage.PublishedManifest
	for n := range 3 {
		all = append(all, storage.PublishedManifest{State: "KZ", Number: int64(9 + n), Officer: kzAuthority.Ref(), PublishedAt: hours(-n), Manifest: "kz.jws"})
	}
	other := storage.PublishedManifest{State: "AM", Number: 1 << 52, Officer: "AM:au", PublishedAt: noon, Manifest: "am.jws"}
	insert := func(m storage.PublishedManifest) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.InsertManifest(m) })
	}
	for _, m := range append(all, other) {
		if err := insert(m); err != nil {
			t.Fatal(err)
		}
	}
	same := all[1]
	same.Manifest = "other.jws"
	wantErr(t, "the same number again", insert(same), storage.ErrExists)
	equal(t, "the highest numbers", numbers(), map[comity.State]int64{"KZ": 11, "AM": 1 << 52})
	of := func(s comity.State, limit int) []storage.PublishedManifest {
		return get(t, db, func(r storage.ReadTx) ([]storage.PublishedManifest, error) { return r.ManifestsOf(s, limit) })
	}
	equal(t, "the state's own", of("KZ", 10), []storage.PublishedManifest{all[2], all[1], all[0]})
	equal(t, "the newest", of("KZ", 1), all[2:])
	equal(t, "of another", of("AM", 10), []storage.PublishedManifest{other})
	equal(t, "of a state that published none", of("BY", 10), []storage.PublishedManifest{})
}

// manifestsConcurrent: under the lock each publication sees all before it, of
// whichever state.
func manifestsConcurrent(t *testing.T, db storage.DB) {
	states := []comity.State{"KZ", "AM"}
	together(t, 10, func() error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			if err := tx.LockManifests(); err != nil {
				return err
			}
			numbers, err := tx.ManifestNumbers()
			if err != nil {
				return err
			}
			last := max(numbers["KZ"], numbers["AM"])
			err = tx.InsertManifest(storage.PublishedManifest{State: states[last%2], Number: last + 1, PublishedAt: noon})
			if errors.Is(err, storage.ErrExists) {
				t.Errorf("number %d was taken by two", last+1)
			}
			return err
		})
	})
	if n := get(t, db, storage.ReadTx.ManifestNumbers); n["AM"] != 40 || n["KZ"] != 39 {
		t.Errorf("after 40 publications the highest numbers are %v", n)
	}
}
