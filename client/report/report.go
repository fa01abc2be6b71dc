// Package report counts who saw a state's records in a period, from the state's own
// openings of the record of acts, and writes it as a table, CSV, JSON, or a page with
// charts.
//
// What an entry says counts only once it was verified against its leaf: one that
// does not hold ends the report. That the exchange showed all openings of the period
// is what `comity log verify` checks.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// Measure is what is counted.
type Measure int

// The measures. No act counts in two of them, but for Records.
const (
	Seen    Measure = iota // reads and exports by which records were seen
	Records                // that were seen in these, each time anew
	Keys                   // of exhibits, released
	Acts                   // other acts of officers abroad that concern the state
	Denials                // acts and reads that an Article denied
	measures
)

var measureNames = [measures]string{"accesses", "records", "keys", "acts", "denials"}

// String is the name in CSV and JSON.
func (m Measure) String() string { return measureNames[m] }

var titles = [measures]string{"Accesses", "Records seen", "Keys released", "Other acts", "Denials"}

// Counts are numbers by measure.
type Counts [measures]int64

// Line is one row of a breakdown.
type Line struct {
	Of     []string // what is counted, as in a state and an agency of it
	Counts Counts
}

// Breakdown counts the same by one aspect.
type Breakdown struct {
	Name  string   // in CSV and JSON
	Title string   // for a person
	Heads []string // of the columns that [Line.Of] fills
	Lines []Line
	// within: the first column names a line of the breakdown by state, of which these
	// lines are parts.
	within bool
	// named: names single records, and is left out where it is published.
	named bool
}

// Report is who saw a state's records in a period.
type Report struct {
	State       comity.State
	From, Until time.Time // Until excluded
	Made        time.Time
	Total       Counts
	Breakdowns  []Breakdown
	Openings    int64 // read and verified
	Erased      int64 // of the period, of which nothing can be counted any more
	Failed      int64 // releases of keys that were announced and did not come about
}

// Builder counts entries as they come, in any order.
type Builder struct {
	report Report
	step   string // the form of the time by which the course is shown
	by     []aspect
	holds  func(e *client.LogEntry) bool
}

// aspect is a breakdown while it is counted.
type aspect struct {
	Breakdown
	of    func(e *client.LogEntry) []string
	lines map[string]*Line
	count bool // of records and exhibits one by one, in place of the entry as a whole
}

// New begins a report of what concerned a state from an instant until before another.
func New(s comity.State, from, until, made time.Time) *Builder {
	b := &Builder{report: Report{State: s, From: from, Until: until, Made: made}, step: "2006-01-02",
		holds: func(e *client.LogEntry) bool { return e.Check.Verified() }}
	if until.Sub(from) > 92*24*time.Hour {
		b.step = "2006-01"
	}
	add := func(name, title string, heads []string, of func(e *client.LogEntry) []string) *aspect {
		b.by = append(b.by, aspect{Breakdown: Breakdown{Name: name, Title: title, Heads: heads}, of: of, lines: map[string]*Line{}})
		return &b.by[len(b.by)-1]
	}
	add("state", "By state", []string{"State"}, func(e *client.LogEntry) []string { return []string{string(e.State)} })
	add("agency", "By agency", []string{"State", "Agency"}, func(e *client.LogEntry) []string {
		return []string{string(e.State), cmp.Or(string(e.Agency), unsaid)}
	}).within = true
	add("function", "By function", []string{"State", "Function"}, func(e *client.LogEntry) []string {
		return []string{string(e.State), cmp.Or(e.Function, unsaid)}
	}).within = true
	add("purpose", "By purpose", []string{"Purpose"}, func(e *client.LogEntry) []string { return []string{purposeOf(e)} })
	add("act", "By kind of act", []string{"Act"}, func(e *client.LogEntry) []string { return []string{e.Act} })
	add("article", "By the Article that denied", []string{"Article"}, func(e *client.LogEntry) []string { return []string{articleOf(e)} })
	add("time", "In the course of time", []string{"Time"}, func(e *client.LogEntry) []string { return []string{e.At.UTC().Format(b.step)} })
	g := add("grant", "By grant", []string{"State", "Grant"}, nil)
	g.named, g.count = true, true
	x := add("exhibit", "Exhibits whose keys were released", []string{"State", "Exhibit"}, nil)
	x.named, x.count = true, true
	return b
}

// unsaid stands for what the state that acted keeps to itself.
const unsaid = "not said"

// several stands for more than one in a single entry.
const several = "several"

// Add counts an entry. One that does not hold, or lies outside the period, is an error.
func (b *Builder) Add(e client.LogEntry) error {
	if !b.holds(&e) {
		return &client.VerificationError{What: "the record of acts", Err: fmt.Errorf("the entry %s is not what its leaf commits to: %w", e.ID, e.Check.Err())}
	}
	r := &b.report
	if e.At.Before(r.From) || !e.At.Before(r.Until) {
		return fmt.Errorf("report: the entry %s is of %s, outside the period", e.ID, e.At.Format(time.RFC3339))
	}
	r.Openings++
	if e.Outcome == client.Erased {
		r.Erased++
		return nil
	}
	n, failed := b.counts(&e)
	if failed {
		r.Failed++
	}
	if n == (Counts{}) {
		return nil
	}
	r.Total.add(n)
	for i := range b.by {
		if a := &b.by[i]; !a.count {
			a.line(a.of(&e)).Counts.add(n)
		}
	}
	b.named(&e, n)
	return nil
}

// Report ends the counting.
func (b *Builder) Report() Report {
	r := b.report
	for _, a := range b.by {
		d := a.Breakdown
		for _, l := range a.lines {
			d.Lines = append(d.Lines, *l)
		}
		slices.SortFunc(d.Lines, func(x, y Line) int { return d.compare(x.Of, y.Of, x.Counts, y.Counts) })
		r.Breakdowns = append(r.Breakdowns, d)
	}
	return r
}

// compare orders two lines by what they are of and count.
func (b Breakdown) compare(x, y []string, m, n Counts) int {
	if b.Name == "time" || b.within && x[0] != y[0] {
		return slices.Compare(x, y)
	}
	return cmp.Or(cmp.Compare(n.sum(), m.sum()), slices.Compare(x, y))
}

// sees are the acts that show records.
var sees = map[string]bool{"read": true, "caseExport": true}

// opensKey is the act that asks for an exhibit's key.
const opensKey = "evidenceOpen"

// counts says as what an entry counts. Of the own officers' acts those count that are
// about records of the own state.
func (b *Builder) counts(e *client.LogEntry) (n Counts, failed bool) {
	own := e.State == b.report.State
	if own && slices.ContainsFunc(e.Records, func(r client.LogRecord) bool { return r.Grant != "" }) && (!sees[e.Act] || e.Outcome == "DENIED") {
		return n, false // of another state's
	}
	switch {
	case e.State == "": // what servers tell, which no officer did
	case e.Outcome == "FAILED":
		return n, e.Act == opensKey
	case e.Outcome == "DENIED":
		n[Denials] = 1
	case e.Outcome == "RELEASED":
		n[Keys] = max(1, int64(len(exhibits(e))))
	case e.Outcome != "DONE" && e.Outcome != "READ":
	case sees[e.Act]:
		if n[Records] = int64(len(b.seen(e))); n[Records] > 0 {
			n[Seen] = 1
		}
	case !own:
		n[Acts] = 1
	}
	return n, false
}

// seen are the records of the state that an entry shows to have been seen.
func (b *Builder) seen(e *client.LogEntry) (all []client.LogRecord) {
	for _, r := range e.Records {
		if r.Denied != 0 || e.State == b.report.State && r.Level != "OWN" && e.Act == "read" || e.State == b.report.State && r.Grant != "" {
			continue
		}
		all = append(all, r)
	}
	return all
}

func exhibits(e *client.LogEntry) (all []comity.ID) {
	for _, r := range e.Records {
		if id := comity.ID(r.ID); id.Kind() == comity.KindEvidence {
			all = append(all, id)
		}
	}
	return all
}

// named counts what names single records: by grant, and by exhibit.
func (b *Builder) named(e *client.LogEntry, n Counts) {
	for i := range b.by {
		switch a := &b.by[i]; {
		case !a.count:
		case a.Name == "grant":
			b.underGrants(a, e, n)
		case n[Keys] > 0:
			for _, x := range exhibits(e) {
				a.line([]string{string(e.State), string(x)}).Counts[Keys]++
			}
		}
	}
}

// underGrants counts by the grants under which records were seen, released or denied.
// An access under two counts as one of each.
func (b *Builder) underGrants(a *aspect, e *client.LogEntry, n Counts) {
	of, m := e.Records, Denials
	switch {
	case n[Seen] > 0:
		of, m = b.seen(e), Records
	case n[Keys] > 0: // an entry of which names the event in the chain of custody, too
		of, m = slices.DeleteFunc(slices.Clone(of), func(r client.LogRecord) bool { return comity.ID(r.ID).Kind() != comity.KindEvidence }), Keys
	case n[Denials] == 0:
		return
	}
	seen := map[*Line]bool{}
	for _, r := range of {
		l := a.line([]string{string(e.State), cmp.Or(string(r.Grant), "none")})
		l.Counts[m]++
		if m == Records && !seen[l] {
			seen[l] = true
			l.Counts[Seen]++
		}
	}
}

// clean leaves out of foreign words what a terminal or a page would act on.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

func (a *aspect) line(of []string) *Line {
	for i, s := range of {
		of[i] = clean(s)
	}
	key := fmt.Sprintf("%q", of)
	l, ok := a.lines[key]
	if !ok {
		l = &Line{Of: of}
		a.lines[key] = l
	}
	return l
}

// purposeOf is the purpose that an entry declares, for all of its records.
func purposeOf(e *client.LogEntry) string {
	all := map[comity.Purpose]bool{}
	for _, r := range e.Records {
		if p := cmp.Or(r.Purpose, e.Purpose); p != "" {
			all[p] = true
		}
	}
	if len(all) == 0 && e.Purpose != "" {
		all[e.Purpose] = true
	}
	switch found := slices.Collect(maps.Keys(all)); len(found) {
	case 0:
		return "none declared"
	case 1:
		return string(found[0])
	}
	return several
}

// articleOf is the Article that denied.
func articleOf(e *client.LogEntry) string {
	if e.Outcome != "DENIED" {
		return "not denied"
	}
	if e.Article != 0 {
		return fmt.Sprintf("%d %s", e.Article, e.Article.Name())
	}
	return unsaid
}

func (c *Counts) add(n Counts) {
	for m := range c {
		c[m] += n[m]
	}
}

func (c Counts) sum() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}
