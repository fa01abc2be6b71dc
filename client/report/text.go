package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Writer writes a report in one form. Marks are those of [Report.Publish], nil for
// one that shows everything.
type Writer func(w io.Writer, r Report, marks *Marks) error

// Formats are the forms by their names.
var Formats = map[string]Writer{"table": Table, "csv": CSV, "json": JSON, "html": HTML}

// shown writes a count as its mark has it.
func shown(n int64, m Mark) string {
	switch m {
	case Small:
		return fmt.Sprintf("<%d", Threshold)
	case Withheld:
		return "withheld"
	}
	return strconv.FormatInt(n, 10)
}

func (m *Marks) total(measure Measure) Mark {
	if m == nil {
		return Shown
	}
	return m.Total[measure]
}

func (m *Marks) line(breakdown, line int, measure Measure) Mark {
	if m == nil {
		return Shown
	}
	return m.Lines[breakdown][line][measure]
}

// measuresOf are those that a report shows. How many records were seen in the accesses
// bounds how many these were, and is left out where it is published.
func measuresOf(m *Marks) []Measure {
	if m == nil {
		return []Measure{Seen, Records, Keys, Acts, Denials}
	}
	return []Measure{Seen, Keys, Acts, Denials}
}

// failed is how many releases failed, in a form that may be shown: they are among the
// keys, and where the keys are hidden would bound them.
func (r Report) failed(m *Marks) string {
	switch {
	case m == nil || r.Failed == 0:
		return shown(r.Failed, Shown)
	case r.Failed < Threshold:
		return shown(r.Failed, Small)
	}
	return shown(r.Failed, m.Total[Keys])
}

// erased is how many openings were erased, in a form that may be shown: with how many
// there are the number would bound what is hidden, so that only the fact is published.
func (r Report) erased(m *Marks) string {
	if m == nil || r.Erased == 0 {
		return shown(r.Erased, Shown)
	}
	return shown(r.Erased, Withheld)
}

// Table writes it for a terminal or a text file.
func Table(w io.Writer, r Report, marks *Marks) error {
	fmt.Fprintf(w, "Who saw the records of %s, %s to %s\n", r.State, day(r.From), day(r.Until))
	if marks == nil {
		fmt.Fprintf(w, "%d openings of the record of acts were read and verified.\n", r.Openings)
	} else {
		fmt.Fprintln(w, "The openings of the record of acts were read and verified.")
	}
	if r.Erased > 0 {
		fmt.Fprintf(w, "Erased by the state, and counted nowhere below: %s.\n", r.erased(marks))
	}
	if r.Failed > 0 {
		fmt.Fprintf(w, "%s releases of keys were announced and did not come about.\n", r.failed(marks))
	}
	if marks != nil {
		fmt.Fprintf(w, "Counts below %d are shown as <%d, others are withheld where they would tell these.\n", Threshold, Threshold)
	}
	for i, b := range r.Breakdowns {
		fmt.Fprintf(w, "\n%s\n", b.Title)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		row := func(of []string, counts func(Measure) string) {
			for _, s := range of {
				fmt.Fprintf(t, "%s\t", s)
			}
			for _, m := range measuresOf(marks) {
				fmt.Fprintf(t, "%s\t", counts(m))
			}
			fmt.Fprintln(t)
		}
		row(b.Heads, func(m Measure) string { return titles[m] })
		for k, l := range b.Lines {
			row(l.Of, func(m Measure) string { return shown(l.Counts[m], marks.line(i, k, m)) })
		}
		if !b.named {
			of := make([]string, len(b.Heads))
			of[0] = "Total"
			row(of, func(m Measure) string { return shown(r.Total[m], marks.total(m)) })
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func day(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// CSV writes a line for each count. No field begins in a way that a spreadsheet takes
// for a formula.
func CSV(w io.Writer, r Report, marks *Marks) error {
	c := csv.NewWriter(w)
	write := func(fields ...string) {
		for i, f := range fields {
			fields[i] = harmless(f)
		}
		_ = c.Write(fields) // kept, and given by Error
	}
	write("breakdown", "of", "part", "measure", "count")
	for _, m := range measuresOf(marks) {
		write("total", "", "", m.String(), shown(r.Total[m], marks.total(m)))
	}
	if marks == nil {
		write("openings", "", "", "verified", shown(r.Openings, Shown))
	}
	write("openings", "", "", "erased", r.erased(marks))
	write("openings", "", "", "failed releases", r.failed(marks))
	for i, b := range r.Breakdowns {
		for k, l := range b.Lines {
			part := ""
			if len(l.Of) > 1 {
				part = l.Of[1]
			}
			for _, m := range measuresOf(marks) {
				write(b.Name, l.Of[0], part, m.String(), shown(l.Counts[m], marks.line(i, k, m)))
			}
		}
	}
	c.Flush()
	return c.Error()
}

// harmless puts an apostrophe before what a spreadsheet would take for a formula
// (OWASP, CSV injection), after spaces and line breaks too.
func harmless(s string) string {
	if t := strings.TrimLeft(s, " \t\r\n\v\f\u00a0\ufeff"); t != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(t)[0]) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") || strings.HasPrefix(s, "\n") {
		return "'" + s
	}
	return s
}

// JSON writes it for programs. A count that is not shown is a string: "<5" or
// "withheld".
func JSON(w io.Writer, r Report, marks *Marks) error {
	type counts map[string]any
	type line struct {
		Of     []string `json:"of"`
		Counts counts   `json:"counts"`
	}
	type breakdown struct {
		Name  string   `json:"name"`
		Heads []string `json:"heads"`
		Lines []line   `json:"lines"`
	}
	number := func(text string) any {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		return text
	}
	value := func(c counts, m Measure, n int64, mark Mark) { c[m.String()] = number(shown(n, mark)) }
	out := struct {
		State      string      `json:"state"`
		From       time.Time   `json:"from"`
		Until      time.Time   `json:"until"`
		Made       time.Time   `json:"made"`
		Published  bool        `json:"published"`
		Openings   any         `json:"openings,omitempty"` // not where it is published
		Erased     any         `json:"erased"`
		Failed     any         `json:"failedReleases"`
		Total      counts      `json:"total"`
		Breakdowns []breakdown `json:"breakdowns"`
	}{string(r.State), r.From.UTC(), r.Until.UTC(), r.Made.UTC(), marks != nil, nil, number(r.erased(marks)), number(r.failed(marks)), counts{}, []breakdown{}}
	if marks == nil {
		out.Openings = r.Openings
	}
	for _, m := range measuresOf(marks) {
		value(out.Total, m, r.Total[m], marks.total(m))
	}
	for i, b := range r.Breakdowns {
		d := breakdown{b.Name, b.Heads, []line{}}
		for k, l := range b.Lines {
			c := counts{}
			for _, m := range measuresOf(marks) {
				value(c, m, l.Counts[m], marks.line(i, k, m))
			}
			d.Lines = append(d.Lines, line{l.Of, c})
		}
		out.Breakdowns = append(out.Breakdowns, d)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
