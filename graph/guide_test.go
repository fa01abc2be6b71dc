package graph

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	guideExample = regexp.MustCompile("(?s)```graphql\n# as (\\S+?@[A-Z]{2})(?:, (\\$[A-Z]+) = (\\S+))?\n(.*?)```(?:\n\n```json\n(.*?)```)?")
	guideID      = regexp.MustCompile(`\$[A-Z]{2,}`)
)

// TestGuide runs every example of the API guide, in order: none answers an
// error, and each id that a later one uses is there.
func TestGuide(t *testing.T) {
	raw, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := guideExample.FindAllStringSubmatch(string(raw), -1)
	if want := strings.Count(string(raw), "```graphql"); len(examples) != want || want < 8 {
		t.Fatalf("%d of %d examples name who runs them", len(examples), want)
	}
	a := serveAPI(t, nil)
	ids := map[string]string{}
	for _, e := range examples {
		officer, name, at, query, variables := e[1], e[2], e[3], e[4], e[5]
		if variables == "" {
			variables = "{}"
		}
		variables = guideID.ReplaceAllStringFunc(variables, func(id string) string {
			if ids[id] == "" {
				t.Fatalf("no earlier example gives %s", id)
			}
			return ids[id]
		})
		var given map[string]any
		if err := json.Unmarshal([]byte(variables), &given); err != nil {
			t.Fatalf("the variables %s: %v", variables, err)
		}
		got := a.as(t, officer).call(t, query, given)
		if got.status != 200 || len(got.Errors) > 0 || strings.Contains(got.raw, `"message"`) {
			t.Errorf("as %s: %s\nanswers %d %s", officer, query, got.status, got.raw)
		}
		if name != "" {
			var value any = got.Data
			for _, step := range strings.Split(at, ".") {
				value = dig(t, value, step)
			}
			ids[name] = value.(string)
		}
	}
}
