package exchange

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// TestCursorForm: of the ways to write the bytes of a cursor one alone opens.
func TestCursorForm(t *testing.T) {
	c, err := newCursors([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	binding := cursorFor(comity.Officer{}, "cases", nil)
	for n := range 3 { // of bytes left over at the end, 1 or 2
		made := c.make(binding, storage.Key{ID: comity.ID("case1_" + strings.Repeat("a", n))})
		if _, err := c.open(binding, made); err != nil {
			t.Fatal(err)
		}
		forms := []string{made + "\n", made[:5] + "\r\n" + made[5:], made + "="}
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		if last := strings.IndexByte(digits, made[len(made)-1]); len(made)%4 != 0 {
			forms = append(forms, made[:len(made)-1]+digits[last+1:last+2])
		}
		for _, form := range forms {
			if k, err := c.open(binding, form); comity.CodeOf(err) != comity.CodeInvalid || k != (storage.Key{}) {
				t.Errorf("%q opens as %q does: %v", form, made, err)
			}
		}
	}
}

// FuzzCursor: a cursor opens to the place that it was made of, for the list
// that it was made for, and nothing else opens at all.
func FuzzCursor(f *testing.F) {
	c, err := newCursors([32]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	binding := cursorFor(comity.Officer{Issuer: "https://idp.example", Subject: "one"}, "cases", CaseFilter{Own: true})
	other := cursorFor(comity.Officer{Issuer: "https://idp.example", Subject: "two"}, "cases", CaseFilter{Own: true})
	for _, cursor := range []string{"", "A", "AAAA", strings.Repeat("A", 16), strings.Repeat("A", 38), strings.Repeat("A", 100), "=", "é", "\n",
		c.make(other, storage.Key{ID: "case1_a"})} {
		f.Add(cursor, int64(1_700_000_000_000_000), "case1_aaaaaaaaaaaaaaaaaaaaaaaaaa", 3, byte(1))
	}
	f.Add("", int64(-1), "\"\\<é", 0, byte(0))
	f.Fuzz(func(t *testing.T, cursor string, at int64, id string, place int, change byte) {
		got, err := c.open(binding, cursor)
		if cursor == "" && (err != nil || got != storage.Key{}) {
			t.Fatalf("no cursor is %+v, %v", got, err)
		}
		if cursor != "" && (err == nil || comity.CodeOf(err) != comity.CodeInvalid || got != storage.Key{}) {
			t.Fatalf("a cursor of nobody's making opens to %+v, %v", got, err)
		}
		k := storage.Key{At: time.UnixMicro(at).UTC(), ID: comity.ID(strings.ToValidUTF8(id, ""))}
		made := c.make(binding, k)
		if got, err := c.open(binding, made); err != nil || got != k {
			t.Fatalf("%+v opens to %+v, %v", k, got, err)
		}
		if got, err := c.open(other, made); err == nil {
			t.Fatalf("another viewer opens %+v", got)
		}
		b := []byte(made)
		b[uint(place)%uint(len(b))] ^= change
		if got, err := c.open(binding, string(b)); err == nil && string(b) != made {
			t.Fatalf("a changed cursor opens to %+v", got)
		}
	})
}
