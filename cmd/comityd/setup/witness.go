package setup

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/union"
)

// LogKey is the file of the private key of the sample union's log, where it is in no Vault.
func LogKey(dir string) string { return filepath.Join(dir, "log-key") }

// Witness is the folder of a state's witness: its key and what it has cosigned.
func Witness(dir string, s comity.State) string {
	return filepath.Join(dir, "states", string(s), "witness")
}

// logPublic is the public key of the log. One in a file is made if it is missing.
func logPublic(ctx context.Context, cfg service.Config) (public string, err error) {
	if cfg.Record.Key != "" {
		if _, err := notekey.ReadOrMake(cfg.Record.Key, verify.Origin(cfg.Union)); err != nil {
			return "", fmt.Errorf("setup: the key of the log: %w", err)
		}
	}
	key, err := cfg.Record.Open(ctx, cfg.Union)
	if err != nil {
		return "", fmt.Errorf("setup: the key of the log: %w", err)
	}
	return key.Public, key.Close(ctx)
}

// logTrust is what a state's manifest says of the log: the key of its witness is
// made if it is missing. Of the other six states' witnesses three must have
// cosigned: with the own one most of the seven, so that no two trees are both
// cosigned for somebody. url is where the witness answers.
func logTrust(ctx context.Context, dir string, s comity.State, url, logKey string) (statement.LogTrust, error) {
	key, err := witness.Make(ctx, Witness(dir, s), verify.Origin(union.Name), verify.WitnessName(union.Name, string(s)))
	if err != nil {
		return statement.LogTrust{}, fmt.Errorf("setup: the witness of %s: %w", s, err)
	}
	return statement.LogTrust{Keys: []string{logKey}, Witnesses: []string{key.Public()}, WitnessURL: url, Others: 3}, nil
}
