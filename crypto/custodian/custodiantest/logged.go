package custodiantest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

var (
	unlogged = denied(comity.ArticleAccountability)
	unseen   = refusal{code: comity.CodeUnavailable}
)

// knock is an order for an exhibit, and what its leaf says.
type knock struct {
	custodian.ReleaseOrder
	officer string
	exhibit Exhibit
	says    audit.Content
}

func (w *World) knock(t *testing.T, officer string, e Exhibit, grant comity.ID) *knock {
	t.Helper()
	k := &knock{ReleaseOrder: w.Order(t, officer, e, grant, comity.PurposeInvestigation), officer: officer, exhibit: e}
	k.says = w.content(t, officer, k.ReleaseOrder, grant, comity.PurposeInvestigation)
	return k
}

// say has the order's leaf say something else to a state; the log has it.
func (w *World) say(t *testing.T, k *knock, to comity.State, c audit.Content) {
	t.Helper()
	k.Proof = w.prove(t, w.log.add(t, w.opening(t, to, c)))
}

// cosigned has the order's leaf cosigned by these alone.
func (w *World) cosigned(t *testing.T, k *knock, by ...note.Signer) {
	t.Helper()
	k.Proof = w.log.prove(t, k.Proof.Opening, by...)
}

// logBeforeKey: no key is released but over the leaf of this very request, in the
// log that the witnesses see now. One thing of a good order is changed at a time.
func logBeforeKey(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	e, other := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	grant, _ := w.Granted(t, caseID, w.terms(e.ID, other.ID))
	kz, am, by := w.Union.Witnesses["KZ"], w.Union.Witnesses["AM"], w.Union.Witnesses["BY"]
	fork := &log{signer: w.Union.LogSigner}
	for range 3 {
		fork.add(t, newOpening("KZ", nil))
	}
	key, _ := newLogKey(t, w.Union.LogSigner.Name())
	stranger := &log{signer: key}
	says := func(change func(*audit.Content)) func(*testing.T, *knock) {
		return func(t *testing.T, k *knock) {
			change(&k.says)
			w.say(t, k, "KZ", k.says)
		}
	}
	for _, c := range []struct {
		what   string
		change func(*testing.T, *knock)
		want   refusal
	}{
		{"no proof", func(_ *testing.T, k *knock) { k.Proof = verify.Proof{} }, unlogged},
		{"another state's opening", func(t *testing.T, k *knock) { w.say(t, k, "AM", k.says) }, unlogged},
		{"another's opening called the own", func(t *testing.T, k *knock) {
			w.say(t, k, "AM", k.says)
			k.Proof.Opening.State = "KZ"
		}, unlogged},
		{"the leaf of another act of the officer's", func(t *testing.T, k *knock) {
			k.Proof = w.knock(t, k.officer, e, k.says.Records[0].Grant).Proof
		}, unlogged},
		{"the leaf of no act", says(func(c *audit.Content) { c.Signed = "" }), unlogged},
		{"another exhibit's leaf", says(func(c *audit.Content) { c.Records[0].ID = string(other.ID) }), unlogged},
		{"a leaf of no exhibit", says(func(c *audit.Content) { c.Records = nil }), unlogged},
		{"another grant's leaf", says(func(c *audit.Content) { c.Records[0].Grant = comity.NewID(comity.KindGrant) }), unlogged},
		{"exhibit and grant apart", says(func(c *audit.Content) {
			c.Records = []audit.Record{{ID: string(other.ID), Grant: c.Records[0].Grant}, {ID: string(e.ID), Grant: "grant1_other"}}
		}), unlogged},
		{"another purpose's leaf", says(func(c *audit.Content) { c.Purpose = comity.PurposeProsecution }), unlogged},
		{"a leaf of what was done", says(func(c *audit.Content) { c.Outcome = audit.Done }), unlogged},
		{"a leaf of what was read", says(func(c *audit.Content) { c.Outcome = audit.Read }), unlogged},
		{"a leaf of what was denied", says(func(c *audit.Content) { c.Outcome = audit.Refused }), unlogged},
		{"a leaf of what failed", says(func(c *audit.Content) { c.Outcome = audit.Failed }), unlogged},
		{"a leaf of an upload", says(func(c *audit.Content) { c.Act = statement.ActEvidenceBegin }), unlogged},
		{"a leaf that names a colleague", says(func(c *audit.Content) { c.Actor.Ref += "x" }), unlogged},
		{"a leaf that names another function", says(func(c *audit.Content) { c.Actor.Function = "Auditor" }), unlogged},
		{"a leaf that names another agency", says(func(c *audit.Content) { c.Actor.Agency += "x" }), unlogged},
		{"a leaf that names another state", says(func(c *audit.Content) { c.Actor.State = "BY" }), unlogged},
		{"a leaf that says nothing", func(t *testing.T, k *knock) {
			k.Proof = w.prove(t, w.log.add(t, newOpening("KZ", []byte("{"))))
		}, unlogged},
		{"a leaf that says two things", func(t *testing.T, k *knock) {
			twice := append([]byte(`{"signed":"other",`), k.Proof.Opening.Content[1:]...)
			k.Proof = w.prove(t, w.log.add(t, newOpening("KZ", twice)))
		}, unlogged},
		{"a leaf that others read as something else", func(t *testing.T, k *knock) {
			raw := k.Proof.Opening.Content
			two := append(slices.Clone(raw[:len(raw)-1]), `,"Act":"neutralityRead","Outcome":"READ","Records":[],"Signed":""}`...)
			k.Proof = w.prove(t, w.log.add(t, newOpening("KZ", two)))
		}, unlogged},
		{"an opening of another leaf", func(t *testing.T, k *knock) {
			k.Proof.Opening.Leaf = w.log.add(t, newOpening("KZ", nil)).Leaf
		}, unlogged},
		{"an opening with other words", func(t *testing.T, k *knock) { k.Proof.Opening.Salt[0] ^= 1 }, unlogged},
		{"a leaf that has no place", func(t *testing.T, k *knock) { k.Proof.Opening = w.opening(t, "KZ", k.says) }, unlogged},
		{"a leaf that is not in the tree", func(t *testing.T, k *knock) {
			o := w.opening(t, "KZ", k.says)
			o.Index = k.Proof.Opening.Index
			k.Proof.Opening = o
		}, unlogged},
		{"a leaf at another index", func(t *testing.T, k *knock) { k.Proof.Opening.Index-- }, unlogged},
		{"a path cut short", func(t *testing.T, k *knock) { k.Proof.Path = k.Proof.Path[1:] }, unlogged},
		{"a fork that no witness saw", func(t *testing.T, k *knock) {
			k.Proof = fork.prove(t, fork.add(t, w.opening(t, "KZ", k.says)))
		}, unseen},
		{"a fork under the log's cosignatures", func(t *testing.T, k *knock) {
			forked := fork.prove(t, fork.add(t, w.opening(t, "KZ", k.says)))
			forked.Checkpoint = append(forked.Checkpoint, cosignatures(k.Proof.Checkpoint)...)
			k.Proof = forked
		}, unseen},
		{"a leaf of a fork in the log", func(t *testing.T, k *knock) {
			forked := fork.prove(t, fork.add(t, w.opening(t, "KZ", k.says)))
			forked.Checkpoint = k.Proof.Checkpoint
			k.Proof = forked
		}, unlogged},
		{"another log's key", func(t *testing.T, k *knock) {
			k.Proof = stranger.prove(t, stranger.add(t, w.opening(t, "KZ", k.says)), kz, am, by)
		}, unlogged},
		{"no cosignature", func(t *testing.T, k *knock) { w.cosigned(t, k) }, unseen},
		{"no own cosignature", func(t *testing.T, k *knock) { w.cosigned(t, k, am, by) }, unseen},
		{"no cosignature of another state", func(t *testing.T, k *knock) { w.cosigned(t, k, kz) }, unseen},
		{"a witness that nobody named", func(t *testing.T, k *knock) {
			w.cosigned(t, k, newWitness(t, kz.Name(), w.Union.Clock.Now), am, by)
		}, unseen},
		{"cosignatures of a minute ago", func(t *testing.T, _ *knock) { w.advance(custodian.ProofAge + time.Second) }, unseen},
		{"cosignatures of the future", func(t *testing.T, k *knock) {
			w.advance(time.Minute)
			w.cosigned(t, k, kz, am, by)
			w.advance(-time.Minute)
		}, unseen},
	} {
		for officer, g := range map[string]comity.ID{"investigator@KZ": "", "investigator@AM": grant} {
			k := w.knock(t, officer, e, g)
			good := k.Proof
			c.change(t, k)
			sealed, err := w.Local.Release(t.Context(), k.ReleaseOrder)
			if refused(t, c.what+" for "+officer, err, c.want); sealed != "" {
				t.Errorf("%s: an answer beside the error", c.what)
			}
			// What witnesses may cosign yet is no use of the act; all else is.
			k.Proof = good
			if c.want == unseen {
				w.cosigned(t, k, kz, am)
			}
			switch _, err := w.Local.Release(t.Context(), k.ReleaseOrder); {
			case c.want == unseen && err != nil:
				t.Errorf("%s for %s: with the cosignatures it is refused all the same: %v", c.what, officer, err)
			case c.want != unseen:
				refused(t, c.what+" for "+officer+", with a good proof after", err, unauthenticated)
			}
		}
	}
	// No foreign witness is indispensable, and a late answer is none too late.
	for _, foreign := range []note.Signer{am, by} {
		for officer, g := range map[string]comity.ID{"investigator@KZ": "", "investigator@AM": grant} {
			k := w.knock(t, officer, e, g)
			w.cosigned(t, k, kz, foreign)
			w.advance(custodian.ProofAge - 2*time.Second)
			if _, err := w.Local.Release(t.Context(), k.ReleaseOrder); err != nil {
				t.Errorf("cosigned by the own witness and that of %s: %v", foreign.Name(), err)
			}
		}
	}
}

// keysRetired: what a key of the log or of a witness signs counts no more once its
// state's manifest names another, whatever manifests the server remembers.
func keysRetired(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	kz, am := w.Union.Witnesses["KZ"], w.Union.Witnesses["AM"]
	next := newWitness(t, kz.Name()+"/next", w.Union.Clock.Now)
	try := func(what string, l *custodian.Local, want *refusal, by ...note.Signer) {
		t.Helper()
		k := w.knock(t, "investigator@KZ", e, "")
		w.cosigned(t, k, by...)
		_, err := l.Release(t.Context(), k.ReleaseOrder)
		switch {
		case want != nil:
			refused(t, what, err, *want)
		case err != nil:
			t.Errorf("%s: %v", what, err)
		}
	}
	own, err := w.Union.Directory.State("KZ")
	if err != nil {
		t.Fatal(err)
	}
	w.Union.Publish(t, "KZ", func(m *statement.Manifest) { m.Log.Witnesses = []string{next.Public()} })
	try("the own witness's former key", w.Local, &unseen, kz, am)
	try("its next key", w.Local, nil, next, am)
	former := w.log.signer
	signer, public := newLogKey(t, former.Name())
	w.Union.Publish(t, "KZ", func(m *statement.Manifest) {
		m.Log = own.Log
		m.Log.Keys = []string{public}
	})
	try("the log's former key", w.Local, &unlogged, kz, am)
	w.log.signer = signer
	try("its next key", w.Local, nil, kz, am)
	w.log.signer = former
	w.Union.Publish(t, "KZ", func(m *statement.Manifest) { m.Log = own.Log })
	try("the log's key as before", w.Local, nil, kz, am)

	// Another state's former key does not come back by an old manifest either.
	old := statement.NewDirectory(w.Union.Directory.Union(), w.Union.Roots, w.Union.Clock.Now)
	for _, s := range []comity.State{"KZ", "AM", "BY"} {
		if err := old.Add(w.Union.Directory.JWS(s)); err != nil {
			t.Fatal(err)
		}
	}
	next = newWitness(t, am.Name()+"/next", w.Union.Clock.Now)
	w.Union.Publish(t, "AM", func(m *statement.Manifest) { m.Log.Witnesses = []string{next.Public()} })
	try("another state's former key", w.Local, &unseen, kz, am)
	try("its next key", w.Local, nil, kz, next)
	rolledBack := custodian.New(custodian.Options{State: "KZ", Directory: old, Verifier: w.Union.Verifier, Now: w.Union.Clock.Now}, w.Keys)
	try("another state's former key by its old manifest", rolledBack, &unseen, kz, am)
	try("the key of a third state beside an old manifest", rolledBack, nil, kz, w.Union.Witnesses["BY"])

	// Nor does a server that has no manifest of the others lower the number of theirs.
	few := statement.NewDirectory(w.Union.Directory.Union(), w.Union.Roots, w.Union.Clock.Now)
	if err := few.Add(w.Union.Directory.JWS("KZ")); err != nil {
		t.Fatal(err)
	}
	alone := custodian.New(custodian.Options{State: "KZ", Directory: few, Verifier: w.Union.Verifier, Now: w.Union.Clock.Now}, w.Keys)
	try("the own witness alone, without the others' manifests", alone, &unseen, kz)
	try("a witness whose manifest is missing", alone, &unseen, kz, next)
}

// newWitness is a witness that no manifest names.
func newWitness(t *testing.T, name string, now func() time.Time) *notekey.Cosigner {
	t.Helper()
	skey, err := notekey.New(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := notekey.NewCosigner(skey, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newLogKey is a log's key by that name that no manifest names, and what one would
// name it by.
func newLogKey(t *testing.T, name string) (s note.Signer, public string) {
	t.Helper()
	skey, err := notekey.New(name)
	if err != nil {
		t.Fatal(err)
	}
	if public, err = notekey.LogPublic(skey); err != nil {
		t.Fatal(err)
	}
	if s, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return s, public
}

// cosignatures are the lines of a signed note after that of who signed it first.
func cosignatures(signed []byte) []byte {
	_, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	_, rest, _ := bytes.Cut(lines, []byte("\n"))
	return rest
}
