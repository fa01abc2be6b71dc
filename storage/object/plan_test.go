package object_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

func TestCheckKey(t *testing.T) {
	for _, key := range []string{"a", "KZ/0b1c/exhibit-1.bin", "a..b", strings.Repeat("k", object.MaxSegment), strings.Repeat("k/", object.MaxKey/2-1) + "kk"} {
		if err := object.CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", "/a", "a/", "a//b", "..", "../a", "a/../b", ".hidden", "a\\b", "a b", "a\x00", "a%2f", "ключ", "a\nb", "a?b", strings.Repeat("k", object.MaxSegment+1), strings.Repeat("k/", object.MaxKey/2) + "k"} {
		if err := object.CheckKey(key); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// A key that passes is a clean relative path and survives as a URL path.
func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"a", "a/b", "../a", "a/./b", "KZ/case/evidence"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if object.CheckKey(key) != nil {
			return
		}
		if path.Clean("/"+key) != "/"+key || strings.ContainsAny(key, "\\%?#\n\x00 ") || len(key) > object.MaxKey {
			t.Errorf("%q passed", key)
		}
	})
}

func TestCheckPlan(t *testing.T) {
	const min = object.MinPartSize
	good := [][]object.Part{
		{{Number: 1, Size: 1}},
		{{Number: 1, Size: min}, {Number: 2, Size: 1}},
		{{Number: 1, Size: min + 7}, {Number: 2, Size: min}, {Number: 3, Size: object.MaxPartSize}},
	}
	for _, plan := range good {
		var want int64
		for _, p := range plan {
			want += p.Size
		}
		if size, err := object.CheckPlan(plan); err != nil || size != want {
			t.Errorf("%v: %d, %v", plan, size, err)
		}
	}
	bad := map[string][]object.Part{
		"none":             {},
		"empty part":       {{Number: 1, Size: 0}},
		"negative":         {{Number: 1, Size: -1}},
		"too big":          {{Number: 1, Size: object.MaxPartSize + 1}},
		"from zero":        {{Number: 0, Size: 1}},
		"from two":         {{Number: 2, Size: 1}},
		"gap":              {{Number: 1, Size: min}, {Number: 3, Size: 1}},
		"repeated":         {{Number: 1, Size: min}, {Number: 1, Size: min}},
		"out of order":     {{Number: 2, Size: min}, {Number: 1, Size: min}},
		"small but inside": {{Number: 1, Size: min - 1}, {Number: 2, Size: min}},
		"too many":         manyParts(object.MaxParts + 1),
	}
	for name, plan := range bad {
		if _, err := object.CheckPlan(plan); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := object.CheckPlan(manyParts(object.MaxParts)); err != nil {
		t.Error(err)
	}
}

func manyParts(n int) []object.Part {
	parts := make([]object.Part, n)
	for i := range parts {
		parts[i] = object.Part{Number: i + 1, Size: object.MinPartSize}
	}
	return parts
}

func TestRoot(t *testing.T) {
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	// printf a | sha256sum; printf b | sha256sum; both digests | xxd -r -p | sha256sum
	const want = "e5a01fee14e0ed5c48714f22180f25ad8365b53f9779f79dc4a3d7e93963f94a"
	root := object.Root([]object.Part{{Number: 1, SHA256: a}, {Number: 2, SHA256: b}})
	if got := hex.EncodeToString(root[:]); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
}

func TestPeriods(t *testing.T) {
	for _, ttl := range []time.Duration{0, -time.Second, time.Second - 1, object.MaxTTL + 1} {
		if err := object.CheckTTL(ttl); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%v: %v", ttl, err)
		}
	}
	if err := object.CheckTTL(5 * time.Minute); err != nil {
		t.Error(err)
	}
	for _, until := range []time.Time{{}, time.Now().Add(-time.Second)} {
		if _, err := object.Retention(until); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%v: %v", until, err)
		}
	}
	asked := time.Now().Add(time.Hour)
	got, err := object.Retention(asked)
	if err != nil || got.Before(asked) || got.Sub(asked) >= time.Second || got.Nanosecond() != 0 || got.Location() != time.UTC {
		t.Errorf("asked %v, got %v, %v", asked, got, err)
	}
}
