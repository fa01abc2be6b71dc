package vault

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/custodian"
)

// Keys is a state's Vault. It is safe for concurrent use.
type Keys struct {
	client    *api.Client // with the session's token
	door      *api.Client // without a token, for logins and health
	auth      api.AuthMethod
	mount     string
	namespace bool
	timeout   time.Duration

	turn     chan struct{} // held while the fields below are used
	current  *session
	failed   error
	failedAt time.Time
	closed   bool

	signing chan struct{} // held while signer is used
	signer  *signer
}

var _ custodian.Keys = (*Keys)(nil)

// Open logs in to the state's Vault. A Vault that is sealed or away is no
// error, since one state's must not keep the others' exchange from starting:
// every call answers an error until it is back, and then works. A fault of the
// configuration is, a refused login or a certificate that is not trusted included.
func Open(ctx context.Context, c Config) (*Keys, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	door, err := c.Client()
	if err != nil {
		return nil, err
	}
	auth, err := newAuth(c)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	k := &Keys{client: client, door: door, auth: auth, mount: c.Mount, namespace: c.Namespace != "", timeout: c.Timeout,
		turn: make(chan struct{}, 1), signing: make(chan struct{}, 1)}
	if k.timeout == 0 {
		k.timeout = defaultTimeout
	}
	_, err = k.enter(ctx, nil)
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if code := status(err); distrusted || errors.Is(err, ErrNamespace) || code >= 400 && code < 500 {
		return nil, err
	}
	return k, nil
}

// Close revokes the login. The calls that follow fail.
func (k *Keys) Close(ctx context.Context) error {
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	had := k.current != nil && !k.current.over()
	k.leave()
	k.closed = true
	if !had {
		return nil
	}
	if err := k.client.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return explain(err)
	}
	k.client.ClearToken()
	return nil
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,127}$`)

// write posts to a path below the state's mounts.
func (k *Keys) write(ctx context.Context, path string, in map[string]any) (map[string]any, error) {
	var out map[string]any
	err := k.call(ctx, func(ctx context.Context) error {
		secret, err := k.client.Logical().WriteWithContext(ctx, k.mount+"/"+path, in)
		if err == nil && secret != nil {
			out = secret.Data
		}
		return err
	})
	return out, err
}

// CreateKey makes an AES-256 key that is derived anew for every context, so
// that Vault refuses to use it without one.
func (k *Keys) CreateKey(ctx context.Context, name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("vault: %q cannot name a key", name)
	}
	_, err := k.write(ctx, CasesMount+"/keys/"+name, map[string]any{"type": "aes256-gcm96", "derived": true})
	return err
}

// DestroyKey implements [custodian.Keys]. Vault deletes only a key that was
// made deletable before, in a call of its own: one that was interrupted between
// the two is repeated from the first.
func (k *Keys) DestroyKey(ctx context.Context, name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("vault: %q cannot name a key", name)
	}
	_, err := k.write(ctx, CasesMount+"/keys/"+name+"/config", map[string]any{"deletion_allowed": true})
	if err == nil {
		err = k.call(ctx, func(ctx context.Context) error {
			_, err := k.client.Logical().DeleteWithContext(ctx, k.mount+"/"+CasesMount+"/keys/"+name)
			return err
		})
	}
	if noKey(err) { // another was as fast, or it was never made
		return nil
	}
	return err
}

// noKey reports whether Vault refused to change or delete a key as there is none.
func noKey(err error) bool {
	return status(err) == http.StatusBadRequest && (strings.Contains(err.Error(), "no existing key named") ||
		strings.Contains(err.Error(), "could not delete key; not found"))
}

// DataKey implements [custodian.Keys].
func (k *Keys) DataKey(ctx context.Context, name string, context [32]byte) ([]byte, string, error) {
	if !nameForm.MatchString(name) {
		return nil, "", fmt.Errorf("vault: %q cannot name a key", name)
	}
	out, err := k.write(ctx, CasesMount+"/datakey/plaintext/"+name, map[string]any{
		"bits": 256, "context": base64.StdEncoding.EncodeToString(context[:]),
	})
	if err != nil {
		return nil, "", absent(name, err)
	}
	wrapped, _ := out["ciphertext"].(string)
	plain, err := plainKey(out)
	if err != nil || wrapped == "" {
		return nil, "", errors.New("vault: it answered with something other than a data key")
	}
	return plain, wrapped, nil
}

// Unwrap implements [custodian.Keys].
func (k *Keys) Unwrap(ctx context.Context, name string, context [32]byte, wrapped string) ([]byte, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("vault: %q cannot name a key", name)
	}
	out, err := k.write(ctx, CasesMount+"/decrypt/"+name, map[string]any{
		"ciphertext": wrapped, "context": base64.StdEncoding.EncodeToString(context[:]),
	})
	if err = absent(name, err); errors.Is(err, custodian.ErrAbsent) {
		return nil, err
	}
	if status(err) == http.StatusBadRequest {
		return nil, fmt.Errorf("%w: %w", custodian.ErrWrapped, err)
	}
	if err != nil {
		return nil, err
	}
	plain, err := plainKey(out)
	if err != nil {
		return nil, custodian.ErrWrapped
	}
	return plain, nil
}

func plainKey(out map[string]any) ([]byte, error) {
	text, _ := out["plaintext"].(string)
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(plain) != 32 {
		clear(plain)
		return nil, errors.New("vault: not a key of 32 bytes")
	}
	return plain, nil
}

// absent tells a missing transit key, which Vault answers as a bad request,
// from other errors.
func absent(name string, err error) error {
	if status(err) == http.StatusBadRequest && strings.Contains(err.Error(), "encryption key not found") {
		return fmt.Errorf("vault: key %s: %w", name, custodian.ErrAbsent)
	}
	return err
}

var registerForm = regexp.MustCompile(`^[a-z]+/[a-z0-9_]{1,127}$`)

// entryField is the one field of an entry in the KV engine.
const entryField = "entry"

// RegisterGet implements [custodian.Keys].
func (k *Keys) RegisterGet(ctx context.Context, key string) ([]byte, int64, error) {
	if !registerForm.MatchString(key) {
		return nil, 0, fmt.Errorf("vault: %q cannot name a register entry", key)
	}
	var got *api.KVSecret
	err := k.call(ctx, func(ctx context.Context) (err error) {
		got, err = k.client.KVv2(k.mount+"/"+RegisterMount).Get(ctx, key)
		return err
	})
	if errors.Is(err, api.ErrSecretNotFound) {
		return nil, 0, custodian.ErrAbsent
	}
	if err != nil {
		return nil, 0, err
	}
	value, ok := got.Data[entryField].(string)
	if !ok || got.VersionMetadata == nil {
		// Somebody deleted or replaced it by hand. Taken for absent, it would
		// bring a revoked grant back to life.
		return nil, 0, fmt.Errorf("vault: register entry %s was deleted or damaged; undelete it", key)
	}
	return []byte(value), int64(got.VersionMetadata.Version), nil
}

// RegisterPut implements [custodian.Keys].
func (k *Keys) RegisterPut(ctx context.Context, key string, value []byte, version int64) error {
	if !registerForm.MatchString(key) {
		return fmt.Errorf("vault: %q cannot name a register entry", key)
	}
	if !utf8.Valid(value) {
		return errors.New("vault: a register entry is UTF-8 text")
	}
	err := k.call(ctx, func(ctx context.Context) error {
		_, err := k.client.KVv2(k.mount+"/"+RegisterMount).Put(ctx, key,
			map[string]any{entryField: string(value)}, api.WithCheckAndSet(int(version)))
		return err
	})
	if status(err) == http.StatusBadRequest && strings.Contains(err.Error(), "check-and-set") {
		return custodian.ErrCAS
	}
	return err
}

// Check tells what stands in the way: a sealed Vault, a refused login, or a
// mount or key that the setup did not make.
func (k *Keys) Check(ctx context.Context) error {
	if _, err := k.health(ctx); err != nil {
		return explain(err)
	}
	if _, err := k.readSigner(ctx); err != nil {
		return err
	}
	if _, _, err := k.RegisterGet(ctx, "case/none"); err != nil && !errors.Is(err, custodian.ErrAbsent) {
		return err
	}
	return nil
}
