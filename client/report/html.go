package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// chartLines bounds the bars of a chart by name; the table below it has all lines.
const chartLines = 12

// HTML writes one self-contained page with charts: no scripts, and nothing fetched.
func HTML(w io.Writer, r Report, marks *Marks) error {
	p := pageOf{Report: r, Period: day(r.From) + " to " + day(r.Until), MadeAt: r.Made.UTC().Format(time.RFC1123), Published: marks != nil,
		Threshold: Threshold, FailedText: r.failed(marks), ErasedText: r.erased(marks)}
	for _, m := range measuresOf(marks) {
		p.Totals = append(p.Totals, tile{titles[m], shown(r.Total[m], marks.total(m)), explained[m]})
	}
	for i, b := range r.Breakdowns {
		s := section{ID: b.Name, Title: b.Title, Heads: append([]string{}, b.Heads...)}
		for _, m := range measuresOf(marks) {
			s.Measures = append(s.Measures, titles[m])
		}
		for k, l := range b.Lines {
			row := tableRow{Of: l.Of}
			for _, m := range measuresOf(marks) {
				row.Counts = append(row.Counts, shown(l.Counts[m], marks.line(i, k, m)))
			}
			s.Rows = append(s.Rows, row)
		}
		if !b.named {
			for _, m := range measuresOf(marks) {
				s.Total = append(s.Total, shown(r.Total[m], marks.total(m)))
			}
		}
		s.Charts = charts(r.Breakdowns[i], func(k int, m Measure) Mark { return marks.line(i, k, m) })
		p.Sections = append(p.Sections, s)
	}
	return page.Execute(w, p)
}

var explained = [measures]string{"reads and exports by which records were seen", "that were seen in these, each time anew",
	"exhibits that could be decrypted from then on", "of other states' officers", "by an Article of the union"}

type (
	pageOf struct {
		Report
		Period, MadeAt         string
		FailedText, ErasedText string
		Published              bool
		Threshold              int
		Totals                 []tile
		Sections               []section
	}
	tile    struct{ Title, Count, Means string }
	section struct {
		ID, Title       string
		Heads, Measures []string
		Rows            []tableRow
		Total           []string
		Charts          []chart
	}
	tableRow struct {
		Of     []string
		Counts []string
	}
	chart struct {
		Title, Says   string
		Width, Height int
		Bars          []bar
		Base          int // of columns: where they stand
	}
	bar struct {
		Name, Count                  string
		X, Y, W, H                   int
		NameX, NameY, CountX, CountY int
		Hidden                       bool // its length says nothing
		Anchor                       string
	}
)

// charts draws what is told best by bars: who saw, who got keys, who was denied, and
// the course of time.
func charts(b Breakdown, mark func(line int, m Measure) Mark) (all []chart) {
	switch b.Name {
	case "state":
		for _, m := range []Measure{Seen, Keys, Denials} {
			if c, ok := bars(b, m, mark); ok {
				all = append(all, c)
			}
		}
	case "purpose", "act":
		m := Seen
		if b.Name == "act" {
			m = Acts
		}
		if c, ok := bars(b, m, mark); ok {
			all = append(all, c)
		}
	case "time":
		if c, ok := columns(b, Seen, mark); ok {
			all = append(all, c)
		}
	}
	return all
}

// The measures of charts, in the units of the drawing.
const (
	nameMost  = 200
	nameRune  = 8
	barRoom   = 420
	countRoom = 80
	barStep   = 26
	colHeight = 150
)

// length is that of a bar; one that is hidden has always the same.
func length(n, most int64, mark Mark, room int) int {
	if mark != Shown {
		return room / 12
	}
	if n == 0 || most == 0 {
		return 0
	}
	return max(2, int(n*int64(room)/most))
}

// visible is the largest count that is shown, and whether there is any count at all.
func visible(b Breakdown, m Measure, mark func(int, Measure) Mark) (most int64, any bool) {
	for k, l := range b.Lines {
		any = any || l.Counts[m] > 0
		if mark(k, m) == Shown {
			most = max(most, l.Counts[m])
		}
	}
	return most, any
}

func bars(b Breakdown, m Measure, mark func(int, Measure) Mark) (chart, bool) {
	most, any := visible(b, m, mark)
	nameRoom := 40
	for _, l := range b.Lines {
		if l.Counts[m] > 0 {
			nameRoom = min(nameMost, max(nameRoom, nameRune*len([]rune(l.Of[len(l.Of)-1]))+8))
		}
	}
	c := chart{Title: titles[m] + ", " + strings.ToLower(b.Title), Width: nameRoom + barRoom + countRoom}
	var says []string
	for k, l := range b.Lines {
		if l.Counts[m] == 0 || len(c.Bars) == chartLines {
			continue
		}
		y, hidden := len(c.Bars)*barStep, mark(k, m) != Shown
		w := length(l.Counts[m], most, mark(k, m), barRoom)
		count := shown(l.Counts[m], mark(k, m))
		c.Bars = append(c.Bars, bar{Name: shorten(l.Of[len(l.Of)-1], 26), Count: count, X: nameRoom, Y: y + 4, W: w, H: barStep - 8,
			NameX: nameRoom - 8, NameY: y + barStep/2 + 5, CountX: nameRoom + w + 6, CountY: y + barStep/2 + 5, Hidden: hidden, Anchor: "end"})
		says = append(says, l.Of[len(l.Of)-1]+" "+count)
	}
	c.Height = len(c.Bars) * barStep
	c.Says = strings.Join(says, "; ")
	return c, any
}

func columns(b Breakdown, m Measure, mark func(int, Measure) Mark) (chart, bool) {
	most, any := visible(b, m, mark)
	n := max(1, len(b.Lines))
	step := max(6, min(60, (nameMost+barRoom+countRoom)/n))
	c := chart{Title: titles[m] + ", " + strings.ToLower(b.Title), Width: max(nameMost+barRoom+countRoom, n*step), Height: colHeight + 60, Base: colHeight + 20}
	var says []string
	every := max(1, (90+step-1)/step)
	for k, l := range b.Lines {
		h := length(l.Counts[m], most, mark(k, m), colHeight)
		x := k * step
		one := bar{X: x + 1, Y: c.Base - h, W: step - 2, H: h, Hidden: mark(k, m) != Shown, Anchor: "start"}
		if k%every == 0 {
			one.Name, one.NameX, one.NameY = l.Of[0], x+1, c.Base+18
		}
		if step >= 40 {
			one.Count, one.CountX, one.CountY = shown(l.Counts[m], mark(k, m)), x+1, c.Base-h-5
		}
		c.Bars = append(c.Bars, one)
		says = append(says, l.Of[0]+" "+shown(l.Counts[m], mark(k, m)))
	}
	c.Says = strings.Join(says, "; ")
	return c, any
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return fmt.Sprintf("%s…", string(r[:n-1]))
	}
	return s
}
