package client_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/importer"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestStory plays the main job through the client alone.
func TestStory(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	owner, liaison, authority := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "authority@KZ")
	foreign, other := w.as(t, "investigator@AM"), w.as(t, "liaison@BY")
	who, err := liaison.Viewer(ctx)
	must(t, err)
	if who.Ref != "KZ:liaison-1" || who.Role != comity.RoleLiaison || who.State != "KZ" {
		t.Fatalf("the liaison is %+v", who)
	}
	mandate, err := authority.MandateGive(ctx, client.NewMandate{Liaison: who.Ref, NotBefore: w.Clock.Now().Add(-time.Minute), NotAfter: w.Clock.Now().Add(90 * 24 * time.Hour)})
	must(t, err)
	if !mandate.Live || mandate.Liaison != who.Ref {
		t.Fatalf("the mandate is %+v", mandate)
	}

	draft, err := importer.Read(bytes.NewReader(importer.Sample("ransomware-misp.json")), importer.Options{})
	must(t, err)
	filed, err := owner.FileDraft(ctx, draft, client.DraftCase{Category: tokentest.Category,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	must(t, err)
	if filed.Observables != len(draft.Observables) || filed.Observables == 0 || filed.Entries != len(draft.Entries) || filed.Subjects != len(draft.Subjects) {
		t.Fatalf("of %d observables, %d subjects and %d entries: %+v", len(draft.Observables), len(draft.Subjects), len(draft.Entries), filed)
	}
	c := filed.Case.ID
	observables, err := client.All(func(n int, after string) (client.Page[client.Observable], error) {
		return owner.Observables(ctx, c, "", 3, after)
	})
	must(t, err)
	if len(observables) != len(draft.Observables) {
		t.Fatalf("%d of %d observables are listed", len(observables), len(draft.Observables))
	}
	for _, o := range observables {
		if len(o.SourceIDs) == 0 || o.Marking.TLP == "" {
			t.Errorf("%s %s lost its ids or marking", o.Type, o.Value)
		}
	}
	_, err = owner.SubjectAdd(ctx, c, client.NewSubject{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Source: "B", Information: "2",
		Names: []client.SubjectName{{Name: "Иван Петров", Script: "Cyrl", Latin: "Ivan Petrov"}}})
	must(t, err)
	subjects, err := owner.Subjects(ctx, c, "", 10, "")
	must(t, err)
	if s := subjects.Nodes; len(s) == 0 || s[len(s)-1].Information != "2" && s[0].Information != "2" {
		t.Fatalf("the subjects are %+v", s)
	}

	path, content := temp(t, "disk.img", 300_000)
	disk, err := owner.PutEvidence(ctx, client.PutOptions{Case: c, Path: path, Original: false, Note: "a copy"})
	must(t, err)
	note, err := owner.PutEvidence(ctx, client.PutOptions{Case: c, Path: path, Name: "note.txt", MediaType: "text/plain", Again: true})
	must(t, err)

	// Nobody abroad sees that there is a case.
	_, err = foreign.Case(ctx, c, comity.PurposeInvestigation)
	want(t, err, comity.CodeNotFound, 0)

	request, err := foreign.RequestSend(ctx, client.NewRequest{To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt,
		Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Title: "Wallet", Facts: "We saw it too", FromReference: "AM-7",
		Observables: []client.RequestObservable{{Type: "cryptocurrency-wallet", Value: "bc1q"}}})
	must(t, err)
	request, err = liaison.RequestReceive(ctx, client.Move{ID: request.ID, ExpectedVersion: request.Version})
	must(t, err)
	_, err = liaison.RequestReceive(ctx, client.Move{ID: request.ID, ExpectedVersion: request.Version - 1})
	want(t, err, comity.CodeConflict, 0)
	request, err = liaison.RequestAcknowledge(ctx, client.Move{ID: request.ID, ExpectedVersion: request.Version, Note: "We look into it", Reference: "KZ-9"})
	must(t, err)
	if request.Status != comity.RequestAcknowledged || request.ToReference != "KZ-9" || request.FromReference != "" {
		t.Fatalf("acknowledged, the request is %+v", request)
	}
	_, err = foreign.MessageSend(ctx, request.ID, "Thank you", "")
	must(t, err)
	messages, err := liaison.Messages(ctx, request.ID, 10, "")
	must(t, err)
	if len(messages.Nodes) != 2 {
		t.Fatalf("the correspondence is %+v", messages.Nodes)
	}

	// Without a release decision there is no grant.
	grant := w.grant(t, owner, liaison, c, disk.Evidence)
	if !grant.Check.Verified() || grant.Status != comity.GrantActive {
		t.Fatalf("the grant is %+v", grant)
	}
	received, err := foreign.Grants(ctx, client.GrantFilter{Received: true}, 10, "")
	must(t, err)
	if len(received.Nodes) != 1 || !received.Nodes[0].Check.Verified() {
		t.Fatalf("Armenia received %+v", received.Nodes)
	}
	read, err := foreign.Case(ctx, c, comity.PurposeInvestigation)
	must(t, err)
	if read.Access.Level != "FULL" || read.Title == "" || read.Reference != "" || !read.Access.Grant.Check.Verified() {
		t.Fatalf("Armenia reads %+v", read)
	}
	dir := t.TempDir()
	got, err := foreign.GetEvidence(ctx, client.GetOptions{Evidence: disk.Evidence, Purpose: comity.PurposeInvestigation, Dest: dir})
	must(t, err)
	if got.Path != filepath.Join(dir, "disk.img") || got.PlainSHA256 != disk.PlainSHA256 {
		t.Fatalf("fetched %+v", got)
	}
	if b, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(b, content) {
		t.Fatalf("the file differs (%v)", err)
	}

	// Another purpose, another exhibit, another state.
	_, err = foreign.GetEvidence(ctx, client.GetOptions{Evidence: disk.Evidence, Purpose: comity.PurposeProsecution, Grant: grant.ID, Dest: t.TempDir()})
	want(t, err, comity.CodeDenied, comity.ArticlePurpose)
	_, err = foreign.GetEvidence(ctx, client.GetOptions{Evidence: note.Evidence, Purpose: comity.PurposeInvestigation, Grant: grant.ID, Dest: t.TempDir()})
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	_, err = other.Case(ctx, c, comity.PurposeInvestigation)
	want(t, err, comity.CodeNotFound, 0)

	narrowed, err := liaison.GrantNarrow(ctx, client.Narrowing{Grant: grant.ID, Case: c, ExpectedVersion: grant.Version, Scope: comity.ScopeSummary,
		Exhibits: grant.Exhibits, Caveats: *grant.Caveats, NotAfter: grant.NotAfter.Add(-time.Hour)})
	must(t, err)
	if !narrowed.Check.Verified() || narrowed.Scope != comity.ScopeSummary {
		t.Fatalf("narrowed, the grant is %+v", narrowed)
	}
	if _, err := liaison.GrantNarrow(ctx, client.Narrowing{Grant: grant.ID, Case: c, ExpectedVersion: narrowed.Version, Scope: comity.ScopeFull,
		Exhibits: grant.Exhibits, Caveats: *grant.Caveats, NotAfter: narrowed.NotAfter}); comity.CodeOf(err) != comity.CodeDenied {
		t.Fatalf("widened: %v", err)
	}

	revoked, err := liaison.GrantRevoke(ctx, c, grant.ID, "no longer needed")
	must(t, err)
	if revoked.Live {
		t.Fatal("a revoked grant is live")
	}
	read, err = foreign.Case(ctx, c, comity.PurposeInvestigation)
	must(t, err)
	if read.Access.Level != "ENDED" || read.Title != "" || read.Access.Redactions[0].Article != comity.ArticleTerm {
		t.Fatalf("after revocation Armenia reads %+v", read)
	}
	_, err = foreign.GetEvidence(ctx, client.GetOptions{Evidence: disk.Evidence, Purpose: comity.PurposeInvestigation, Grant: grant.ID, Dest: t.TempDir()})
	want(t, err, comity.CodeDenied, comity.ArticleTerm)

	now, err := authority.Case(ctx, c, "")
	must(t, err)
	reserved, _, err := authority.CaseReserve(ctx, c, now.Version, "a domestic matter")
	must(t, err)
	if !reserved.Reserved {
		t.Fatal("the case is not reserved")
	}
	_, err = owner.ReleaseDecide(ctx, client.NewRelease{Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeSummary,
		Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(time.Hour)})
	if err != nil {
		e := told(t, err, comity.CodeDenied, comity.ArticleDomesticReservation)
		if e.Cure == "" && e.Message == "" {
			t.Fatalf("the denial says nothing: %+v", e)
		}
	}

	refusedRequest, err := foreign.RequestSend(ctx, client.NewRequest{To: "KZ", Kind: comity.RequestMeasure, Urgency: comity.UrgencyRoutine,
		Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Title: "Search", Facts: "Search a house"})
	must(t, err)
	refusedRequest, err = liaison.RequestReceive(ctx, client.Move{ID: refusedRequest.ID, ExpectedVersion: refusedRequest.Version})
	must(t, err)
	refusedRequest, err = liaison.RequestRefuse(ctx, client.Move{ID: refusedRequest.ID, ExpectedVersion: refusedRequest.Version, Ground: comity.GroundDomesticLaw, Note: "not here"})
	must(t, err)
	if refusedRequest.Status != comity.RequestRefused || !refusedRequest.Refusal.Check.Verified() {
		t.Fatalf("refused, the request is %+v", refusedRequest)
	}
	seen, err := foreign.Request(ctx, refusedRequest.ID)
	must(t, err)
	if !seen.Refusal.Check.Verified() || seen.Refusal.Ground != comity.GroundDomesticLaw {
		t.Fatalf("Armenia sees the refusal %+v", seen.Refusal)
	}

	request, err = liaison.RequestExecute(ctx, client.Move{ID: request.ID, ExpectedVersion: request.Version, Outcome: comity.RequestExecutedInPart})
	must(t, err)
	request, err = foreign.RequestClose(ctx, client.Move{ID: request.ID, ExpectedVersion: request.Version, Note: "It led to two arrests"})
	must(t, err)
	if request.Status != comity.RequestClosed {
		t.Fatalf("closed, the request is %+v", request)
	}

	w.Sequence(t)
	for _, c := range []*client.Client{liaison, w.as(t, "liaison@AM")} {
		entries, err := client.All(func(n int, after string) (client.Page[client.LogEntry], error) {
			return c.Log(ctx, client.LogFilter{}, 5, after)
		})
		must(t, err)
		if len(entries) < 8 {
			t.Errorf("the record of acts has %d entries", len(entries))
		}
	}
	if _, err := foreign.Log(ctx, client.LogFilter{}, 5, ""); err != nil {
		t.Logf("an investigator reads the log: %v", err)
	}
}
