package vaultsetup

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/custodian/vault"
)

//go:embed record.hcl
var recordPolicy string

// RecordPolicy is the policy of the exchange's login for a mount of that name: to
// sign with the key of the log.
func RecordPolicy(mount string) string { return strings.ReplaceAll(recordPolicy, "MOUNT", mount) }

// SetupRecord makes the exchange's own mount, the Ed25519 key that signs its log,
// which Vault hands out to nobody, and the login of comityd that may sign with it
// and nothing else. Like [Setup] it may be repeated. The client carries the
// token of the administrator of the exchange's Vault, which is none of a state's.
func SetupRecord(ctx context.Context, client *api.Client, o Options) (Credential, error) {
	if err := vault.CheckMount(o.Mount); err != nil {
		return Credential{}, err
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	s := setter{client: client, o: o, whose: "record"}
	mount := o.Mount + "/" + vault.RecordMount
	c, err := s.run(ctx, RecordPolicy(o.Mount),
		func() error { return s.mount(ctx, mount, "transit", nil) },
		func() error { return s.signingKey(ctx, "key of the log", mount, vault.RecordKey, "ed25519") })
	if err != nil {
		return Credential{}, fmt.Errorf("set up Vault for the log: %w", err)
	}
	return c, nil
}
