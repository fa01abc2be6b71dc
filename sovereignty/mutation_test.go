package sovereignty

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// TestTablesCatchEveryBrokenPolicy breaks the policies one at a time: removes
// the policy, one of its acts, one of its clauses, one operand of an "and" or
// an "or"; and wants a row of the decision tables to notice. Where none does,
// random questions must not tell the broken set from the whole one either:
// there another policy stands behind the broken one.
func TestTablesCatchEveryBrokenPolicy(t *testing.T) {
	p := load(t)
	var rows []row
	for _, table := range readTables(t) {
		rows = append(rows, table...)
	}
	caught := func(mutant *Policies, actions []Action) bool {
		return slices.ContainsFunc(rows, func(r row) bool {
			return slices.Contains(actions, r.question.Action) && r.differs(mutant.Decide(r.question)) != ""
		})
	}
	if caught(with(p, "", nil), Actions) {
		t.Fatal("the set differs from itself")
	}
	type answered struct {
		Question
		Decision
	}
	asked := map[Action][]answered{}
	rnd := random(t)
	for range *rounds / 4 {
		q := randomQuestion(rnd, pick(rnd, Actions...))
		asked[q.Action] = append(asked[q.Action], answered{q, p.Decide(q)})
	}
	total, doubled := 0, 0
	for id, r := range p.rules {
		check := func(what string, broken *rule) {
			total++
			mutant := with(p, id, broken)
			if caught(mutant, r.actions) {
				return
			}
			doubled++
			if broken == nil {
				t.Errorf("%s: removed, and no row notices", id)
			}
			for _, action := range r.actions {
				for _, q := range asked[action] {
					if is := mutant.Decide(q.Question); is != q.Decision {
						t.Errorf("%s: %s, and no row notices\nwas %s, is %s: %+v", id, what, q.Policy, is.Policy, q.Question)
						return
					}
				}
			}
		}
		check("removed", nil)
		for _, a := range r.actions {
			broken := r
			broken.actions = slices.DeleteFunc(slices.Clone(r.actions), func(b Action) bool { return a == b })
			if len(r.actions) > 1 {
				check("without "+string(a), &broken)
			}
		}
		source := (*ast.Policy)(r.policy.AST())
		for i, c := range source.Conditions {
			for n, body := range append(weakened(c.Body), ast.True().AsIsNode(), ast.False().AsIsNode()) {
				copied := *source
				copied.Conditions = slices.Clone(source.Conditions)
				copied.Conditions[i].Body = body
				broken := r
				broken.policy = cedar.NewPolicyFromAST((*cedarast.Policy)(&copied))
				check(fmt.Sprintf("clause %d, break %d: %s", i, n, broken.policy.MarshalCedar()), &broken)
			}
		}
	}
	t.Logf("%d broken sets, %d of them behind another policy", total, doubled)
}

// weakened gives an expression with one operand of one "and" or "or" left out,
// in every way.
func weakened(n ast.IsNode) (all []ast.IsNode) {
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		all = append(all, n.Left, n.Right)
		for _, l := range weakened(n.Left) {
			all = append(all, ast.NodeTypeAnd{BinaryNode: ast.BinaryNode{Left: l, Right: n.Right}})
		}
		for _, r := range weakened(n.Right) {
			all = append(all, ast.NodeTypeAnd{BinaryNode: ast.BinaryNode{Left: n.Left, Right: r}})
		}
	case ast.NodeTypeOr:
		all = append(all, n.Left, n.Right)
		for _, l := range weakened(n.Left) {
			all = append(all, ast.NodeTypeOr{BinaryNode: ast.BinaryNode{Left: l, Right: n.Right}})
		}
		for _, r := range weakened(n.Right) {
			all = append(all, ast.NodeTypeOr{BinaryNode: ast.BinaryNode{Left: n.Left, Right: r}})
		}
	}
	return all
}

// with gives the set with one rule replaced, or removed when broken is nil.
func with(p *Policies, id types.PolicyID, broken *rule) *Policies {
	mutant := &Policies{byScope: map[scope]ordered{}, rules: maps.Clone(p.rules)}
	if delete(mutant.rules, id); broken != nil {
		mutant.rules[id] = *broken
	}
	mutant.arrange()
	return mutant
}
