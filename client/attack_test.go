package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage/object"
)

// answered is an answer that the exchange makes up.
func answered(data any) *http.Response {
	b, _ := json.Marshal(map[string]any{"data": data})
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(b)), Body: io.NopCloser(bytes.NewReader(b))}
}

type sentOperation struct {
	Operation string `json:"operationName"`
	Variables struct {
		Input json.RawMessage `json:"input"`
	} `json:"variables"`
}

func sent(r *http.Request, body []byte) (o sentOperation) {
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		_ = json.Unmarshal(body, &o)
	}
	return o
}

// signedPart signs a PUT as the exchange, which has the store's credentials, can at any time.
func signedPart(t *testing.T, w *world, s comity.State, key, upload string, input json.RawMessage) map[string]any {
	var in struct {
		Parts []struct {
			Number int
			Size   int64
			SHA256 string
		}
	}
	must(t, json.Unmarshal(input, &in))
	all := []any{}
	for _, p := range in.Parts {
		sum, err := hex.DecodeString(p.SHA256)
		must(t, err)
		u, err := w.Stores[s].SignPart(t.Context(), key, upload, object.Part{Number: p.Number, Size: p.Size, SHA256: [32]byte(sum)}, time.Minute)
		must(t, err)
		var headers []any
		for k, v := range u.Header {
			headers = append(headers, map[string]any{"name": k, "value": v})
		}
		all = append(all, map[string]any{"method": u.Method, "url": u.URL, "headers": headers, "expires": u.Expires})
	}
	return map[string]any{"evidenceParts": map[string]any{"signed": all, "have": []any{}, "errors": []any{}}}
}

// TestAttackOldKey: a server turned against its users answers the begin of an
// upload as if it were the repeat of a lost answer, with the header of an old
// exhibit of the same length. The new file must not be sealed under the old
// exhibit's key, which a grantee abroad holds.
func TestAttackOldKey(t *testing.T) {
	w := newWorld(t)
	owner, liaison := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ")
	must(t, mandate(t, w))
	of := w.file(t, owner).ID
	path, _ := temp(t, "old.img", 70_000)
	old, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	e, err := owner.Evidence(t.Context(), old.Evidence, "")
	must(t, err)
	g := w.grant(t, owner, liaison, of, old.Evidence)

	var mu sync.Mutex
	var caught []byte
	upload, err := w.Stores["KZ"].Begin(t.Context(), "anything/at/all", time.Now().Add(time.Hour))
	must(t, err)
	m := &middle{}
	m.before = func(r *http.Request, body []byte) (*http.Response, error) {
		switch o := sent(r, body); {
		case o.Operation == "EvidenceBegin":
			return answered(map[string]any{"evidenceBegin": map[string]any{"errors": []any{}, "begun": []any{
				map[string]any{"id": old.Evidence, "header": base64.StdEncoding.EncodeToString(e.Header), "sealedKey": nil}}}}), nil
		case o.Operation == "EvidenceParts":
			return answered(signedPart(t, w, "KZ", "anything/at/all", upload, o.Variables.Input)), nil
		case r.Method == http.MethodPut:
			mu.Lock()
			caught = body
			mu.Unlock()
		}
		return nil, nil
	}
	victim := w.through(t, "investigator@KZ", m)
	secret := filepath.Join(t.TempDir(), "informants.txt")
	must(t, os.WriteFile(secret, bytes.Repeat([]byte("canary "), 10_000), 0o600))
	_, err = victim.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: secret})
	mu.Lock()
	defer mu.Unlock()
	if caught == nil {
		return // refused before a byte left
	}
	// The grantee of the old exhibit is given the ciphertext of the new file.
	spy := w.through(t, "investigator@AM", &middle{after: func(r *http.Request, a *http.Response) (*http.Response, error) {
		if gets(r) {
			a.Body = io.NopCloser(bytes.NewReader(caught))
		}
		return a, nil
	}})
	_, spied := spy.GetEvidence(t.Context(), client.GetOptions{Evidence: old.Evidence, Purpose: comity.PurposeInvestigation, Grant: g.ID, Dest: t.TempDir()})
	opened := spied != nil && strings.Contains(spied.Error(), "its ciphertext is not the one that the receipt lists") // after it was decrypted
	t.Errorf("a new file was sealed under the key of the old exhibit %s and sent (%d bytes); the old one's grantee abroad decrypts it: %v\n(the upload ended with: %v)", old.Evidence, len(caught), opened, err)
}

// mandate gives the liaison authority.
func mandate(t *testing.T, w *world) error {
	authority, liaison := w.as(t, "authority@KZ"), w.as(t, "liaison@KZ")
	who, err := liaison.Viewer(t.Context())
	if err != nil {
		return err
	}
	_, err = authority.MandateGive(t.Context(), client.NewMandate{Liaison: who.Ref, NotBefore: w.Clock.Now().Add(-time.Minute), NotAfter: w.Clock.Now().Add(24 * time.Hour)})
	return err
}

// TestAttackOtherCustodian: the exchange, together with another member state,
// says that the officer is one of that state, so that the key of the officer's
// exhibit is made there and its bytes go there. The officer's own state is in
// the token, not the server's to say.
func TestAttackOtherCustodian(t *testing.T) {
	for _, named := range []string{"AM", "KZ"} { // the state that the header names
		t.Run(named, func(t *testing.T) { otherCustodian(t, named) })
	}
}

func otherCustodian(t *testing.T, named string) {
	t.Helper()
	keys := map[comity.State]custodian.Keys{}
	w := newWorldWith(t, exchangetest.Options{Keys: func(t testing.TB, s comity.State) custodian.Keys {
		keys[s] = exchangetest.Keyring(t, s)
		return keys[s]
	}})
	signer, err := keys["AM"].Signer(t.Context())
	must(t, err)
	dek := bytes.Repeat([]byte{7}, 32)
	key, err := envelope.NewKey(dek)
	must(t, err)
	upload, err := w.Stores["AM"].Begin(t.Context(), "taken", time.Now().Add(time.Hour))
	must(t, err)
	var h envelope.Header
	var caught []byte
	var mu sync.Mutex
	m := &middle{}
	m.on("Viewer", func(data map[string]any) {
		put(data, named, "viewer", "officer", "state")
	})
	m.before = func(r *http.Request, body []byte) (*http.Response, error) {
		switch o := sent(r, body); {
		case o.Operation == "EvidenceBegin":
			var in struct {
				Case  comity.ID
				Items []struct {
					Act, Recipient string
					Size           int64
				}
			}
			must(t, json.Unmarshal(o.Variables.Input, &in))
			act, jkt, err := statement.ReadActAnytime(in.Items[0].Act)
			must(t, err)
			_ = jkt
			var recipient jose.JSONWebKey
			must(t, recipient.UnmarshalJSON([]byte(in.Items[0].Recipient)))
			id := comity.NewID(comity.KindEvidence)
			h, err = envelope.NewHeader(named, string(in.Case), string(id), in.Items[0].Size, 0)
			must(t, err)
			h = key.Commit(h)
			hash := h.Hash()
			sealed, err := statement.SealKey(context.Background(), signer, recipient, in.Items[0].Act, statement.Binding{Union: act.Union, State: "AM", Case: in.Case,
				Evidence: id, BeginHash: act.BodyHash, HeaderHash: hex.EncodeToString(hash[:]), Commitment: hex.EncodeToString(h.Commitment[:]), RecipientJKT: act.RecipientJKT,
				Nonce: act.Nonce, Expires: time.Now().Add(time.Minute).Unix()}, dek)
			must(t, err)
			raw, err := h.MarshalBinary()
			must(t, err)
			return answered(map[string]any{"evidenceBegin": map[string]any{"errors": []any{}, "begun": []any{
				map[string]any{"id": id, "header": base64.StdEncoding.EncodeToString(raw), "sealedKey": sealed}}}}), nil
		case o.Operation == "EvidenceParts":
			return answered(signedPart(t, w, "AM", "taken", upload, o.Variables.Input)), nil
		case r.Method == http.MethodPut:
			mu.Lock()
			caught = body
			mu.Unlock()
		}
		return nil, nil
	}
	victim := w.through(t, "investigator@KZ", m)
	of := w.file(t, w.as(t, "investigator@KZ")).ID
	secret := filepath.Join(t.TempDir(), "informants.txt")
	must(t, os.WriteFile(secret, []byte("canary: the informant's name"), 0o600))
	_, err = victim.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: secret})
	mu.Lock()
	defer mu.Unlock()
	if caught == nil {
		return
	}
	var plain bytes.Buffer
	_, oerr := envelope.OpenPartTo(&plain, key, h, 0, true, bytes.NewReader(caught))
	t.Errorf("an officer of KZ sealed an exhibit to the custodian of AM and sent it to the store of AM, where it reads %q (%v); the upload ended with: %v", plain.String(), oerr, err)
}

// newWorldWith is newWorld with options.
func newWorldWith(t *testing.T, o exchangetest.Options) *world {
	t.Helper()
	return serve(t, exchangetest.NewWith(t, o))
}

// TestAttackRevocationSwallowed: the exchange answers a revocation without
// performing it. The liaison must not be told that the grant is revoked.
func TestAttackRevocationSwallowed(t *testing.T) {
	w := newWorld(t)
	owner := w.as(t, "investigator@KZ")
	must(t, mandate(t, w))
	of := w.file(t, owner).ID
	path, _ := temp(t, "f.img", 1000)
	x, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	m := &middle{}
	liaison := w.through(t, "liaison@KZ", m)
	g := w.grant(t, owner, liaison, of, x.Evidence)
	var shown map[string]any
	m.on("Grant", func(data map[string]any) { shown = data["node"].(map[string]any) })
	_, err = liaison.Grant(t.Context(), g.ID)
	must(t, err)
	m.set(func(m *middle) {
		m.before = func(r *http.Request, body []byte) (*http.Response, error) {
			if sent(r, body).Operation != "GrantRevoke" {
				return nil, nil
			}
			shown["status"], shown["live"] = "REVOKED", false
			return answered(map[string]any{"grantRevoke": map[string]any{"errors": []any{}, "grant": shown}}), nil
		}
	})
	got, err := liaison.GrantRevoke(t.Context(), of, g.ID, "compromised")
	if err != nil {
		return
	}
	_, err = w.as(t, "investigator@AM").GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Grant: g.ID, Dest: t.TempDir()})
	t.Errorf("the liaison is told %s, statement %q, and Armenia opens the exhibit: %v", got.Status, got.Check, err == nil)
}

// TestAttackStateFileRaced: two commands at once share the memory of the newest
// manifests. What one has seen must not be forgotten by the other.
func TestAttackStateFileRaced(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "manifests.json")
	oldKZ := w.Directory.JWS("KZ")
	open := func(m *middle) *client.Client {
		c := w.config(m)
		c.StateFile = file
		made, err := client.New(c)
		must(t, err)
		return made.Hurry()
	}
	_, err := open(&middle{}).Refresh(t.Context())
	must(t, err)
	m := &middle{}
	slow := open(m) // has read the file, and goes on later
	w.Publish(t, "KZ", func(x *statement.Manifest) { x.Name = "newer" })
	_, err = open(&middle{}).Refresh(t.Context()) // sees KZ's newer manifest, remembers it
	must(t, err)
	w.Publish(t, "AM", func(x *statement.Manifest) { x.Name = "newer" })
	older := func(data map[string]any) {
		for _, s := range data["states"].([]any) {
			if s := s.(map[string]any); s["code"] == "KZ" {
				s["manifest"] = oldKZ
			}
		}
	}
	m.on("Directory", older)
	_, err = slow.Refresh(t.Context()) // is shown KZ's old one and AM's new one, and remembers that
	if err != nil {
		return
	}
	m2 := &middle{}
	m2.on("Directory", older)
	if _, err := open(m2).Refresh(t.Context()); err == nil {
		t.Error("the newer manifest of KZ, seen and remembered before, is forgotten: the server goes back to the older one")
	}
}
