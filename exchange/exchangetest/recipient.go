package exchangetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

// Recipient is the key that an opening was sealed to, and what was asked.
type Recipient struct {
	Key        *ecdsa.PrivateKey
	act        string
	evidence   comity.ID
	headerHash string
}

// Decrypt fetches an opened exhibit and decrypts it.
func (r *Recipient) Decrypt(t testing.TB, o *Officer, act *exchange.OpenEvidence) []byte {
	t.Helper()
	sealed, err := o.Directory.VerifySealedKey(act.SealedKey)
	must(t, err)
	dek, err := statement.DecryptKey(sealed, r.Key, statement.Want{ActJWS: r.act, Evidence: r.evidence, HeaderHash: r.headerHash, Now: o.Clock.Now()})
	must(t, err)
	key, err := envelope.NewKey(dek)
	must(t, err)
	h, err := envelope.ParseHeader(act.Header)
	must(t, err)
	must(t, key.Check(h))
	cipher := Send(t, *act.Get, nil)
	var plain bytes.Buffer
	for i := range h.Parts() {
		lo := h.CipherOffset(i)
		_, err := envelope.OpenPartTo(&plain, key, h, i, i == h.Parts()-1, bytes.NewReader(cipher[lo:lo+h.CipherSize(i)]))
		must(t, err)
	}
	if sha256.Sum256(plain.Bytes()) != act.Opened.PlainSHA256 {
		t.Fatal("the plaintext is not the one that the receipt names")
	}
	return plain.Bytes()
}
