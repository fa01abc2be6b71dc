package graph

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/deploy/node"
	"github.com/comity-platform/comity/graph/differential"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/input"
	"github.com/comity-platform/comity/graph/introspect"
	"github.com/comity-platform/comity/graph/sdl"
)

var (
	cases = flag.Uint64("cases", 2000, "cases to compare with the reference implementation")
	seed  = flag.Uint64("seed", 0, "seed of the cases; 0 for any")
)

// batch is how many cases the reference is sent at once.
const batchSize = 200

// samples have values of the schema's scalars, as they are given and read, and
// what is none.
var samples = map[string]differential.Scalar{
	"DateTime": {Values: map[string]string{`"2026-11-22T09:30:00+03:00"`: `"2026-11-22T06:30:00Z"`, `"2026-11-22T09:30:00.250Z"`: `"2026-11-22T09:30:00.25Z"`, `"2000-02-29T00:00:00Z"`: `"2000-02-29T00:00:00Z"`},
		Wrong: []string{`"2026-11-22"`, `"2026-13-01T00:00:00Z"`, "1", `"now"`, "true"}},
	"UUID": {Values: map[string]string{`"0193A5B2-7c4d-7e8f-9a0b-1c2d3e4f5a6b"`: `"0193a5b2-7c4d-7e8f-9a0b-1c2d3e4f5a6b"`, `"00000000-0000-0000-0000-000000000000"`: `"00000000-0000-0000-0000-000000000000"`},
		Wrong: []string{`"0193a5b27c4d7e8f9a0b1c2d3e4f5a6b"`, `""`, "7", "{}"}},
	"Base64": {Values: map[string]string{`""`: `""`, `"+/8="`: `"+/8="`}, Wrong: []string{`"-_8="`, `"+/8"`, "0", "[]"}},
	"Hex":    {Values: map[string]string{`""`: `""`, `"00ff"`: `"00ff"`}, Wrong: []string{`"0"`, `"0xff"`, `"FF"`, "12"}},
	"JWS":    {Values: map[string]string{`"a.b.c"`: `"a.b.c"`, `"eyJ9.e_-0.AA"`: `"eyJ9.e_-0.AA"`}, Wrong: []string{`"a.b"`, `"a..c"`, "1"}},
	"JWK": {Values: map[string]string{sampleKey: sampleKey},
		Wrong: []string{`"{}"`, `"x"`, `{kty: "EC"}`}},
	"URL":  {Values: map[string]string{`"https://example.org/a?b=c#d"`: `"https://example.org/a?b=c#d"`, `"urn:a:b"`: `"urn:a:b"`}, Wrong: []string{`"/path"`, `"://"`, "1"}},
	"Long": {Values: map[string]string{"0": "0", "12": "12", "9007199254740991": "9007199254740991"}, Wrong: []string{"-1", "9007199254740992", `"1"`, "1.5", "true"}},
	"Odd":  {Values: map[string]string{`"odd"`: `"odd"`, `"ODD"`: `"odd"`, "3": "3"}, Wrong: []string{`"even"`, "2", "ODD", "3.5", "{}", "true"}},
}

// sampleKey is the key of appendix A.3 of RFC 7515.
const sampleKey = `"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"`

// side is one schema as the exchange runs it, over the data of the comparison.
type side struct {
	*handler
	schema *differential.Schema
}

func sides(t testing.TB) map[string]*side {
	t.Helper()
	all := map[string]*side{}
	scalars := scalars()
	for name, s := range scalars { // the data have texts and numbers for all
		scalars[name] = sdl.Scalar{Text: true, Number: true, Read: s.Read}
	}
	scalars["Odd"] = sdl.Scalar{Text: true, Number: true, Read: func(v any) any {
		if v == "odd" || v == "ODD" {
			return "odd"
		}
		if n, ok := input.Whole(v); ok && n == 3 {
			return n
		}
		return nil
	}}
	for name, text := range map[string]string{"exchange": SDL, "torture": differential.Torture} {
		s, err := differential.Read(text, samples)
		if err != nil {
			t.Fatal(err)
		}
		built, err := sdl.Build(text, sdl.Binding{Scalars: scalars, TypeOf: differential.TypeOf})
		if err != nil {
			t.Fatal(err)
		}
		meta, err := introspect.New(text)
		if err != nil {
			t.Fatal(err)
		}
		engine, err := execute.New(execute.Binding{Schema: built.Schema, Resolve: s.Resolve, Scalars: scalars, TypeOf: differential.TypeOf, Meta: meta})
		if err != nil {
			t.Fatal(err)
		}
		// Limits are not of the specification: none is near.
		l := Limits{Bytes: 1 << 20, Tokens: 1 << 20, Depth: 1000, Variables: 1 << 20, Response: 64 << 20, Fields: 1 << 20, Aliases: 1 << 20, Directives: 1 << 20, RootFields: 1 << 20, Cost: 1 << 62, EventCost: 1 << 62}
		h := &handler{schema: built, bound: &binding{engine: engine}, limits: l, development: true}
		if h.prepared, err = newPrepared(); err != nil {
			t.Fatal(err)
		}
		all[name] = &side{h, s}
	}
	return all
}

// subscribes reports whether a case that was not refused is a subscription.
func (s *side) subscribes(c differential.Case) bool {
	doc, faults := s.document(wire{Query: c.Query})
	if len(faults) > 0 {
		return false
	}
	op, err := doc.operation(c.Operation)
	return err == nil && op.Operation == ast.OperationTypeSubscription
}

// answer takes a case the way of a request, as far as that is not about officers.
func (s *side) answer(t testing.TB, c differential.Case) differential.Answer {
	t.Helper()
	refuse := func(at string, faults ...*fault) differential.Answer {
		a := differential.Answer{Refused: at}
		for _, f := range faults {
			if f.limit != "" {
				t.Fatalf("%s\n%v", c, f)
			}
			a.Says = append(a.Says, f.message)
		}
		return a
	}
	doc, faults := s.document(wire{Query: c.Query})
	if len(faults) > 0 {
		return refuse(differential.AtDocument, faults...)
	}
	op, err := doc.operation(c.Operation)
	if err != nil {
		return refuse(differential.AtVariables, invalid(err.Error()))
	}
	given, f := decodeVariables([]byte(c.Variables), s.limits)
	if f != nil {
		t.Fatalf("%s\n%v", c, f)
	}
	if op.Operation == ast.OperationTypeSubscription {
		sub, _, faults := s.ready(wire{Query: c.Query, Operation: c.Operation, Variables: given})
		switch {
		case len(faults) > 0 && faults[0].path == nil:
			return refuse(differential.AtVariables, faults...)
		case len(faults) > 0:
			a := refuse(differential.AtSource, faults...)
			a.Errors = append(a.Errors, pathOf(t, faults[0].path))
			return a
		}
		return sub.told(t)
	}
	variables, err := s.bound.engine.Variables(op, given)
	if err != nil {
		return refuse(differential.AtVariables, s.faultOf(err))
	}
	plan, err := s.plan(wire{Query: c.Query}, doc, op, variables)
	if err != nil {
		t.Fatalf("%s\n%v", c, err)
	}
	mutation := op.Operation == ast.OperationTypeMutation
	with := execute.Params{Variables: variables, Root: differential.Root(op.Operation), State: &differential.State{}, Limit: s.limits.Response}
	var a differential.Answer
	note := func(done *execute.Answer) []byte {
		defer done.Release()
		for _, e := range done.Errors {
			a.Errors, a.Says = append(a.Errors, pathOf(t, e.Path)), append(a.Says, e.Err.Error())
		}
		return bytes.Clone(done.Data)
	}
	if !mutation {
		a.Data = note(plan.Run(t.Context(), with))
		return a
	}
	members := [][]byte{}
	for _, root := range plan.Roots {
		data := note(plan.RunRoot(t.Context(), root, with))
		if string(data) == "null" {
			a.Data = data
			return a
		}
		members = append(members, data[1:len(data)-1])
	}
	a.Data = append(append([]byte("{"), bytes.Join(members, []byte(","))...), '}')
	return a
}

// told is the frame that a stream writes of one event, as it is read by a client.
func (s *subscription) told(t testing.TB) (a differential.Answer) {
	t.Helper()
	with := s.with
	with.Root, with.State, with.Stop = differential.Root("subscription"), &differential.State{}, nil // every error is told here
	done := s.plan.Run(t.Context(), with)
	o := &outcome{data: done.Data, answer: done}
	defer o.release()
	for _, e := range done.Errors {
		o.faults = append(o.faults, &fault{code: comity.CodeInvalid, message: e.Err.Error(), path: e.Path})
	}
	var frame struct {
		Errors []struct {
			Message string
			Path    json.RawMessage
		}
		Data json.RawMessage
	}
	if err := json.Unmarshal(s.frame("1", o).Data, &frame); err != nil {
		t.Fatal(err)
	}
	for _, e := range frame.Errors {
		a.Errors, a.Says = append(a.Errors, e.Path), append(a.Says, e.Message)
	}
	a.Data = frame.Data
	return a
}

func pathOf(t testing.TB, path []any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// reference is the reference implementation, running.
type reference struct {
	in  io.Writer
	out *bufio.Reader
}

func startReference(t testing.TB, all map[string]*side) *reference {
	t.Helper()
	cmd, done, err := node.Command(context.WithoutCancel(t.Context()), "differential/reference", "reference.mjs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil || said.Len() > 0 {
			t.Errorf("the reference: %v %s", err, said.String())
		}
	})
	r := &reference{in, bufio.NewReaderSize(out, 1<<20)}
	schemas := map[string]any{}
	for name, s := range all {
		schemas[name] = map[string]any{"sdl": s.schema.SDL, "scalars": s.schema.Scalars}
	}
	r.send(t, schemas)
	return r
}

func (r *reference) send(t testing.TB, v any) {
	t.Helper()
	line, err := json.Marshal(v)
	if err == nil {
		_, err = r.in.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r *reference) answers(t testing.TB, schema string, cases []differential.Case) (all []differential.Answer) {
	t.Helper()
	r.send(t, map[string]any{"schema": schema, "cases": cases})
	line, err := r.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &all)
	}
	if err != nil || len(all) != len(cases) {
		t.Fatalf("the reference answered %d of %d: %v", len(all), len(cases), err)
	}
	return all
}

// known are the differences that are meant, each with a case of it.
var known = map[string]struct {
	schema string
	differential.Case
	of func(differential.Case) bool
}{
	// Sections 3.13 and 6.3.2 skip a field where the condition is true, and include
	// it where it is: null is neither. The reference fails the object instead, which
	// can be all of the data.
	"a condition that is null": {"torture", differential.Case{Query: "query($v: Boolean = true) { leaf @skip(if: $v) { id } }", Variables: json.RawMessage(`{"v": null}`)},
		func(c differential.Case) bool {
			var given map[string]any
			if err := json.Unmarshal(c.Variables, &given); err != nil {
				return false
			}
			for _, v := range condition.FindAllStringSubmatch(c.Query, -1) {
				if null, ok := given[v[1]]; ok && null == nil {
					return true
				}
			}
			return false
		}},
}

// condition is a variable that decides whether a field is in the answer.
var condition = regexp.MustCompile(`@\s*(?:skip|include)\s*\(\s*if\s*:\s*\$\s*(\w+)`)

// TestKnownDifferences holds each difference that is meant to be one still.
func TestKnownDifferences(t *testing.T) {
	all := sides(t)
	r := startReference(t, all)
	for name, k := range known {
		if !k.of(k.Case) || differential.Difference(all[k.schema].answer(t, k.Case), r.answers(t, k.schema, []differential.Case{k.Case})[0]) == "" {
			t.Errorf("%s: there is no difference any more", name)
		}
	}
}

// TestDifferential compares answers with those of the reference implementation:
// data, the order of their keys, where errors are, what is refused and when.
func TestDifferential(t *testing.T) {
	all := sides(t)
	r := startReference(t, all)
	from := *seed
	if from == 0 {
		from = rand.Uint64()>>1 + 1
	}
	t.Logf("seed %d: go test ./graph -run '^TestDifferential$' -seed %d -cases %d", from, from, *cases)
	count := map[string]int{}
	failed := 0
	for begin := uint64(0); begin < *cases; begin += batchSize {
		name := []string{"exchange", "torture"}[begin/batchSize%2]
		s := all[name]
		var batch []differential.Case
		for n := begin; n < min(begin+batchSize, *cases); n++ {
			batch = append(batch, s.schema.Case(from, n))
		}
		for i, theirs := range r.answers(t, name, batch) {
			ours := s.answer(t, batch[i])
			what := ours.Refused
			if what == "" {
				what = "answered"
				if s.subscribes(batch[i]) {
					what = "told"
				}
				if len(ours.Errors) > 0 {
					what += " with errors"
				}
			}
			for name, k := range known {
				if k.of(batch[i]) {
					what = name
				}
			}
			count[what]++
			if _, meant := known[what]; meant {
				continue
			}
			if differential.Difference(ours, theirs) == "" {
				continue
			}
			small := differential.Shrink(batch[i], func(c differential.Case) bool {
				return differential.Difference(s.answer(t, c), r.answers(t, name, []differential.Case{c})[0]) != ""
			})
			t.Errorf("case %d of seed %d, on the schema %q:\n%s\n%s\nas generated:\n%s", begin+uint64(i), from, name, small,
				differential.Difference(s.answer(t, small), r.answers(t, name, []differential.Case{small})[0]), batch[i])
			if failed++; failed == 10 {
				t.FailNow()
			}
		}
	}
	t.Logf("cases: %v", count)
	for what, one := range map[string]uint64{differential.AtDocument: 50, differential.AtVariables: 50, differential.AtSource: 1000, "answered": 50, "answered with errors": 50,
		"told": 20, "told with errors": 200} {
		if uint64(count[what]+1)*one < *cases {
			t.Errorf("only %d of %d cases were %q", count[what], *cases, what)
		}
	}
}
