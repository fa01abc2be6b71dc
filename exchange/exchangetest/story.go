package exchangetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/storage/object"
)

// FileCase files a ransomware case that touches the states given.
func (o *Officer) FileCase(t testing.TB, title string, touches ...comity.State) comity.ID {
	t.Helper()
	nexus := []comity.Nexus{{Basis: comity.NexusTerritory, State: o.Caller.Officer.State}}
	for _, s := range touches {
		nexus = append(nexus, comity.Nexus{Basis: comity.NexusEffects, State: s})
	}
	act := &exchange.FileCase{Key: Key(), Category: tokentest.Category, Marking: comity.DefaultMarking, Nexus: nexus,
		Text: comity.CaseText{Title: title, Summary: "summary of " + title, Narrative: "narrative of " + title, Reference: "ref-" + title}}
	o.Do(t, act)
	return act.ID
}

// Upload seals and uploads an exhibit and completes it.
func (o *Officer) Upload(t testing.TB, c comity.ID, name string, plain []byte) comity.ID {
	t.Helper()
	begun, key := o.Begin(t, c, name, int64(len(plain)))
	return o.Finish(t, begun, key, plain)
}

// Begin opens an upload and returns the exhibit's key.
func (o *Officer) Begin(t testing.TB, c comity.ID, name string, size int64) (exchange.BegunExhibit, envelope.Key) {
	t.Helper()
	act, recipient := o.Beginning(t, c, name, size)
	body, jws := act.Items[0].Body, act.Items[0].Act
	o.Do(t, act)
	o.Begun(t, act.Begun[0].ID, body)
	sealed, err := o.Directory.VerifySealedKey(act.Begun[0].SealedKey)
	must(t, err)
	h, err := envelope.ParseHeader(act.Begun[0].Header)
	must(t, err)
	hash := h.Hash()
	dek, err := statement.DecryptKey(sealed, recipient, statement.Want{ActJWS: jws, Evidence: act.Begun[0].ID, HeaderHash: hex.EncodeToString(hash[:]), Now: o.Clock.Now()})
	must(t, err)
	key, err := envelope.NewKey(dek)
	must(t, err)
	must(t, key.Check(h))
	return act.Begun[0], key
}

// Beginning is the signed act that begins an exhibit, with the key it is sealed to.
func (o *Officer) Beginning(t testing.TB, c comity.ID, name string, size int64) (*exchange.BeginEvidence, *ecdsa.PrivateKey) {
	t.Helper()
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "application/octet-stream", Size: size, Name: name}
	jws := o.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: c, RecipientJKT: jkt}, body)
	return &exchange.BeginEvidence{Key: Key(), Case: c, Items: []exchange.BeginExhibit{{Body: body, Act: jws, Recipient: statement.PublicJWK(&recipient.PublicKey)}}}, recipient
}

// Finish uploads the parts of a begun exhibit and completes it.
func (o *Officer) Finish(t testing.TB, begun exchange.BegunExhibit, key envelope.Key, plain []byte) comity.ID {
	t.Helper()
	complete := o.Put(t, begun, key, plain)
	o.Do(t, complete)
	return begun.ID
}

// Put uploads the parts and returns the act that completes the exhibit.
func (o *Officer) Put(t testing.TB, begun exchange.BegunExhibit, key envelope.Key, plain []byte) *exchange.CompleteEvidence {
	t.Helper()
	h, err := envelope.ParseHeader(begun.Header)
	must(t, err)
	var parts []comity.EvidencePart
	var all []envelope.SealedPart
	for i := range begun.Parts {
		lo := int64(i) * begun.PartSize
		hi := min(lo+begun.PartSize, int64(len(plain)))
		cipher, sealed, err := envelope.SealPartBuffer(nil, key, h, i, i == begun.Parts-1, bytes.NewReader(plain[lo:hi]))
		must(t, err)
		sign := &exchange.SignParts{Key: Key(), Evidence: begun.ID, Parts: []object.Part{{Number: i + 1, Size: int64(len(cipher)), SHA256: sealed.CipherSHA256}}}
		o.Do(t, sign)
		Send(t, sign.Signed[0], cipher)
		parts = append(parts, comity.EvidencePart{Number: i + 1, Size: int64(len(cipher)), SHA256: sealed.CipherSHA256, Nonce: sealed.Nonce})
		all = append(all, sealed)
	}
	whole, label := sha256.Sum256(plain), o.Label(t, begun.ID)
	jws := o.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, statement.Completed(h, label, all, whole))
	return &exchange.CompleteEvidence{Key: Key(), Items: []exchange.CompleteExhibit{{Evidence: begun.ID, Parts: parts, PlainSHA256: whole, BeginHash: label, Act: jws}}}
}

// Begun remembers the body that an exhibit was begun with.
func (w *World) Begun(t testing.TB, e comity.ID, body statement.BeginBody) {
	t.Helper()
	label, _, err := statement.BodyHash(body)
	must(t, err)
	w.labels.Store(e, label)
}

// Label is the hash of the body that an exhibit was begun with.
func (w *World) Label(t testing.TB, e comity.ID) string {
	t.Helper()
	label, ok := w.labels.Load(e)
	if !ok {
		t.Fatalf("%s was not begun here", e)
	}
	return label.(string)
}

// Send sends a signed request and fails the test unless it succeeds.
func Send(t testing.TB, s object.Signed, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), s.Method, s.URL, bytes.NewReader(body))
	must(t, err)
	for k, v := range s.Header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode >= 300 {
		t.Fatalf("%s: %s: %s", s.Method, res.Status, got)
	}
	return got
}

// Release records the owner's decision to release a case and exhibits of it.
func (o *Officer) Release(t testing.TB, c comity.ID, to comity.State, exhibits ...comity.ID) comity.ID {
	t.Helper()
	act := &exchange.DecideRelease{Key: Key(), Case: c, Decider: comity.DeciderOwner, Grantee: to, Scope: comity.ScopeFull,
		Exhibits: exhibits, Purpose: comity.PurposeInvestigation, NotAfter: o.Clock.Now().Add(30 * 24 * time.Hour)}
	o.Do(t, act)
	return act.ID
}

// Mandate has the authority of a state give a mandate to its liaison.
func (w *World) Mandate(t testing.TB, s comity.State) {
	t.Helper()
	now := w.Clock.Now()
	w.As(t, "liaison@"+string(s)) // who is known from the first login on
	w.As(t, "authority@"+string(s)).Do(t, &exchange.GiveMandate{Key: Key(), Liaison: comity.OfficerRef(string(s) + ":liaison-1"),
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(90 * 24 * time.Hour)})
}

// GrantBody is the terms of a full grant for a week.
func (o *Officer) GrantBody(to comity.State, release comity.ID, exhibits ...comity.ID) statement.GrantBody {
	now := o.Clock.Now()
	return statement.GrantBody{ID: comity.NewID(comity.KindGrant), Category: tokentest.Category, Grantee: comity.Grantee{State: to}, Scope: comity.ScopeFull, Exhibits: exhibits, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: tokentest.Agreement,
		Release: release, NotBefore: now.Add(-time.Second).Unix(), NotAfter: now.Add(7 * 24 * time.Hour).Unix()}
}

// MakeGrant is the signed act of a grant.
func (o *Officer) MakeGrant(t testing.TB, c comity.ID, body statement.GrantBody) *exchange.MakeGrant {
	t.Helper()
	return &exchange.MakeGrant{Key: Key(), Case: c, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: c, Purpose: body.Purpose}, body)}
}

// ProposeGrant is the signed act that proposes a grant to another liaison.
func (o *Officer) ProposeGrant(t testing.TB, c comity.ID, body statement.GrantBody) *exchange.MakeGrant {
	t.Helper()
	return &exchange.MakeGrant{Key: Key(), Case: c, Body: body, Propose: true, Act: o.secondedGrant(t, c, body)}
}

// ApproveGrant is the signed act that approves a proposal of the same terms.
func (o *Officer) ApproveGrant(t testing.TB, c comity.ID, body statement.GrantBody, proposal comity.ID) *exchange.MakeGrant {
	t.Helper()
	return &exchange.MakeGrant{Key: Key(), Case: c, Body: body, Proposal: proposal, Act: o.secondedGrant(t, c, body)}
}

func (o *Officer) secondedGrant(t testing.TB, c comity.ID, body statement.GrantBody) string {
	t.Helper()
	return o.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: c, Purpose: body.Purpose, Seconded: true}, body)
}

// Revoke is the signed act that ends a grant of a case.
func (o *Officer) Revoke(t testing.TB, c, grant comity.ID) *exchange.RevokeGrant {
	t.Helper()
	body := statement.RevokeBody{Case: c, Reason: "no longer needed"}
	return &exchange.RevokeGrant{Key: Key(), Grant: grant, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActGrantRevoke, Record: grant}, body)}
}

// Opening is the signed act that opens an exhibit, with the key it is sealed to.
func (o *Officer) Opening(t testing.TB, e comity.ID, header []byte, purpose comity.Purpose, grant comity.ID) (*exchange.OpenEvidence, *Recipient) {
	t.Helper()
	h, err := envelope.ParseHeader(header)
	must(t, err)
	hash := h.Hash()
	r := &Recipient{evidence: e, headerHash: hex.EncodeToString(hash[:])}
	r.Key, err = statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&r.Key.PublicKey)
	must(t, err)
	r.act = o.Sign(t, statement.Act{Act: statement.ActEvidenceOpen, Record: e, HeaderHash: r.headerHash, Purpose: purpose, Grant: grant, RecipientJKT: jkt}, statement.OpenBody{})
	return &exchange.OpenEvidence{Key: Key(), Evidence: e, Purpose: purpose, Grant: grant, Act: r.act, Recipient: statement.PublicJWK(&r.Key.PublicKey)}, r
}

// Download opens an exhibit and decrypts it.
func (o *Officer) Download(t testing.TB, e comity.ID, header []byte, purpose comity.Purpose, grant comity.ID) []byte {
	t.Helper()
	act, r := o.Opening(t, e, header, purpose, grant)
	o.Do(t, act)
	return r.Decrypt(t, o, act)
}
