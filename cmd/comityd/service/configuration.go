package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime/debug"

	"github.com/comity-platform/comity/exchange"
)

// tellConfiguration has the record of acts tell every state by what this server goes.
// What was told already is not told again.
func (s *Service) tellConfiguration(ctx context.Context) error {
	hash, err := s.cfg.hash()
	if err != nil {
		return err
	}
	return s.exchange.TellConfiguration(ctx, exchange.Configuration{Version: version(), Hash: hash})
}

// hash is over the settings that all servers of an exchange have in common. Secrets
// are never settings. Where a server listens and keeps its own files is its own.
func (c Config) hash() (string, error) {
	c.Listen, c.MetricsListen, c.TLSCert, c.TLSKey, c.ManifestsSeen, c.LogLevel, c.LogFormat = "", "", "", "", "", "", ""
	raw, err := json.Marshal(c) // of structures and sorted maps: always the same for the same
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// version is that of this program's module, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" && (v == "(devel)" || v == "") {
			v = kv.Value
		}
	}
	return v
}
