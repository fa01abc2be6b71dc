package custodian_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/comity-platform/comity/crypto/custodian"
)

// TestRecordKeyIsNotPrinted plants a key and looks for it.
func TestRecordKeyIsNotPrinted(t *testing.T) {
	key := custodian.RecordKey(bytes.Repeat([]byte{0xA7}, 32))
	holder := struct {
		Name string
		Key  custodian.RecordKey
		Of   *custodian.RecordKey
	}{"case", key, &key}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q", "%o"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "key", key, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "key", key, "holder", holder)
	for _, form := range []string{"\xa7\xa7", hex.EncodeToString(key[:2]), "A7A7", "167 167", "167,167", "247247", "p6en", "0xa7"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed as %q", form)
		}
	}
	if raw, err := json.Marshal(holder); err == nil {
		t.Errorf("the key is marshalled: %s", raw)
	}
}
