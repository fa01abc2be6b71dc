package client

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed operations
var operationFiles embed.FS

// documents are the operations by name, each complete with the fragments that
// it uses, as they are sent.
var documents = compose()

var spread = regexp.MustCompile(`\.\.\.([A-Z]\w*)`)

// compose puts each operation together with its fragments. The files are part
// of the program: one that is missing is a fault of the program.
func compose() map[string]string {
	read := func(dir string) map[string]string {
		files, err := operationFiles.ReadDir(dir)
		if err != nil {
			panic(err)
		}
		out := map[string]string{}
		for _, f := range files {
			if name, ok := strings.CutSuffix(f.Name(), ".graphql"); ok {
				b, err := operationFiles.ReadFile(path.Join(dir, f.Name()))
				if err != nil {
					panic(err)
				}
				out[name] = string(b)
			}
		}
		return out
	}
	fragments, operations := read("operations/fragments"), read("operations")
	for name, text := range operations {
		used := map[string]bool{}
		var need func(string)
		need = func(text string) {
			for _, m := range spread.FindAllStringSubmatch(text, -1) {
				f, ok := fragments[m[1]]
				if !ok {
					panic(fmt.Sprintf("client: %s uses the fragment %s, which there is not", name, m[1]))
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
