package graph

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/graph/input"
	"github.com/comity-platform/comity/graph/sdl"
)

// maxSigned bounds a JWS or JWK as input, in bytes.
const maxSigned = 16 << 10

var compactJWS = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// scalars are the custom scalars of the schema. What is read is kept as text,
// in one spelling, and made a Go value with the input that it belongs to.
func scalars() map[string]sdl.Scalar {
	text := func(ok func(string) (string, bool)) func(any) any {
		return func(v any) any {
			if s, is := v.(string); is {
				if read, fine := ok(s); fine {
					return read
				}
			}
			return nil
		}
	}
	return map[string]sdl.Scalar{
		"DateTime": {Write: writeTime, Read: text(func(s string) (string, bool) {
			t, err := time.Parse(time.RFC3339Nano, s)
			return t.UTC().Format(time.RFC3339Nano), err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
		})},
		"UUID": {Write: writeText, Read: text(func(s string) (string, bool) {
			u, err := uuid.Parse(s)
			return u.String(), err == nil && len(s) == 36
		})},
		"Base64": {Write: writeBase64, Read: text(func(s string) (string, bool) {
			_, err := base64.StdEncoding.Strict().DecodeString(s)
			return s, err == nil && !strings.ContainsAny(s, "\r\n")
		})},
		"Hex": {Write: writeHex, Read: text(func(s string) (string, bool) {
			_, err := hex.DecodeString(s)
			return s, err == nil && s == strings.ToLower(s)
		})},
		"JWS": {Write: writeText, Read: text(func(s string) (string, bool) { return s, len(s) <= maxSigned && compactJWS.MatchString(s) })},
		"JWK": {Write: writeText, Read: text(func(s string) (string, bool) {
			if len(s) > maxSigned {
				return "", false
			}
			_, err := statement.ParsePublicKey([]byte(s))
			return s, err == nil
		})},
		"URL": {Write: writeText, Read: text(func(s string) (string, bool) {
			u, err := url.Parse(s)
			return s, err == nil && u.IsAbs()
		})},
		"Long": {Write: writeLong, Read: func(v any) any {
			if n, ok := input.Whole(v); ok && n >= 0 {
				return n
			}
			return nil
		}},
	}
}

func writeText(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	return nil
}

func writeTime(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return nil
}

func writeBase64(v any) any {
	switch b := v.(type) {
	case []byte:
		return base64.StdEncoding.EncodeToString(b)
	case [12]byte:
		return base64.StdEncoding.EncodeToString(b[:])
	}
	return nil
}

func writeHex(v any) any {
	switch b := v.(type) {
	case string:
		return b
	case [32]byte:
		return hex.EncodeToString(b[:])
	}
	return nil
}

func writeLong(v any) any {
	switch n := v.(type) {
	case int64:
		return n
	case uint64:
		return n
	}
	return nil
}
