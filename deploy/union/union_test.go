package union_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/sovereignty"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// places are made up, with a fresh statement key for each state.
func places(t *testing.T, host string) map[comity.State]union.Place {
	t.Helper()
	all := map[comity.State]union.Place{}
	log, err := notekey.New(verify.Origin(union.Name))
	must(t, err)
	public, err := notekey.LogPublic(log)
	must(t, err)
	for _, s := range union.States() {
		key, err := statement.NewKey()
		must(t, err)
		signer, err := statement.NewSoftSigner(key, "")
		must(t, err)
		raw, err := statement.RawJWK(signer)
		must(t, err)
		own, err := notekey.New(verify.WitnessName(union.Name, string(s)))
		must(t, err)
		witness, err := notekey.NewCosigner(own, time.Now)
		must(t, err)
		all[s] = union.Place{Issuer: host + "/issuer/" + string(s), Store: host + "/store/" + string(s), StatementKeys: []json.RawMessage{raw},
			Log: statement.LogTrust{Keys: []string{public}, Witnesses: []string{witness.Public()}, WitnessURL: host + "/witness/" + string(s), Others: 3}}
	}
	return all
}

func policies(t *testing.T) string {
	t.Helper()
	p, err := sovereignty.Load()
	must(t, err)
	return p.Hash()
}

// directory verifies the manifests as a client does.
func directory(t *testing.T, f *union.Folder) *statement.Directory {
	t.Helper()
	raw, err := os.ReadFile(f.Roots())
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	d := statement.NewDirectory(union.Name, roots, time.Now)
	for _, s := range union.States() {
		jws, err := os.ReadFile(filepath.Join(f.Manifests(), string(s)+".jws"))
		must(t, err)
		must(t, d.Add(string(jws)))
	}
	return d
}

func TestUnion(t *testing.T) {
	f, err := union.Open(t.TempDir())
	must(t, err)
	must(t, f.Publish(t.Context(), places(t, "http://127.0.0.1:1"), policies(t), time.Now()))
	d := directory(t, f)
	if len(d.States()) != 7 {
		t.Fatalf("there are %v", d.States())
	}
	// Every pair of states has a legal basis for every category, and the newer one is taken.
	for _, a := range d.States() {
		for _, b := range d.States() {
			for _, c := range sovereignty.Categories() {
				for _, k := range []comity.RequestKind{comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation} {
					if a == b {
						continue
					}
					if got, err := d.Agreement(a, b, "", c.Code, k, time.Now()); err != nil || got.ID != union.Agreement2018 {
						t.Fatalf("%s and %s for %s, %s: %s, %v", a, b, c.Code, k, got.ID, err)
					}
				}
			}
		}
	}
	if _, err := d.Agreement("AM", "KZ", union.Agreement2001, "RANSOMWARE", comity.RequestAccess, time.Now()); err == nil {
		t.Error("the agreement of 2001 covers access")
	}
	seen := map[comity.OfficerRef]bool{}
	for _, s := range union.States() {
		m, err := d.State(s)
		must(t, err)
		for _, o := range union.Officers(s) {
			ref := comity.OfficerRef(string(s) + ":" + o.Pseudonym)
			agency, known := m.Agency(o.Agency)
			if !known || !ref.Valid() || seen[ref] || len(agency.Competences) != 1 {
				t.Errorf("the officer %s (%s of %s) is not one that the manifest allows, or stands twice", o.Name, ref, o.Agency)
			}
			seen[ref] = true
			allowed := false
			for _, a := range m.Issuers[0].Agencies {
				for _, r := range a.Roles {
					allowed = allowed || a.Agency == o.Agency && r == o.Role
				}
			}
			if !allowed {
				t.Errorf("the manifest does not let the issuer give %s the role %s", o.Name, o.Role)
			}
		}
	}
}

// TestPublishAgain: what did not change keeps its number, what did gets the next.
func TestPublishAgain(t *testing.T) {
	dir := t.TempDir()
	f, err := union.Open(dir)
	must(t, err)
	now, at := time.Now(), places(t, "http://127.0.0.1:1")
	must(t, f.Publish(t.Context(), at, policies(t), now))
	f, err = union.Open(dir) // as after a restart
	must(t, err)
	must(t, f.Publish(t.Context(), at, policies(t), now))
	number := func(s comity.State) int64 {
		m, err := directory(t, f).State(s)
		must(t, err)
		return m.Number
	}
	if n := number("KZ"); n != 1 {
		t.Errorf("unchanged, the number is %d", n)
	}
	kz := at["KZ"]
	kz.Store = "http://127.0.0.1:2/store/KZ"
	at["KZ"] = kz
	must(t, f.Publish(t.Context(), at, policies(t), now))
	if n, other := number("KZ"), number("AM"); n != 2 || other != 1 {
		t.Errorf("changed, the number is %d; that of another state is %d", n, other)
	}
	must(t, f.Publish(t.Context(), at, policies(t), now.AddDate(0, 11, 15)))
	raw, err := os.ReadFile(filepath.Join(f.Manifests(), "UZ.jws"))
	must(t, err)
	if m, _ := statement.VerifyManifest(string(raw), f.Public()["UZ"], now); m.Number != 2 {
		t.Errorf("near its end, the number is %d", m.Number)
	}
	delete(at, "UZ")
	if f.Publish(t.Context(), at, policies(t), now) == nil {
		t.Error("a state without a place is published")
	}
}

func TestRootsArePrivate(t *testing.T) {
	dir := t.TempDir()
	_, err := union.Open(dir)
	must(t, err)
	for _, s := range union.States() {
		path := filepath.Join(dir, "roots", string(s)+".pem")
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "roots", "KZ.pem"), []byte("damaged"), 0o600))
	if _, err := union.Open(dir); err == nil {
		t.Error("a damaged root is taken, or made anew")
	}
	must(t, os.RemoveAll(filepath.Join(dir, "roots")))
	other, err := union.Open(dir)
	must(t, err)
	if err := other.Publish(t.Context(), places(t, "http://127.0.0.1:1"), policies(t), time.Now()); err != nil {
		t.Fatal(err) // nothing was published by the roots before
	}
	must(t, os.RemoveAll(filepath.Join(dir, "roots")))
	another, err := union.Open(dir)
	must(t, err)
	if another.Publish(t.Context(), places(t, "http://127.0.0.1:1"), policies(t), time.Now()) == nil {
		t.Error("manifests of other roots are numbered on, or replaced in silence")
	}
}
