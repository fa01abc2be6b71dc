package service

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/crypto/statement"
)

// RecordConfig says where the exchange's own key is that signs the log of the
// record of acts: in a Vault, or in development in a file.
type RecordConfig struct {
	Key   string       `json:"key,omitzero"` // file (C2SP signed-note, a signer key); development only
	Vault *VaultConfig `json:"vault,omitzero"`
}

// UnmarshalJSON reads it from a flag or the environment, as strictly as from a file.
func (c *RecordConfig) UnmarshalJSON(raw []byte) error {
	r := fileReader{}
	r.decodeStruct(raw, reflect.ValueOf(c).Elem(), "")
	var faults []error
	for _, f := range r.faults {
		faults = append(faults, errors.New(strings.TrimPrefix(f.Where, ":")+": "+f.Message))
	}
	return errors.Join(faults...)
}

// LogKey is the opened key of the log.
type LogKey struct {
	audit.Signer
	Public string // as manifests name it (C2SP signed-note, a verifier key)

	check func(context.Context) error
	close func(context.Context) error
}

// Open opens the key of a union's log.
func (c RecordConfig) Open(ctx context.Context, union string) (LogKey, error) {
	origin := verify.Origin(union)
	if c.Vault != nil {
		s, err := vault.OpenLog(ctx, c.Vault.config(), origin)
		if err != nil {
			return LogKey{}, err
		}
		return LogKey{Signer: s, Public: s.Public(), check: s.Check, close: s.Close}, nil
	}
	nothing := func(context.Context) error { return nil }
	k := LogKey{check: nothing, close: nothing}
	skey, err := notekey.Read(c.Key)
	if err != nil {
		return k, err
	}
	if k.Signer, err = note.NewSigner(skey); err != nil {
		return k, fmt.Errorf("%s: %w", c.Key, err)
	}
	if k.Name() != origin {
		return k, fmt.Errorf("%s is the key of %q, and this union's log is %q", c.Key, k.Name(), origin)
	}
	k.Public, err = notekey.LogPublic(skey)
	return k, err
}

// Close gives it back.
func (k LogKey) Close(ctx context.Context) error { return k.close(ctx) }

// checkRecord checks where the key is, opens it where it can be, and whether the
// states accept it.
func (c *checker) checkRecord(ctx context.Context, known map[comity.State]statement.Manifest) {
	where := func(rest string) string { return c.where("record", rest) }
	r := c.cfg.Record
	switch {
	case r.Key == "" && r.Vault == nil:
		c.add(where(""), "there is no key that signs the log: give a vault, or in development the file of a key")
		return
	case r.Key != "" && r.Vault != nil:
		c.add(where(""), "there are two keys of the log; give either a vault or a file")
		return
	case r.Key != "":
		c.safe(false, where("/key"), "a key in a file is whose who reads it, and with it a second log can be shown; take a vault")
	default:
		before := len(c.faults)
		c.checkVault(ctx, where, *r.Vault)
		if len(c.faults) > before {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, partAnswers)
	defer cancel()
	k, err := r.Open(ctx, c.cfg.Union)
	if err != nil {
		if r.Key != "" { // a Vault that is away is no fault of the configuration; a start says so
			c.add(where("/key"), "%v", err)
		}
		return
	}
	defer k.Close(context.WithoutCancel(ctx)) //nolint:errcheck // a login that is not given back ends by itself
	for _, state := range sortedKeys(known) {
		if m := known[state]; !slices.Contains(m.Log.Keys, k.Public) {
			c.ofState(state, c.cfg.manifestPath(state)+":/log/keys", "the manifest of %s does not name the key that signs the log here, %s; its custodian releases nothing", state, k.Public)
		}
	}
}
