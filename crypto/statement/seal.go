package statement

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
)

// TypKeyMaterial is the typ of the JWE inside a [SealedKey].
const TypKeyMaterial = "comity-key-material+jwe"

// SealKey seals an exhibit's key (32 bytes) to the recipient's P-256 key, which
// must be the one that the binding names, and signs the whole for the state.
// act is the officer's act (JWS) that asked for it.
func SealKey(ctx context.Context, s Signer, recipient jose.JSONWebKey, act string, b Binding, dek []byte) (string, error) {
	pub, ok := recipient.Key.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return "", comity.Invalid("recipient", "a key is sealed to a public P-256 key only")
	}
	jkt, err := Thumbprint(pub)
	if err != nil {
		return "", err
	}
	if jkt != b.RecipientJKT {
		return "", comity.Invalid("recipient", "the recipient's key is not the one that the signed act names")
	}
	if len(dek) != 32 {
		return "", errors.New("statement: an exhibit's key has 32 bytes")
	}
	if err := b.check(); err != nil {
		return "", fmt.Errorf("statement: the binding of the key: %w", err)
	}
	plain, err := Canonical(KeyMaterial{b, dek})
	if err != nil {
		return "", err
	}
	defer clear(plain)
	enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: pub},
		(&jose.EncrypterOptions{}).WithType(TypKeyMaterial))
	if err != nil {
		return "", fmt.Errorf("statement: seal: %w", err)
	}
	jwe, err := enc.Encrypt(plain)
	if err != nil {
		return "", fmt.Errorf("statement: seal: %w", err)
	}
	sealed, err := jwe.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("statement: seal: %w", err)
	}
	return Sign(ctx, s, TypSealedKey, SealedKey{Binding: b, Act: ActHash(act), Key: sealed})
}

func (b Binding) check() error {
	switch {
	case b.Union == "":
		return errors.New("it names no union")
	case !b.State.Valid():
		return errors.New("it names no state")
	case !isHash(b.BeginHash) || !isHash(b.HeaderHash) || !isHash(b.Commitment):
		return errors.New("its begin hash, header hash or commitment is not a SHA-256 in hex")
	case b.Root+b.Nonces+b.PlainSHA256 != "" && !(isHash(b.Root) && isHash(b.Nonces) && isHash(b.PlainSHA256)):
		return errors.New("its root, nonces and plaintext hash are not each a SHA-256 in hex")
	case !IsThumbprint(b.RecipientJKT):
		return errors.New("its recipient is not a thumbprint")
	case b.Nonce == "":
		return errors.New("it repeats no nonce")
	case b.Expires <= 0:
		return errors.New("it does not expire")
	}
	if _, err := comity.ParseID(string(b.Case), comity.KindCase); err != nil {
		return fmt.Errorf("its case: %w", err)
	}
	if _, err := comity.ParseID(string(b.Evidence), comity.KindEvidence); err != nil {
		return fmt.Errorf("its exhibit: %w", err)
	}
	return nil
}

// VerifySealedKey verifies what a custodian handed out by the statement key of
// its state's manifest. Whether it answers one's own act, [DecryptKey] says.
func (d *Directory) VerifySealedKey(compact string) (SealedKey, error) {
	var k SealedKey
	if err := d.verified(compact, TypSealedKey, &k); err != nil {
		return SealedKey{}, fmt.Errorf("statement: not a valid sealed key: %w", err)
	}
	err := k.check()
	switch {
	case err != nil:
	case k.Union != d.union:
		err = fmt.Errorf("it is not of the union %q", d.union)
	case !isHash(k.Act):
		err = errors.New("its act is not a SHA-256 in hex")
	}
	if err != nil {
		return SealedKey{}, fmt.Errorf("statement: the sealed key of %s is not valid: %w", k.State, err)
	}
	return k, nil
}

// Want is what a client asked for, against which it holds a sealed key.
type Want struct {
	ActJWS     string    // the act that it signed itself
	Evidence   comity.ID // the exhibit it means
	HeaderHash string    // hex, of the exhibit's header as the client read it
	Now        time.Time
}

// DecryptKey opens a verified sealed key with the key that the act named: the
// session key, or better one made for this act alone. It refuses one
// that answers another act, exhibit, header or key than wanted, that expired, or
// whose inner binding differs from the signed one: so a server that swaps the
// answers gains nothing.
func DecryptKey(sk SealedKey, key *ecdsa.PrivateKey, want Want) ([]byte, error) {
	a, _, err := ReadActAnytime(want.ActJWS)
	if err != nil {
		return nil, fmt.Errorf("statement: the act signed here: %w", err)
	}
	jkt, err := Thumbprint(key)
	if err != nil {
		return nil, err
	}
	about := sk.Evidence
	if a.Act == ActEvidenceBegin {
		about = sk.Case
	}
	switch {
	case sk.Act != ActHash(want.ActJWS) || sk.Nonce != a.Nonce || sk.Union != a.Union || a.Record != about:
		return nil, errors.New("statement: the sealed key answers another request than this one")
	case a.Act != ActEvidenceBegin && a.Act != ActEvidenceOpen:
		return nil, fmt.Errorf("statement: the act %s asks for no key", a.Act)
	case sk.Evidence != want.Evidence || sk.HeaderHash != want.HeaderHash || a.Act == ActEvidenceOpen && a.HeaderHash != want.HeaderHash:
		return nil, errors.New("statement: the sealed key is that of another exhibit")
	case sk.RecipientJKT != jkt || a.RecipientJKT != jkt:
		return nil, errors.New("statement: the key is sealed to another key")
	case want.Now.Unix() >= sk.Expires:
		return nil, errors.New("statement: the sealed key expired; ask for it again (or this computer's clock is fast)")
	}
	m, err := openJWE(sk.Key, key)
	if err != nil {
		return nil, err
	}
	if m.Binding != sk.Binding || len(m.DEK) != 32 {
		return nil, errors.New("statement: the sealed key does not hold what its signature says")
	}
	return m.DEK, nil
}

// openJWE opens the inner JWE. Its errors say nothing of the content.
func openJWE(compact string, key *ecdsa.PrivateKey) (KeyMaterial, error) {
	bad := errors.New("statement: the sealed key cannot be opened with this key")
	first, _, _ := strings.Cut(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return KeyMaterial{}, bad
	}
	var names map[string]jsontext.Value
	if err := jws.Decode(header, &names); err != nil {
		return KeyMaterial{}, bad
	}
	for name := range names { // no zip, no crit, nothing that would change what is read
		if !slices.Contains([]string{"alg", "enc", "epk", "typ"}, name) {
			return KeyMaterial{}, bad
		}
	}
	jwe, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil || jwe.Header.ExtraHeaders[jose.HeaderType] != TypKeyMaterial {
		return KeyMaterial{}, bad
	}
	plain, err := jwe.Decrypt(key)
	if err != nil {
		return KeyMaterial{}, bad
	}
	defer clear(plain)
	var m KeyMaterial
	if err := jws.Decode(plain, &m); err != nil {
		return KeyMaterial{}, bad
	}
	return m, nil
}
