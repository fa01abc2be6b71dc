package graph

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/storage"
)

// TestIdempotency repeats an act, and uses its key for another input.
func TestIdempotency(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	input := func(title string) map[string]any {
		return map[string]any{"idempotencyKey": "7b0b6c3e-6f3d-4f0e-9a52-4c1c5e4dbb11", "category": "RANSOMWARE", "title": title,
			"nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}}
	}
	first := dig(t, c.done(t, "caseFile", "case { id }", input("a")), "case", "id")
	again := input("a")
	again["idempotencyKey"] = strings.ToUpper(again["idempotencyKey"].(string)) // another spelling of the same UUID
	if id := dig(t, c.done(t, "caseFile", "case { id }", again), "case", "id"); id != first {
		t.Errorf("a repeat answers with %v, not %v", id, first)
	}
	c.refused(t, "caseFile", input("b"), comity.CodeConflict)
	if id := dig(t, a.as(t, "colleague@KZ").done(t, "caseFile", "case { id }", input("b")), "case", "id"); id == first {
		t.Error("another officer's act is answered by the same key")
	}
	if n := dig(t, c.get(t, "{ viewer { cases(first: 10) { totalCount } } }", nil), "viewer", "cases", "totalCount"); n != float64(1) {
		t.Errorf("%v cases were filed", n)
	}
}

// TestSeveralActs performs the acts of one request in their order, each payload
// as things were before the next.
func TestSeveralActs(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	id := c.fileCase(t, "a")
	r := c.call(t, fmt.Sprintf(`mutation($id: ID!) { z: caseUpdate(input: {idempotencyKey: %q, id: $id, expectedVersion: 1, title: "b"}) { ...P }
		...More a: caseUpdate(input: {idempotencyKey: %q, id: $id, expectedVersion: 2, title: "d"}) { case { title version } errors { __typename } } }
		fragment More on Mutation { m: caseUpdate(input: {idempotencyKey: %q, id: $id, expectedVersion: 2, title: "c"}) { ...P } }
		fragment P on CaseUpdatePayload { case { title version } errors { __typename } }`, exchangetest.Key(), exchangetest.Key(), exchangetest.Key()), map[string]any{"id": id})
	want := `{"data":{"z":{"case":{"title":"b","version":2},"errors":[]},"m":{"case":{"title":"c","version":3},"errors":[]},"a":{"case":null,"errors":[{"__typename":"ConflictError"}]}}}`
	if r.raw != want {
		t.Errorf("%s\nwanted\n%s", r.raw, want)
	}
	// A cursor that is wrong, in the payload of an act that was performed.
	r = c.call(t, fmt.Sprintf(`mutation($id: ID!) { caseUpdate(input: {idempotencyKey: %q, id: $id, expectedVersion: 3, title: "e"}) { case { title entries(first: 1, after: "x") { nodes { id } } } } }`, exchangetest.Key()), map[string]any{"id": id})
	if r.status != http.StatusOK || dig(t, r.Data, "caseUpdate", "case", "title") != "e" || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "INVALID" {
		t.Errorf("%d %s", r.status, r.raw)
	}
}

// TestUserErrors has the error of each act stand where its input is at fault,
// in the input's own words.
func TestUserErrors(t *testing.T) {
	a := serveAPI(t, nil)
	a.Mandate(t, "KZ")
	owner, liaison := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ")
	of := owner.fileCase(t, "a")
	release := owner.Release(t, of, "AM")
	begun, _ := owner.Begin(t, of, "a", 1)
	zero := strings.Repeat("0", 64)
	terms := func(change func(*statement.GrantBody)) map[string]any {
		b := liaison.GrantBody("AM", release)
		change(&b)
		return liaison.grantInput(t, of, b)
	}
	other := terms(func(*statement.GrantBody) {})
	other["granteeAgency"] = "BY/cyber"
	replayed, _ := owner.opening(t, begun.ID, base64.StdEncoding.EncodeToString(begun.Header), "INVESTIGATION", "")
	owner.done(t, "evidenceOpen", "opened { size }", replayed)
	delete(replayed, "idempotencyKey")
	swapped := terms(func(*statement.GrantBody) {})
	swapped["scope"] = "SUMMARY"
	fraction := terms(func(*statement.GrantBody) {})
	fraction["notAfter"] = "2030-01-01T00:00:00.5Z"
	stolen := terms(func(*statement.GrantBody) {})
	stolen["act"] = a.as(t, "liaison@AM").grantInput(t, of, liaison.GrantBody("AM", release))["act"]
	file := func(field string, v any) map[string]any {
		return map[string]any{"category": "RANSOMWARE", "title": "t", "nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}, field: v}
	}
	for name, x := range map[string]struct {
		c     *client
		act   string
		input map[string]any
		code  comity.Code
		path  string
	}{
		"an unknown category":     {owner, "caseFile", file("category", "CHATTING"), comity.CodeInvalid, "input.category"},
		"an empty title":          {owner, "caseFile", file("title", " "), comity.CodeInvalid, "input.title"},
		"a title that is long":    {owner, "caseFile", file("title", strings.Repeat("x", 501)), comity.CodeInvalid, "input.title"},
		"no entry":                {owner, "entryAdd", map[string]any{"case": of, "items": []any{}}, comity.CodeInvalid, "input.items"},
		"the second entry":        {owner, "entryAdd", map[string]any{"case": of, "items": []any{map[string]any{"text": "a"}, map[string]any{"text": "a", "happened": "soon"}}}, comity.CodeInvalid, "input.items.1.happened"},
		"two hashes alike":        {owner, "observableAdd", map[string]any{"case": of, "items": []any{map[string]any{"type": "file", "value": "a", "hashes": []any{map[string]any{"algorithm": "MD5", "value": "1"}, map[string]any{"algorithm": "MD5", "value": "2"}}}}}, comity.CodeInvalid, "input.items.0.hashes"},
		"a part of no plan":       {owner, "evidenceParts", map[string]any{"evidence": begun.ID, "parts": []any{map[string]any{"number": 7, "size": 1, "sha256": zero}}}, comity.CodeInvalid, "input.parts.0.number"},
		"an observable described": {owner, "requestSend", map[string]any{"to": "AM", "kind": "INFORMATION", "urgency": "PROMPT", "category": "RANSOMWARE", "purpose": "INVESTIGATION", "title": "a", "facts": "b", "observables": []any{map[string]any{"type": "", "value": ""}}}, comity.CodeInvalid, "input.observables.0.type"},
		"a digest too short":      {owner, "evidenceParts", map[string]any{"evidence": begun.ID, "parts": []any{map[string]any{"number": 1, "size": 1, "sha256": "00"}}}, comity.CodeInvalid, ""},
		"the grantee's agency":    {liaison, "grantMake", other, comity.CodeInvalid, "input.granteeAgency"},
		"an act used before":      {owner, "evidenceOpen", replayed, comity.CodeUnauthenticated, "input.act"},
		"terms not signed":        {liaison, "grantMake", swapped, comity.CodeInvalid, "input.act"},
		"another officer's act":   {liaison, "grantMake", stolen, comity.CodeUnauthenticated, "input.act"},
		"half a second":           {liaison, "grantMake", fraction, comity.CodeInvalid, "input.notAfter"},
		"an exhibit of no form":   {owner, "releaseDecide", map[string]any{"case": of, "decider": "OWNER", "grantee": "AM", "scope": "FULL", "purpose": "INVESTIGATION", "notAfter": stamp(a.Clock.Now().Add(time.Hour)), "exhibits": []any{begun.ID, of}}, comity.CodeInvalid, "input.exhibits.1"},
		"the liaison of another":  {a.as(t, "authority@KZ"), "mandateGive", map[string]any{"liaison": "AM:liaison-1", "notBefore": stamp(a.Clock.Now()), "notAfter": stamp(a.Clock.Now().Add(time.Hour))}, comity.CodeInvalid, "input.liaison"},
	} {
		t.Run(name, func(t *testing.T) {
			e := x.c.refused(t, x.act, x.input, x.code)
			var path []string
			if list, ok := e["path"].([]any); ok {
				for _, p := range list {
					path = append(path, p.(string))
				}
			}
			if got := strings.Join(path, "."); got != x.path {
				t.Errorf("%v: at %q, wanted %q", e, got, x.path)
			}
			if want := "InvalidError"; e["__typename"] != want {
				t.Errorf("%v, wanted %s", e, want)
			}
		})
	}
}

// turned is a custodian that does not do all that it should.
type turned struct {
	custodian.Custodian
	apply func() error
	keys  func() error
}

func (c turned) Apply(ctx context.Context, jws string) error {
	if c.apply != nil {
		return c.apply()
	}
	return c.Custodian.Apply(ctx, jws)
}

func (c turned) RecordKey(ctx context.Context, id comity.ID, wrapped string) (custodian.RecordKey, error) {
	if c.keys != nil {
		if err := c.keys(); err != nil {
			return custodian.RecordKey{}, err
		}
	}
	return c.Custodian.RecordKey(ctx, id, wrapped)
}

// brokenDB is a database that fails or panics, with words that nobody outside
// is to read.
type brokenDB struct {
	storage.DB
	read, write func() error
}

func (d brokenDB) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	if d.read != nil {
		if err := d.read(); err != nil {
			return err
		}
	}
	return d.DB.Read(ctx, f)
}

func (d brokenDB) Write(ctx context.Context, f func(storage.Tx) error) error {
	if d.write != nil {
		if err := d.write(); err != nil {
			return err
		}
	}
	return d.DB.Write(ctx, f)
}

func (d brokenDB) WriteAt(ctx context.Context, at time.Time, f func(storage.Tx) error) error {
	if d.write != nil {
		if err := d.write(); err != nil {
			return err
		}
	}
	return d.DB.WriteAt(ctx, at, f)
}

// over makes the API stand on the same world with a part of it changed.
func (a *api) over(t *testing.T, kz turned, db brokenDB) *api {
	t.Helper()
	states := map[comity.State]exchange.State{}
	for s, c := range a.Custodians {
		states[s] = exchange.State{Custodian: c, Store: a.Stores[s]}
	}
	kz.Custodian, db.DB = a.Custodians["KZ"], a.DB
	states["KZ"] = exchange.State{Custodian: kz, Store: a.Stores["KZ"]}
	x, err := exchange.New(exchange.Options{DB: db, Directory: a.Directory, Policies: a.Exchange.Policies(), States: states, Prover: a.Prover, Log: a.Log})
	if err != nil {
		t.Fatal(err)
	}
	return a.serve(t, x, nil)
}

const inside = "password=hunter2 /var/lib/comity"

// TestFaults has parts of the exchange fail in all ways: what is told is what
// to do, and nothing about the inside; the log has the rest.
func TestFaults(t *testing.T) {
	a := serveAPI(t, nil)
	of := a.as(t, "investigator@KZ").fileCase(t, "a")
	read := func(a *api) result {
		return a.as(t, "investigator@KZ").call(t, `query($id: ID!) { node(id: $id) { ... on Case { title access { redactions { reason article } } entries(first: 1) { nodes { id } } } } }`, map[string]any{"id": of})
	}
	file := func(a *api) result {
		return a.as(t, "investigator@KZ").call(t, `mutation($input: CaseFileInput!) { caseFile(input: $input) { case { id } errors { __typename ... on UserError { code message } } } }`,
			map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "category": "RANSOMWARE", "title": "t", "nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}}})
	}
	away := func() error { return comity.Unavailable("the database", errors.New(inside)) }
	for name, x := range map[string]struct {
		db     brokenDB
		send   func(*api) result
		status int
		code   string
	}{
		"a read that panics":         {brokenDB{read: func() error { panic(inside) }}, read, 500, "INTERNAL"},
		"a read that fails":          {brokenDB{read: func() error { return errors.New(inside) }}, read, 500, "INTERNAL"},
		"a database away":            {brokenDB{read: away}, read, 503, "UNAVAILABLE"},
		"a leaf that is not written": {brokenDB{write: away}, read, 503, "UNAVAILABLE"},
		"an act that panics":         {brokenDB{write: func() error { panic(inside) }}, file, 500, "INTERNAL"},
		"an act that fails":          {brokenDB{write: func() error { return errors.New(inside) }}, file, 500, "INTERNAL"},
		"an act, the database away":  {brokenDB{write: away}, file, 200, "UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := a.over(t, turned{}, x.db)
			r := x.send(broken)
			if r.status != x.status || !strings.Contains(r.raw, x.code) || strings.Contains(r.raw, "hunter2") || strings.Contains(r.raw, "/var/") ||
				strings.Contains(r.raw, "goroutine") || strings.Contains(r.raw, `"title":"a"`) {
				t.Errorf("%d %s", r.status, r.raw)
			}
			if id := r.header.Get("X-Request-Id"); x.status >= 500 && !strings.Contains(broken.log.String(), id) {
				t.Errorf("the log does not name the request %s", id)
			}
		})
	}
	dark := a.over(t, turned{keys: func() error { return comity.Unavailable("the custodian of KZ", errors.New(inside)) }}, brokenDB{})
	if r := read(dark); r.status != http.StatusOK || dig(t, r.Data, "node", "title") != nil || dig(t, r.Data, "node", "entries") != nil ||
		dig(t, r.Data, "node", "access", "redactions", 0, "article") != float64(13) || strings.Contains(r.raw, "hunter2") {
		t.Errorf("with the custodian away: %d %s", r.status, r.raw)
	}
}

// TestStandingAct revokes while the custodian's register is away: the act
// stands, and the answer says so.
func TestStandingAct(t *testing.T) {
	a := serveAPI(t, nil)
	there := hidden(t, a)
	b := a.over(t, turned{apply: func() error { return comity.Unavailable("the custodian of KZ", errors.New(inside)) }}, brokenDB{})
	liaison := b.as(t, "liaison@KZ")
	p := liaison.mutate(t, "grantRevoke", "grant { id }", map[string]any{"grant": there[comity.KindGrant], "case": there[comity.KindCase], "reason": "a",
		"act": liaison.Sign(t, statement.Act{Act: statement.ActGrantRevoke, Record: there[comity.KindGrant]}, statement.RevokeBody{Case: there[comity.KindCase], Reason: "a"})})
	e := dig(t, p, "errors", 0).(map[string]any)
	if p["grant"] != nil || e["__typename"] != "UnavailableError" || !strings.Contains(e["message"].(string), "the act is recorded") || strings.Contains(fmt.Sprint(p), "hunter2") {
		t.Errorf("%v", p)
	}
	if r := liaison.get(t, `query($id: ID!) { node(id: $id) { ... on Grant { status live } } }`, map[string]any{"id": there[comity.KindGrant]}); dig(t, r, "node", "status") != "REVOKED" {
		t.Errorf("the grant is %v", r)
	}
}

// TestUnreadPayload performs an act whose payload cannot be read: the answer
// says that it was performed, and how to have it.
func TestUnreadPayload(t *testing.T) {
	a := serveAPI(t, nil)
	performed := false
	b := a.over(t, turned{}, brokenDB{
		write: func() error { performed = true; return nil },
		read: func() error {
			if performed {
				return comity.Unavailable("the database", nil)
			}
			return nil
		}})
	r := b.as(t, "investigator@KZ").call(t, `mutation($input: CaseFileInput!) { caseFile(input: $input) { case { id } errors { __typename } } }`,
		map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "category": "RANSOMWARE", "title": "t", "nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}}})
	if r.status != http.StatusServiceUnavailable || !strings.Contains(r.raw, "the act was performed") || !strings.Contains(r.raw, "same idempotency key") {
		t.Errorf("%d %s", r.status, r.raw)
	}
}

// TestSecrets plants what must not be seen, and looks for it in the log and in
// the errors of requests that fail with it in hand.
func TestSecrets(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	const planted = "planted-narrative-7f3a"
	c.fileCase(t, planted)
	for _, r := range []result{
		c.call(t, `mutation($input: CaseFileInput!) { caseFile(input: $input) { errors { ... on UserError { message } } } }`, map[string]any{"input": map[string]any{"title": map[string]any{planted: planted}}}),
		c.call(t, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": planted}),
		c.call(t, `mutation($input: CaseFileInput!) { caseFile(input: $input) { errors { ... on UserError { message } } } }`, map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "category": planted, "title": planted, "nexus": []any{}}}),
	} {
		if strings.Contains(r.raw, planted) {
			t.Errorf("the answer repeats the input: %s", r.raw)
		}
	}
	for _, secret := range []string{planted, c.Caller.Token} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("the log holds %.30q", secret)
		}
	}
}

// TestResponseLimit refuses an answer that is too long, by name, and has the read in
// the record of acts: that it is too long says what there is.
func TestResponseLimit(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Limits = DefaultLimits; o.Limits.Response = 2000; o.Limits.Variables = 3000 })
	c := a.as(t, "investigator@KZ")
	id := c.fileCase(t, "a")
	c.done(t, "caseUpdate", "", map[string]any{"id": id, "expectedVersion": 1, "summary": strings.Repeat("x", 2000)})
	reads := func() int {
		log := a.as(t, "auditor@KZ").get(t, `query($id: ID!) { viewer { log(first: 100, filter: {act: "read", record: $id}) { nodes { act } } } }`, map[string]any{"id": id})
		return len(dig(t, log, "viewer", "log", "nodes").([]any))
	}
	before := reads()
	if r := c.call(t, `{ viewer { cases(first: 1) { nodes { summary } } } }`, nil); r.status != http.StatusBadRequest || r.Errors[0].Extensions.Limit != "response" || r.Data != nil {
		t.Errorf("%d %s", r.status, r.raw)
	}
	if after := reads(); after != before+1 {
		t.Errorf("how long the case is was told, and %d reads of it are in the record of acts", after-before)
	}
	if r := c.call(t, `{ __typename }`, map[string]any{"a": strings.Repeat("x", 3000)}); r.status != http.StatusBadRequest || r.Errors[0].Extensions.Limit != "variables" {
		t.Errorf("%d %s", r.status, r.raw)
	}
}

// TestPanicIsMasked has the one place where a resolver's panic becomes words
// give none of it.
func TestPanicIsMasked(t *testing.T) {
	h := &handler{limits: DefaultLimits}
	f := h.faultOf(execute.Guard(func() error { panic(inside) }))
	if f.code != comity.CodeInternal || strings.Contains(f.message, "hunter2") || f.statusOf() != http.StatusInternalServerError {
		t.Errorf("%+v", f)
	}
}
