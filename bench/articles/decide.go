package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	regoast "github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/sovereignty"
)

// tables are the decision tables as sovereignty's tests write them.
type tables struct {
	Order, Groups map[string][]string
	Rows          []struct {
		At       string
		Question sovereignty.Question
		Facts    struct {
			Principal, Action, Resource              string
			PrincipalHas, ResourceHas, Circumstances map[string]any
		}
		Permit bool
		Policy string
	}
}

// readTables has the tests of package sovereignty, at root, write their tables.
func readTables(ctx context.Context, root string) (t tables, err error) {
	dir, err := os.MkdirTemp("", "comity-articles-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "questions.json")
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run=^TestQuestionsAsJSON$", "./sovereignty", "-args", "-questions", file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return t, fmt.Errorf("the decision tables: %w\n%s", err, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(raw, &t)
}

// decider is one way of deciding the row with number i.
type decider func(i int) (permit bool, policy string, err error)

// measureDecide decides every row of the tables by Comity and by OPA, first to
// compare the answers, then to time them in turns.
func measureDecide(ctx context.Context, o options, out io.Writer) error {
	t, err := readTables(ctx, o.root)
	if err != nil {
		return err
	}
	policies, err := sovereignty.Load()
	if err != nil {
		return err
	}
	own := func(i int) (bool, string, error) {
		d := policies.Decide(t.Rows[i].Question)
		return d.Permit, d.Policy, nil
	}
	peer, err := newOPA(ctx, o, t, false)
	if err != nil {
		return err
	}
	eager, err := newOPA(ctx, o, t, true)
	if err != nil {
		return err
	}
	deciders := []struct {
		name   string
		decide decider
		often  int // in one measurement
	}{{"Comity", own, 200}, {"OPA", peer, 20}, {"OPA, its input made before", eager, 20}}
	for i, r := range t.Rows {
		for _, d := range deciders {
			permit, policy, err := d.decide(i)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", r.At, d.name, err)
			}
			if permit != r.Permit || policy != r.Policy {
				return fmt.Errorf("%s: %s answers %t by %s, the table %t by %s", r.At, d.name, permit, policy, r.Permit, r.Policy)
			}
		}
	}
	times := make([][][]float64, len(deciders)) // of each decider and row
	for n := range times {
		times[n] = make([][]float64, len(t.Rows))
	}
	for range o.rounds {
		for i := range t.Rows {
			for n, d := range deciders {
				times[n][i] = append(times[n][i], micros(d.decide, i, d.often))
			}
		}
	}
	fmt.Fprintf(out, "\n%d decisions of the tables, the same answers; µs a decision: median over the tables (slowest), ratio to Comity's (least)\n", len(t.Rows))
	medians, ratios := make([][]float64, len(deciders)), make([][]float64, len(deciders))
	for n, d := range deciders {
		for i := range t.Rows {
			medians[n] = append(medians[n], ratio.Median(times[n][i]))
			ratios[n] = append(ratios[n], medians[n][i]/medians[0][i])
		}
		fmt.Fprintf(out, "  %-28s %7.2f (%.2f)  %.1f (%.1f)\n", d.name, ratio.Median(medians[n]), quantile(medians[n], 1), ratio.Median(ratios[n]), quantile(ratios[n], 0))
	}
	o.figures.add(func() { ratio.AtLeast(out, "decide_vs_opa", ratio.Median(ratios[1]), 10) })
	o.figures.add(func() { ratio.Within(out, "decide_median_us", ratio.Median(medians[0]), 10) })
	return nil
}

// micros is what one decision takes, of n in a row.
func micros(decide decider, i, n int) float64 {
	began := time.Now()
	for range n {
		_, _, _ = decide(i) // what it answers was compared
	}
	return float64(time.Since(began).Nanoseconds()) / 1e3 / float64(n)
}

// newOPA is OPA in this process with a prepared query. It is given the facts of
// a question as values of Go, as Comity is given the question; parsed, as values
// of its own that were made before, so that its figures then hold nothing of the
// turning of one into the other.
func newOPA(ctx context.Context, o options, t tables, parsed bool) (decider, error) {
	policies, err := readPolicies(filepath.Join(o.root, "sovereignty"))
	if err != nil {
		return nil, err
	}
	module, err := (&translation{policies: policies, groups: t.Groups}).module(t.Order)
	if err != nil {
		return nil, err
	}
	if o.rego != "" {
		if err := os.WriteFile(o.rego, []byte(module), 0o600); err != nil {
			return nil, err
		}
	}
	prepared, err := rego.New(rego.Query("data.comity.articles.decision"), rego.Module("articles.rego", module)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	inputs := make([]rego.EvalOption, len(t.Rows))
	for i, r := range t.Rows {
		entity := func(typ string, has map[string]any) map[string]any {
			e := map[string]any{"type": typ}
			for k, v := range has {
				e[k] = v
			}
			return e
		}
		input := map[string]any{"action": r.Facts.Action, "principal": entity(r.Facts.Principal, r.Facts.PrincipalHas),
			"resource": entity(r.Facts.Resource, r.Facts.ResourceHas), "context": r.Facts.Circumstances}
		if inputs[i] = rego.EvalInput(input); !parsed {
			continue
		}
		value, err := regoast.InterfaceToValue(input)
		if err != nil {
			return nil, err
		}
		inputs[i] = rego.EvalParsedInput(value)
	}
	return func(i int) (bool, string, error) {
		set, err := prepared.Eval(ctx, inputs[i])
		if err != nil {
			return false, "", err
		}
		if len(set) == 0 { // nothing speaks
			return false, noPermit, nil
		}
		answer, ok := set[0].Expressions[0].Value.(map[string]any)
		if !ok {
			return false, "", fmt.Errorf("the answer is %v", set)
		}
		permit, _ := answer["permit"].(bool)
		policy, _ := answer["policy"].(string)
		return permit, policy, nil
	}, nil
}

// noPermit is sovereignty's name for what is denied because nothing permits.
const noPermit = "no-permit"
