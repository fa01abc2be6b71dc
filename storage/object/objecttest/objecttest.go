// Package objecttest is the suite that every object.Store passes: what must work, and what must be impossible. It talks
// to the store as a client would, over HTTP under signed URLs.
package objecttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

// Run runs the suite. open answers a store, fresh or used by other tests too.
func Run(t *testing.T, open func(t *testing.T) object.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, object.Store)
	}{
		{"one part", onePart},
		{"many parts", manyParts},
		{"ranges", ranges},
		{"resume", resume},
		{"part put again", partAgain},
		{"long list of parts", longList},
		{"undeclared part", undeclaredPart},
		{"complete twice", completeTwice},
		{"complete at once", completeAtOnce},
		{"rival uploads", rivalUploads},
		{"abort", abort},
		{"nested keys", nestedKeys},
		{"long key", longKey},
		{"part URL misused", partURLMisused},
		{"get URL misused", getURLMisused},
		{"expired", expired},
		{"truncated upload", truncatedUpload},
		{"no overwriting", noOverwriting},
		{"other than declared", otherThanDeclared},
		{"not found", notFound},
		{"invalid", invalid},
		{"check", check},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func onePart(t *testing.T, store object.Store) {
	key, data := newKey(t), random(1000)
	until := time.Now().Add(48 * time.Hour)
	id, err := store.Begin(t.Context(), key, until)
	if err != nil {
		t.Fatal(err)
	}
	part := PutPart(t, store, key, id, 1, data)
	done, err := store.Complete(t.Context(), key, id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data)
	if done.Key != key || done.Version == "" || done.Size != 1000 || done.Parts != 1 || done.Root != sha256.Sum256(digest[:]) {
		t.Errorf("completed: %+v", done)
	}
	if done.RetainUntil.Before(until) || done.RetainUntil.Sub(until) >= time.Second || done.RetainUntil.Location() != time.UTC {
		t.Errorf("asked for a lock until %v, got %v", until, done.RetainUntil)
	}
	for _, version := range []string{"", done.Version} {
		if stat, err := store.Stat(t.Context(), key, version); err != nil || stat != done {
			t.Errorf("stat %q: %+v, %v", version, stat, err)
		}
	}
	if got := Get(t, store, key, done.Version); !bytes.Equal(got, data) {
		t.Error("other bytes came back")
	}
}

func manyParts(t *testing.T, store object.Store) {
	key := newKey(t)
	data := [][]byte{random(object.MinPartSize), random(object.MinPartSize + 333), random(object.MinPartSize), random(7)}
	id := begin(t, store, key)
	parts := make([]object.Part, len(data))
	var all sync.WaitGroup
	for i := range data {
		parts[i] = PartOf(i+1, data[i])
		signed := sign(t, store, key, id, parts[i])
		all.Go(func() {
			if a := Send(t, http.DefaultClient, signed, data[i]); a.Status != http.StatusOK {
				t.Errorf("part %d: %d %s", i+1, a.Status, a.Body)
			}
		})
	}
	all.Wait()
	if _, err := store.Stat(t.Context(), key, ""); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("visible before completion: %v", err)
	}
	done, err := store.Complete(t.Context(), key, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	whole := slices.Concat(data...)
	if done.Root != object.Root(parts) || done.Parts != 4 || done.Size != int64(len(whole)) {
		t.Errorf("completed: %+v", done)
	}
	if !bytes.Equal(Get(t, store, key, done.Version), whole) {
		t.Error("other bytes came back")
	}
}

func ranges(t *testing.T, store object.Store) {
	key := newKey(t)
	first, second := random(object.MinPartSize), random(2000)
	whole := slices.Concat(first, second)
	done := Upload(t, store, key, first, second)
	signed, err := store.SignGet(t.Context(), key, done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	n := len(whole)
	for _, r := range []struct {
		header   string
		from, to int
	}{
		{"bytes=0-0", 0, 1},
		{"bytes=100-199", 100, 200},
		{fmt.Sprintf("bytes=%d-%d", object.MinPartSize-10, object.MinPartSize+9), object.MinPartSize - 10, object.MinPartSize + 10},
		{fmt.Sprintf("bytes=%d-", object.MinPartSize), object.MinPartSize, n},
		{"bytes=-5", n - 5, n},
		{fmt.Sprintf("bytes=%d-%d", n-3, n+100), n - 3, n},
	} {
		ranged := signed
		ranged.Header = map[string]string{"Range": r.header}
		a := Send(t, http.DefaultClient, ranged, nil)
		if a.Status != http.StatusPartialContent || !bytes.Equal(a.Body, whole[r.from:r.to]) {
			t.Errorf("%s: %d, %d bytes", r.header, a.Status, len(a.Body))
		}
		if want := fmt.Sprintf("bytes %d-%d/%d", r.from, r.to-1, n); a.Header.Get("Content-Range") != want {
			t.Errorf("%s: Content-Range %q, want %q", r.header, a.Header.Get("Content-Range"), want)
		}
	}
	signed.Header = map[string]string{"Range": fmt.Sprintf("bytes=%d-", n)}
	if a := Send(t, http.DefaultClient, signed, nil); a.Status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("range past the end: %d", a.Status)
	}
}

func resume(t *testing.T, store object.Store) {
	key := newKey(t)
	data := [][]byte{random(object.MinPartSize), random(object.MinPartSize), random(10)}
	id := begin(t, store, key)
	if held, err := store.Parts(t.Context(), key, id); err != nil || len(held) != 0 {
		t.Fatalf("nothing put yet: %v, %v", held, err)
	}
	third := PutPart(t, store, key, id, 3, data[2])
	first := PutPart(t, store, key, id, 1, data[0])
	held, err := store.Parts(t.Context(), key, id)
	if err != nil || !slices.Equal(held, []object.Part{first, third}) {
		t.Fatalf("held: %v, %v", held, err)
	}
	if _, err := store.Complete(t.Context(), key, id, []object.Part{first, PartOf(2, data[1]), third}); !errors.Is(err, object.ErrMismatch) {
		t.Fatalf("completed with part 2 missing: %v", err)
	}
	second := PutPart(t, store, key, id, 2, data[1])
	done, err := store.Complete(t.Context(), key, id, []object.Part{first, second, third})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Get(t, store, key, done.Version), slices.Concat(data...)) {
		t.Error("other bytes came back")
	}
}

// longList puts more parts than S3 lists in one answer.
func longList(t *testing.T, store object.Store) {
	const n = 1010
	key := newKey(t)
	id := begin(t, store, key)
	want := make([]object.Part, n)
	numbers := make(chan int)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range numbers {
				data := fmt.Appendf(nil, "part %d", i+1)
				want[i] = PartOf(i+1, data)
				signed, err := store.SignPart(t.Context(), key, id, want[i], time.Minute)
				if err != nil {
					t.Error(err)
				} else if a := Send(t, http.DefaultClient, signed, data); a.Status != http.StatusOK {
					t.Errorf("part %d: %d %s", i+1, a.Status, a.Body)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
	if held, err := store.Parts(t.Context(), key, id); err != nil || !slices.Equal(held, want) {
		t.Errorf("%d parts listed of %d, %v", len(held), n, err)
	}
	if err := store.Abort(t.Context(), key, id); err != nil {
		t.Error(err)
	}
}

func partAgain(t *testing.T, store object.Store) {
	key := newKey(t)
	id := begin(t, store, key)
	old := PutPart(t, store, key, id, 1, random(2000))
	data := random(1999)
	PutPart(t, store, key, id, 1, data)
	part := PutPart(t, store, key, id, 1, data) // the same once more changes nothing
	if held, err := store.Parts(t.Context(), key, id); err != nil || !slices.Equal(held, []object.Part{part}) {
		t.Fatalf("held: %v, %v", held, err)
	}
	if _, err := store.Complete(t.Context(), key, id, []object.Part{old}); !errors.Is(err, object.ErrMismatch) {
		t.Errorf("completed with the part that was replaced: %v", err)
	}
	done, err := store.Complete(t.Context(), key, id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Get(t, store, key, done.Version), data) {
		t.Error("other bytes came back")
	}
}

func undeclaredPart(t *testing.T, store object.Store) {
	key, data := newKey(t), random(object.MinPartSize)
	id := begin(t, store, key)
	part := PutPart(t, store, key, id, 1, data)
	PutPart(t, store, key, id, 2, random(10))
	done, err := store.Complete(t.Context(), key, id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	if done.Parts != 1 || !bytes.Equal(Get(t, store, key, done.Version), data) {
		t.Errorf("a part that was not declared is in the object: %+v", done)
	}
}

func completeTwice(t *testing.T, store object.Store) {
	key := newKey(t)
	data := [][]byte{random(object.MinPartSize), random(100)}
	other := begin(t, store, key) // before the object is there
	id := begin(t, store, key)
	parts := []object.Part{PutPart(t, store, key, id, 1, data[0]), PutPart(t, store, key, id, 2, data[1])}
	done, err := store.Complete(t.Context(), key, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := store.Complete(t.Context(), key, id, parts); err != nil || again != done {
		t.Errorf("again: %+v, %v", again, err)
	}
	// The server that began this upload crashed; another began anew with the same bytes.
	PutPart(t, store, key, other, 1, data[0])
	PutPart(t, store, key, other, 2, data[1])
	if again, err := store.Complete(t.Context(), key, other, parts); err != nil || again != done {
		t.Errorf("by another upload: %+v, %v", again, err)
	}
	for name, plan := range map[string][]object.Part{
		"other digest": {parts[0], {Number: 2, Size: 100, SHA256: sha256.Sum256([]byte("other"))}},
		"other size":   {parts[0], {Number: 2, Size: 101, SHA256: parts[1].SHA256}},
		"fewer":        parts[:1],
	} {
		if _, err := store.Complete(t.Context(), key, id, plan); !errors.Is(err, object.ErrExists) {
			t.Errorf("%s adopted: %v", name, err)
		}
	}
}

func completeAtOnce(t *testing.T, store object.Store) {
	key := newKey(t)
	id := begin(t, store, key)
	parts := []object.Part{PutPart(t, store, key, id, 1, random(object.MinPartSize)), PutPart(t, store, key, id, 2, random(9))}
	stats, errs := make([]object.Stat, 8), make([]error, 8)
	var all sync.WaitGroup
	for i := range stats {
		all.Go(func() { stats[i], errs[i] = store.Complete(t.Context(), key, id, parts) })
	}
	all.Wait()
	for i := range stats {
		if errs[i] != nil || stats[i] != stats[0] {
			t.Errorf("%d: %+v, %v", i, stats[i], errs[i])
		}
	}
}

// rivalUploads completes several uploads of other bytes under one key at once: one wins, and stays.
func rivalUploads(t *testing.T, store object.Store) {
	const rivals = 6
	key := newKey(t)
	var ids [rivals]string
	var plans [rivals][]object.Part
	for i := range rivals {
		ids[i] = begin(t, store, key)
		plans[i] = []object.Part{PutPart(t, store, key, ids[i], 1, random(500+i))}
	}
	var stats [rivals]object.Stat
	var errs [rivals]error
	var all sync.WaitGroup
	for i := range rivals {
		all.Go(func() { stats[i], errs[i] = store.Complete(t.Context(), key, ids[i], plans[i]) })
	}
	all.Wait()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won < 0:
			won = i
		case !errors.Is(err, object.ErrExists):
			t.Errorf("%d: %v", i, err)
		}
	}
	if won < 0 {
		t.Fatal("nobody won")
	}
	if stat, err := store.Stat(t.Context(), key, ""); err != nil || stat != stats[won] || stat.Root != object.Root(plans[won]) {
		t.Errorf("winner %+v, stored %+v, %v", stats[won], stat, err)
	}
}

func abort(t *testing.T, store object.Store) {
	key, data := newKey(t), random(100)
	id := begin(t, store, key)
	part := PutPart(t, store, key, id, 1, data)
	signed := sign(t, store, key, id, part)
	if err := store.Abort(t.Context(), newKey(t), id); err != nil {
		t.Error(err)
	}
	if held, err := store.Parts(t.Context(), key, id); err != nil || len(held) != 1 {
		t.Errorf("aborted under another key: %v, %v", held, err)
	}
	for range 2 { // the second finds nothing to do
		if err := store.Abort(t.Context(), key, id); err != nil {
			t.Fatal(err)
		}
	}
	if a := Send(t, http.DefaultClient, signed, data); a.Status != http.StatusNotFound {
		t.Errorf("put after abort: %d %s", a.Status, a.Body)
	}
	if _, err := store.Parts(t.Context(), key, id); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("parts after abort: %v", err)
	}
	if _, err := store.Complete(t.Context(), key, id, []object.Part{part}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("complete after abort: %v", err)
	}
	done := Upload(t, store, key, data) // the key is free
	if err := store.Abort(t.Context(), key, id); err != nil {
		t.Error(err)
	}
	if _, err := store.Stat(t.Context(), key, done.Version); err != nil {
		t.Errorf("abort took the object: %v", err)
	}
}

func nestedKeys(t *testing.T, store object.Store) {
	key := newKey(t)
	a, b := random(10), random(20)
	inner := Upload(t, store, key+"/a/exhibit", a)
	outer := Upload(t, store, key+"/a.exhibit", b)
	if !bytes.Equal(Get(t, store, key+"/a/exhibit", inner.Version), a) || !bytes.Equal(Get(t, store, key+"/a.exhibit", outer.Version), b) {
		t.Error("mixed up")
	}
}

// longKey: what CheckKey lets through, every store can hold.
func longKey(t *testing.T, store object.Store) {
	key := newKey(t) + "/" + strings.Repeat("k", object.MaxSegment)
	key += "/" + strings.Repeat("k", object.MaxKey-len(key)-1)
	data := random(10)
	done := Upload(t, store, key, data)
	if !bytes.Equal(Get(t, store, key, done.Version), data) {
		t.Error("other bytes came back")
	}
}

func check(t *testing.T, store object.Store) {
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := store.Check(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("check after cancelling: %v", err)
	}
	if _, err := store.Begin(ended, newKey(t), time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("begin after cancelling: %v", err)
	}
}
