package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// translation turns Cedar policies into Rego, so that OPA decides by the same
// rules as Comity, whatever they say today.
//
// Rego's way of "the first that speaks" is one rule for each action whose
// branches are tried in order, "else" after "else", and its way of "or" is a
// branch for each operand. The test of the action comes first in each, so that
// OPA's index leaves out all that is about others; what a policy says of the
// action itself is settled here, as Comity settles it when it loads.
type translation struct {
	policies map[string]*ast.Policy
	groups   map[string][]string // of each action
	action   string              // that is translated
}

// readPolicies reads the policy files in dir.
func readPolicies(dir string) (map[string]*ast.Policy, error) {
	files, err := filepath.Glob(filepath.Join(dir, "article*.cedar"))
	if err != nil {
		return nil, err
	}
	all := map[string]*ast.Policy{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		list, err := cedar.NewPolicyListFromBytes(f, text)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			all[string(p.Annotations()["id"])] = (*ast.Policy)(p.AST())
		}
	}
	return all, nil
}

// module is the Rego of all actions, with their policies in order.
func (t *translation) module(order map[string][]string) (string, error) {
	var b strings.Builder
	b.WriteString("package comity.articles\n\n")
	var actions []string
	for a := range order {
		actions = append(actions, a)
	}
	slices.Sort(actions)
	for _, a := range actions {
		t.action = a
		if err := t.rule(&b, order[a]); err != nil {
			return "", fmt.Errorf("%s: %w", a, err)
		}
	}
	return b.String(), nil
}

// rule is one action's: what forbids goes before what permits.
func (t *translation) rule(b *strings.Builder, order []string) error {
	head := "decision := "
	for _, effect := range []ast.Effect{ast.EffectForbid, ast.EffectPermit} {
		for _, id := range order {
			p := t.policies[id]
			if p == nil {
				return fmt.Errorf("the policy %s is in no file", id)
			}
			if p.Effect != effect {
				continue
			}
			branches, err := t.policy(p)
			if err != nil {
				return fmt.Errorf("the policy %s: %w", id, err)
			}
			for _, conditions := range branches {
				fmt.Fprintf(b, "%s{\"permit\": %t, \"policy\": %q} if {\n\tinput.action == %q\n", head, effect == ast.EffectPermit, id, t.action)
				for _, c := range conditions {
					b.WriteString("\t" + c + "\n")
				}
				b.WriteString("}")
				head = " else := "
			}
		}
	}
	b.WriteString("\n\n")
	return nil
}

// policy is its scope and its conditions, as alternatives of conditions.
func (t *translation) policy(p *ast.Policy) ([][]string, error) {
	scope := []string{}
	for _, s := range []struct {
		variable string
		scope    ast.IsScopeNode
	}{{"principal", p.Principal}, {"resource", p.Resource}} {
		switch n := s.scope.(type) {
		case ast.ScopeTypeAll:
		case ast.ScopeTypeIs:
			scope = append(scope, fmt.Sprintf("input.%s.type == %q", s.variable, n.Type))
		default:
			return nil, fmt.Errorf("the scope %T cannot be translated", n)
		}
	}
	branches := [][]string{scope}
	for _, c := range p.Conditions {
		more, err := t.dnf(c.Body, c.Condition == ast.ConditionWhen)
		if err != nil {
			return nil, err
		}
		branches = both(branches, more)
	}
	return branches, nil
}

// both is every branch of one with every branch of the other.
func both(a, b [][]string) (all [][]string) {
	for _, x := range a {
		for _, y := range b {
			all = append(all, slices.Compact(slices.Concat(x, y)))
		}
	}
	return all
}

// dnf gives the alternatives under which an expression is what is wanted.
func (t *translation) dnf(n ast.IsNode, want bool) ([][]string, error) {
	two := func(left, right ast.IsNode, together, wantLeft, wantRight bool) ([][]string, error) {
		a, errA := t.dnf(left, wantLeft)
		b, errB := t.dnf(right, wantRight)
		if together {
			return both(a, b), errors.Join(errA, errB)
		}
		return slices.Concat(a, b), errors.Join(errA, errB)
	}
	settled := func(is bool) ([][]string, error) {
		if is == want {
			return [][]string{{}}, nil
		}
		return nil, nil
	}
	compare := func(b ast.BinaryNode, yes, no string) ([][]string, error) {
		left, errL := t.term(b.Left)
		right, errR := t.term(b.Right)
		operator := yes
		if !want {
			operator = no
		}
		return [][]string{{left + " " + operator + " " + right}}, errors.Join(errL, errR)
	}
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		return two(n.Left, n.Right, want, want, want)
	case ast.NodeTypeOr:
		return two(n.Left, n.Right, !want, want, want)
	case ast.NodeTypeNot:
		return t.dnf(n.Arg, !want)
	case ast.NodeTypeIfThenElse:
		yes, err := two(n.If, n.Then, true, true, want)
		no, errNo := two(n.If, n.Else, true, false, want)
		return slices.Concat(yes, no), errors.Join(err, errNo)
	case ast.NodeTypeEquals, ast.NodeTypeNotEquals:
		equal, is := n.(ast.NodeTypeEquals)
		pair := equal.BinaryNode
		if !is {
			pair = n.(ast.NodeTypeNotEquals).BinaryNode
		}
		if variable(pair.Left) == "action" {
			named, ok := pair.Right.(ast.NodeValue)
			uid, entity := named.Value.(types.EntityUID)
			if !ok || !entity {
				return nil, errors.New("an action is compared with what is none")
			}
			return settled((string(uid.ID) == t.action) == is)
		}
		if is {
			return compare(pair, "==", "!=")
		}
		return compare(pair, "!=", "==")
	case ast.NodeTypeLessThan:
		return compare(n.BinaryNode, "<", ">=")
	case ast.NodeTypeLessThanOrEqual:
		return compare(n.BinaryNode, "<=", ">")
	case ast.NodeTypeGreaterThan:
		return compare(n.BinaryNode, ">", "<=")
	case ast.NodeTypeGreaterThanOrEqual:
		return compare(n.BinaryNode, ">=", "<")
	case ast.NodeTypeIs:
		operator := " == "
		if !want {
			operator = " != "
		}
		return [][]string{{"input." + variable(n.Left) + ".type" + operator + strconv.Quote(string(n.EntityType))}}, nil
	case ast.NodeTypeIn:
		if variable(n.Left) != "action" {
			return nil, errors.New("only actions are in groups")
		}
		groups, err := entities(n.Right)
		return must(settled(slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(t.groups[t.action], g) })))(err)
	case ast.NodeTypeContains:
		set, errS := t.term(n.Left)
		member, errM := t.term(n.Right)
		return one(member+" in "+set, want), errors.Join(errS, errM)
	case ast.NodeTypeAccess:
		term, err := t.term(n)
		return one(term, want), err
	case ast.NodeValue:
		if b, ok := n.Value.(types.Boolean); ok {
			return settled(bool(b))
		}
	}
	return nil, fmt.Errorf("the condition %T cannot be translated", n)
}

// one is a single branch with a single condition, or with what it is not.
func one(condition string, want bool) [][]string {
	if !want {
		condition = "not " + condition
	}
	return [][]string{{condition}}
}

func must(branches [][]string, err error) func(error) ([][]string, error) {
	return func(more error) ([][]string, error) { return branches, errors.Join(err, more) }
}

// term is a value: a fact or a constant.
func (t *translation) term(n ast.IsNode) (string, error) {
	switch n := n.(type) {
	case ast.NodeTypeAccess:
		of, err := t.term(n.Arg)
		return of + "." + string(n.Value), err
	case ast.NodeTypeVariable:
		return "input." + string(n.Name), nil
	case ast.NodeTypeSet:
		members := make([]string, len(n.Elements))
		for i, e := range n.Elements {
			var err error
			if members[i], err = t.term(e); err != nil {
				return "", err
			}
		}
		if len(members) == 0 {
			return "set()", nil // {} is an object
		}
		return "{" + strings.Join(members, ", ") + "}", nil
	case ast.NodeValue:
		switch v := n.Value.(type) {
		case types.String:
			return strconv.Quote(string(v)), nil
		case types.Boolean, types.Long:
			return fmt.Sprint(v), nil
		}
	}
	return "", fmt.Errorf("the value %T cannot be translated", n)
}

func variable(n ast.IsNode) string {
	v, _ := n.(ast.NodeTypeVariable)
	return string(v.Name)
}

// entities are the ids of an entity or a set of some.
func entities(n ast.IsNode) (ids []string, err error) {
	switch n := n.(type) {
	case ast.NodeValue:
		if uid, ok := n.Value.(types.EntityUID); ok {
			return []string{string(uid.ID)}, nil
		}
	case ast.NodeTypeSet:
		for _, e := range n.Elements {
			more, err := entities(e)
			if err != nil {
				return nil, err
			}
			ids = append(ids, more...)
		}
		return ids, nil
	}
	return nil, fmt.Errorf("%T names no actions", n)
}
