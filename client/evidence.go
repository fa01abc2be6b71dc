package client

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/loopback"
)

// Evidence reads an exhibit with its parts and its chain of custody. Its Check
// says whether the state's receipt holds and says what the answer says; each
// event has a Check of its own.
func (c *Client) Evidence(ctx context.Context, evidence comity.ID, p comity.Purpose) (*Evidence, error) {
	if err := id("id", evidence, comity.KindEvidence); err != nil {
		return nil, err
	}
	var data struct {
		Node *Evidence `json:"node"`
	}
	if err := c.query(ctx, "Evidence", variables(map[string]any{"id": evidence, "purpose": p}), &data); err != nil {
		return nil, err
	}
	if data.Node == nil || data.Node.ID != evidence {
		return nil, comity.NotFound()
	}
	c.checkLabel(ctx, data.Node)
	c.checkCustody(ctx, data.Node)
	return data.Node, nil
}

// signedURL is a request that the exchange signed for a state's object store.
type signedURL struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Headers []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"headers"`
	Expires time.Time `json:"expires"`
}

// container is an exhibit whose key is at hand: what sealing and opening need.
type container struct {
	evidence comity.ID
	header   envelope.Header
	key      envelope.Key
}

// recipient is a key made for one act alone.
type recipient struct {
	key *ecdsa.PrivateKey
	jkt string
	jwk string // public, as the API wants it
	act string // the act that named it
}

func newRecipient() (*recipient, error) {
	key, err := statement.NewKey()
	if err != nil {
		return nil, err
	}
	r := &recipient{key: key}
	if r.jkt, err = statement.Thumbprint(&key.PublicKey); err != nil {
		return nil, err
	}
	b, err := json.Marshal(statement.PublicJWK(&key.PublicKey))
	r.jwk = string(b)
	return r, err
}

// unseal opens a sealed key. It must answer this very act, be of this exhibit
// and header, and be signed by the state that the header names.
func (c *Client) unseal(ctx context.Context, r *recipient, sealedKey string, header envelope.Header) (statement.SealedKey, envelope.Key, error) {
	what := "the key of " + header.Evidence
	fail := func(err error) (statement.SealedKey, envelope.Key, error) {
		return statement.SealedKey{}, envelope.Key{}, unverified(what, err)
	}
	var sealed statement.SealedKey
	err := c.verify(ctx, func(d *statement.Directory) (err error) {
		sealed, err = d.VerifySealedKey(sealedKey)
		return err
	})
	if err != nil {
		return fail(err)
	}
	hash := header.Hash()
	switch {
	case string(sealed.State) != header.State:
		return fail(fmt.Errorf("%s signed it, yet the exhibit is one of %s", sealed.State, header.State))
	case string(sealed.Case) != header.Case:
		return fail(fmt.Errorf("it is of the case %s, the header of %s", sealed.Case, header.Case))
	case sealed.Commitment != hex.EncodeToString(header.Commitment[:]):
		return fail(fmt.Errorf("it commits to another key than the header"))
	}
	dek, err := statement.DecryptKey(sealed, r.key, statement.Want{ActJWS: r.act, Evidence: comity.ID(header.Evidence),
		HeaderHash: hex.EncodeToString(hash[:]), Now: c.now()})
	if err != nil {
		return fail(err)
	}
	defer clear(dek)
	key, err := envelope.NewKey(dek)
	if err == nil {
		err = key.Check(header)
	}
	if err != nil {
		return fail(err)
	}
	return sealed, key, nil
}

// readHeader reads a header that the server handed out for an exhibit.
func readHeader(raw []byte, evidence, caseID comity.ID) (envelope.Header, error) {
	h, err := envelope.ParseHeader(raw)
	switch {
	case err != nil:
	case h.Evidence != string(evidence):
		err = fmt.Errorf("it is that of %s", h.Evidence)
	case caseID != "" && h.Case != string(caseID):
		err = fmt.Errorf("it is of the case %s, not of %s", h.Case, caseID)
	case h.Length < 0:
		err = fmt.Errorf("it does not say how long the exhibit is")
	}
	if err != nil {
		return h, unverified("the header of "+string(evidence), err)
	}
	return h, nil
}

// begin opens an upload. Only a key that the custodian of the officer's own
// state sealed in answer to this very act is taken: a server could otherwise
// have new bytes sealed under an old exhibit's key, which others hold. So when
// an answer was lost, and its repeat comes without the key, another exhibit is
// begun; the first stays without a byte.
func (c *Client) begin(ctx context.Context, caseID comity.ID, body statement.BeginBody, note string, declared comity.Classification) (*container, error) {
	own, err := c.state(ctx)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		ct, err := c.beginOnce(ctx, own, caseID, body, note, declared)
		if err != nil || ct != nil {
			return ct, err
		}
		if n == attempts {
			return nil, unverifiedf("the answer to the upload's begin", "it never holds a key that answers it")
		}
	}
}

// beginOnce gives nil when the answer holds no key.
func (c *Client) beginOnce(ctx context.Context, own comity.State, caseID comity.ID, body statement.BeginBody, note string, declared comity.Classification) (*container, error) {
	type item struct {
		statement.BeginBody
		Note           string                `json:"note,omitempty"`
		Classification comity.Classification `json:"classification,omitempty"`
		Act            string                `json:"act"`
		Recipient      string                `json:"recipient"`
	}
	var r *recipient
	p, err := mutate[struct {
		payload
		Begun []struct {
			ID        comity.ID `json:"id"`
			Header    []byte    `json:"header"`
			SealedKey string    `json:"sealedKey"`
		} `json:"begun"`
	}](ctx, c, "EvidenceBegin", func() (_ any, err error) {
		if r, err = newRecipient(); err != nil {
			return nil, err
		}
		r.act, err = c.act(statement.Act{Act: statement.ActEvidenceBegin, Record: caseID, RecipientJKT: r.jkt}, body)
		return additions[item]{caseID, []item{{body, note, declared, r.act, r.jwk}}}, err
	})
	if err != nil {
		return nil, err
	}
	if len(p.Begun) != 1 {
		return nil, errEmpty
	}
	begun := p.Begun[0]
	if begun.SealedKey == "" {
		return nil, nil
	}
	h, err := readHeader(begun.Header, begun.ID, caseID)
	if err != nil {
		return nil, err
	}
	if h.Length != body.Size || h.State != string(own) {
		return nil, unverifiedf("the header of "+string(begun.ID), "it is for %d bytes of %s, not for %d of %s", h.Length, h.State, body.Size, own)
	}
	sealed, key, err := c.unseal(ctx, r, begun.SealedKey, h)
	if err != nil {
		return nil, err
	}
	label, _, err := statement.BodyHash(body)
	if err == nil && (sealed.BeginHash != label || sealed.Root != "") {
		err = unverifiedf("the key of "+h.Evidence, "it is not that of an exhibit that was begun just now")
	}
	return &container{begun.ID, h, key}, err
}

// opened is an exhibit whose key the originator's custodian released.
type opened struct {
	container
	get     *signedURL // nil while the exhibit is uploading
	label   string     // hash of the body that it was begun with
	root    string     // with the next two "" until the custodian has a receipt
	nonces  string
	plain   string
	version string
	parts   []EvidencePart
}

// open has the custodian seal the exhibit's key to a fresh key and verifies
// everything that the answer says.
func (c *Client) open(ctx context.Context, h envelope.Header, p comity.Purpose, grant comity.ID) (*opened, error) {
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	hash := h.Hash()
	evidence := comity.ID(h.Evidence)
	var r *recipient
	answer, err := mutate[struct {
		payload
		Opened *struct {
			SealedKey   string         `json:"sealedKey"`
			Header      []byte         `json:"header"`
			Root        string         `json:"root"`
			PlainSHA256 string         `json:"plainSha256"`
			Size        int64          `json:"size"`
			Version     string         `json:"version"`
			Get         *signedURL     `json:"get"`
			Parts       []EvidencePart `json:"parts"`
		} `json:"opened"`
	}](ctx, c, "EvidenceOpen", func() (_ any, err error) {
		if r, err = newRecipient(); err != nil {
			return nil, err
		}
		r.act, err = c.act(statement.Act{Act: statement.ActEvidenceOpen, Record: evidence, HeaderHash: hex.EncodeToString(hash[:]),
			Purpose: p, Grant: grant, RecipientJKT: r.jkt}, statement.OpenBody{})
		return struct {
			Evidence  comity.ID      `json:"evidence"`
			Purpose   comity.Purpose `json:"purpose"`
			Grant     comity.ID      `json:"grant,omitempty"`
			Act       string         `json:"act"`
			Recipient string         `json:"recipient"`
		}{evidence, p, grant, r.act, r.jwk}, err
	})
	if err != nil {
		return nil, err
	}
	a := answer.Opened
	if a == nil {
		return nil, errEmpty
	}
	again, err := readHeader(a.Header, evidence, comity.ID(h.Case))
	if err != nil {
		return nil, err
	}
	if again != h {
		return nil, unverifiedf("the header of "+h.Evidence, "it is another than the one that was read before")
	}
	sealed, key, err := c.unseal(ctx, r, a.SealedKey, h)
	if err != nil {
		return nil, err
	}
	o := &opened{container: container{evidence, h, key}, get: a.Get, label: sealed.BeginHash, root: sealed.Root, nonces: sealed.Nonces,
		plain: sealed.PlainSHA256, version: sealed.ObjectVersion, parts: a.Parts}
	if a.Get == nil {
		// Between the receipt and the exchange's own record of it an exhibit is
		// complete to the custodian only: who goes on with the upload looks at root.
		return o, nil
	}
	if a.Root != sealed.Root || a.PlainSHA256 != sealed.PlainSHA256 || a.Version != sealed.ObjectVersion || a.Size != h.Length {
		return nil, unverifiedf("the answer for "+h.Evidence, "it differs from what the custodian of %s signed", h.State)
	}
	if err := o.checkParts(); err != nil {
		return nil, unverified("the list of parts of "+h.Evidence, err)
	}
	return o, nil
}

// checkParts holds the list of parts against the header and what the custodian
// signed of them.
func (o *opened) checkParts() error {
	h := o.header
	if o.root == "" || o.plain == "" {
		return fmt.Errorf("the custodian signed no root and no hash of it")
	}
	if len(o.parts) != h.Parts() {
		return fmt.Errorf("there are %d of %d", len(o.parts), h.Parts())
	}
	sealed, err := sealedParts(o.parts)
	if err != nil {
		return err
	}
	for i, p := range sealed {
		if p.CipherSize != h.CipherSize(i) {
			return fmt.Errorf("part %d is not as the header plans it", i+1)
		}
	}
	if root := envelope.Root(sealed); hex.EncodeToString(root[:]) != o.root {
		return fmt.Errorf("its root is not the one that the custodian signed")
	}
	if nonces := envelope.Nonces(sealed); hex.EncodeToString(nonces[:]) != o.nonces {
		return fmt.Errorf("its nonces are not those that the custodian signed")
	}
	return nil
}

// sealedParts reads a list of all parts, in order.
func sealedParts(parts []EvidencePart) ([]envelope.SealedPart, error) {
	sealed := make([]envelope.SealedPart, len(parts))
	for i, p := range parts {
		digest, err := hex.DecodeString(p.SHA256)
		if p.Number != i+1 || err != nil || len(digest) != 32 || len(p.Nonce) != 12 {
			return nil, fmt.Errorf("part %d is not described as a part", i+1)
		}
		sealed[i] = envelope.SealedPart{Number: i, CipherSize: p.Size, CipherSHA256: [32]byte(digest), Nonce: [12]byte(p.Nonce)}
	}
	return sealed, nil
}

// parts asks which parts the store has and has the PUT of others signed.
func (c *Client) parts(ctx context.Context, evidence comity.ID, wanted ...EvidencePart) (signed []signedURL, have []EvidencePart, err error) {
	if wanted == nil {
		wanted = []EvidencePart{}
	}
	p, err := mutate[struct {
		payload
		Signed []signedURL    `json:"signed"`
		Have   []EvidencePart `json:"have"`
	}](ctx, c, "EvidenceParts", always(struct {
		Evidence comity.ID      `json:"evidence"`
		Parts    []EvidencePart `json:"parts"`
	}{evidence, wanted}))
	if err == nil && len(p.Signed) != len(wanted) {
		err = errEmpty
	}
	return p.Signed, p.Have, err
}

// complete declares what was uploaded and verifies the state's receipt.
func (c *Client) complete(ctx context.Context, ct *container, parts []EvidencePart, body statement.CompleteBody) (string, error) {
	type item struct {
		Evidence    comity.ID      `json:"evidence"`
		Parts       []EvidencePart `json:"parts"`
		PlainSHA256 string         `json:"plainSha256"`
		BeginHash   string         `json:"beginHash"`
		Act         string         `json:"act"`
	}
	p, err := mutate[struct {
		payload
		Receipts []struct {
			Evidence comity.ID `json:"evidence"`
			Receipt  string    `json:"receipt"`
		} `json:"receipts"`
	}](ctx, c, "EvidenceComplete", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActEvidenceComplete, Record: ct.evidence}, body)
		return map[string]any{"items": []item{{ct.evidence, parts, body.PlainSHA256, body.BeginHash, act}}}, err
	})
	if err != nil {
		return "", err
	}
	if len(p.Receipts) != 1 || p.Receipts[0].Evidence != ct.evidence {
		return "", errEmpty
	}
	receipt := p.Receipts[0].Receipt
	return receipt, c.checkOwn(ctx, receipt, statement.KindReceipt, ct.evidence, comity.ID(ct.header.Case), body)
}

// checkReceipt verifies a state's receipt of an exhibit and that it declares
// these bytes.
func (c *Client) checkReceipt(ctx context.Context, receipt string, o *opened) error {
	h := o.header
	s, err := c.statementOf(ctx, receipt, []statement.Kind{statement.KindReceipt}, comity.State(h.State), o.evidence, comity.ID(h.Case))
	var body statement.CompleteBody
	if err == nil {
		body, err = s.Receipt(h)
	}
	if err == nil && (body.BeginHash != o.label || body.Root != o.root || body.Nonces != o.nonces || body.PlainSHA256 != o.plain) {
		err = fmt.Errorf("it declares another label or other bytes than the custodian's key is for")
	}
	if err != nil {
		return unverified("the receipt of "+string(o.evidence), err)
	}
	return nil
}

// resident holds a signed URL against the state's manifest: bytes go to the
// state's own store and nowhere else (Article 13).
func (c *Client) resident(s comity.State, raw string) error {
	what := "the address in the store of " + string(s)
	dir, err := c.trust.directory()
	if err != nil {
		return err
	}
	m, err := dir.State(s)
	if err != nil {
		return err
	}
	store, err := url.Parse(m.Store)
	if err != nil {
		return unverified(what, err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return unverifiedf(what, "it is no URL")
	}
	here, there := strings.ToLower(u.Hostname()), strings.ToLower(store.Hostname())
	if u.Scheme != store.Scheme || here != there && !strings.HasSuffix(here, "."+there) && !(loopback.Host(u.Hostname()) && loopback.Host(store.Hostname())) {
		return unverifiedf(what, "it leads to %s, the state's store is at %s (Article 13)", u.Host, store.Host)
	}
	return nil
}
