package sovereignty

import (
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/comity-platform/comity"
)

// TestEveryCureSaysWho: whoever is told what cures a denial is told who can do it.
func TestEveryCureSaysWho(t *testing.T) {
	p := load(t)
	for _, r := range p.rules {
		if (r.cure != "") != (len(r.who) > 0) {
			t.Errorf("%s: the cure %q, and who can do it: %v", r.id, r.cure, r.who)
		}
	}
	for a := comity.ArticleOriginator; a.Valid(); a++ {
		if text := p.Text(a); len(text) < 40 || strings.Contains(text, "//") || strings.Contains(text, "@id") {
			t.Errorf("%s says %q", a, text)
		}
	}
}

// TestExplainFirstIsTheDecision: an explanation begins with the decision; what
// follows are denials that each stand in the way.
func TestExplainFirstIsTheDecision(t *testing.T) {
	p, r := load(t), random(t)
	several := 0
	for range *rounds {
		q := randomQuestion(r, pick(r, Actions...))
		d, all := p.Decide(q), p.Explain(q)
		if len(all) == 0 || all[0] != d {
			t.Fatalf("decided %+v, explained %+v\n%+v", d, all, q)
		}
		for _, more := range all[1:] {
			if q.Officer.State != q.Record.State || d.Permit || !d.Explainable || more.Permit || !more.Explainable || p.rules[types.PolicyID(more.Policy)].permit {
				t.Fatalf("decided %+v, and explained by %+v\n%+v", d, more, q)
			}
		}
		if len(all) > 1 {
			several++
		}
		if who := p.Who(d); len(who) > 0 && (d.Permit || !d.Explainable) {
			t.Fatalf("%+v is cured by %v", d, who)
		}
	}
	if several == 0 {
		t.Error("no question was denied for several reasons")
	}
}

// TestExplainAllDenials: a grant with many faults is told all of them at once, in
// the order of precedence.
func TestExplainAllDenials(t *testing.T) {
	p := load(t)
	rows, err := readRows("KZ liaison | grantMake | KZ case, reached, reserved, red | ready, no agreement, no term, no release-scope | deny | 4 x |")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, d := range p.Explain(rows[0].question) {
		ids = append(ids, d.Policy)
	}
	for i, want := range []string{"reserved-grant", "nexus-stated", "basis-grant", "release-scope", "second-liaison-red", "grant-term"} {
		if at := slices.Index(ids, want); at < 0 || i == 0 && at != 0 {
			t.Errorf("%s is not among %v, or not in its place", want, ids)
		}
	}
	rows, err = readRows("AM liaison | grantMake | KZ case, reserved | ready, no agreement | deny | 4 x |")
	if err != nil {
		t.Fatal(err)
	}
	if all := p.Explain(rows[0].question); len(all) != 1 {
		t.Errorf("another state is told %v", all)
	}
}

// TestWhoIsRead: the words of @who are a closed list.
func TestWhoIsRead(t *testing.T) {
	if all, err := readWho("asker, originator liaison"); err != nil || !slices.Equal(all, []Who{{SideOwn, OfficeAsker}, {SideOriginator, OfficeLiaison}}) {
		t.Errorf("read as %v: %v", all, err)
	}
	for _, bad := range []string{"", "somebody", "asker, asker", "asker,"} {
		if all, err := readWho(bad); err == nil {
			t.Errorf("@who(%q) is read as %v", bad, all)
		}
	}
}
