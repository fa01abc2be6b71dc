package sovereignty

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/cedar-policy/cedar-go/types"
)

// questionsFile is where bench/articles has the decision tables written to.
var questionsFile = flag.String("questions", "", "`file` to write every question of the decision tables to, as JSON")

// asJSON is the decision tables and what a translation of the policies needs to
// know beside their text. Package bench/articles reads it.
type asJSON struct {
	Order  map[Action][]string // the policies of each action in the order in which they speak
	Groups map[Action][]string // the groups that each action is in
	Rows   []rowJSON
}

type rowJSON struct {
	At       string
	Question Question
	Facts    factsJSON
	Permit   bool
	Policy   string
}

// factsJSON are a question's facts as Cedar takes them.
type factsJSON struct {
	Principal     types.EntityType
	Action        types.String
	Resource      types.EntityType
	PrincipalHas  types.Record
	ResourceHas   types.Record
	Circumstances types.Record
}

// TestQuestionsAsJSON puts every question of the tables through JSON and wants
// the same decision of it; with -questions it keeps what it wrote.
func TestQuestionsAsJSON(t *testing.T) {
	p := load(t)
	c, err := newChecker()
	if err != nil {
		t.Fatal(err)
	}
	all := asJSON{Order: map[Action][]string{}, Groups: map[Action][]string{}}
	for _, a := range Actions {
		for _, r := range p.sorted() {
			if slices.Contains(r.actions, a) {
				all.Order[a] = append(all.Order[a], r.id)
			}
		}
		uid := types.NewEntityUID("Action", types.String(a))
		for group := range c.schema.Actions {
			if c.descends(uid, group) {
				all.Groups[a] = append(all.Groups[a], string(group.ID))
			}
		}
	}
	for _, table := range readTables(t) {
		for _, r := range table {
			f, request := facts(r.question)
			d := p.Decide(r.question)
			all.Rows = append(all.Rows, rowJSON{At: r.at, Question: r.question, Permit: d.Permit, Policy: d.Policy,
				Facts: factsJSON{f.principal.UID.Type, request.Action.ID, f.resource.UID.Type, f.principal.Attributes, f.resource.Attributes, request.Context}})
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var back asJSON
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	for _, r := range back.Rows {
		if d := p.Decide(r.Question); d.Permit != r.Permit || d.Policy != r.Policy {
			t.Errorf("%s: %s became %s through JSON", r.At, r.Policy, d.Policy)
		}
	}
	if *questionsFile != "" {
		if err := os.WriteFile(*questionsFile, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
