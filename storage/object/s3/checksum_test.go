package s3

import (
	"encoding/base64"
	"strconv"
	"testing"

	"github.com/comity-platform/comity/storage/object"
)

// FuzzComposite: what a service says of an object is either a composite SHA-256 checksum, whole, or refused.
func FuzzComposite(f *testing.F) {
	sum := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, seed := range []string{sum + "-1", sum + "-10000", sum + "-10001", sum + "-0", sum + "--1", sum, "-1", "", sum[:40] + "-1", sum + "-1-1", sum + "-+1", sum + "-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, checksum string) {
		root, parts, err := composite(checksum)
		if err != nil {
			return
		}
		if want := base64.StdEncoding.EncodeToString(root[:]) + "-" + strconv.Itoa(parts); checksum != want || parts < 1 || parts > object.MaxParts {
			t.Errorf("%q read as %s", checksum, want)
		}
	})
}
