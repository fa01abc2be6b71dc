package client_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/importer"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestDraftHostile files a document that is at every limit at once.
func TestDraftHostile(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	long := strings.Repeat("ж", 40_000)
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("id--%d", i)
	}
	d := &importer.Draft{Format: importer.FormatSTIX, SourceID: "bundle--1", Title: long, Summary: "a\x1b[2Jb", Producer: "p\u202eq", Occurred: "2026-11",
		Marking: importer.Marking{TLP: comity.TLPAmberStrict, Statement: "only here"}}
	for i := range 250 {
		d.Observables = append(d.Observables, importer.Observable{Type: "url", Value: fmt.Sprintf("http://198.51.100.7/%d", i), SourceIDs: many,
			Description: strings.Repeat("d", 9000), Hashes: map[string]string{"SHA-256": strings.Repeat("ab", 32)}})
	}
	d.Observables = append(d.Observables, importer.Observable{Type: "url", Value: "http://x/\u202egpj.exe", SourceIDs: []string{"indicator--bad"}},
		importer.Observable{Type: "url", Value: "http://marked/", SourceIDs: []string{"x"}, Marking: importer.Marking{TLP: comity.TLPRed}})
	d.Subjects = []importer.Subject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Name: "n\x00" + long, Aliases: many, Note: long}}
	d.Entries = []importer.Entry{{Kind: "report", Text: long + "\x7f", SourceID: "report--1"}}
	filed, err := c.FileDraft(t.Context(), d, client.DraftCase{Category: tokentest.Category,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	if filed.Observables != 251 || filed.Subjects != 1 || filed.Entries != 1 || len(filed.Skipped) != 1 || filed.Skipped[0].ID != "indicator--bad" {
		t.Fatalf("filed %d %d %d, skipped %v", filed.Observables, filed.Subjects, filed.Entries, filed.Skipped)
	}
	if m := filed.Case.Marking; m == nil || *m != (comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPAmber, Handling: comity.H3}) {
		t.Errorf("the case is marked %v", m)
	}
	if len(filed.Case.Title) > 500 || !strings.HasPrefix(filed.Case.Summary, "жжж") || !strings.Contains(filed.Case.Narrative, "bundle--1") {
		t.Errorf("title of %d bytes, summary %.20q, narrative %q", len(filed.Case.Title), filed.Case.Summary, filed.Case.Narrative)
	}
	observables, err := client.All(func(n int, after string) (client.Page[client.Observable], error) {
		return c.Observables(t.Context(), filed.Case.ID, "", min(n, 20), after)
	})
	must(t, err)
	for _, o := range observables {
		switch {
		case o.Value == "http://marked/" && o.Marking.TLP != comity.TLPRed, o.Value != "http://marked/" && o.Marking.TLP != comity.TLPAmberStrict:
			t.Fatalf("%s is marked %v", o.Value, o.Marking)
		case o.Value != "http://marked/" && (len(o.SourceIDs) != 100 || !strings.Contains(o.Description, "id--299")):
			t.Fatalf("%s lost source ids: %d kept", o.Value, len(o.SourceIDs))
		}
	}
}

// TestDraftMidway: when the exchange fails midway, what was filed is told.
func TestDraftMidway(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	d := &importer.Draft{Format: importer.FormatMISP, SourceID: "e", Title: "T", Observables: []importer.Observable{{Type: "url", Value: "http://a/"}},
		Entries: []importer.Entry{{Kind: "note", Text: "x", Happened: "never"}}}
	filed, err := c.FileDraft(t.Context(), d, client.DraftCase{Category: tokentest.Category, Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	want(t, err, comity.CodeInvalid, 0)
	if filed.Case == nil || filed.Observables != 1 || !strings.Contains(err.Error(), string(filed.Case.ID)) || !strings.Contains(err.Error(), "0 of 1 entries") {
		t.Fatalf("filed %+v, and %v", filed, err)
	}
}

// TestDraftClassified: what a document's tags declare is declared of what is filed,
// the highest of the case: above the ceiling nothing of it is filed.
func TestDraftClassified(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	in := client.DraftCase{Category: tokentest.Category, Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}}
	draft := func(tag string) *importer.Draft {
		d, err := importer.Read(strings.NewReader(`{"Event":{"uuid":"5b6a3cd1-0000-4000-8000-000000000001","info":"An event","Attribute":[
			{"uuid":"5b6a3cd1-0000-4000-8000-000000000002","type":"url","category":"Network activity","value":"http://a.example/"},
			{"uuid":"5b6a3cd1-0000-4000-8000-000000000003","type":"url","category":"Network activity","value":"http://b.example/","Tag":[{"name":"`+tag+`"}]}]}}`), importer.Options{})
		must(t, err)
		return d
	}
	filed, err := c.FileDraft(t.Context(), draft("euci:EU-SECRET"), in)
	want(t, err, comity.CodeDenied, comity.ArticlePurpose)
	if filed.Case != nil || filed.Observables != 0 {
		t.Errorf("of what is secret %+v was filed", filed)
	}
	filed, err = c.FileDraft(t.Context(), draft("euci:EU-RESTRICTED"), in)
	must(t, err)
	observables, err := client.All(func(n int, after string) (client.Page[client.Observable], error) {
		return c.Observables(t.Context(), filed.Case.ID, "", min(n, 20), after)
	})
	must(t, err)
	for _, o := range observables {
		if want := map[string]comity.Classification{"http://b.example/": comity.Restricted}[o.Value]; o.Classification != want && !(want == "" && o.Classification == comity.Unclassified) {
			t.Errorf("%s is declared %q", o.Value, o.Classification)
		}
	}
	if filed.Case.Classification != comity.Restricted || len(observables) != 2 {
		t.Errorf("filed as %q with %d observables", filed.Case.Classification, len(observables))
	}
	in.Classification = comity.Secret
	_, err = c.FileDraft(t.Context(), draft("nato:classification=\\\"NR\\\""), in)
	want(t, err, comity.CodeDenied, comity.ArticlePurpose)
}

func TestClip(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("ж", 10), "жжжжжжжжжa", strings.Repeat("\xff", 20)} {
		if got := client.ClipTo(s, 10); len(got) > 10 || len(s) <= 10 && got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}
