package vault

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/api"
	"golang.org/x/mod/sumdb/note"
)

// The exchange's own mount below [Config.Mount], which is none of a state's.
const (
	RecordMount = "record" // transit: the key of the log
	RecordKey   = "log"    // that key's name
)

// LogSigner signs the log's checkpoints with an Ed25519 key that never leaves the
// exchange's Vault. It implements [note.Signer] and [note.Verifier].
type LogSigner struct {
	note.Verifier
	k       *Keys
	version int
	text    string
}

// OpenLog logs in to the exchange's Vault and reads the public half of the log's
// key, in its newest version: a rotated key is signed with only after a restart,
// so that its public half can reach the manifests first. The name is the log's
// origin. Unlike a state's, this Vault must answer, since nothing is published
// without it.
func OpenLog(ctx context.Context, c Config, name string) (*LogSigner, error) {
	k, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &LogSigner{k: k}
	if err := s.read(ctx, name); err != nil {
		return nil, errors.Join(err, k.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *LogSigner) read(ctx context.Context, name string) error {
	var got *api.Secret
	err := s.k.call(ctx, func(ctx context.Context) (err error) {
		got, err = s.k.client.Logical().ReadWithContext(ctx, s.k.mount+"/"+RecordMount+"/keys/"+RecordKey)
		return err
	})
	if err != nil {
		return err
	}
	if got == nil {
		return errors.New("vault: there is no key of the log; set the exchange's mount up")
	}
	var public ed25519.PublicKey
	if s.version, public, err = newestEd25519(got.Data); err != nil {
		return fmt.Errorf("vault: the key of the log: %w", err)
	}
	if s.text, err = note.NewEd25519VerifierKey(name, public); err != nil {
		return fmt.Errorf("vault: the key of the log: %w", err)
	}
	s.Verifier, err = note.NewVerifier(s.text)
	return err
}

// newestEd25519 reads the newest version of a transit key.
func newestEd25519(data map[string]any) (version int, public ed25519.PublicKey, err error) {
	latest := fmt.Sprint(data["latest_version"])
	if version, err = strconv.Atoi(latest); err != nil {
		return 0, nil, errors.New("it has no version")
	}
	versions, _ := data["keys"].(map[string]any)
	entry, _ := versions[latest].(map[string]any)
	text, _ := entry["public_key"].(string)
	if kind := fmt.Sprint(data["type"]); kind != "ed25519" {
		return 0, nil, fmt.Errorf("it is of type %s; checkpoints take ed25519", kind)
	}
	key, err := parsePublic("ed25519", text)
	if err != nil {
		return 0, nil, err
	}
	public, _ = key.Key.(ed25519.PublicKey) // or parsePublic fails
	return version, public, nil
}

// Public is the key as states' manifests name it (C2SP signed-note, a verifier key).
func (s *LogSigner) Public() string { return s.text }

// Sign implements [note.Signer]. What Vault answers is checked, since a signature
// of another key would be stored and sent to all.
func (s *LogSigner) Sign(msg []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.k.timeout)
	defer cancel()
	out, err := s.k.write(ctx, RecordMount+"/sign/"+RecordKey, map[string]any{
		"key_version": s.version, "input": base64.StdEncoding.EncodeToString(msg),
	})
	if err != nil {
		return nil, err
	}
	text, _ := out["signature"].(string)
	text, ok := strings.CutPrefix(text, "vault:v"+strconv.Itoa(s.version)+":")
	signature, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || !s.Verify(msg, signature) {
		return nil, errors.New("vault: it answered with something other than the log's signature")
	}
	return signature, nil
}

// Check tells what stands in the way of signing.
func (s *LogSigner) Check(ctx context.Context) error {
	_, err := s.k.health(ctx)
	return explain(err)
}

// Close revokes the login.
func (s *LogSigner) Close(ctx context.Context) error { return s.k.Close(ctx) }
