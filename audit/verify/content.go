package verify

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ReadContent reads what an opening says. It is JSON (RFC 8259) that all readers
// read alike, whether they tell names apart by case and whichever of two equal
// ones they take: names are of letters and digits, begin with a small letter, and
// no two of one object differ by case alone. Members that are not known stay
// unread.
func ReadContent(content []byte, to any) error {
	if err := checkNames(content); err != nil {
		return err
	}
	return json.Unmarshal(content, to)
}

// checkNames refuses objects whose members other readers could take for others.
func checkNames(content []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(content))
	seen := []map[string]bool{} // by how deep the object is, nil for a list
	for {
		token, err := d.ReadToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch token.Kind() {
		case '{':
			seen = append(seen, map[string]bool{})
		case '[':
			seen = append(seen, nil)
		case '}', ']':
			seen = seen[:len(seen)-1]
		case '"':
			// After a name the object has an odd number of names and values.
			kind, n := d.StackIndex(d.StackDepth())
			if kind != '{' || n%2 == 0 {
				continue
			}
			name := token.String()
			folded := strings.ToLower(name)
			if !unambiguous(name) || seen[len(seen)-1][folded] {
				return fmt.Errorf("the member %.40q can be read in two ways", name)
			}
			seen[len(seen)-1][folded] = true
		}
	}
}

// unambiguous reports whether a name has nothing that some readers pass over or fold.
func unambiguous(name string) bool {
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('A' <= c && c <= 'Z' || '0' <= c && c <= '9'):
		default:
			return false
		}
	}
	return name != ""
}
