package client_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
)

// FuzzLogEntry: an entry as a server could send it, with a leaf that commits to
// its content, holds only when it says what its content says.
func FuzzLogEntry(f *testing.F) {
	f.Add(`{"act":"read","outcome":"READ","at":"2026-03-01T12:00:00Z","state":"KZ","records":[{"id":"case1_x"}]}`,
		`{"act":"read","outcome":"READ","at":"2026-03-01T12:00:00Z","actor":{"state":"KZ"},"records":[{"id":"case1_x","denied":9}],"policies":""}`, strings.Repeat("00", 32))
	f.Add(`{"act":"read","index":-1}`, `{"act":1}`, "")
	f.Add(`{"at":"0001-01-01T00:00:00Z"}`, `{}`, strings.Repeat("ff", 32))
	f.Fuzz(func(t *testing.T, entry, content, salt string) {
		var e client.LogEntry
		if json.Unmarshal([]byte(entry), &e) != nil {
			return
		}
		e.Content = content
		if raw, err := hex.DecodeString(salt); err == nil && len(raw) == 32 {
			commitment := verify.Commitment("KZ", [32]byte(raw), []byte(content))
			leaf := verify.Leaf([][32]byte{commitment})
			e.Salt, e.Commitments, e.Leaf = salt, []string{hex.EncodeToString(commitment[:])}, hex.EncodeToString(leaf[:])
		}
		if client.VerifyLogEntry(&e, "KZ") != nil {
			return
		}
		var said struct {
			Act     string `json:"act"`
			Outcome string `json:"outcome"`
			Records []any  `json:"records"`
		}
		if err := json.Unmarshal([]byte(content), &said); err != nil || said.Act != e.Act || said.Outcome != e.Outcome || len(said.Records) != len(e.Records) {
			t.Fatalf("%+v holds, and its leaf commits to %s", e, content)
		}
	})
}
