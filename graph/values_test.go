package graph

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph/input"
)

// TestVariables gives each kind of variable what is not of its type: everything
// is refused before anything is done, and the place is named.
func TestVariables(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	right := map[string]any{"idempotencyKey": exchangetest.Key(), "category": "RANSOMWARE", "title": "t",
		"nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}, "marking": marking}
	with := func(change map[string]any) map[string]any {
		m := maps.Clone(right)
		maps.Copy(m, change)
		return map[string]any{"input": m}
	}
	const file = `mutation($input: CaseFileInput!) { caseFile(input: $input) { case { id title nexus { basis } } errors { ... on UserError { message path } } } }`
	const update = `mutation($input: CaseUpdateInput!) { caseUpdate(input: $input) { case { id } errors { ... on UserError { message path } } } }`
	const page = `query($n: Int!, $f: CaseFilter, $p: Purpose) { viewer { cases(first: $n, filter: $f, purpose: $p) { nodes { id } } } }`
	const nodes = `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`
	const begin = `mutation($input: EvidenceBeginInput!) { evidenceBegin(input: $input) { errors { ... on UserError { message path } } } }`
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	item := func(field string, v any) map[string]any {
		jwk, err := json.Marshal(statement.PublicJWK(&key.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]any{"mediaType": "a/b", "original": false, "size": 1, "name": "a", "act": "a.b.c", "recipient": string(jwk), field: v}
		return map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "case": "x", "items": []any{m}}}
	}
	private, err := json.Marshal(map[string]any{"kty": "oct", "k": "c2VjcmV0LXN5bW1ldHJpYy1rZXk"})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		query     string
		variables map[string]any
		at        string
	}{
		"nothing":                   {file, nil, "$input:"},
		"null for what is required": {file, map[string]any{"input": nil}, "$input:"},
		"a string for an object":    {file, map[string]any{"input": "x"}, "$input:"},
		"a list for an object":      {file, map[string]any{"input": []any{}}, "$input:"},
		"a field that is not there": {file, with(map[string]any{"secretPlan": "x"}), "$input.secretPlan:"},
		"an inner field not there":  {file, with(map[string]any{"nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ", "x": 1}}}), "$input.nexus[0].x:"},
		"a field that is missing":   {file, map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "category": "RANSOMWARE", "nexus": []any{}}}, "$input.title:"},
		"an object for a string":    {file, with(map[string]any{"title": map[string]any{"a": "b"}}), "$input.title:"},
		"a number for a string":     {file, with(map[string]any{"title": 12}), "$input.title:"},
		"a boolean for a string":    {file, with(map[string]any{"title": true}), "$input.title:"},
		"a list for a string":       {file, with(map[string]any{"title": []any{"a"}}), "$input.title:"},
		"null within a list":        {file, with(map[string]any{"nexus": []any{nil}}), "$input.nexus[0]:"},
		"an enum that is none":      {file, with(map[string]any{"marking": map[string]any{"tlp": "PINK", "pap": "RED", "handling": "H0"}}), "$input.marking.tlp:"},
		"an enum in small letters":  {file, with(map[string]any{"marking": map[string]any{"tlp": "red", "pap": "RED", "handling": "H0"}}), "$input.marking.tlp:"},
		"a number for an enum":      {page, map[string]any{"n": 1, "p": 3}, "$p:"},
		"a key that is no UUID":     {file, with(map[string]any{"idempotencyKey": "x"}), "$input.idempotencyKey:"},
		"a UUID in braces":          {file, with(map[string]any{"idempotencyKey": "{" + exchangetest.Key() + "}"}), "$input.idempotencyKey:"},
		"a string for an integer":   {page, map[string]any{"n": "12"}, "$n:"},
		"a boolean for an integer":  {page, map[string]any{"n": true}, "$n:"},
		"a fraction for an integer": {page, map[string]any{"n": 1.9}, "$n:"},
		"an integer out of range":   {page, map[string]any{"n": 1 << 31}, "$n:"},
		"one far out of range":      {page, map[string]any{"n": 1e300}, "$n:"},
		"a string for a boolean":    {page, map[string]any{"n": 1, "f": map[string]any{"own": "true"}}, "$f.own:"},
		"a number for a boolean":    {page, map[string]any{"n": 1, "f": map[string]any{"own": 1}}, "$f.own:"},
		"an object for an id":       {nodes, map[string]any{"ids": []any{map[string]any{}}}, "$ids[0]:"},
		"a fraction for an id":      {nodes, map[string]any{"ids": []any{1.5}}, "$ids[0]:"},
		"a version as a string":     {update, map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "id": "x", "expectedVersion": "1"}}, "$input.expectedVersion:"},
		"a size below zero":         {begin, item("size", -1), "$input.items[0].size:"},
		"a size beyond 2^53":        {begin, item("size", math.Pow(2, 53)), "$input.items[0].size:"},
		"a size as a string":        {begin, item("size", "1"), "$input.items[0].size:"},
		"a signature that is none":  {begin, item("act", "a.b"), "$input.items[0].act:"},
		"a signature without end":   {begin, item("act", "a.b."+strings.Repeat("c", maxSigned)), "$input.items[0].act:"},
		"a key that is none":        {begin, item("recipient", "{}"), "$input.items[0].recipient:"},
		"a symmetric key":           {begin, item("recipient", string(private)), "$input.items[0].recipient:"},
		"an object for a key":       {begin, item("recipient", map[string]any{}), "$input.items[0].recipient:"},
	} {
		r := c.call(t, x.query, x.variables)
		if r.status != http.StatusBadRequest || r.Data != nil || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "INVALID" ||
			!strings.HasPrefix(r.Errors[0].Message, x.at) || len(r.Errors[0].Extensions.Argument) == 0 {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
	// What is right in more than one way.
	for name, change := range map[string]map[string]any{
		"one for a list":    {"nexus": map[string]any{"basis": "TERRITORY", "state": "KZ"}},
		"null for optional": {"summary": nil, "narrative": nil},
	} {
		if r := c.call(t, file, with(change)); r.status != http.StatusOK || dig(t, r.Data, "caseFile", "case") == nil {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
		right["idempotencyKey"] = exchangetest.Key()
	}
	if r := c.call(t, page, map[string]any{"n": 1.0}); len(r.Errors) > 0 {
		t.Errorf("1.0 for an integer: %s", r.raw)
	}
	if r := c.call(t, `query($n: Int = 2, $p: Purpose = INVESTIGATION) { viewer { cases(first: $n, purpose: $p) { nodes { id } } } }`, nil); r.status != http.StatusOK {
		t.Errorf("defaults: %s", r.raw)
	}
}

// TestLiterals files a case whose input is written into the query, variables
// within it.
func TestLiterals(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	for _, bad := range []string{`{ idempotencyKey: 1 }`, `{ category: RANSOMWARE }`, `{ nexus: [{basis: "TERRITORY", state: "KZ"}] }`, `{ x: 1 }`, `"x"`, `[1]`, `12`} {
		if r := c.call(t, `mutation { caseFile(input: `+bad+`) { errors { __typename } } }`, nil); r.status != http.StatusBadRequest || r.Data != nil {
			t.Errorf("%s: %d %s", bad, r.status, r.raw)
		}
	}
	r := c.call(t, `mutation($key: UUID!, $t: String!, $none: String, $skip: Boolean = true) { ...F __typename }
		fragment F on Mutation { caseFile(input: {idempotencyKey: $key, category: "RANSOMWARE", marking: {tlp: GREEN, pap: CLEAR, handling: H1},
			nexus: {basis: TERRITORY, state: "KZ"}, title: $t, summary: $none, narrative: "a\u00e9\n\"q\""}) { case { title summary narrative marking { tlp handling } nexus { state } } errors { __typename } }
			caseFile(input: {idempotencyKey: $key, category: "RANSOMWARE", marking: {tlp: GREEN, pap: CLEAR, handling: H1},
			nexus: {basis: TERRITORY, state: "KZ"}, title: $t, summary: $none, narrative: "a\u00e9\n\"q\""}) @include(if: $skip) { case { version } } }`, map[string]any{"key": exchangetest.Key(), "t": "Ünïcode 🂡"})
	if r.status != http.StatusOK || dig(t, r.Data, "caseFile", "case", "title") != "Ünïcode 🂡" || dig(t, r.Data, "caseFile", "case", "narrative") != "aé\n\"q\"" ||
		dig(t, r.Data, "caseFile", "case", "marking", "handling") != "H1" || dig(t, r.Data, "caseFile", "case", "summary") != nil ||
		dig(t, r.Data, "caseFile", "case", "version") != float64(1) || r.Data["__typename"] != "Mutation" {
		t.Errorf("%d %s", r.status, r.raw)
	}
}

func TestScalars(t *testing.T) {
	all := scalars()
	at := time.Date(2026, 11, 22, 9, 30, 0, 5000, time.FixedZone("", 3*3600))
	for name, x := range map[string]struct{ written, want string }{
		"DateTime": {string(all["DateTime"].Time(nil, at)), "2026-11-22T06:30:00.000005Z"},
		"Hex":      {string(all["Hex"].Bytes(nil, []byte{0xab, 0})), "ab00"},
		"Base64":   {string(all["Base64"].Bytes(nil, []byte{0xfb, 0xff})), "+/8="},
	} {
		if x.written != `"`+x.want+`"` {
			t.Errorf("%s writes %s", name, x.written)
		}
		if got := all[name].Read(x.want); got != x.want {
			t.Errorf("%s reads %v", name, got)
		}
	}
	for _, n := range []any{float64(1 << 40), input.Number("1099511627776")} {
		if got := all["Long"].Read(n); got != int64(1<<40) {
			t.Errorf("Long reads %v of %v", got, n)
		}
	}
	for name, wrong := range map[string][]any{
		"DateTime": {"2026-11-22", "2026-13-01T00:00:00Z", "yesterday", 5, "2026-11-22T09:30:00", "9999-12-31T23:59:59-05:00"},
		"Hex":      {"AB", "a", "xx", 1}, "Base64": {"-_8=", "+/8", "+/8=\n", "+/9="}, "Long": {-1, 1.5, "1", true, math.Inf(1), math.NaN(), float64(1 << 53)},
		"UUID": {"urn:uuid:" + exchangetest.Key(), "00000000000000000000000000000000"}, "URL": {"/path", "://"}, "JWS": {"a.b", "a.b.c.d", "a..c", "é.b.c"},
	} {
		for _, w := range wrong {
			if got := all[name].Read(w); got != nil {
				t.Errorf("%s reads %v as %v", name, w, got)
			}
		}
	}
	if all["DateTime"].Read("2026-11-22T09:30:00+03:00") != "2026-11-22T06:30:00Z" {
		t.Error("an offset is not taken into account")
	}
}
