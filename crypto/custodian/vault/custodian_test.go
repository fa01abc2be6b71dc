package vault_test

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/custodiantest"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func TestCustodian(t *testing.T) {
	custodiantest.RunCustodian(t, func(t *testing.T) custodian.Keys { return open(t, setUp(t, stacktest.TestVault(t), jose.ES256)) })
}

// TestSealedCustodian: a sealed Vault's exhibits cannot be read, the error names
// whose Vault it is, and the officer's act is still good once it is back.
func TestSealedCustodian(t *testing.T) {
	ctx, v := t.Context(), stacktest.PrivateVault(t)
	w := custodiantest.NewWorld(t, open(t, setUp(t, v, jose.EdDSA)))
	e := w.NewExhibit(t, w.NewCase(t))
	order := w.Order(t, "investigator@KZ", e, "", comity.PurposeInvestigation)
	away := func() {
		t.Helper()
		_, err := w.Local.Release(ctx, order)
		if comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "the custodian of KZ") {
			t.Fatalf("a release while Vault is away: %v", err)
		}
		if _, _, err := w.Local.NewRecordKey(ctx, e.Case); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("a record key while Vault is away: %v", err)
		}
		if _, err := w.Local.RecordKey(ctx, e.Case, "vault:v1:x"); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("a record key while Vault is away: %v", err)
		}
		if err := w.Local.Check(ctx); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("ready while Vault is away: %v", err)
		}
	}
	if err := v.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	away()
	if err := v.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { _, err := w.Local.Release(ctx, order); return err })
	if _, err := w.Local.Release(ctx, order); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("the act is good for a second key: %v", err)
	}
	if err := v.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	order = w.Order(t, "investigator@KZ", e, "", comity.PurposeInvestigation)
	away()
}
