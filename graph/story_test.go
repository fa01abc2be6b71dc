package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// fileCase files a case over the API.
func (c *client) fileCase(t testing.TB, title string) comity.ID {
	t.Helper()
	p := c.done(t, "caseFile", "case { id }", map[string]any{"category": "RANSOMWARE", "title": title, "summary": "summary of " + title,
		"narrative": "narrative of " + title, "reference": "ref-" + title, "nexus": []any{
			map[string]any{"basis": "TERRITORY", "state": string(c.Caller.Officer.State)}, map[string]any{"basis": "EFFECTS", "state": "AM"}}})
	return comity.ID(dig(t, p, "case", "id").(string))
}

// upload seals and uploads an exhibit over the API.
func (c *client) upload(t testing.TB, of comity.ID, name string, plain []byte) comity.ID {
	t.Helper()
	recipient, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(statement.PublicJWK(&recipient.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	body := statement.BeginBody{MediaType: "application/octet-stream", Size: int64(len(plain)), Name: name}
	act := c.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: of, RecipientJKT: jkt}, body)
	p := c.done(t, "evidenceBegin", "begun { id header sealedKey parts partSize }", map[string]any{"case": of, "items": []any{map[string]any{
		"mediaType": body.MediaType, "original": false, "size": body.Size, "name": name, "act": act, "recipient": string(jwk)}}})
	begun := dig(t, p, "begun", 0).(map[string]any)
	id := comity.ID(begun["id"].(string))
	rawHeader, err := base64.StdEncoding.DecodeString(begun["header"].(string))
	if err != nil {
		t.Fatal(err)
	}
	h, err := envelope.ParseHeader(rawHeader)
	if err != nil {
		t.Fatal(err)
	}
	hash := h.Hash()
	sealedKey, err := c.Directory.VerifySealedKey(begun["sealedKey"].(string))
	if err != nil {
		t.Fatal(err)
	}
	dek, err := statement.DecryptKey(sealedKey, recipient, statement.Want{ActJWS: act, Evidence: id, HeaderHash: hex.EncodeToString(hash[:]), Now: c.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := envelope.NewKey(dek)
	if err != nil {
		t.Fatal(err)
	}
	cipher, sealed, err := envelope.SealPartBuffer(nil, key, h, 0, true, bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]any{"number": 1, "size": len(cipher), "sha256": hex.EncodeToString(sealed.CipherSHA256[:])}
	p = c.done(t, "evidenceParts", "signed { method url expires headers { name value } } have { number }", map[string]any{"evidence": id, "parts": []any{part}})
	url := exchange.SignedURL{Method: dig(t, p, "signed", 0, "method").(string), URL: dig(t, p, "signed", 0, "url").(string), Header: map[string]string{}}
	for _, header := range dig(t, p, "signed", 0, "headers").([]any) {
		url.Header[dig(t, header, "name").(string)] = dig(t, header, "value").(string)
	}
	exchangetest.Send(t, url, cipher)

	p = c.done(t, "evidenceParts", "signed { url } have { number size sha256 }", map[string]any{"evidence": id, "parts": []any{}})
	if dig(t, p, "have", 0, "sha256") != part["sha256"] || dig(t, p, "have", 0, "size") != float64(len(cipher)) {
		t.Fatalf("the store holds %v", p["have"])
	}
	part["nonce"] = base64.StdEncoding.EncodeToString(sealed.Nonce[:])
	label, _, err := statement.BodyHash(body)
	if err != nil {
		t.Fatal(err)
	}
	done := statement.Completed(h, label, []envelope.SealedPart{sealed}, sha256.Sum256(plain))
	p = c.done(t, "evidenceComplete", "receipts { evidence receipt }", map[string]any{"items": []any{map[string]any{"evidence": id, "parts": []any{part},
		"plainSha256": done.PlainSHA256, "beginHash": label, "act": c.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: id}, done)}}})
	if _, err := c.Directory.VerifyStatement(dig(t, p, "receipts", 0, "receipt").(string)); err != nil {
		t.Fatal(err)
	}
	return id
}

// openExhibit opens an exhibit over the API and gives the plaintext.
func (c *client) openExhibit(t testing.TB, id comity.ID, header string, purpose comity.Purpose, grant comity.ID) []byte {
	t.Helper()
	input, recipient := c.opening(t, id, header, purpose, grant)
	p := c.done(t, "evidenceOpen", "opened { sealedKey header root plainSha256 size version parts { number size sha256 nonce } get { method url headers { name value } } }", input)
	opened := dig(t, p, "opened").(map[string]any)
	raw, err := base64.StdEncoding.DecodeString(opened["header"].(string))
	if err != nil {
		t.Fatal(err)
	}
	act := &exchange.OpenEvidence{SealedKey: opened["sealedKey"].(string), Header: raw,
		Get: &exchange.SignedURL{Method: "GET", URL: dig(t, opened, "get", "url").(string), Header: map[string]string{}}}
	for _, h := range dig(t, opened, "get", "headers").([]any) {
		act.Get.Header[dig(t, h, "name").(string)] = dig(t, h, "value").(string)
	}
	plain, err := hex.DecodeString(opened["plainSha256"].(string))
	if err != nil {
		t.Fatal(err)
	}
	act.Opened.PlainSHA256 = [32]byte(plain)
	return recipient.Decrypt(t, c.Officer, act)
}

// opening is the input that opens an exhibit.
func (c *client) opening(t testing.TB, id comity.ID, header string, purpose comity.Purpose, grant comity.ID) (map[string]any, *exchangetest.Recipient) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	act, recipient := c.Opening(t, id, raw, purpose, grant)
	jwk, err := json.Marshal(act.Recipient)
	if err != nil {
		t.Fatal(err)
	}
	input := map[string]any{"evidence": id, "purpose": purpose, "act": act.Act, "recipient": string(jwk)}
	if grant != "" {
		input["grant"] = grant
	}
	return input, recipient
}

// grantInput is the input of a full grant for a week, signed.
func (c *client) grantInput(t testing.TB, of comity.ID, b statement.GrantBody) map[string]any {
	t.Helper()
	input := map[string]any{"id": b.ID, "case": of, "category": b.Category, "granteeState": b.Grantee.State, "scope": b.Scope, "grade": b.Grade,
		"caveats": map[string]any{"marking": marking}, "purpose": b.Purpose, "agreement": b.Agreement, "release": b.Release,
		"notBefore": stamp(time.Unix(b.NotBefore, 0)), "notAfter": stamp(time.Unix(b.NotAfter, 0)),
		"act": c.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: of, Purpose: b.Purpose}, b)}
	if b.Exhibits != nil {
		input["exhibits"] = b.Exhibits
	}
	if b.Subjects != nil {
		input["subjects"] = b.Subjects
	}
	if b.Request != "" {
		input["request"] = b.Request
	}
	return input
}

// proposalInput is the same, signed as one of two.
func (c *client) proposalInput(t testing.TB, of comity.ID, b statement.GrantBody) map[string]any {
	t.Helper()
	input := c.grantInput(t, of, b)
	input["act"] = c.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: of, Purpose: b.Purpose, Seconded: true}, b)
	return input
}

const caseFields = `id state agency owner category status marking { tlp pap handling } nexus { basis state } reserved version createdAt updatedAt
  title summary narrative reference assignees
  access { level grant { id status live endedAt scope notAfter caveats { text marking { tlp } } } redactions { field article articleName reason cure } }
  entries(first: 10) { nodes { id case author text happened marking { tlp } createdAt } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
  subjects(first: 10) { nodes { id kind role minor names { name script latin alias } source information assessment note } }
  observables(first: 10) { edges { cursor node { id type value hashes { algorithm value } sourceIds indicator information } } }
  evidence(first: 10) { nodes { id status name size header headerHash root plainSha256 receipt grant parts { number size sha256 nonce }
    custody { id kind actor function state purpose grant hash act chain at } } }
  releases { id officer decider grantee scope exhibits purpose notAfter }`

func (c *client) readCase(t testing.TB, id comity.ID, purpose comity.Purpose) map[string]any {
	t.Helper()
	variables := map[string]any{"id": id}
	if purpose != "" {
		variables["purpose"] = purpose
	}
	found, _ := c.get(t, `query($id: ID!, $purpose: Purpose) { node(id: $id, purpose: $purpose) { ... on Case { `+caseFields+` } } }`, variables)["node"].(map[string]any)
	return found
}

// TestStory plays the main job over the API.
func TestStory(t *testing.T) {
	a := serveAPI(t, nil)
	owner, liaison, authority := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "authority@KZ")
	foreign, other := a.as(t, "investigator@AM"), a.as(t, "liaison@BY")

	now := a.Clock.Now()
	p := authority.done(t, "mandateGive", "mandate { id liaison givenBy notBefore notAfter endedAt live }", map[string]any{"liaison": "KZ:liaison-1",
		"notBefore": stamp(now.Add(-time.Minute)), "notAfter": stamp(now.Add(90 * 24 * time.Hour))})
	if dig(t, p, "mandate", "live") != true || dig(t, p, "mandate", "liaison") != "KZ:liaison-1" {
		t.Fatalf("the mandate is %v", p)
	}

	c := owner.fileCase(t, "Ransom at the bank")
	owner.done(t, "entryAdd", "entries { id text happened author }", map[string]any{"case": c, "items": []any{map[string]any{"text": "The note was found", "happened": "2026-11"}}})
	p = owner.done(t, "subjectAdd", "subjects { id kind role names { name script latin alias } information }", map[string]any{"case": c, "items": []any{
		map[string]any{"kind": "PERSON", "role": "SUSPECT", "source": "B", "information": "TWO", "names": []any{map[string]any{"name": "Иван", "script": "Cyrl", "latin": "Ivan"}}},
		map[string]any{"kind": "PERSON", "role": "VICTIM", "identifier": "v-1"}}})
	if dig(t, p, "subjects", 0, "information") != "TWO" || dig(t, p, "subjects", 0, "names", 0, "name") != "Иван" {
		t.Fatalf("the subjects are %v", p)
	}
	owner.done(t, "observableAdd", "observables { id value }", map[string]any{"case": c, "items": []any{map[string]any{"type": "cryptocurrency-wallet",
		"value": "bc1qexample", "hashes": []any{map[string]any{"algorithm": "SHA-256", "value": strings.Repeat("00", 32)}}, "sourceIds": []any{"indicator--1"}, "indicator": true}}})
	secret := bytes.Repeat([]byte("disk image "), 1000)
	disk := owner.upload(t, c, "disk.img", secret)
	note := owner.upload(t, c, "note.txt", []byte("pay up"))

	mine := owner.readCase(t, c, "")
	if mine["title"] != "Ransom at the bank" || mine["reference"] != "ref-Ransom at the bank" || dig(t, mine, "access", "level") != "OWN" ||
		len(dig(t, mine, "subjects", "nodes").([]any)) != 2 || len(dig(t, mine, "evidence", "nodes").([]any)) != 2 || mine["assignees"] == nil {
		t.Fatalf("the owner reads %v", mine)
	}
	if foreign.readCase(t, c, "INVESTIGATION") != nil {
		t.Fatal("Armenia sees the case before any grant")
	}

	p = foreign.done(t, "requestSend", "request { id version status dueAt overdue facts fromReference toReference observables { type value description } }", map[string]any{"to": "KZ", "kind": "INFORMATION", "urgency": "PROMPT",
		"category": "RANSOMWARE", "purpose": "INVESTIGATION", "title": "Wallet", "facts": "We saw bc1qexample", "record": "case1_whatever", "fromReference": "AM-1",
		"observables": []any{map[string]any{"type": "cryptocurrency-wallet", "value": "bc1qexample"}}})
	request := comity.ID(dig(t, p, "request", "id").(string))
	if dig(t, p, "request", "fromReference") != "AM-1" || dig(t, p, "request", "observables", 0, "value") != "bc1qexample" || dig(t, p, "request", "overdue") != false {
		t.Fatalf("the request is %v", p)
	}
	liaison.done(t, "requestReceive", "request { status }", map[string]any{"id": request, "expectedVersion": 1})
	p = liaison.done(t, "requestAcknowledge", "request { status toReference fromReference messages(first: 10) { nodes { text state function } } }",
		map[string]any{"id": request, "expectedVersion": 2, "note": "We look into it", "reference": "KZ-9"})
	if dig(t, p, "request", "status") != "ACKNOWLEDGED" || dig(t, p, "request", "toReference") != "KZ-9" || dig(t, p, "request", "fromReference") != nil ||
		dig(t, p, "request", "messages", "nodes", 0, "text") != "We look into it" {
		t.Fatalf("the request is %v", p)
	}
	p = foreign.done(t, "messageSend", "message { id text state author }", map[string]any{"request": request, "text": "Thank you"})
	if dig(t, p, "message", "text") != "Thank you" {
		t.Fatalf("the message is %v", p)
	}
	other.refused(t, "requestExecute", map[string]any{"id": request, "expectedVersion": 3, "outcome": "EXECUTED"}, comity.CodeNotFound)

	p = owner.done(t, "releaseDecide", "release { id grantee scope exhibits decider }", map[string]any{"case": c, "decider": "OWNER", "grantee": "AM", "scope": "FULL",
		"exhibits": []any{disk}, "purpose": "INVESTIGATION", "notAfter": stamp(now.Add(30 * 24 * time.Hour))})
	release := comity.ID(dig(t, p, "release", "id").(string))
	body := liaison.GrantBody("AM", release, disk)
	body.Request = request
	if e := owner.refused(t, "grantMake", owner.grantInput(t, c, body), comity.CodeDenied); e["article"] != float64(8) || e["articleName"] != "Liaison" || e["reason"] == "" {
		t.Fatalf("the owner's grant is refused with %v", e)
	}
	p = liaison.done(t, "grantMake", "grant { id status live statement exhibits scope purpose grade agreement release request liaison }", liaison.grantInput(t, c, body))
	grant := comity.ID(dig(t, p, "grant", "id").(string))
	if _, err := a.Directory.VerifyStatement(dig(t, p, "grant", "statement").(string)); err != nil || dig(t, p, "grant", "live") != true {
		t.Fatalf("%v: the grant is %v", err, p)
	}

	theirs := foreign.readCase(t, c, "INVESTIGATION")
	if theirs["title"] != "Ransom at the bank" || theirs["reference"] != nil || dig(t, theirs, "access", "level") != "FULL" || theirs["assignees"] != nil ||
		theirs["releases"] != nil || len(dig(t, theirs, "subjects", "nodes").([]any)) != 1 || len(dig(t, theirs, "evidence", "nodes").([]any)) != 1 {
		t.Fatalf("Armenia reads %v", theirs)
	}
	exhibit := dig(t, theirs, "evidence", "nodes", 0).(map[string]any)
	if exhibit["grant"] != string(grant) || exhibit["id"] != string(disk) {
		t.Fatalf("Armenia sees the exhibit %v", exhibit)
	}
	if got := foreign.openExhibit(t, disk, exhibit["header"].(string), "INVESTIGATION", grant); !bytes.Equal(got, secret) {
		t.Fatal("the decrypted exhibit differs")
	}
	// Another purpose, the other exhibit, another state.
	input, _ := foreign.opening(t, disk, exhibit["header"].(string), "PROSECUTION", grant)
	if e := foreign.refused(t, "evidenceOpen", input, comity.CodeDenied); e["article"] != float64(9) {
		t.Fatalf("another purpose: %v", e)
	}
	if r := foreign.readCase(t, c, "PROSECUTION"); r["title"] != nil || dig(t, r, "access", "level") != "NONE" || dig(t, r, "access", "redactions", 0, "article") != float64(9) {
		t.Fatalf("for another purpose Armenia reads %v", r)
	}
	input, _ = foreign.opening(t, note, exhibit["header"].(string), "INVESTIGATION", grant)
	foreign.refused(t, "evidenceOpen", input, comity.CodeDenied)
	input, _ = other.opening(t, disk, exhibit["header"].(string), "INVESTIGATION", grant)
	other.refused(t, "evidenceOpen", input, comity.CodeNotFound)
	if other.readCase(t, c, "INVESTIGATION") != nil {
		t.Fatal("Belarus sees the case")
	}

	// Narrowed, then revoked.
	narrow := statement.NarrowBody{Case: c, Scope: comity.ScopeSummary, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: body.NotAfter - 3600}
	p = liaison.done(t, "grantNarrow", "grant { scope version exhibits }", map[string]any{"grant": grant, "case": c, "expectedVersion": dig(t, liaison.get(t, `query($id: ID!) { node(id: $id) { ... on Grant { version } } }`, map[string]any{"id": grant}), "node", "version"),
		"scope": "SUMMARY", "caveats": map[string]any{"marking": marking}, "notAfter": stamp(time.Unix(narrow.NotAfter, 0)),
		"act": liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: grant}, narrow)})
	if dig(t, p, "grant", "scope") != "SUMMARY" {
		t.Fatalf("the grant was narrowed to %v", p)
	}
	if r := foreign.readCase(t, c, "INVESTIGATION"); r["summary"] == nil || r["narrative"] != nil || r["entries"] != nil || r["evidence"] != nil || dig(t, r, "access", "redactions", 0, "article") != float64(8) {
		t.Fatalf("under a summary grant Armenia reads %v", r)
	}
	revoke := statement.RevokeBody{Case: c, Reason: "no longer needed"}
	p = liaison.done(t, "grantRevoke", "grant { status live }", map[string]any{"grant": grant, "case": c, "reason": revoke.Reason,
		"act": liaison.Sign(t, statement.Act{Act: statement.ActGrantRevoke, Record: grant}, revoke)})
	if dig(t, p, "grant", "status") != "REVOKED" || dig(t, p, "grant", "live") != false {
		t.Fatalf("the revoked grant is %v", p)
	}
	if r := foreign.readCase(t, c, "INVESTIGATION"); dig(t, r, "access", "level") != "ENDED" || r["title"] != nil || r["category"] != nil || r["marking"] != nil || r["version"] != nil || r["reserved"] != nil {
		t.Fatalf("after revocation Armenia reads %v", r)
	}
	input, _ = foreign.opening(t, disk, exhibit["header"].(string), "INVESTIGATION", grant)
	foreign.refused(t, "evidenceOpen", input, comity.CodeNotFound)

	// Changed, closed, reopened, reserved.
	v := int(owner.readCase(t, c, "")["version"].(float64))
	p = owner.done(t, "caseUpdate", "case { version title summary }", map[string]any{"id": c, "expectedVersion": v, "title": "Ransom at two banks", "narrative": nil})
	if dig(t, p, "case", "title") != "Ransom at two banks" || dig(t, p, "case", "summary") != "summary of Ransom at the bank" {
		t.Fatalf("the changed case is %v", p)
	}
	owner.refused(t, "caseUpdate", map[string]any{"id": c, "expectedVersion": v, "title": "late"}, comity.CodeConflict)
	owner.done(t, "caseClose", "case { status }", map[string]any{"id": c, "expectedVersion": v + 1})
	owner.done(t, "caseReopen", "case { status }", map[string]any{"id": c, "expectedVersion": v + 2})
	owner.refused(t, "caseAssign", map[string]any{"id": c, "officer": "KZ:colleague-1"}, comity.CodeInvalid) // who never logged in
	listed := a.as(t, "colleague@KZ").get(t, "{ viewer { officers { ref role agency function } } }", nil)
	if !strings.Contains(fmt.Sprint(listed), "ref:KZ:colleague-1 role:INVESTIGATOR") || strings.Contains(fmt.Sprint(listed), "AM:") {
		t.Errorf("the officers of Kazakhstan are %v", listed)
	}
	owner.done(t, "caseAssign", "case { assignees }", map[string]any{"id": c, "officer": "KZ:colleague-1"})
	reserve := statement.ReserveBody{Reason: "a domestic matter"}
	authority.done(t, "caseReserve", "case { reserved } endedGrants", map[string]any{"id": c, "expectedVersion": v + 3, "reason": reserve.Reason,
		"act": authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, reserve)})
	body = liaison.GrantBody("AM", release, disk)
	if e := liaison.refused(t, "grantMake", liaison.grantInput(t, c, body), comity.CodeDenied); e["article"] != float64(4) {
		t.Fatalf("a grant of a reserved case: %v", e)
	}

	liaison.done(t, "requestExecute", "request { status }", map[string]any{"id": request, "expectedVersion": 3, "outcome": "EXECUTED_IN_PART"})
	foreign.done(t, "requestClose", "request { status }", map[string]any{"id": request, "expectedVersion": 4, "note": "It led to two arrests"})

	a.Sequence(t)
	log := liaison.get(t, `{ viewer { officer { ref role agency state function } log(first: 100) { nodes { id act outcome at ref state agency function article articleName reason
		records { id level grant purpose } purpose policies requestId leaf index salt commitments content } pageInfo { hasNextPage } }
		cases(first: 10) { totalCount nodes { id title } } requests(first: 10, filter: {incoming: true}) { totalCount nodes { id } }
		grants(first: 10) { totalCount nodes { id status } } mandates { id live } }
		states { code name agencies { id name competences } contactPoint manifest manifestNumber manifestExpires store agreements { id title parties categories measures inForce until hash } }
		categories { code title competence neutralityProne } union { name policies } }`, nil)
	if n := len(dig(t, log, "viewer", "log", "nodes").([]any)); n < 15 {
		t.Errorf("Kazakhstan reads %d leaves", n)
	}
	if dig(t, log, "viewer", "requests", "totalCount") != float64(1) || dig(t, log, "viewer", "grants", "totalCount") != float64(1) || len(dig(t, log, "states").([]any)) != 3 {
		t.Errorf("the liaison reads %v", log)
	}
}
