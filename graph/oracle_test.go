package graph

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// records are the ids of one record of each kind.
type records map[comity.Kind]comity.ID

func absent() records {
	r := records{}
	for _, k := range []comity.Kind{comity.KindCase, comity.KindEntry, comity.KindSubject, comity.KindObservable, comity.KindEvidence,
		comity.KindRequest, comity.KindGrant, comity.KindRelease, comity.KindMandate,
		comity.KindProposal, comity.KindReservation, comity.KindHold, comity.KindWithdrawal,
		comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled, comity.KindUndertaking,
		comity.KindShift, comity.KindStanding, comity.KindErasure} {
		r[k] = comity.NewID(k)
	}
	r[contribution] = comity.NewID(comity.KindRelease)
	return r
}

// secrets are what is said in a case of [caseAlone] and in its records, one in each.
var secrets = []string{"Ransom at night", "They called", "Suspect number one", "wallet.example", "ledger.txt"}

// caseAlone makes a case with a record of each kind in it, seen by the
// investigator of the state who files it and by nobody else.
func caseAlone(t *testing.T, a *api, s comity.State) records {
	t.Helper()
	owner := a.World.As(t, "investigator@"+string(s))
	r := records{comity.KindCase: owner.FileCase(t, secrets[0], "AM")}
	for kind, add := range map[comity.Kind]*exchange.AddRecords{
		comity.KindEntry:      {Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: secrets[1]}}}},
		comity.KindSubject:    {Subjects: []exchange.NewSubject{{Kind: "PERSON", Role: "SUSPECT", Text: comity.SubjectText{Identifier: secrets[2]}}}},
		comity.KindObservable: {Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "url", Value: secrets[3]}}}},
	} {
		add.Key, add.Case = exchangetest.Key(), r[comity.KindCase]
		owner.Do(t, add)
		r[kind] = add.IDs[0]
	}
	r[comity.KindEvidence] = owner.Upload(t, r[comity.KindCase], secrets[4], []byte("a"))
	return r
}

// hidden makes one record of each kind that only Kazakhstan's officers in the
// matter (and Armenia's, of the request) may see.
func hidden(t *testing.T, a *api) records {
	t.Helper()
	return made(t, a, "KZ")
}

// made makes one record of each kind of a state, granted to Armenia or asked by it.
func made(t *testing.T, a *api, s comity.State) records {
	t.Helper()
	a.Mandate(t, s)
	owner, liaison := a.World.As(t, "investigator@"+string(s)), a.World.As(t, "liaison@"+string(s))
	r := caseAlone(t, a, s)
	r[comity.KindRelease] = owner.Release(t, r[comity.KindCase], "AM", r[comity.KindEvidence])
	grant := liaison.MakeGrant(t, r[comity.KindCase], liaison.GrantBody("AM", r[comity.KindRelease], r[comity.KindEvidence]))
	liaison.Do(t, grant)
	r[comity.KindGrant] = grant.Body.ID
	propose := liaison.ProposeGrant(t, r[comity.KindCase], liaison.GrantBody("AM", r[comity.KindRelease], r[comity.KindEvidence]))
	liaison.Do(t, propose)
	r[comity.KindProposal] = propose.Proposed
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: s, Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: "RANSOMWARE",
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "a", Facts: "b"}}
	a.World.As(t, "investigator@AM").Do(t, send)
	r[comity.KindRequest] = send.ID
	liaison.Read(t, func(reader *exchange.Reader) error {
		all, err := reader.Mandates()
		r[comity.KindMandate] = all[0].ID
		return err
	})
	a.domestic(t, s, r)
	a.dispatches(t, s, r)
	a.roster(t, s, r)
	a.team(t, s, r)
	return r
}

// naming gives, for every mutation that names a record, an input that does.
func (c *client) naming(t *testing.T, r records) map[string]map[string]any {
	now := c.Clock.Now()
	sign := func(act string, id comity.ID, body any) string {
		return c.Sign(t, statement.Act{Act: act, Record: id}, body)
	}
	of, exhibit, person, request, grant := r[comity.KindCase], r[comity.KindEvidence], r[comity.KindSubject], r[comity.KindRequest], r[comity.KindGrant]
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(statement.PublicJWK(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	begin := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "a"}
	zero := strings.Repeat("0", 64)
	narrow := statement.NarrowBody{Case: of, Scope: comity.ScopeFull, Exhibits: []comity.ID{exhibit}, Subjects: []comity.ID{person}, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: now.Add(time.Hour).Unix()}
	body := c.GrantBody("AM", r[comity.KindRelease], exhibit)
	body.Request, body.Subjects = request, []comity.ID{person}
	confirm := statement.ConfirmBody{Case: of, Release: r[comity.KindRelease], NotAfter: now.Add(time.Hour).Unix()}
	assess := statement.AssessBody{ID: comity.NewID(comity.KindAssessment), Category: "RANSOMWARE", Character: comity.CharacterOrdinary, Conduct: "a", Motive: "b", Context: "c"}
	object := statement.ObjectBody{ID: comity.NewID(comity.KindObjection), Case: of, Ground: comity.CharacterPolitical}
	all := map[string]map[string]any{
		"caseUpdate":    {"id": of, "expectedVersion": 1, "title": "a"},
		"caseAssign":    {"id": of, "officer": "BY:liaison-1"},
		"caseExport":    {"id": of, "purpose": "INVESTIGATION", "use": "COURT"},
		"caseClose":     {"id": of, "expectedVersion": 1},
		"caseReopen":    {"id": of, "expectedVersion": 1},
		"caseReserve":   {"id": of, "expectedVersion": 1, "reason": "a", "act": sign(statement.ActCaseReserve, of, statement.ReserveBody{Reason: "a"})},
		"entryAdd":      {"case": of, "items": []any{map[string]any{"text": "a"}}},
		"subjectAdd":    {"case": of, "items": []any{map[string]any{"kind": "PERSON", "role": "SUSPECT", "identifier": "a"}}},
		"observableAdd": {"case": of, "items": []any{map[string]any{"type": "url", "value": "a.example"}}},
		"evidenceBegin": {"case": of, "items": []any{map[string]any{"mediaType": "text/plain", "original": false, "size": 1, "name": "a", "recipient": string(jwk),
			"act": sign(statement.ActEvidenceBegin, of, begin)}}},
		"evidenceParts": {"evidence": exhibit, "parts": []any{}},
		"evidenceComplete": {"items": []any{map[string]any{"evidence": exhibit, "parts": []any{}, "plainSha256": zero, "beginHash": zero,
			"act": sign(statement.ActEvidenceComplete, exhibit, statement.CompleteBody{})}}},
		"evidenceOpen": {"evidence": exhibit, "purpose": "INVESTIGATION", "grant": grant, "recipient": string(jwk),
			"act": c.Sign(t, statement.Act{Act: statement.ActEvidenceOpen, Record: exhibit, Purpose: "INVESTIGATION", Grant: grant}, statement.OpenBody{})},
		"messageSend":   {"request": request, "text": "a"},
		"releaseDecide": {"case": of, "decider": "OWNER", "grantee": "AM", "scope": "FULL", "exhibits": []comity.ID{exhibit}, "subjects": []comity.ID{person}, "purpose": "INVESTIGATION", "notAfter": stamp(now.Add(time.Hour))},
		"requestSend": {"to": "KZ", "kind": "ACCESS", "urgency": "ROUTINE", "category": string(tokentest.Category), "purpose": "INVESTIGATION", "title": "a", "facts": "b",
			"onwardTo": "AM", "grant": grant},
		"grantMake":    c.grantInput(t, of, body),
		"grantPropose": c.proposalInput(t, of, body),
		"grantConfirm": {"grant": grant, "case": of, "expectedVersion": 1, "release": confirm.Release, "notAfter": stamp(time.Unix(confirm.NotAfter, 0)),
			"act": sign(statement.ActGrantConfirm, grant, confirm)},
		"releaseWithdraw": {"case": of, "release": r[comity.KindRelease]},
		"caseAssess": {"id": assess.ID, "case": of, "expectedVersion": 1, "category": assess.Category, "character": assess.Character, "conduct": "a", "motive": "b", "context": "c",
			"act": sign(statement.ActCaseAssess, of, assess)},
		"grantObject":     {"id": object.ID, "grant": grant, "case": of, "ground": object.Ground, "act": sign(statement.ActGrantObject, grant, object)},
		"proposalDecline": {"proposal": r[comity.KindProposal], "reason": "a"},
		"grantNarrow": {"grant": grant, "case": of, "expectedVersion": 1, "scope": "FULL", "exhibits": []comity.ID{exhibit}, "subjects": []comity.ID{person}, "caveats": map[string]any{"marking": marking}, "notAfter": stamp(time.Unix(narrow.NotAfter, 0)),
			"act": sign(statement.ActGrantNarrow, grant, narrow)},
		"grantRevoke": {"grant": grant, "case": of, "reason": "a", "act": sign(statement.ActGrantRevoke, grant, statement.RevokeBody{Case: of, Reason: "a"})},
		"mandateEnd":  {"mandate": r[comity.KindMandate]},
	}
	maps.Copy(all, c.namingDomestic(t, r))
	maps.Copy(all, c.namingDispatches(t, r))
	maps.Copy(all, c.namingTeam(t, r))
	all["dutyWithdraw"] = map[string]any{"shift": r[comity.KindShift]}
	for _, move := range moves {
		in := map[string]any{"id": request, "expectedVersion": 1, "note": "a"}
		switch move {
		case "requestForward":
			in["routeTo"] = "BY/cyber"
		case "requestExecute":
			in["outcome"] = "EXECUTED"
		case "requestPostpone":
			in["until"] = stamp(now.Add(time.Hour))
		case "requestRefuse":
			in["ground"], in["act"] = "NOT_STATED", sign(statement.ActRequestRefuse, request, statement.RefuseBody{Ground: "NOT_STATED", Note: "a"})
		}
		all[string(move)] = in
	}
	return all
}

// notNaming are the mutations whose input names no record that must exist.
var notNaming = []string{"caseFile", "mandateGive", "categoryReserve", "manifestPublish", "dutySet", "standingMake"}

// TestIDsOfAnotherType gives, wherever an id is taken, ids of every other kind.
func TestIDsOfAnotherType(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	r := absent()
	var swap []string
	for _, id := range r {
		swap = append(swap, string(id), string(comity.NewID(comity.KindCustody)))
	}
	for mutation, named := range c.naming(t, r) {
		raw, err := json.Marshal(named)
		if err != nil {
			t.Fatal(err)
		}
		var input map[string]any
		if err := json.Unmarshal([]byte(strings.NewReplacer(swap...).Replace(string(raw))), &input); err != nil {
			t.Fatal(err)
		}
		e := c.refused(t, mutation, input, comity.CodeInvalid)
		path, _ := e["path"].([]any)
		if len(path) < 2 || path[0] != "input" || !strings.Contains(e["message"].(string), "this is the id of a custody") {
			t.Errorf("%s: %v", mutation, e)
		}
	}
	for _, id := range []string{"", "case1_", "nonsense", string(r[comity.KindCase]) + "a", strings.ToUpper(string(r[comity.KindCase])), string(comity.NewID(comity.KindMandate))} {
		res := c.call(t, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id})
		if res.status != http.StatusOK || res.Data["node"] != nil || len(res.Errors) != 1 || res.Errors[0].Extensions.Code != "INVALID" || res.Errors[0].Path[0] != "node" {
			t.Errorf("%q: %d %s", id, res.status, res.raw)
		}
	}
}

// TestCursors holds cursors to the viewer, list and filter that they are of.
func TestCursors(t *testing.T) {
	a := serveAPI(t, nil)
	owner, colleague := a.as(t, "investigator@KZ"), a.as(t, "colleague@KZ")
	var ids []comity.ID
	for _, title := range []string{"a", "b", "c"} {
		id := owner.fileCase(t, title)
		owner.done(t, "caseAssign", "case { id }", map[string]any{"id": id, "officer": "KZ:colleague-1"})
		owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": id, "items": []any{map[string]any{"text": "1"}, map[string]any{"text": "2"}}})
		ids = append(ids, id)
	}
	const page = `query($after: String) { viewer { cases(first: 2, after: $after) { nodes { title } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } } }`
	first := dig(t, owner.get(t, page, nil), "viewer", "cases")
	cursor := dig(t, first, "pageInfo", "endCursor")
	second := dig(t, owner.get(t, page, map[string]any{"after": cursor}), "viewer", "cases")
	if dig(t, first, "pageInfo", "hasNextPage") != true || dig(t, second, "pageInfo", "hasNextPage") != false || dig(t, second, "pageInfo", "hasPreviousPage") != true ||
		dig(t, first, "nodes", 0, "title") != "c" || dig(t, second, "nodes", 0, "title") != "a" || dig(t, second, "totalCount") != float64(3) {
		t.Errorf("the pages are %v and %v", first, second)
	}
	refused := func(c *client, query string, variables map[string]any) {
		t.Helper()
		r := c.call(t, query, variables)
		if r.status != http.StatusOK || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "INVALID" || !strings.Contains(r.Errors[0].Message, "cursor") {
			t.Errorf("%d %s", r.status, r.raw)
		}
	}
	refused(colleague, page, map[string]any{"after": cursor})
	refused(owner, page, map[string]any{"after": "nonsense"})
	refused(owner, `query($after: String) { viewer { requests(first: 2, after: $after) { nodes { id } } } }`, map[string]any{"after": cursor})
	refused(owner, `query($after: String) { viewer { cases(first: 2, after: $after, filter: {status: OPEN}) { nodes { id } } } }`, map[string]any{"after": cursor})
	// A cursor of one case's entries does not open another's, and what it makes
	// impossible is null where the specification says, not everything.
	const entries = `query($id: ID!, $after: String) { node(id: $id) { id ... on Case { title entries(first: 1, after: $after) { nodes { text } pageInfo { endCursor } } } } }`
	oldest := dig(t, owner.get(t, entries, map[string]any{"id": ids[0]}), "node", "entries")
	inner := dig(t, oldest, "pageInfo", "endCursor")
	next := dig(t, owner.get(t, entries, map[string]any{"id": ids[0], "after": inner}), "node", "entries")
	if dig(t, oldest, "nodes", 0, "text") == dig(t, next, "nodes", 0, "text") {
		t.Errorf("the entry after %v is %v", oldest, next)
	}
	r := owner.call(t, entries, map[string]any{"id": ids[1], "after": inner})
	if r.status != http.StatusOK || len(r.Errors) != 1 || dig(t, r.Data, "node", "title") != "b" || dig(t, r.Data, "node", "entries") != nil || r.Errors[0].Path[1] != "entries" {
		t.Errorf("%d %s", r.status, r.raw)
	}
	for _, n := range []int{0, -1, 101, 1 << 30} {
		if r := owner.call(t, `query($n: Int!) { viewer { cases(first: $n) { nodes { id } } } }`, map[string]any{"n": n}); len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "INVALID" || r.Data != nil {
			t.Errorf("first: %d: %s", n, r.raw)
		}
	}
	many := make([]any, 101)
	for i := range many {
		many[i] = ids[0]
	}
	if r := owner.call(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": many}); len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "100") {
		t.Errorf("101 ids: %s", r.raw)
	}
}
