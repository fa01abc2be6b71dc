package vault

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/statement"
)

// signer signs with one version of the statement key: the newest when it was
// first used. A rotated key is signed with only after a restart, so that its
// public half can reach the manifest first.
type signer struct {
	k       *Keys
	version int
	public  jose.JSONWebKey
}

// Signer implements [custodian.Keys]. The key's id is its RFC 7638 thumbprint.
// Who no longer waits leaves the queue behind a Vault that does not answer.
func (k *Keys) Signer(ctx context.Context) (statement.Signer, error) {
	select {
	case k.signing <- struct{}{}:
		defer func() { <-k.signing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k.signer == nil {
		s, err := k.readSigner(ctx)
		if err != nil {
			return nil, err
		}
		k.signer = s
	}
	return k.signer, nil
}

func (k *Keys) readSigner(ctx context.Context) (*signer, error) {
	var got *api.Secret
	err := k.call(ctx, func(ctx context.Context) (err error) {
		got, err = k.client.Logical().ReadWithContext(ctx, k.mount+"/"+StatementsMount+"/keys/"+StatementKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	if got == nil {
		return nil, errors.New("vault: there is no statement key; set the state's mounts up")
	}
	latest, _ := got.Data["latest_version"].(json.Number)
	version, err := strconv.Atoi(latest.String())
	if err != nil {
		return nil, errors.New("vault: the statement key has no version")
	}
	versions, _ := got.Data["keys"].(map[string]any)
	entry, _ := versions[latest.String()].(map[string]any)
	text, _ := entry["public_key"].(string)
	public, err := parsePublic(fmt.Sprint(got.Data["type"]), text)
	if err != nil {
		return nil, fmt.Errorf("vault: the statement key: %w", err)
	}
	if public.KeyID, err = statement.Thumbprint(public.Key); err != nil {
		return nil, fmt.Errorf("vault: the statement key: %w", err)
	}
	return &signer{k: k, version: version, public: public}, nil
}

// parsePublic reads a public key as transit shows it: PEM for P-256, base64 of
// the 32 bytes for Ed25519.
func parsePublic(kind, text string) (jose.JSONWebKey, error) {
	switch kind {
	case "ed25519":
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return jose.JSONWebKey{}, errors.New("this is no Ed25519 key")
		}
		return jose.JSONWebKey{Key: ed25519.PublicKey(raw), Algorithm: string(jose.EdDSA), Use: "sig"}, nil
	case "ecdsa-p256":
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return jose.JSONWebKey{}, errors.New("this is no P-256 key in PEM")
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if p, ok := key.(*ecdsa.PublicKey); err == nil && ok && p.Curve == elliptic.P256() {
			return jose.JSONWebKey{Key: p, Algorithm: string(jose.ES256), Use: "sig"}, nil
		}
		return jose.JSONWebKey{}, errors.New("this is no P-256 key")
	}
	return jose.JSONWebKey{}, fmt.Errorf("it is of type %s; statements take ecdsa-p256 or ed25519", kind)
}

func (s *signer) KeyID() string { return s.public.KeyID }

func (s *signer) Algorithm() jose.SignatureAlgorithm {
	return jose.SignatureAlgorithm(s.public.Algorithm)
}

func (s *signer) Public() jose.JSONWebKey { return s.public }

// Sign gives the signature as JWS wants it (RFC 7518, section 3.4). Ed25519
// signs the input itself; for P-256 Vault gets its digest only.
func (s *signer) Sign(ctx context.Context, input []byte) ([]byte, error) {
	in := map[string]any{"key_version": s.version}
	encoding := base64.StdEncoding
	if s.Algorithm() == jose.ES256 {
		digest := sha256.Sum256(input)
		input = digest[:]
		in["prehashed"], in["hash_algorithm"], in["marshaling_algorithm"] = true, "sha2-256", "jws"
		encoding = base64.RawURLEncoding
	}
	in["input"] = base64.StdEncoding.EncodeToString(input)
	out, err := s.k.write(ctx, StatementsMount+"/sign/"+StatementKey, in)
	if err != nil {
		return nil, err
	}
	text, _ := out["signature"].(string)
	text, ok := strings.CutPrefix(text, "vault:v"+strconv.Itoa(s.version)+":")
	signature, err := encoding.DecodeString(text)
	if !ok || err != nil || len(signature) != 64 {
		return nil, errors.New("vault: it answered with something other than a signature")
	}
	return signature, nil
}
