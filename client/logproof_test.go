package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestLogProof: what an officer of Armenia read of an exhibit of Kazakhstan is proven
// to a third party by one file and the pinned root keys; whatever is changed in the
// file, it proves nothing.
func TestLogProof(t *testing.T) {
	k := newKept(t)
	exhibit := k.disclosed(t)
	auditor := k.as(t, "auditor@KZ")
	page, err := auditor.Log(t.Context(), client.LogFilter{Act: "evidenceOpen", State: "AM", Record: exhibit, Outcome: "RELEASED"}, 1, "")
	must(t, err)
	leaf := page.Nodes[0]
	proof, err := auditor.ProveLog(t.Context(), leaf.ID)
	must(t, err)
	file, err := json.Marshal(proof)
	must(t, err)
	k.Clock.Advance(1000 * 24 * time.Hour) // all manifests have expired
	read := func() *client.LogProof {
		p, err := client.ReadLogProof(file)
		must(t, err)
		return p
	}
	got, err := read().Verify(k.Roots, "", k.Clock.Now())
	must(t, err)
	if got.Act != "evidenceOpen" || got.Actor.State != "AM" || got.Actor.Ref != leaf.Ref || !got.At.Equal(leaf.At) || got.Index != *leaf.Index ||
		got.Records[0].ID != string(exhibit) || got.State != "KZ" || len(got.Witnessed) != 3 || got.Witnessed[0].State != "KZ" || got.Leaf != leaf.Leaf {
		t.Errorf("it proves %+v of %+v", got, leaf)
	}
	others := tokentest.NewUnion(t, "KZ", "AM", "BY")
	for name, c := range map[string]struct {
		says   string
		change func(p *client.LogProof)
	}{
		"another content": {"not what the leaf commits to", func(p *client.LogProof) {
			p.Proof.Opening.Content = []byte(strings.Replace(string(p.Proof.Opening.Content), "AM", "BY", 1))
		}},
		"another state":   {"not of AM", func(p *client.LogProof) { p.State = "AM" }},
		"another index":   {"not at index", func(p *client.LogProof) { p.Proof.Opening.Index-- }},
		"another path":    {"not at index", func(p *client.LogProof) { p.Proof.Path[0][0] ^= 1 }},
		"no cosignatures": {"the witness of KZ has not cosigned", func(p *client.LogProof) { p.Proof.Checkpoint = uncosigned(p.Proof.Checkpoint) }},
		"another checkpoint": {"has not cosigned", func(p *client.LogProof) {
			p.Proof.Checkpoint = []byte(strings.Replace(string(p.Proof.Checkpoint), "comity/log/", "comity/log/x", 1))
		}},
		"no own manifest":         {"no manifest of", func(p *client.LogProof) { delete(p.Manifests, "KZ") }},
		"another's manifest":      {"", func(p *client.LogProof) { p.Manifests["KZ"] = others.Directory.JWS("KZ") }},
		"another union":           {"", func(p *client.LogProof) { p.Union = "else" }},
		"a manifest as another's": {"the manifest of \"AM\" is that of \"BY\"", func(p *client.LogProof) { p.Manifests["AM"] = p.Manifests["BY"] }},
		"a manifest as nobody's":  {"the manifest of \"ZZ\" is that of \"KZ\"", func(p *client.LogProof) { p.Manifests["ZZ"] = p.Manifests["KZ"] }},
		"a broken manifest":       {"", func(p *client.LogProof) { p.Manifests["AM"] += "x" }},
	} {
		p := read()
		c.change(p)
		t.Run(name, func(t *testing.T) {
			_, err := p.Verify(k.Roots, "", k.Clock.Now())
			wantUnverified(t, err, c.says)
		})
	}
	_, err = read().Verify(others.Roots, "", k.Clock.Now())
	wantUnverified(t, err, "not signed by the pinned root")
	for _, file := range []string{"", "{", "[]", `{"format":"comity/log-proof/v2"}`, `{"format":"comity/log-proof/v1","proof":{"path":["00"]}}`} {
		_, err := client.ReadLogProof([]byte(file))
		want(t, err, comity.CodeInvalid, 0)
	}
	// A file that says one thing to who reads it and another to who verifies it.
	for name, c := range map[string]struct{ was, is string }{
		"the proof twice":                   {`{"format"`, `{"proof":{"opening":{"content":"{\"act\":\"caseRead\"}"}},"format"`},
		"the proof in other letters":        {`{"format"`, `{"Proof":{"path":[]},"format"`},
		"the content twice":                 {`"content":`, `"content":"{\"act\":\"caseRead\"}","content":`},
		"the content in other letters":      {`"content":`, `"Content":"{\"act\":\"caseRead\"}","content":`},
		"the content in other letters only": {`"content":`, `"Content":`},
		"the checkpoint in other letters":   {`"checkpoint":`, `"checkPoint":"","checkpoint":`},
		"a member that is none":             {`"checkpoint":`, `"note":"all is well","checkpoint":`},
		"a manifest twice":                  {`"manifests":{`, `"manifests":{"KZ":"",`},
		"something after the end":           {`"manifests":{`, `"manifests":{}}{`},
	} {
		two := strings.Replace(string(file), c.was, c.is, 1)
		if two == string(file) {
			t.Fatalf("%s: the file has no %s", name, c.was)
		}
		_, err := client.ReadLogProof([]byte(two))
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// uncosigned leaves the first signature of a note alone.
func uncosigned(signed []byte) []byte {
	text, sigs, _ := strings.Cut(string(signed), "\n\n")
	first, _, _ := strings.Cut(sigs, "\n")
	return []byte(text + "\n\n" + first + "\n")
}

// TestLogProofOf: who has no opening of a leaf proves nothing, nor does anybody before
// the leaf has a place.
func TestLogProofOf(t *testing.T) {
	k := newKept(t)
	k.disclosed(t)
	kz, am := k.as(t, "auditor@KZ"), k.as(t, "auditor@AM")
	page, err := kz.Log(t.Context(), client.LogFilter{Act: "caseFile"}, 1, "")
	must(t, err)
	_, err = am.ProveLog(t.Context(), page.Nodes[0].ID)
	want(t, err, comity.CodeNotFound, 0)
	k.file(t, k.as(t, "investigator@KZ"))
	page, err = kz.Log(t.Context(), client.LogFilter{Act: "caseFile"}, 1, "")
	must(t, err)
	_, err = kz.ProveLog(t.Context(), page.Nodes[0].ID)
	want(t, err, comity.CodeUnavailable, 0)
}

// memory is a copy of the log.
type memory map[string][]byte

func (m memory) Read(_ context.Context, path string) ([]byte, error) {
	if b, ok := m[path]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
}

func (m memory) Write(_ context.Context, path string, b []byte) error { m[path] = b; return nil }

func (m memory) Remove(_ context.Context, path string) error {
	for p := range m {
		if p == path || strings.HasPrefix(p, path+"/") {
			delete(m, p)
		}
	}
	return nil
}

// TestCopyLog: a copy grows with the log, fetching only what is new, verifies by
// itself, and does not follow a log that went back or is another.
func TestCopyLog(t *testing.T) {
	k := newKept(t)
	between := &replay{keep: map[string][]byte{}}
	config := k.config(between)
	kz, err := client.Login(t.Context(), config, "auditor@KZ")
	must(t, err)
	k.disclosed(t)
	kept := memory{}
	first, err := kz.CopyLog(t.Context(), kept, nil)
	must(t, err)
	old := between.keep
	between.keep = nil
	if first.Files != 2 || first.Before != nil {
		t.Errorf("%+v", first)
	}
	if again, err := kz.CopyLog(t.Context(), kept, nil); err != nil || again.Files != 0 || again.Head.Size < first.Head.Size {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	for range 300 {
		k.file(t, k.as(t, "investigator@KZ"))
	}
	k.Prover.Publish(t)
	grown, err := kz.CopyLog(t.Context(), kept, nil)
	must(t, err)
	if *grown.Before != first.Head || grown.Head.Size < 300 || grown.Files != 2*int(grown.Head.Size/256+1)+1 {
		t.Errorf("%+v", grown)
	}
	for path := range kept {
		if strings.Contains(path, "000.p/") && !strings.HasPrefix(path, "tile/1/") {
			t.Errorf("%s is left where the tile is full", path)
		}
	}
	open := func(signed []byte) (verify.Checkpoint, error) {
		p, err := k.Directory.LogPolicy("AM", k.Clock.Now())
		must(t, err)
		return p.Open(signed, k.Clock.Now())
	}
	if _, err := client.VerifyLogFiles(t.Context(), kept, open, "", []client.LogHead{first.Head, grown.Head}, nil); err != nil {
		t.Error(err)
	}
	before := maps.Clone(kept)
	unchanged := func(what string) {
		t.Helper()
		if !maps.EqualFunc(kept, before, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%s changed the copy", what)
		}
	}
	between.files = old
	_, err = kz.CopyLog(t.Context(), kept, nil)
	wantUnverified(t, err, "")
	if f, ok := errors.AsType[*verify.Fault](err); !ok || f.Index != first.Head.Size {
		t.Errorf("a rollback: %v", err)
	}
	unchanged("a rollback")
	between.files = nil
	// A tile of the copy that is no longer what it was is found, and not mended in silence.
	kept["tile/entries/000"] = append([]byte(nil), kept["tile/entries/000"]...)
	kept["tile/entries/000"][7*34+9] ^= 1
	_, err = kz.CopyLog(t.Context(), kept, nil)
	wantFault(t, err, 7, "not the one")
}

// breaking is a copy to which the network breaks off before the second level of tiles.
type breaking struct{ memory }

func (b breaking) Read(ctx context.Context, path string) ([]byte, error) {
	if strings.HasPrefix(path, "tile/1/") {
		return nil, errors.New("the network broke off")
	}
	return b.memory.Read(ctx, path)
}

// TestCopyLogPoisoned: what a run put into a copy that broke off before it was
// verified is fetched again before the exchange is blamed for it.
func TestCopyLogPoisoned(t *testing.T) {
	k := newKept(t)
	between := &replay{keep: map[string][]byte{}}
	kz, err := client.Login(t.Context(), k.config(between), "auditor@KZ")
	must(t, err)
	k.disclosed(t)
	kept := memory{}
	first, err := kz.CopyLog(t.Context(), kept, nil)
	must(t, err)
	for range 300 {
		k.file(t, k.as(t, "investigator@KZ"))
	}
	k.Prover.Publish(t)
	honest := maps.Clone(kept)
	grown, err := kz.CopyLog(t.Context(), honest, nil)
	must(t, err)
	shown := between.keep
	between.keep = nil
	lie := maps.Clone(shown)
	for _, path := range []string{"tile/0/000", "tile/entries/000"} { // alike
		lie[path] = slices.Clone(shown[path])
	}
	leaf := lie["tile/entries/000"][200*34+2 : 201*34]
	leaf[9] ^= 1
	hash := tlog.RecordHash(leaf)
	copy(lie["tile/0/000"][200*32:], hash[:])

	// It lies on: it is blamed, and the copy stays as it was.
	before := maps.Clone(kept)
	between.files = lie
	_, err = kz.CopyLog(t.Context(), kept, nil)
	wantUnverified(t, err, "")
	if !maps.EqualFunc(kept, before, slices.Equal) {
		t.Errorf("the copy has %v, and had %v", slices.Sorted(maps.Keys(kept)), slices.Sorted(maps.Keys(before)))
	}
	// It lies once, and the network breaks off.
	_, err = kz.CopyLog(t.Context(), breaking{kept}, nil)
	if _, ok := errors.AsType[*client.VerificationError](err); err == nil || ok {
		t.Fatalf("the network breaks off: %v", err)
	}
	if !slices.Equal(kept["tile/entries/000"], lie["tile/entries/000"]) {
		t.Fatal("what is false did not come into the copy")
	}
	// Whoever lies on is blamed, and what was left goes too.
	poisoned := maps.Clone(kept)
	_, err = kz.CopyLog(t.Context(), poisoned, nil)
	wantUnverified(t, err, "")
	if !maps.EqualFunc(poisoned, before, slices.Equal) {
		t.Errorf("the copy has %v, and had %v", slices.Sorted(maps.Keys(poisoned)), slices.Sorted(maps.Keys(before)))
	}
	between.files = nil
	healed, err := kz.CopyLog(t.Context(), kept, nil)
	must(t, err)
	if *healed.Before != first.Head || healed.Head != grown.Head || !maps.EqualFunc(kept, honest, slices.Equal) {
		t.Errorf("%+v, wanted %+v; the copy has %v, wanted %v", healed, grown, slices.Sorted(maps.Keys(kept)), slices.Sorted(maps.Keys(honest)))
	}
}
