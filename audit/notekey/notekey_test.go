package notekey_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCosigner holds our cosignatures against the library of the field, both ways.
func TestCosigner(t *testing.T) {
	skey, err := notekey.New("comity/witness/u/KZ")
	must(t, err)
	at := time.Unix(1_700_000_000, 0)
	ours, err := notekey.NewCosigner(skey, func() time.Time { return at })
	must(t, err)
	theirs, err := cosignature.NewSignerForCosignatureV1(skey)
	must(t, err)
	if ours.Name() != theirs.Name() || ours.KeyHash() != theirs.KeyHash() {
		t.Fatalf("the key is %s %x, and %s %x", ours.Name(), ours.KeyHash(), theirs.Name(), theirs.KeyHash())
	}
	v, err := notekey.Witness(ours.Public())
	must(t, err)
	text := verify.Checkpoint{Origin: "comity/log/u", Size: 3, Root: [32]byte{7}}.String()
	for _, signer := range []note.Signer{ours, theirs} {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		must(t, err)
		for _, verifier := range []note.Verifier{v, ours.Verifier(), theirs.Verifier()} {
			n, err := note.Open(signed, note.VerifierList(verifier))
			must(t, err)
			made, err := cosignature.CoSigV1Timestamp(n.Sigs[0])
			must(t, err)
			if signer == note.Signer(ours) && !made.Equal(at) {
				t.Errorf("it was made at %s, wanted %s", made, at)
			}
		}
		if _, err := note.Open([]byte(strings.Replace(string(signed), "\n3\n", "\n4\n", 1)), note.VerifierList(v)); err == nil {
			t.Error("it holds for another size")
		}
	}
	public, err := notekey.LogPublic(skey)
	must(t, err)
	if want, err := note.NewEd25519VerifierKey("comity/witness/u/KZ", must1(notekey.Public(ours.Public()))(t)); err != nil || public != want {
		t.Errorf("as a log's key it is %q, wanted %q (%v)", public, want, err)
	}
	if _, err := notekey.Log(public); err != nil {
		t.Error(err)
	}
}

func must1(k ed25519.PublicKey, err error) func(testing.TB) ed25519.PublicKey {
	return func(t testing.TB) ed25519.PublicKey { must(t, err); return k }
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := notekey.Read(path); !os.IsNotExist(err) {
		t.Fatalf("without a file: %v", err)
	}
	first, err := notekey.ReadOrMake(path, "w")
	must(t, err)
	again, err := notekey.ReadOrMake(path, "w")
	must(t, err)
	if first != again {
		t.Error("the key is made anew")
	}
	must(t, os.Chmod(path, 0o640))
	if _, err := notekey.Read(path); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("a key that others can read: %v", err)
	}
	must(t, os.Chmod(path, 0o600))
	must(t, os.WriteFile(path, []byte("damaged"), 0o600))
	if _, err := notekey.ReadOrMake(path, "w"); err == nil {
		t.Error("a damaged key is taken, or made anew")
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\u00a0b", "a\u200bb", "\xff", strings.Repeat("a", 256)} {
		if _, err := notekey.New(name); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

// FuzzKeys: what is taken for a public key is the one text of that key.
func FuzzKeys(f *testing.F) {
	skey, err := notekey.New("comity/witness/u/KZ")
	if err != nil {
		f.Fatal(err)
	}
	c, err := notekey.NewCosigner(skey, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	public, err := notekey.LogPublic(skey)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{c.Public(), public, skey, "", "+", "a+b+c", c.Public() + "\n", strings.ToUpper(public)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, errW := notekey.Witness(s)
		l, errL := notekey.Log(s)
		if errW == nil && errL == nil {
			t.Fatalf("%q is a key of both types", s)
		}
		if errW != nil && errL != nil {
			_, _ = notekey.NewCosigner(s, time.Now)
			return
		}
		v := w
		if errL == nil {
			v = l
		}
		public, err := notekey.Public(s)
		must(t, err)
		if len(public) != ed25519.PublicKeySize || !strings.HasPrefix(s, v.Name()+"+") || notekey.CheckName(v.Name()) != nil {
			t.Fatalf("%q is taken as %s", s, v.Name())
		}
	})
}

// TestOrigin: two unions never share a log's name, which is a key's name.
func TestOrigin(t *testing.T) {
	seen := map[string]string{}
	for _, union := range []string{"sample-union", "a b", "a+b", "a%20b", "a%2Bb", "Союз", "a/b", ""} {
		origin := verify.Origin(union)
		if before, ok := seen[origin]; ok || notekey.CheckName(origin) != nil {
			t.Errorf("%q is %q, as is %q", union, origin, before)
		}
		seen[origin] = union
	}
}
