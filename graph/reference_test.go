package graph

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const referenceDir = "../docs/reference"

// subject is a page of the API reference: acts by how their names begin, fields
// of Query and Viewer, and the types to which what only they use is added.
type subject struct {
	file, title, intro string
	acts, reads, types []string
}

var subjects = []subject{
	{"cases", "Cases", "A case belongs for ever to the state that filed it. Entries, subjects, observables and exhibits are added to it; what is granted of it opens to other states.",
		[]string{"case", "entry", "subject", "observable"}, []string{"Query.node", "Query.nodes", "Viewer.cases"}, []string{"Case", "Entry", "Subject", "Observable", "CaseExport", "Assessment", "Access"}},
	{"evidence", "Evidence", "Exhibits are sealed on the agency's own machine and go straight to the state's own store. The guide says how: [Evidence](../api.md#evidence).",
		[]string{"evidence"}, nil, []string{"Evidence"}},
	{"requests", "Requests and messages", "A state asks at another state's contact point, and never searches.",
		[]string{"request", "message"}, []string{"Viewer.requests"}, []string{"Request", "Message"}},
	{"grants", "Releases, grants and mandates", "The owner of a case decides what is released; a liaison with a mandate grants it; what two officers do together begins as a proposal.",
		[]string{"release", "grant", "mandate", "proposal"}, []string{"Viewer.grants", "Viewer.mandates", "Viewer.proposal", "Viewer.proposals", "Viewer.grantTry", "Viewer.explain"},
		[]string{"Grant", "Release", "Mandate", "Proposal", "GrantTrial", "Explanation", "Objection"}},
	{"teams", "Joint teams", "Standing grants to the members of a joint team, and what owners contribute to it.",
		[]string{"standing", "contribution", "caseContribute"}, []string{"Viewer.standing", "Viewer.standings"}, []string{"StandingGrant"}},
	{"domestic", "Reservations, holds and withdrawal", "What a state keeps to itself, preserves, or takes back. It is read at home alone.",
		[]string{"category", "hold", "caseWithdraw", "caseReserve"}, []string{"Viewer.reservations", "Viewer.holds", "Viewer.withdrawals"}, []string{"Reservation", "Hold", "Withdrawal"}},
	{"dispatches", "Annotations, referrals, undertakings, notices and disclosures", "What states hand each other beside requests and grants. All of them are read as a Dispatch.",
		[]string{"annotation", "referral", "undertaking", "notice", "disclosure"},
		[]string{"Viewer.annotations", "Viewer.referrals", "Viewer.undertakings", "Viewer.notices", "Viewer.compelledDisclosures", "Viewer.dispatch"}, []string{"Dispatch"}},
	{"directory", "States, officers and duty", "Who takes part, by the states' signed manifests; who asks; and whom to call now.",
		[]string{"manifest", "duty"}, []string{"Query.states", "Query.categories", "Query.union", "Query.viewer", "Viewer.officer", "Viewer.officers", "Viewer.manifests", "Viewer.roster", "Viewer.dutyContact"},
		[]string{"State", "Category", "Union", "Officer", "Manifest", "Shift", "DutyContact"}},
	{"log", "The record of acts", "Every act and every read leaves a leaf, told to each state that it concerns. The guide says what it proves: [The record of acts](../api.md#the-record-of-acts).",
		[]string{"logErase"}, []string{"Viewer.log", "Viewer.logErasures"}, []string{"LogEntry", "LogErasure", "LogErased"}},
	{"events", "Events", "What is told as it happens, as a stream.", nil, nil, nil},
	{"common", "What all have in common", "Pages of lists, errors, scalars, and the types that more than one subject uses.", nil, nil, []string{"Node", "PageInfo", "UserError"}},
}

// TestReference holds the API reference to the schema, the client's operations
// and the Articles, from which it is made.
func TestReference(t *testing.T) {
	pages := newReference(t).pages(t)
	if *update {
		if err := os.RemoveAll(referenceDir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(referenceDir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range pages {
			if err := os.WriteFile(filepath.Join(referenceDir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	stands := map[string]string{}
	files, err := os.ReadDir(referenceDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(referenceDir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		stands[f.Name()] = string(text)
		if pages[f.Name()] != string(text) {
			t.Errorf("docs/reference/%s is not what schema, operations and Articles say; make it anew with: go test ./graph -run Reference -update", f.Name())
		}
	}
	for name := range pages {
		if _, ok := stands[name]; !ok {
			t.Errorf("docs/reference/%s is missing; make it with: go test ./graph -run Reference -update", name)
		}
	}
}

var (
	referenceLink   = regexp.MustCompile(`\]\(([^)]*)\)`)
	referenceAnchor = regexp.MustCompile(`<a id="([^"]+)">`)
)

// TestReferenceIsWhole looks for everything of the schema in the reference, and
// for what each link leads to.
func TestReferenceIsWhole(t *testing.T) {
	r := newReference(t)
	pages := r.pages(t)
	anchors := map[string]bool{}
	for name, text := range pages {
		for _, m := range referenceAnchor.FindAllStringSubmatch(text, -1) {
			if anchors[name+"#"+m[1]] {
				t.Errorf("%s has the anchor %s twice", name, m[1])
			}
			anchors[name+"#"+m[1]] = true
		}
	}
	for name, text := range pages {
		for _, m := range referenceLink.FindAllStringSubmatch(text, -1) {
			target := m[1]
			if rest, outside := strings.CutPrefix(target, "../"); outside {
				file, _, _ := strings.Cut(rest, "#")
				if _, err := os.Stat(filepath.Join("../docs", file)); err != nil {
					t.Errorf("%s leads to %s: %v", name, target, err)
				}
				continue
			}
			if strings.HasPrefix(target, "https://") {
				continue
			}
			if strings.HasPrefix(target, "#") {
				target = name + target
			}
			if file, anchor, found := strings.Cut(target, "#"); pages[file] == "" || found && !anchors[file+"#"+anchor] {
				t.Errorf("%s leads to %s, which is not there", name, m[1])
			}
		}
	}
	all := strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, text := range pages {
			if !yield(text) {
				return
			}
		}
	}), "\n")
	for _, d := range r.order {
		for _, m := range d.members {
			switch d.name {
			case "Mutation":
				if !strings.Contains(all, `<a id="`+m.name+`">`) {
					t.Errorf("the act %s is not in the reference", m.name)
				}
				continue
			case "Query", "Viewer", "Subscription":
				if !strings.Contains(all, `<a id="`+d.name+"."+m.name+`">`) {
					t.Errorf("%s.%s is not in the reference", d.name, m.name)
				}
				continue
			}
			if !strings.Contains(all, "`"+m.name+"`") {
				t.Errorf("%s.%s is not in the reference", d.name, m.name)
			}
			for _, a := range m.args {
				if !strings.Contains(all, "`"+a.name+"`") {
					t.Errorf("%s.%s(%s) is not in the reference", d.name, m.name, a.name)
				}
			}
		}
		if d.description != "" && !d.partOfOther() && !strings.Contains(all, cell(d.description)) {
			t.Errorf("the description of %s is not in the reference", d.name)
		}
	}
}
