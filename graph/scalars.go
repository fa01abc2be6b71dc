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
		"DateTime": {Time: appendTime, Read: text(func(s string) (string, bool) {
			t, err := time.Parse(time.RFC3339Nano, s)
			return t.UTC().Format(time.RFC3339Nano), err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
		})},
		"UUID": {Text: true, Read: text(func(s string) (string, bool) {
			u, err := uuid.Parse(s)
			return u.String(), err == nil && len(s) == 36
		})},
		"Base64": {Bytes: appendBase64, Read: text(func(s string) (string, bool) {
			_, err := base64.StdEncoding.Strict().DecodeString(s)
			return s, err == nil && !strings.ContainsAny(s, "\r\n")
		})},
		"Hex": {Text: true, Bytes: appendHex, Read: text(func(s string) (string, bool) {
			_, err := hex.DecodeString(s)
			return s, err == nil && s == strings.ToLower(s)
		})},
		"JWS": {Text: true, Read: text(func(s string) (string, bool) { return s, len(s) <= maxSigned && compactJWS.MatchString(s) })},
		"JWK": {Text: true, Read: text(func(s string) (string, bool) {
			if len(s) > maxSigned {
				return "", false
			}
			_, err := statement.ParsePublicKey([]byte(s))
			return s, err == nil
		})},
		"URL": {Text: true, Read: text(func(s string) (string, bool) {
			u, err := url.Parse(s)
			return s, err == nil && u.IsAbs()
		})},
		"Long": {Number: true, Read: func(v any) any {
			if n, ok := input.Whole(v); ok && n >= 0 {
				return n
			}
			return nil
		}},
	}
}

func appendTime(buf []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(buf, '"'), time.RFC3339Nano), '"')
}

func appendBase64(buf, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(buf, '"'), b), '"')
}

func appendHex(buf, b []byte) []byte {
	return append(hex.AppendEncode(append(buf, '"'), b), '"')
}
