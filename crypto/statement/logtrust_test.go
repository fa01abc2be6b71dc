package statement_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// witnessOf makes a key of a witness.
func witnessOf(t testing.TB, name string, u *tokentest.Union) *notekey.Cosigner {
	t.Helper()
	skey, err := notekey.New(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := notekey.NewCosigner(skey, u.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLogTrustCheck(t *testing.T) {
	u := tokentest.NewUnion(t)
	sample := sampleManifest(t, u).Log
	another, err := notekey.New("comity/log/another")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := notekey.LogPublic(another)
	if err != nil {
		t.Fatal(err)
	}
	typed := func(vkey string, kind byte) string { // the same key as one of another type, with the hash it has as such
		name, rest, _ := strings.Cut(vkey, "+")
		_, key64, _ := strings.Cut(rest, "+")
		raw, err := base64.StdEncoding.DecodeString(key64)
		if err != nil {
			t.Fatal(err)
		}
		if kind == 1 {
			vkey, err = note.NewEd25519VerifierKey(name, raw[1:])
			if err != nil {
				t.Fatal(err)
			}
			return vkey
		}
		t.Fatal("no such type")
		return ""
	}
	type T = statement.LogTrust
	for name, c := range map[string]struct {
		pointer string
		change  func(*T)
		says    string
	}{
		"left out":               {"/log", func(l *T) { *l = T{} }, "is missing"},
		"no log":                 {"/log/keys", func(l *T) { l.Keys = nil }, "there is none"},
		"no witness":             {"/log/witnesses", func(l *T) { l.Witnesses = nil }, "there is none"},
		"a log of another union": {"/log/keys/0", func(l *T) { l.Keys[0] = foreign }, `the union's log is "comity/log/union.test"`},
		"the key of a witness":   {"/log/keys/0", func(l *T) { l.Keys[0] = l.Witnesses[0] }, "type 4"},
		"the key of a log":       {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = foreign }, "type 1"},
		"no key":                 {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = "KZ" }, "NAME+HASH+KEY"},
		"another hash":           {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = "x" + l.Witnesses[0] }, "hash"},
		"a space in the name":    {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = "a b" + l.Witnesses[0] }, "no name"},
		"the log's name":         {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = witnessOf(t, "comity/log/union.test", u).Public() }, "a witness of this state is called"},
		"another state's name":   {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = witnessOf(t, "comity/witness/union.test/AM", u).Public() }, "a witness of this state is called"},
		"another union's name":   {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = witnessOf(t, "comity/witness/union/KZ", u).Public() }, "a witness of this state is called"},
		"almost its name":        {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = witnessOf(t, "comity/witness/union.test/KZZ", u).Public() }, "a witness of this state is called"},
		"a key twice":            {"/log/witnesses/1", func(l *T) { l.Witnesses = append(l.Witnesses, l.Witnesses[0]) }, "twice"},
		"one key for both": {"/log/witnesses/0", func(l *T) {
			c, err := notekey.NewCosigner(u.LogKey, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			l.Witnesses[0] = renamed(t, c.Public(), "KZ")
		}, "twice"},
		"too many": {"/log/witnesses", func(l *T) {
			for range 4 {
				l.Witnesses = append(l.Witnesses, witnessOf(t, "comity/witness/union.test/KZ/next", u).Public())
			}
		}, "more than 4"},
		"a plain address":            {"/log/witnessUrl", func(l *T) { l.WitnessURL = "http://witness.example" }, "not https"},
		"no address":                 {"/log/witnessUrl", func(l *T) { l.WitnessURL = "" }, "not an https URL"},
		"less than none":             {"/log/others", func(l *T) { l.Others = -1 }, "0 to"},
		"more than a union":          {"/log/others", func(l *T) { l.Others = 101 }, "0 to"},
		"a type that is not made so": {"/log/witnesses/0", func(l *T) { l.Witnesses[0] = typed(l.Witnesses[0], 1) }, "type 1"},
	} {
		m := sampleManifest(t, u)
		m.Log = T{Keys: slices.Clone(sample.Keys), Witnesses: slices.Clone(sample.Witnesses), WitnessURL: sample.WitnessURL, Others: sample.Others}
		c.change(&m.Log)
		if errs := m.Check(); !slices.ContainsFunc(errs, func(err error) bool {
			var f statement.Fault
			return errors.As(err, &f) && f.Pointer == c.pointer && strings.Contains(f.Message, c.says)
		}) {
			t.Errorf("%s: %s (%s) is not named in %v", name, c.pointer, c.says, errs)
		}
	}
	m := sampleManifest(t, u)
	m.Log.Witnesses = append(m.Log.Witnesses, witnessOf(t, "comity/witness/union.test/KZ/next", u).Public())
	if errs := m.Check(); len(errs) > 0 {
		t.Errorf("a second key of the state's: %v", errs)
	}
	for _, url := range []string{"https://witness.kz.example", "http://127.0.0.1:7070", statement.Embedded} {
		m := sampleManifest(t, u)
		m.Log.WitnessURL = url
		if errs := m.Check(); len(errs) > 0 {
			t.Errorf("%s: %v", url, errs)
		}
	}
}

// signedBy signs a checkpoint as the log and cosigns it.
func signedBy(t testing.TB, u *tokentest.Union, log note.Signer, witnesses ...note.Signer) []byte {
	t.Helper()
	c := verify.Checkpoint{Origin: verify.Origin(tokentest.Name), Size: 7, Root: [32]byte{1}}
	signed, err := note.Sign(&note.Note{Text: c.String()}, append([]note.Signer{log}, witnesses...)...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestLogPolicy: what counts for a state is what the manifests in force say, and
// from when they are in force.
func TestLogPolicy(t *testing.T) {
	u := tokentest.NewUnion(t)
	counts := func(s comity.State, signed []byte) error {
		t.Helper()
		p, err := u.Directory.LogPolicy(s, u.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Open(signed, u.Clock.Now())
		return err
	}
	kz, am, by := u.Witnesses["KZ"], u.Witnesses["AM"], u.Witnesses["BY"]
	all := signedBy(t, u, u.LogSigner, kz, am, by)
	for name, c := range map[string]struct {
		signed []byte
		counts bool
	}{
		"all":               {all, true},
		"own and one other": {signedBy(t, u, u.LogSigner, kz, by), true},
		"own alone":         {signedBy(t, u, u.LogSigner, kz), false},
		"all but own":       {signedBy(t, u, u.LogSigner, am, by), false},
		"none":              {signedBy(t, u, u.LogSigner), false},
	} {
		if err := counts("KZ", c.signed); (err == nil) != c.counts {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Another key of the own witness: it counts from its manifest on, the old one no longer.
	next := witnessOf(t, "comity/witness/union.test/KZ", u)
	swapped := signedBy(t, u, u.LogSigner, next, am)
	if counts("KZ", swapped) == nil {
		t.Error("a key counts before its manifest is in force")
	}
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Log.Witnesses = []string{next.Public()} })
	if err := counts("KZ", swapped); err != nil {
		t.Errorf("the manifest is in force, and its key does not count: %v", err)
	}
	if counts("KZ", all) == nil {
		t.Error("a key that the manifest no longer names counts")
	}
	if counts("AM", signedBy(t, u, u.LogSigner, am, kz)) == nil {
		t.Error("for another state it still counts")
	}

	// Another key of the log.
	skey, err := notekey.New(verify.Origin(tokentest.Name))
	if err != nil {
		t.Fatal(err)
	}
	public, err := notekey.LogPublic(skey)
	if err != nil {
		t.Fatal(err)
	}
	log, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	if counts("AM", signedBy(t, u, log, am, next)) == nil {
		t.Error("a log's key that no manifest names counts")
	}
	u.Publish(t, "AM", func(m *statement.Manifest) { m.Log.Keys = append(m.Log.Keys, public) })
	if err := counts("AM", signedBy(t, u, log, am, next)); err != nil {
		t.Errorf("a log's new key, beside the old: %v", err)
	}
	if err := counts("AM", signedBy(t, u, u.LogSigner, am, next)); err != nil {
		t.Errorf("the log's old key: %v", err)
	}
	if counts("BY", signedBy(t, u, log, by, next, am)) == nil {
		t.Error("one state's word counts for another")
	}

	// A manifest that ran out speaks for nobody, by whichever clock.
	if _, err := u.Directory.LogPolicy("AM", u.Clock.Now().AddDate(3, 0, 0)); err == nil {
		t.Error("a manifest gives a policy for after its end")
	}
	u.Clock.Advance(2 * 366 * 24 * time.Hour)
	if _, err := u.Directory.LogPolicy("AM", u.Clock.Now()); err == nil {
		t.Error("an expired manifest gives a policy")
	}
	if _, err := u.Directory.LogPolicy("ZZ", u.Clock.Now()); err == nil {
		t.Error("a state without a manifest has a policy")
	}
}

// TestLogPolicyCountsTheMissing: whoever keeps manifests back, or waits until they
// run out, does not lower the number of witnesses that a state wants.
func TestLogPolicyCountsTheMissing(t *testing.T) {
	u := tokentest.NewUnion(t)
	kz, am := u.Witnesses["KZ"], u.Witnesses["AM"]
	try := func(what string, d *statement.Directory, at time.Time, counts bool, by ...note.Signer) {
		t.Helper()
		p, err := d.LogPolicy("KZ", at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Open(signedBy(t, u, u.LogSigner, by...), at); (err == nil) != counts {
			t.Errorf("%s: %v", what, err)
		}
	}
	now := u.Clock.Now()
	few := statement.NewDirectory(tokentest.Name, u.Roots, u.Clock.Now)
	if err := few.Add(u.Directory.JWS("KZ")); err != nil {
		t.Fatal(err)
	}
	try("the own manifest alone", few, now, false, kz)
	try("a witness whose manifest is missing", few, now, false, kz, am)
	if err := few.Add(u.Directory.JWS("AM")); err != nil {
		t.Fatal(err)
	}
	try("one manifest is missing", few, now, false, kz)
	try("one manifest is missing, the other's witness cosigned", few, now, true, kz, am)

	for _, s := range []comity.State{"AM", "BY"} {
		u.Publish(t, s, func(m *statement.Manifest) { m.Expires = now.Add(time.Hour) })
	}
	u.Clock.Advance(2 * time.Hour)
	try("the others have run out", u.Directory, u.Clock.Now(), false, kz)

	alone := statement.NewDirectory(tokentest.Name, statement.Roots{"KZ": u.Roots["KZ"]}, u.Clock.Now)
	if err := alone.Add(u.Directory.JWS("KZ")); err != nil {
		t.Fatal(err)
	}
	try("a state of which alone the root is pinned", alone, u.Clock.Now(), true, kz)
}

// renamed is a public key as a witness's of another name, for which it cosigns all the
// same.
func renamed(t testing.TB, vkey, name string) string {
	t.Helper()
	public, err := notekey.Public(vkey)
	if err != nil {
		t.Fatal(err)
	}
	name = "comity/witness/" + tokentest.Name + "/" + name
	raw := append([]byte{4}, public...)
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(raw))
}

// TestLogPolicyNamesOnce: one key is one witness, whoever else names it.
func TestLogPolicyNamesOnce(t *testing.T) {
	u := tokentest.NewUnion(t, "AM", "BY", "KG", "KZ")
	witnesses := func(s comity.State) map[string]int {
		t.Helper()
		p, err := u.Directory.LogPolicy(s, u.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for state, keys := range p.Others {
			n[state] = len(keys)
		}
		return n
	}
	if got := witnesses("KZ"); !maps.Equal(got, map[string]int{"AM": 1, "BY": 1, "KG": 1}) {
		t.Fatalf("the others are %v", got)
	}
	// AM names everybody's: it gains nothing, and takes nothing away.
	u.Publish(t, "AM", func(m *statement.Manifest) {
		m.Log.Witnesses = append(m.Log.Witnesses, renamed(t, u.Witnesses["KZ"].Public(), "AM/1"), renamed(t, u.Witnesses["BY"].Public(), "AM/2"), renamed(t, u.Witnesses["KG"].Public(), "AM/3"))
	})
	if got := witnesses("KZ"); !maps.Equal(got, map[string]int{"AM": 1, "BY": 1, "KG": 1}) {
		t.Errorf("after AM named all, the others are %v", got)
	}
	// BY has only KZ's: it is no other to KZ.
	u.Publish(t, "BY", func(m *statement.Manifest) { m.Log.Witnesses = []string{renamed(t, u.Witnesses["KZ"].Public(), "BY")} })
	if got := witnesses("KZ"); got["BY"] != 0 {
		t.Errorf("the own witness counts for another: %v", got)
	}
	p, err := u.Directory.LogPolicy("KZ", u.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Own) != 1 || p.Own[0].KeyHash() != u.Witnesses["KZ"].KeyHash() {
		t.Error("the own witness was taken away by who else names it")
	}
}

// TestMinority: more than half of the states, and never all but none of the others.
func TestMinority(t *testing.T) {
	for _, c := range []struct {
		others, states int
		few            bool
	}{{0, 1, false}, {0, 2, false}, {1, 2, false}, {0, 3, true}, {1, 3, false}, {1, 4, true}, {2, 4, false}, {2, 5, false}, {1, 5, true},
		{2, 6, true}, {3, 6, false}, {2, 7, true}, {3, 7, false}, {100, 7, false}} {
		said := statement.LogTrust{Others: c.others}.Minority(c.states)
		if (said != "") != c.few {
			t.Errorf("others %d of %d states: %q", c.others, c.states, said)
		}
		if c.few && (statement.LogTrust{Others: c.states / 2}).Minority(c.states) != "" {
			t.Errorf("of %d states, the number that is advised is too few as well", c.states)
		}
	}
}
