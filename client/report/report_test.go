package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

var from = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// entry is a verified one, of a moment within the first half of 2026.
func entry(s comity.State, act, outcome string, records ...client.LogRecord) client.LogEntry {
	return client.LogEntry{ID: comity.NewID(comity.KindLeaf), Act: act, Outcome: outcome, At: from.Add(36 * time.Hour), State: s, Agency: comity.AgencyID(s + "/cyber"),
		Function: "Liaison officer", Records: records}
}

func record(k comity.Kind, level string, grant comity.ID) client.LogRecord {
	return client.LogRecord{ID: string(comity.NewID(k)), Level: level, Grant: grant, Purpose: comity.PurposeInvestigation}
}

func built(t *testing.T, all ...client.LogEntry) Report {
	t.Helper()
	b := New("KZ", from, from.AddDate(0, 6, 0), from.AddDate(0, 6, 1))
	b.holds = func(*client.LogEntry) bool { return true }
	for _, e := range all {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Report()
}

func (r Report) lines(name string) map[string]Counts {
	m := map[string]Counts{}
	for _, b := range r.Breakdowns {
		if b.Name == name {
			for _, l := range b.Lines {
				m[strings.Join(l.Of, "|")] = l.Counts
			}
		}
	}
	return m
}

// TestCounts: each entry counts as what it is, and nothing of another state's record.
func TestCounts(t *testing.T) {
	g := comity.NewID(comity.KindGrant)
	x := record(comity.KindEvidence, "", g)
	withheld := record(comity.KindCase, "", "")
	withheld.Denied = 4
	other := record(comity.KindCase, "SUMMARY", g)
	other.Purpose = comity.PurposeProsecution
	denied := entry("AM", "caseRead", "DENIED", withheld)
	denied.Article = 4
	r := built(t,
		entry("AM", "read", "READ", record(comity.KindCase, "FULL", g), record(comity.KindEntry, "FULL", g), withheld),
		entry("AM", "read", "READ", record(comity.KindCase, "FULL", g), other),
		entry("AM", "evidenceOpen", "RELEASED", x, record(comity.KindCustody, "", "")),
		entry("AM", "evidenceOpen", "FAILED", x),
		denied,
		entry("BY", "requestSend", "DONE", record(comity.KindRequest, "", "")),
		entry("KZ", "read", "READ", record(comity.KindCase, "OWN", ""), record(comity.KindCase, "FULL", g)), // the second is another state's
		entry("KZ", "read", "DENIED", record(comity.KindCase, "", g)),                                       // another state's
		client.LogEntry{ID: "leaf1_y", At: from, Act: "configuration", Outcome: "DONE"},
		entry("KZ", "read", "NOTFOUND", record(comity.KindCase, "", "")),
		entry("KZ", "caseFile", "DONE", record(comity.KindCase, "", "")),
		entry("KZ", "evidenceOpen", "RELEASED", record(comity.KindEvidence, "", g)), // another state's
		entry("KZ", "evidenceOpen", "RELEASED", record(comity.KindEvidence, "", "")),
		client.LogEntry{ID: "leaf1_x", At: from, Outcome: client.Erased},
	)
	if want := (Counts{Seen: 3, Records: 5, Keys: 2, Acts: 1, Denials: 1}); r.Total != want || r.Openings != 14 || r.Erased != 1 || r.Failed != 1 {
		t.Errorf("counted %v of %d (%d erased, %d failed), want %v", r.Total, r.Openings, r.Erased, r.Failed, want)
	}
	for name, want := range map[string]map[string]Counts{
		"state":    {"AM": {2, 4, 1, 0, 1}, "BY": {0, 0, 0, 1, 0}, "KZ": {1, 1, 1, 0, 0}},
		"agency":   {"AM|AM/cyber": {2, 4, 1, 0, 1}, "BY|BY/cyber": {0, 0, 0, 1, 0}, "KZ|KZ/cyber": {1, 1, 1, 0, 0}},
		"act":      {"read": {3, 5, 0, 0, 0}, "evidenceOpen": {0, 0, 2, 0, 0}, "caseRead": {0, 0, 0, 0, 1}, "requestSend": {0, 0, 0, 1, 0}},
		"article":  {"4 Domestic reservation": {0, 0, 0, 0, 1}, "not denied": {3, 5, 2, 1, 0}},
		"exhibit":  {"AM|" + x.ID: {0, 0, 1, 0, 0}},
		"time":     {"2026-01": {3, 5, 2, 1, 1}},
		"function": {"AM|Liaison officer": {2, 4, 1, 0, 1}, "BY|Liaison officer": {0, 0, 0, 1, 0}, "KZ|Liaison officer": {1, 1, 1, 0, 0}},
	} {
		got := r.lines(name)
		for of, n := range want {
			if got[of] != n {
				t.Errorf("by %s, %s counts %v, want %v", name, of, got[of], n)
			}
		}
		if len(got) != len(want) && name != "exhibit" {
			t.Errorf("by %s there are %v", name, got)
		}
	}
	if p := r.lines("purpose"); p[several] != (Counts{1, 2, 0, 0, 0}) || p["INVESTIGATION"][Seen] != 2 {
		t.Errorf("by purpose %v", p)
	}
	if under := r.lines("grant"); under["AM|"+string(g)] != (Counts{2, 4, 1, 0, 0}) || under["AM|none"] != (Counts{0, 0, 0, 0, 1}) || under["KZ|none"] != (Counts{1, 1, 1, 0, 0}) || len(under) != 3 {
		t.Errorf("under grants %v", under)
	}
	for _, b := range r.Breakdowns { // every breakdown adds up
		var sum Counts
		for _, l := range b.Lines {
			sum.add(l.Counts)
		}
		if !b.named && sum != r.Total {
			t.Errorf("by %s adds up to %v", b.Name, sum)
		}
	}
}

// TestUnverified: an entry that does not hold ends the report, loudly.
func TestUnverified(t *testing.T) {
	b := New("KZ", from, from.AddDate(0, 1, 0), from)
	bad := entry("AM", "read", "READ")
	var unverified *client.VerificationError
	if err := b.Add(bad); !errors.As(err, &unverified) {
		t.Errorf("an entry that was not verified: %v", err)
	}
	b.holds = func(*client.LogEntry) bool { return true }
	for _, at := range []time.Time{from.Add(-1), from.AddDate(0, 1, 0)} {
		e := entry("AM", "read", "READ")
		if e.At = at; b.Add(e) == nil {
			t.Errorf("an entry of %s counts", at)
		}
	}
}

// TestForms: every form is whole, whatever the words are.
func TestForms(t *testing.T) {
	evil := entry("AM", "read", "READ", record(comity.KindCase, "FULL", ""))
	evil.Function = "=HYPERLINK(\"http://x\")<script>alert(1)</script>\x1b[31m,\"\n"
	also := evil
	also.Function, also.Agency = "@SUM(A1)", "-2+3"
	third := evil
	third.Function = " \t+1"
	r := built(t, evil, also, third, client.LogEntry{ID: "leaf1_x", At: from, Outcome: client.Erased})
	published, marks := r.Publish()
	for name, write := range Formats {
		for _, c := range []struct {
			r Report
			m *Marks
		}{{r, nil}, {published, &marks}, {built(t), nil}} {
			var b bytes.Buffer
			if err := write(&b, c.r, c.m); err != nil {
				t.Fatal(name, err)
			}
			text := b.String()
			if c.m != nil && (strings.Contains(text, "Records seen") || strings.Contains(text, `records"`) || strings.Contains(text, ",records,")) {
				t.Errorf("%s: a published report says how many records were seen", name)
			}
			switch name {
			case "csv":
				all, err := csv.NewReader(&b).ReadAll()
				if err != nil || len(all) < 9 {
					t.Fatal(err, len(all))
				}
				for _, fields := range all {
					for _, f := range fields {
						if f != "" && strings.ContainsRune("=+-@\t\r", rune(f[0])) || strings.HasPrefix(strings.TrimSpace(f), "=") {
							t.Errorf("a field is a formula: %q", f)
						}
					}
				}
			case "json":
				var v map[string]any
				if err := json.Unmarshal(b.Bytes(), &v); err != nil || v["state"] != "KZ" {
					t.Errorf("%v: %s", err, text)
				}
			case "table":
				if strings.Contains(text, "\x1b") {
					t.Error("a table has what a terminal acts on")
				}
			case "html":
				if strings.Contains(text, "<script>alert") || strings.Contains(text, "http") && !strings.Contains(text, "http-equiv") || strings.Contains(text, " src=") {
					t.Error("the page runs or fetches something")
				}
				wellFormed(t, text)
			}
		}
	}
}

// wellFormed reads a page as XML, without what only HTML has.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	text = text[strings.Index(text, "<body>"):strings.Index(text, "</html>")]
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPublished: whatever the counts are, nobody computes a small one from what is
// shown, and none is shown.
func TestPublished(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	withheld, open := 0, 0
	for range 3000 {
		b := New("KZ", from, from.AddDate(0, 6, 0), from)
		b.holds = func(*client.LogEntry) bool { return true }
		for range rng.IntN(30) {
			e := entry(comity.State([]string{"AM", "BY", "RU", "TJ"}[int(rng.ExpFloat64()*1.2)%4]), "read", "READ", record(comity.KindCase, "FULL", ""))
			e.Agency = comity.AgencyID(fmt.Sprintf("%s/%d", e.State, int(rng.ExpFloat64())%3))
			e.At = from.AddDate(0, rng.IntN(3), 0)
			if rng.IntN(4) == 0 {
				e.Act, e.Outcome = "evidenceOpen", "RELEASED"
			}
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		r, marks := b.Report().Publish()
		for m := range measures {
			if n := r.Total[m]; n > 0 && n < Threshold && marks.Total[m] != Small {
				t.Fatalf("a small total is shown as %d", marks.Total[m])
			}
			state := map[string]int64{}
			stateMark := map[string]Mark{}
			for i, d := range r.Breakdowns {
				if d.named {
					t.Fatal("a published report names records")
				}
				for k, l := range d.Lines {
					if n := l.Counts[m]; n > 0 && n < Threshold && marks.Lines[i][k][m] != Small {
						t.Fatalf("a small count is shown: %v", l)
					}
					switch marks.Lines[i][k][m] {
					case Withheld:
						withheld++
					case Shown:
						open++
					}
					if d.Name == "state" {
						state[l.Of[0]], stateMark[l.Of[0]] = l.Counts[m], marks.Lines[i][k][m]
					}
				}
			}
			for i, d := range r.Breakdowns {
				groups := map[string][]int{}
				for k, l := range d.Lines {
					of := ""
					if d.within {
						of = l.Of[0]
					}
					groups[of] = append(groups[of], k)
				}
				for of, places := range groups {
					total, mark := r.Total[m], marks.Total[m]
					if of != "" {
						total, mark = state[of], stateMark[of]
					}
					attack(t, d.Name, m, d.Lines, places, marks.Lines[i], total, mark)
				}
			}
		}
	}
	if open < 1000 || withheld < 100 {
		t.Errorf("%d counts were shown and %d withheld: too few to tell", open, withheld)
	}
}

// TestPublishedTellsNoMore: reports that differ in what is hidden alone read the same
// in every form, to the last byte.
func TestPublishedTellsNoMore(t *testing.T) {
	type part struct {
		n     int
		entry func() client.LogEntry
	}
	read := func(s comity.State, month int) func() client.LogEntry {
		return func() client.LogEntry {
			e := entry(s, "read", "READ", record(comity.KindCase, "FULL", ""))
			e.At = from.AddDate(0, month, 0)
			return e
		}
	}
	key := func(month int, outcome string) func() client.LogEntry {
		return func() client.LogEntry {
			e := entry("AM", "evidenceOpen", outcome, record(comity.KindEvidence, "", ""))
			e.At = from.AddDate(0, month, 0)
			return e
		}
	}
	own := func() client.LogEntry { return entry("KZ", "caseFile", "DONE", record(comity.KindCase, "", "")) }
	erased := func() client.LogEntry {
		return client.LogEntry{ID: comity.NewID(comity.KindLeaf), At: from, Outcome: client.Erased}
	}
	text := func(parts []part) map[string]string {
		var all []client.LogEntry
		for _, p := range parts {
			for range p.n {
				all = append(all, p.entry())
			}
		}
		r, marks := built(t, all...).Publish()
		forms := map[string]string{}
		for name, write := range Formats {
			var b bytes.Buffer
			if err := write(&b, r, &marks); err != nil {
				t.Fatal(err)
			}
			forms[name] = b.String()
		}
		return forms
	}
	for name, two := range map[string][2][]part{
		"a small total":              {{{1, read("AM", 0)}}, {{4, read("AM", 0)}}},
		"the own acts":               {{{1, read("AM", 0)}, {2, own}}, {{1, read("AM", 0)}, {9, own}}},
		"the erased":                 {{{3, read("AM", 0)}, {2, erased}}, {{3, read("AM", 0)}, {12, erased}}},
		"releases that failed":       {{{1, key(0, "RELEASED")}, {5, key(1, "RELEASED")}, {5, key(1, "FAILED")}}, {{1, key(0, "RELEASED")}, {5, key(1, "RELEASED")}, {1, key(0, "FAILED")}, {5, key(1, "FAILED")}}},
		"which of two small is more": {{{3, read("AM", 0)}, {4, read("BY", 0)}, {9, read("RU", 0)}}, {{4, read("AM", 0)}, {3, read("BY", 0)}, {9, read("RU", 0)}}},
	} {
		one, other := text(two[0]), text(two[1])
		for form := range Formats {
			if one[form] != other[form] {
				t.Errorf("%s is told by a published report as %s:\n%s\n%s", name, form, one[form], other[form])
			}
		}
	}
}

// attack lists every way in which hidden counts can add up to the total, and fails
// where one of them is always the same.
func attack(t *testing.T, name string, m Measure, lines []Line, places []int, marks [][measures]Mark, total int64, mark Mark) {
	t.Helper()
	var hidden []int
	left, any := total, false
	for _, k := range places {
		if marks[k][m] == Shown {
			left -= lines[k].Counts[m]
		} else {
			hidden, any = append(hidden, k), true
		}
	}
	if mark != Shown {
		if !any && total > 0 {
			t.Fatalf("by %s: a total of %d is hidden (%d), and all of its parts are shown: %v", name, total, mark, lines)
		}
		return
	}
	could := make([]map[int64]bool, len(hidden))
	for i := range could {
		could[i] = map[int64]bool{}
	}
	var try func(i int, left int64, so []int64)
	try = func(i int, left int64, so []int64) {
		if i == len(hidden) {
			if left == 0 {
				for j, n := range so {
					could[j][n] = true
				}
			}
			return
		}
		low, high := int64(1), int64(Threshold-1)
		if marks[hidden[i]][m] == Withheld {
			low, high = Threshold, left
		}
		for n := low; n <= min(high, left); n++ {
			try(i+1, left-n, append(so, n))
		}
	}
	try(0, left, nil)
	for i, k := range hidden {
		if len(could[i]) < 2 {
			t.Fatalf("by %s: %v of %v can only be %v", name, m, lines[k], could[i])
		}
	}
}
