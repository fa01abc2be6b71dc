package sovereignty

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

var update = flag.Bool("update", false, "write docs/articles.md anew")

const docsFile = "../docs/articles.md"

// TestDocs holds docs/articles.md against the policies and the decision tables,
// from which it is made.
func TestDocs(t *testing.T) {
	made := docs(t)
	if *update {
		if err := os.WriteFile(docsFile, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stands, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(stands) != made {
		t.Errorf("%s is not what the policies say; make it anew with: go test ./sovereignty -run Docs -update", docsFile)
	}
}

func docs(t *testing.T) string {
	p, tables := load(t), readTables(t)
	var b strings.Builder
	b.WriteString(docsHead)
	for i, a := range precedence {
		fmt.Fprintf(&b, "%d. %s\n", i+1, a)
	}
	fmt.Fprintf(&b, "\nThe set has %d policies; its hash, which a state accepts in its manifest, is `%s`.\n", len(p.rules), p.Hash())
	for a := comity.ArticleOriginator; a.Valid(); a++ {
		fmt.Fprintf(&b, "\n## %s\n\n", a)
		file, text, source := policyText(t, a)
		fmt.Fprintf(&b, "%s\n", text)
		rules := rulesOf(p, a)
		if len(rules) > 0 {
			b.WriteString("\n| policy | effect | acts | reason | cure | who can do that |\n|---|---|---|---|---|---|\n")
		}
		for _, r := range rules {
			effect := "forbids"
			switch {
			case r.permit:
				effect = "permits"
			case r.absent:
				effect = "forbids, answered as absent"
			}
			var acts []string
			for _, action := range r.actions {
				acts = append(acts, string(action))
			}
			var who []string
			for _, w := range r.who {
				who = append(who, w.String())
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.id, effect, strings.Join(acts, ", "), r.reason, r.cure, strings.Join(who, "; "))
		}
		if rows := examples(tables[a]); len(rows) > 0 {
			b.WriteString("\nExamples, from the decision table:\n\n| who | act | record | circumstances | answer | by |\n|---|---|---|---|---|---|\n")
			for _, r := range rows {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | `%s` |\n", r.text[0], r.question.Action, r.text[2], r.text[3], r.answer, r.policy)
			}
		}
		if source != "" {
			fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n```cedar\n%s\n```\n\n</details>\n", file, source)
		}
	}
	return b.String()
}

const docsHead = `# The sixteen Articles

Made from the policies in ` + "`sovereignty/`" + ` and their decision tables by ` + "`go test ./sovereignty -run Docs -update`" + `; do not edit it here.

What no policy permits is denied (Article 16). One policy that forbids outweighs all that permit. When several forbid, the
answer names the first in this order of the Articles, and within an Article the first in its file:

`

// policyText splits a policy file into the text of its Article and its policies.
func policyText(t *testing.T, a comity.Article) (file, text, source string) {
	for name, f := range set(t) {
		if !strings.HasPrefix(name, fmt.Sprintf("article%02d_", int(a))) {
			continue
		}
		lines := strings.Split(string(f.Data), "\n")
		n := slices.IndexFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "//") })
		var words []string
		for _, l := range lines[1:n] { // the first line is the title
			words = append(words, strings.TrimSpace(strings.TrimPrefix(l, "//")))
		}
		if want := fmt.Sprintf("// %s.", a); lines[0] != want {
			t.Errorf("%s begins with %q, not with %q", name, lines[0], want)
		}
		return name, strings.Join(words, "\n"), strings.TrimSpace(strings.Join(lines[n:], "\n"))
	}
	t.Fatalf("there is no file for %s", a)
	return "", "", ""
}

func rulesOf(p *Policies, a comity.Article) (rules []rule) {
	for _, r := range p.rules {
		if r.article == a {
			rules = append(rules, r)
		}
	}
	slices.SortFunc(rules, func(a, b rule) int { return a.order - b.order })
	return rules
}

// examples takes the first row of each answer.
func examples(rows []row) (some []row) {
	for _, answer := range []string{"permit", "deny", "absent"} {
		if i := slices.IndexFunc(rows, func(r row) bool { return r.answer == answer }); i >= 0 {
			some = append(some, rows[i])
		}
	}
	return some
}
