package verify

import (
	"fmt"
	"strings"
)

// Origin is the first line of the checkpoints of a union's log (C2SP
// tlog-checkpoint), and the name of the keys that sign them: "comity/log/" and
// the union's name, in which every byte but letters, digits and -._~ of ASCII is
// written as %XX, since a key's name has neither spaces nor pluses.
func Origin(union string) string {
	var b strings.Builder
	b.WriteString("comity/log/")
	for _, c := range []byte(union) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
