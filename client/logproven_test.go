package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// forge makes the proof of a leaf that says what whoever makes it likes, in a log of
// this leaf alone that the signers sign, with all states' true manifests.
func forge(t *testing.T, u *tokentest.Union, signers ...note.Signer) *client.LogProof {
	t.Helper()
	o := verify.Opening{State: "KZ", Content: []byte(`{"act":"evidenceOpen","outcome":"RELEASED","at":"2026-01-02T03:04:05Z",` +
		`"actor":{"state":"AM","agency":"AM/cyber","function":"INVESTIGATOR","ref":"AM:investigator-1"},"records":[{"id":"evidence1_x"}]}`)}
	o.Commitments = [][32]byte{verify.Commitment("KZ", o.Salt, o.Content)}
	o.Leaf = verify.Leaf(o.Commitments)
	c := verify.Checkpoint{Origin: verify.Origin(u.Directory.Union()), Size: 1, Root: tlog.RecordHash(o.Leaf[:])}
	signed, err := note.Sign(&note.Note{Text: c.String()}, signers...)
	must(t, err)
	p := &client.LogProof{Format: "comity/log-proof/v1", Union: u.Directory.Union(), State: "KZ", Proof: verify.Proof{Opening: o, Checkpoint: signed},
		Manifests: map[comity.State]string{}}
	for _, s := range u.Directory.States() {
		p.Manifests[s] = u.Directory.JWS(s)
	}
	return p
}

// cosignedBy leaves of a signed checkpoint the log's own signature and the
// cosignatures of these.
func cosignedBy(signed []byte, witnesses ...note.Signer) []byte {
	text, sigs, _ := strings.Cut(string(signed), "\n\n")
	keep := ""
	for i, line := range strings.SplitAfter(sigs, "\n") {
		ok := i == 0
		for _, w := range witnesses {
			ok = ok || strings.HasPrefix(line, "\u2014 "+w.Name()+" ")
		}
		if ok {
			keep += line
		}
	}
	return []byte(text + "\n\n" + keep)
}

// oneWord fails unless a proof is refused since too few vouch for it.
func oneWord(t *testing.T, what string, err error, says string) {
	t.Helper()
	one, ok := errors.AsType[*client.OneWordError](err)
	if !ok || one.State != "KZ" || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, wanted what says %q", what, err, says)
	}
	wantUnverified(t, err, says)
}

// TestLogProofByOneState: a state that makes a log by itself, signs it with a key that
// its manifest names, and cosigns it, convinces nobody but who says to take its word.
func TestLogProofByOneState(t *testing.T) {
	u := tokentest.NewUnion(t)
	now := u.Clock.Now()
	skey, err := notekey.New(verify.Origin(u.Directory.Union()))
	must(t, err)
	public, err := notekey.LogPublic(skey)
	must(t, err)
	own, err := note.NewSigner(skey)
	must(t, err)
	honest := u.LogSigner
	kz, am, by := u.Witnesses["KZ"], u.Witnesses["AM"], u.Witnesses["BY"]
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Log.Keys, m.Log.Others = append(m.Log.Keys, public), 0 })

	p := forge(t, u, own, kz)
	_, err = p.Verify(u.Roots, "", now)
	oneWord(t, "a key of its own", err, "more than half of the 3 states whose roots are pinned do not name the key")
	got, err := p.Verify(u.Roots, "KZ", now)
	if err != nil || got.Word != "KZ" || len(got.Witnessed) != 1 {
		t.Errorf("by the word of KZ: %+v, %v", got, err)
	}
	_, err = p.Verify(u.Roots, "AM", now)
	wantUnverified(t, err, "the witness of AM has not cosigned")
	_, err = forge(t, u, own, kz, am, by).Verify(u.Roots, "", now)
	oneWord(t, "a key of its own, and all cosigned", err, "do not name the key")

	_, err = forge(t, u, honest, kz).Verify(u.Roots, "", now)
	oneWord(t, "the exchange's key, and nobody else cosigned", err, "of the 3 states whose roots are pinned, the witnesses of 1 have cosigned the checkpoint, wanted 2: missing are AM, BY")
	p = forge(t, u, honest, kz, am)
	if got, err := p.Verify(u.Roots, "", now); err != nil || got.Word != "" || len(got.Witnessed) != 2 {
		t.Errorf("two of three: %+v, %v", got, err)
	}
	if got, err := p.Verify(u.Roots, "AM", now); err != nil || got.Word != "AM" || got.State != "KZ" {
		t.Errorf("what is told to KZ, by the word of AM: %+v, %v", got, err)
	}

	// Two of four are not more than half, and of two all are.
	four := tokentest.NewUnion(t, "KZ", "AM", "BY", "KG")
	four.Publish(t, "KZ", func(m *statement.Manifest) { m.Log.Others = 0 })
	w := four.Witnesses
	_, err = forge(t, four, four.LogSigner, w["KZ"], w["AM"]).Verify(four.Roots, "", now)
	oneWord(t, "two of four", err, "the witnesses of 2 have cosigned the checkpoint, wanted 3")
	_, err = forge(t, four, four.LogSigner, w["KZ"], w["AM"], w["KG"]).Verify(four.Roots, "", now)
	must(t, err)
	two := tokentest.NewUnion(t, "KZ", "AM")
	_, err = forge(t, two, two.LogSigner, two.Witnesses["KZ"]).Verify(two.Roots, "", now)
	oneWord(t, "one of two", err, "the witnesses of 1 have cosigned the checkpoint, wanted 2")
	_, err = forge(t, two, two.LogSigner, two.Witnesses["KZ"], two.Witnesses["AM"]).Verify(two.Roots, "", now)
	must(t, err)
	alone := statement.Roots{"KZ": u.Roots["KZ"]}
	_, err = p.Verify(alone, "", now)
	oneWord(t, "the own root alone", err, "no root of another state is pinned")
	_, err = p.Verify(alone, "KZ", now)
	must(t, err)
	_, err = p.Verify(alone, "AM", now)
	wantUnverified(t, err, "no root is pinned")
}

// TestLogProofWithoutOthers: whoever leaves manifests out of the file, or has his own
// witness date its cosignature to before they were in force, does not lower the
// number of cosignatures that are wanted.
func TestLogProofWithoutOthers(t *testing.T) {
	u := tokentest.NewUnion(t)
	now := u.Clock.Now()
	kz, am := u.Witnesses["KZ"], u.Witnesses["AM"]
	p := forge(t, u, u.LogSigner, kz)
	delete(p.Manifests, "AM")
	delete(p.Manifests, "BY")
	_, err := p.Verify(u.Roots, "", now)
	wantUnverified(t, err, "the witnesses of 0 other states have cosigned the checkpoint, wanted 1: missing are AM, BY")
	_, err = p.Verify(u.Roots, "KZ", now)
	wantUnverified(t, err, "wanted 1")
	p = forge(t, u, u.LogSigner, kz, am)
	delete(p.Manifests, "BY")
	_, err = p.Verify(u.Roots, "", now) // two of three vouch for it
	must(t, err)
	delete(p.Manifests, "AM")
	_, err = p.Verify(u.Roots, "", now)
	wantUnverified(t, err, "wanted 1")

	for _, s := range []comity.State{"AM", "BY"} {
		u.Publish(t, s, func(m *statement.Manifest) { m.IssuedAt = now.Add(-time.Hour) })
	}
	skey, err := notekey.New(kz.Name())
	must(t, err)
	before, err := notekey.NewCosigner(skey, func() time.Time { return now.Add(-2 * time.Hour) })
	must(t, err)
	u.Publish(t, "KZ", func(m *statement.Manifest) {
		m.IssuedAt, m.Log.Witnesses = now.Add(-3*time.Hour), []string{before.Public()}
	})
	_, err = forge(t, u, u.LogSigner, before, am).Verify(u.Roots, "", now)
	wantUnverified(t, err, "the witnesses of 0 other states")
}

// TestLogProofOfTheFuture: a cosignature later than the reader's clock counts for
// nothing and is not listed, so that every proof can be told as JSON.
func TestLogProofOfTheFuture(t *testing.T) {
	u := tokentest.NewUnion(t)
	now := u.Clock.Now()
	far := func(of comity.State) note.Signer {
		skey, err := notekey.New(u.Witnesses[of].Name())
		must(t, err)
		c, err := notekey.NewCosigner(skey, func() time.Time { return time.Unix(1<<40, 0) })
		must(t, err)
		u.Publish(t, of, func(m *statement.Manifest) { m.Log.Witnesses = append(m.Log.Witnesses, c.Public()) })
		return c
	}
	am, kz := far("AM"), far("KZ")
	got, err := forge(t, u, u.LogSigner, u.Witnesses["KZ"], u.Witnesses["BY"], am, kz).Verify(u.Roots, "", now)
	must(t, err)
	if len(got.Witnessed) != 2 || got.Witnessed[0].State != "KZ" || got.Witnessed[1].State != "BY" {
		t.Errorf("witnessed by %+v", got.Witnessed)
	}
	_, err = json.Marshal(got)
	must(t, err)
	_, err = forge(t, u, u.LogSigner, u.Witnesses["KZ"], am).Verify(u.Roots, "", now)
	wantUnverified(t, err, "the witnesses of 0 other states")
	_, err = forge(t, u, u.LogSigner, kz, u.Witnesses["AM"]).Verify(u.Roots, "", now)
	wantUnverified(t, err, "the witness of KZ has not cosigned")
}

// withholding answers for an exchange that keeps the manifests of all but KZ back, and
// all cosignatures but those of one witness.
type withholding struct{ own note.Signer }

func (w withholding) RoundTrip(q *http.Request) (*http.Response, error) {
	a, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return a, err
	}
	b, err := io.ReadAll(a.Body)
	var d map[string]map[string]any
	switch {
	case q.URL.Path == "/log/checkpoint":
		b = cosignedBy(b, w.own)
	case json.Unmarshal(b, &d) == nil && d["data"]["states"] != nil && d["data"]["categories"] != nil:
		all := d["data"]["states"].([]any)
		d["data"]["states"] = slices.DeleteFunc(all, func(s any) bool { return s.(map[string]any)["code"] != "KZ" })
		b, _ = json.Marshal(d)
	}
	a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	a.Header.Del("Content-Length")
	return a, err
}

// TestWithheldManifests: an exchange that gives a client no manifest but that of its
// own state does not show it a log that the own witness alone has seen.
func TestWithheldManifests(t *testing.T) {
	k := newKept(t)
	k.disclosed(t)
	own := k.World.Witnesses["KZ"]
	between := withholding{own}
	kz, err := client.Login(t.Context(), k.config(between), "auditor@KZ")
	must(t, err)
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantUnverified(t, err, "the witnesses of 0 other states have cosigned the checkpoint, wanted 1: missing are AM, BY")
	_, err = kz.CopyLog(t.Context(), memory{}, nil)
	wantUnverified(t, err, "wanted 1")
}
