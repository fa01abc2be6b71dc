package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// jwk gives a recipient's public key and its thumbprint.
func jwk(t testing.TB) (string, string) {
	t.Helper()
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	jkt, err := statement.Thumbprint(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(statement.PublicJWK(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), jkt
}

// probes are inputs of every act on a record of a kind.
func probes(t testing.TB, c *client, id comity.ID) map[string]map[string]any {
	now := c.Clock.Now()
	sign := func(a statement.Act, body any) string { return c.Sign(t, a, body) }
	s := string(id)
	zero := strings.Repeat("ab", 32)
	key, jkt := jwk(t)
	begin := statement.BeginBody{MediaType: "text/plain", Size: 5, Name: "n"}
	of := comity.NewID(comity.KindCase)
	hold, withdrawal := comity.NewID(comity.KindHold), comity.NewID(comity.KindWithdrawal)
	narrow := statement.NarrowBody{Case: of, Scope: comity.ScopeSummary, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: now.Add(time.Hour).Unix()}
	grant := c.GrantBody("AM", comity.NewID(comity.KindRelease))
	grant.Grantee.State = "BY"
	caveats := map[string]any{"marking": marking}
	switch strings.SplitN(s, "1_", 2)[0] {
	case "case":
		return map[string]map[string]any{
			"caseUpdate":      {"id": s, "expectedVersion": 1, "title": "x"},
			"caseAssign":      {"id": s, "officer": string(c.Caller.Officer.Ref())},
			"caseClose":       {"id": s, "expectedVersion": 1},
			"caseReopen":      {"id": s, "expectedVersion": 1},
			"caseReserve":     {"id": s, "expectedVersion": 1, "reason": "r", "act": sign(statement.Act{Act: statement.ActCaseReserve, Record: id}, statement.ReserveBody{Reason: "r"})},
			"entryAdd":        {"case": s, "items": []any{map[string]any{"text": "x"}}},
			"subjectAdd":      {"case": s, "items": []any{map[string]any{"kind": "PERSON", "role": "SUSPECT", "names": []any{map[string]any{"name": "x"}}}}},
			"observableAdd":   {"case": s, "items": []any{map[string]any{"type": "url", "value": "http://x.example/"}}},
			"evidenceBegin":   {"case": s, "items": []any{map[string]any{"mediaType": "text/plain", "original": false, "size": 5, "name": "n", "recipient": key, "act": sign(statement.Act{Act: statement.ActEvidenceBegin, Record: id, RecipientJKT: jkt}, begin)}}},
			"releaseDecide":   {"case": s, "decider": "OWNER", "grantee": "BY", "scope": "FULL", "purpose": "INVESTIGATION", "notAfter": stamp(now.Add(time.Hour))},
			"grantMake":       {"id": string(grant.ID), "case": s, "category": string(grant.Category), "granteeState": "BY", "scope": "FULL", "grade": "LEAD", "caveats": caveats, "purpose": "INVESTIGATION", "agreement": tokentest.Agreement, "release": string(grant.Release), "notBefore": stamp(time.Unix(grant.NotBefore, 0)), "notAfter": stamp(time.Unix(grant.NotAfter, 0)), "act": sign(statement.Act{Act: statement.ActGrantMake, Record: id, Purpose: comity.PurposeInvestigation}, grant)},
			"caseReserveLift": {"case": s, "reason": "r", "act": sign(statement.Act{Act: statement.ActCaseReserveLift, Record: id}, statement.LiftBody{Reason: "r"})},
			"holdPlace":       {"id": hold, "case": s, "reason": "r", "act": sign(statement.Act{Act: statement.ActHoldPlace, Record: id}, statement.HoldBody{ID: hold, Reason: "r"})},
			"caseWithdraw":    {"id": withdrawal, "case": s, "reason": "r", "act": sign(statement.Act{Act: statement.ActCaseWithdraw, Record: id}, statement.WithdrawBody{ID: withdrawal, Reason: "r"})},
			"requestSend":     {"to": "KZ", "kind": "ACCESS", "urgency": "ROUTINE", "category": string(tokentest.Category), "purpose": "INVESTIGATION", "title": "t", "facts": "f", "record": s},
		}
	case "evidence":
		complete := statement.CompleteBody{Root: rootOf(zero), PlainSHA256: zero, Size: 5, Parts: 1}
		return map[string]map[string]any{
			"evidenceParts":    {"evidence": s, "parts": []any{map[string]any{"number": 1, "size": 69, "sha256": zero}}},
			"evidenceComplete": {"items": []any{map[string]any{"evidence": s, "parts": []any{map[string]any{"number": 1, "size": 69, "sha256": zero, "nonce": base64.StdEncoding.EncodeToString(make([]byte, 12))}}, "plainSha256": zero, "beginHash": zero, "act": sign(statement.Act{Act: statement.ActEvidenceComplete, Record: id}, complete)}}},
			"evidenceOpen":     {"evidence": s, "purpose": "INVESTIGATION", "recipient": key, "act": sign(statement.Act{Act: statement.ActEvidenceOpen, Record: id, HeaderHash: zero, Purpose: comity.PurposeInvestigation, RecipientJKT: jkt}, statement.OpenBody{})},
		}
	case "grant":
		return map[string]map[string]any{
			"grantNarrow": {"grant": s, "case": string(of), "expectedVersion": 1, "scope": "SUMMARY", "caveats": caveats, "notAfter": stamp(time.Unix(narrow.NotAfter, 0)), "act": sign(statement.Act{Act: statement.ActGrantNarrow, Record: id}, narrow)},
			"grantRevoke": {"grant": s, "case": string(of), "act": sign(statement.Act{Act: statement.ActGrantRevoke, Record: id}, statement.RevokeBody{Case: of})},
		}
	case "request":
		move := func(more map[string]any) map[string]any {
			more["id"], more["expectedVersion"] = s, 1
			return more
		}
		return map[string]map[string]any{
			"requestReceive": move(map[string]any{}), "requestAcknowledge": move(map[string]any{}),
			"requestAskSupplement": move(map[string]any{"note": "n"}), "requestSupplement": move(map[string]any{"note": "n"}),
			"requestForward": move(map[string]any{"routeTo": "KZ/cyber"}), "requestExecute": move(map[string]any{"outcome": "EXECUTED"}),
			"requestPostpone": move(map[string]any{"until": stamp(now.Add(time.Hour))}), "requestClose": move(map[string]any{"note": "n"}),
			"requestRefuse": move(map[string]any{"ground": "DOMESTIC_LAW", "act": sign(statement.Act{Act: statement.ActRequestRefuse, Record: id}, statement.RefuseBody{Ground: "DOMESTIC_LAW"})}),
			"messageSend":   {"request": s, "text": "x"},
		}
	case "mandate":
		return map[string]map[string]any{"mandateEnd": {"mandate": s}}
	case "reservation":
		return map[string]map[string]any{"categoryReserveLift": {"reservation": s, "category": "RANSOMWARE", "reason": "r",
			"act": sign(statement.Act{Act: statement.ActCategoryReserveLift, Record: id}, statement.CategoryBody{Category: "RANSOMWARE", Reason: "r"})}}
	case "hold":
		return map[string]map[string]any{"holdRelease": {"hold": s, "case": string(of), "reason": "r",
			"act": sign(statement.Act{Act: statement.ActHoldRelease, Record: id}, statement.HoldReleaseBody{Case: of, Reason: "r"})}}
	case "withdrawal":
		return map[string]map[string]any{"caseWithdrawCancel": {"withdrawal": s, "case": string(of), "reason": "r",
			"act": sign(statement.Act{Act: statement.ActCaseWithdrawCancel, Record: id}, statement.WithdrawCancelBody{Case: of, Reason: "r"})}}
	}
	return nil
}

func rootOf(string) string { return strings.Repeat("cd", 32) }

var volatile = regexp.MustCompile(`"requestId":"[^"]*"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|request1_[a-z2-7]{26}|\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// shape is an answer without what differs between any two.
func shape(r result, id comity.ID) string {
	var h []string
	for k, v := range r.header {
		if k != "Date" && k != "X-Request-Id" {
			h = append(h, k+"="+strings.Join(v, ","))
		}
	}
	slices.Sort(h)
	return fmt.Sprint(r.status, h, volatile.ReplaceAllString(strings.ReplaceAll(r.raw, string(id), "ID"), "*"))
}

// TestAttackHiddenIsAbsent asks for every hidden record, by every act and read
// of the API, and for absent ones: officers cannot tell which is which.
func TestAttackHiddenIsAbsent(t *testing.T) {
	a := serveAPI(t, nil)
	owner := a.as(t, "investigator@KZ")
	a.Mandate(t, "KZ")
	of := owner.FileCase(t, "hidden", "AM", "BY")
	exhibit := owner.Upload(t, of, "x", []byte("12345"))
	entry := comity.ID(dig(t, owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": string(of), "items": []any{map[string]any{"text": "x"}}}), "entries", 0, "id").(string))
	subject := comity.ID(dig(t, owner.done(t, "subjectAdd", "subjects { id }", map[string]any{"case": string(of), "items": []any{map[string]any{"kind": "PERSON", "role": "SUSPECT", "names": []any{map[string]any{"name": "x"}}}}}), "subjects", 0, "id").(string))
	observable := comity.ID(dig(t, owner.done(t, "observableAdd", "observables { id }", map[string]any{"case": string(of), "items": []any{map[string]any{"type": "url", "value": "http://x.example/"}}}), "observables", 0, "id").(string))
	release := owner.Release(t, of, "AM", exhibit)
	liaison := a.as(t, "liaison@KZ")
	made := liaison.MakeGrant(t, of, liaison.GrantBody("AM", release, exhibit))
	liaison.Do(t, made)
	request := comity.ID(dig(t, a.as(t, "investigator@AM").done(t, "requestSend", "request { id }", map[string]any{"to": "KZ", "kind": "INFORMATION", "urgency": "ROUTINE",
		"category": string(tokentest.Category), "purpose": "INVESTIGATION", "title": "t", "facts": "f"}), "request", "id").(string))
	var mandate comity.ID
	authority := a.as(t, "authority@KZ")
	mandate = comity.ID(dig(t, authority.get(t, "{ viewer { mandates { id } } }", nil), "viewer", "mandates", 0, "id").(string))

	const node = `query($id: ID!, $p: Purpose) { node(id: $id, purpose: $p) { __typename id } nodes(ids: [$id], purpose: $p) { __typename } }`
	tried, codes := 0, map[string]int{}
	for _, name := range []string{"investigator@BY", "liaison@BY", "authority@BY", "auditor@BY", "ct@KZ", "colleague@KZ"} {
		c := a.as(t, name)
		for _, hidden := range []comity.ID{of, exhibit, entry, subject, observable, made.Body.ID, request, mandate} {
			kind := comity.Kind(strings.SplitN(string(hidden), "1_", 2)[0])
			absent := comity.NewID(kind)
			for _, p := range []any{nil, "INVESTIGATION"} {
				x, y := c.call(t, node, map[string]any{"id": hidden, "p": p}), c.call(t, node, map[string]any{"id": absent, "p": p})
				if kind != comity.KindMandate && dig(t, x.Data, "node") != nil {
					t.Logf("%s sees %s", name, hidden)
					goto next // not hidden from this one
				}
				if shape(x, hidden) != shape(y, absent) {
					t.Errorf("%s, node: hidden and absent differ\n%s\n%s", name, shape(x, hidden), shape(y, absent))
				}
				tried++
			}
			{
				x, y := c.call(t, `query($id: ID!) { viewer { grants(first: 5, filter: {case: $id}) { totalCount nodes { id } pageInfo { hasNextPage } } } }`, map[string]any{"id": hidden}), c.call(t, `query($id: ID!) { viewer { grants(first: 5, filter: {case: $id}) { totalCount nodes { id } pageInfo { hasNextPage } } } }`, map[string]any{"id": absent})
				if shape(x, hidden) != shape(y, absent) {
					t.Errorf("%s, grants of: hidden and absent differ\n%s\n%s", name, shape(x, hidden), shape(y, absent))
				}
				others := probes(t, c, absent)
				for act, input := range probes(t, c, hidden) {
					ask := func(input map[string]any) result {
						input["idempotencyKey"] = exchangetest.Key()
						typ := strings.ToUpper(act[:1]) + act[1:] + "Input!"
						return c.call(t, "mutation($input: "+typ+") { "+act+"(input: $input) { errors { __typename ... on UserError { code message path } ... on DeniedError { article articleName reason cure } } } }", map[string]any{"input": input})
					}
					x, y := ask(input), ask(others[act])
					tried++
					for _, code := range []string{"NOT_FOUND", "DENIED", "INVALID", "UNAUTHENTICATED", "CONFLICT"} {
						if strings.Contains(x.raw, code) {
							codes[act+" "+code]++
						}
					}
					if shape(x, hidden) != shape(y, absent) {
						t.Errorf("%s, %s: hidden and absent differ\n%s\n%s", name, act, shape(x, hidden), shape(y, absent))
					}
					if strings.Contains(x.raw, "INTERNAL") || strings.Contains(x.raw, `"INVALID"`) && x.status != 200 {
						t.Errorf("%s, %s is no good probe: %s", name, act, x.raw)
					}
				}
			}
		next:
		}
	}
	t.Logf("%d probes: %v", tried, codes)
}

// TestAttackSharedFragment spreads one fragment at two aliases of one object.
func TestAttackSharedFragment(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "authority@KZ")
	for _, q := range []string{
		`{ a: viewer { ...F } b: viewer { ...F } } fragment F on Viewer { cases(first: 1) { nodes { id } } requests(first: 1) { nodes { id } } grants(first: 1) { nodes { id } } mandates { id } }`,
		`{ a: viewer { ...F } b: viewer { ...F } } fragment F on Viewer { log(first: 1) { nodes { act } } }`,
		`{ ...A ...B } fragment A on Query { viewer { cases(first: 1) { totalCount } } } fragment B on Query { viewer { cases(first: 1) { nodes { id } } } }`,
	} {
		if r := c.call(t, q, nil); r.status != http.StatusOK || len(r.Errors) > 0 {
			t.Errorf("%s: %d %s\n%s", q, r.status, r.raw, c.log)
		}
	}
}

// TestAttackAnswerBomb asks for the same long text under many names: the limit
// of an answer must bound what the server takes to make it.
func TestAttackAnswerBomb(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	long := strings.Repeat("n", 60<<10)
	for i := range 100 {
		c.Do(t, &exchange.FileCase{Key: exchangetest.Key(), Category: tokentest.Category, Marking: comity.DefaultMarking,
			Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}, Text: comity.CaseText{Title: fmt.Sprint(i), Narrative: long}})
	}
	var names strings.Builder
	for i := range 50 {
		fmt.Fprintf(&names, "a%d: narrative ", i)
	}
	q := "{ viewer { cases(first: 100) { nodes { " + names.String() + " } } } }"
	// What is made counts, not what is held: that hangs on when the collector comes.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := c.call(t, q, nil)
	runtime.ReadMemStats(&after)
	if made := int64(after.TotalAlloc - before.TotalAlloc); made > 100<<20 || len(r.Errors) == 0 || r.Errors[0].Extensions.Limit != "response" {
		t.Errorf("one query of %d bytes made the server take %d MiB (limit of an answer: %d MiB) and answer %d %.150s", len(q), made>>20, DefaultLimits.Response>>20, r.status, r.raw)
	}
}

// TestAttackValidationTime has fragments that each spread one long fragment,
// and nested fields alike, within every limit.
func TestAttackValidationTime(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	for name, q := range map[string]string{
		"alike in a chain": chain(11),
		"alike, wide":      "{ viewer { cases(first: 1) { nodes { " + strings.Repeat("access { redactions { field } } ", 110) + "} } } }",
		"many fragments":   many(60),
		"nested pairs":     "{ " + pairs(6) + " }",
		"wide pairs":       "{ viewer { " + strings.Repeat("cases(first: 1) { nodes { access { redactions { field article } } } } ", 36) + "} }",
	} {
		began := time.Now()
		r := c.call(t, q, nil)
		if took := time.Since(began); took > soon {
			t.Errorf("%s: %d bytes took %s: %d %.200s", name, len(q), took, r.status, r.raw)
		} else {
			t.Logf("%s: %s, %d %.120s", name, took, r.status, r.raw)
		}
	}
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("{ viewer { cases(first: 1) { nodes { ...F0 } } } }")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Case { entries(first: 1) { nodes { id } } access { redactions { field } grant { id } } ...F%d }", i, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Case { id }", n)
	return b.String()
}

func many(n int) string {
	var b strings.Builder
	b.WriteString("{ viewer { cases(first: 1) { nodes { ")
	for i := range n {
		fmt.Fprintf(&b, "...F%d ", i)
	}
	b.WriteString("} } } }")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Case { access { redactions { field } } id }", i)
	}
	return b.String()
}

func pairs(depth int) string {
	_ = depth
	inner := "redactions { field } redactions { field }"
	for _, f := range []string{"access", "nodes", "cases(first: 1)", "viewer"} {
		inner = f + " { " + inner + " } " + f + " { " + inner + " }"
	}
	return inner
}

// TestAttackOddBodies sends what is no plain JSON body.
func TestAttackOddBodies(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	send := func(change func(*http.Request), body []byte) result {
		r := c.request(t, http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
		if change != nil {
			change(r)
		}
		return do(t, r)
	}
	nested := []byte(`{"query":"{__typename}","variables":{"a":` + strings.Repeat("[", 900_000) + strings.Repeat("]", 900_000) + `}}`)
	for name, x := range map[string]struct {
		change func(*http.Request)
		body   []byte
	}{
		"gzip":           {func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")},
		"nested":         {nil, nested},
		"nested, flat":   {nil, []byte(`{"query":"{__typename}","variables":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + "}")},
		"two values":     {nil, []byte(`{"query":"{__typename}"}{"query":"{__typename}"}`)},
		"utf16":          {nil, []byte("\xff\xfe{\x00")},
		"nul":            {nil, []byte("{\"query\":\"{__typename}\x00\"}")},
		"many variables": {nil, []byte(`{"query":"{__typename}","variables":{` + strings.TrimSuffix(strings.Repeat(`"a":1,`, 1000), ",") + `}}`)},
	} {
		began := time.Now()
		r := send(x.change, x.body)
		if r.status >= 500 || time.Since(began) > soon {
			t.Errorf("%s: %d %.200s in %s", name, r.status, r.raw, time.Since(began))
		}
		if r.status == 200 && name != "nested, flat" {
			t.Errorf("%s is taken: %.200s", name, r.raw)
		}
	}
}

// TestAttackManyIDs asks for as many records as the variables have room for.
func TestAttackManyIDs(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	const query = `query($i: [ID!]!) { nodes(ids: $i) { id } }`
	ids := make([]string, 55_000)
	for i := range ids {
		ids[i] = string(comity.NewID(comity.KindCase))
	}
	for n, says := range map[int]string{maxNodes: `"nodes":[null,`, maxNodes + 1: "at most 100 records", len(ids): "at most 100 records"} {
		r := c.call(t, query, map[string]any{"i": ids[:n]})
		if r.status != http.StatusOK || !strings.Contains(r.raw, says) {
			t.Errorf("%d ids: %d %.200s", n, r.status, r.raw)
		}
	}
}

// TestAttackHost sends another Host, and forwarded ones: proofs are for the external URL alone.
func TestAttackHost(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	body := []byte(`{"query":"{ viewer { officer { ref } } }"}`)
	r := c.request(t, http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	if x := do(t, r); x.status != 200 { // harmless: the Host is not used
		t.Logf("another Host: %d", x.status)
	}
	for _, url := range []string{"http://evil.example/graphql", a.url + "/graphql/", a.url + "//graphql", a.url + "/GRAPHQL", a.url + "/%67raphql", strings.Replace(a.url, "http", "https", 1) + "/graphql"} {
		r := c.request(t, http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
		other := c.request(t, http.MethodPost, url, nil)
		r.Header.Set("DPoP", other.Header.Get("DPoP"))
		if x := do(t, r); x.status != 401 {
			t.Errorf("a proof for %s is taken: %d %s", url, x.status, x.raw)
		}
	}
	// A proof with a query in htu is for the same URL; one used twice with it is not.
	r = c.request(t, http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
	proof := r.Header.Get("DPoP")
	do(t, r)
	r = c.request(t, http.MethodPost, a.url+"/graphql?x=1", bytes.NewReader(body))
	r.Header.Set("DPoP", proof)
	if x := do(t, r); x.status != 401 {
		t.Errorf("a used proof is taken at another query string: %d", x.status)
	}
}
