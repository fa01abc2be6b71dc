package verify

import (
	"fmt"
	"strings"
)

// Origin is the first line of the checkpoints of a union's log (C2SP
// tlog-checkpoint), and the name of the keys that sign them: "comity/log/" and
// the union's name, in which every byte but letters, digits and -._~ of ASCII is
// written as %XX, since a key's name has neither spaces nor pluses.
func Origin(union string) string { return "comity/log/" + keyName(union) }

// WitnessName is what the key of a state's witness is called: "comity/witness/",
// the union's name as in [Origin], "/" and the state's two letters. Further keys of
// the same state may have a "/" and more after it, see [IsWitnessName].
func WitnessName(union, state string) string {
	return "comity/witness/" + keyName(union) + "/" + keyName(state)
}

// IsWitnessName reports whether a key of a state's witness may be called so: no
// key is then called like the log's, or like one of another state.
func IsWitnessName(name, union, state string) bool {
	own := WitnessName(union, state)
	return name == own || strings.HasPrefix(name, own+"/")
}

func keyName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
