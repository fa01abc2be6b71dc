// Package operations holds the documents that this project's own clients send.
// A server knows them by their ids and has them compiled before anybody asks
// (trusted documents).
package operations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.graphql fragments
var files embed.FS

// documents are the operations by name, each complete with the fragments that
// it uses, as they are sent.
var documents = compose()

// All gives the documents by the name of the one operation that each holds.
func All() map[string]string { return maps.Clone(documents) }

// Document gives a document by the name of its operation.
func Document(name string) (text string, ok bool) {
	text, ok = documents[name]
	return text, ok
}

// ID names a document by the SHA-256 of its text, in the form of GraphQL over
// HTTP, appendix A ("sha256:" and 64 hexadecimal digits).
func ID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

var spread = regexp.MustCompile(`\.\.\.([A-Z]\w*)`)

// compose puts each operation together with its fragments. The files are part
// of the program: one that is missing is a fault of the program.
func compose() map[string]string {
	read := func(dir string) map[string]string {
		entries, err := files.ReadDir(dir)
		if err != nil {
			panic(err)
		}
		out := map[string]string{}
		for _, f := range entries {
			if name, ok := strings.CutSuffix(f.Name(), ".graphql"); ok {
				b, err := files.ReadFile(path.Join(dir, f.Name()))
				if err != nil {
					panic(err)
				}
				out[name] = string(b)
			}
		}
		return out
	}
	fragments, operations := read("fragments"), read(".")
	for name, text := range operations {
		used := map[string]bool{}
		var need func(string)
		need = func(text string) {
			for _, m := range spread.FindAllStringSubmatch(text, -1) {
				f, ok := fragments[m[1]]
				if !ok {
					panic(fmt.Sprintf("operations: %s uses the fragment %s, which there is not", name, m[1]))
				}
				if !used[m[1]] {
					used[m[1]] = true
					need(f)
				}
			}
		}
		need(text)
		for _, f := range slices.Sorted(maps.Keys(used)) {
			text += fragments[f]
		}
		operations[name] = text
	}
	return operations
}
