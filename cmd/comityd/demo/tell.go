package demo

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comity-platform/comity"
)

// teller prints the story as a person would want to read it, and counts.
type teller struct {
	w       io.Writer
	color   bool
	steps   int
	acts    int
	denials int
}

const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	green = "\x1b[32m"
	amber = "\x1b[33m"
	reset = "\x1b[0m"
)

// whoWidth is the column of who does something.
const whoWidth = 18

func (t *teller) paint(style, s string) string {
	if !t.color || s == "" {
		return s
	}
	return style + s + reset
}

func (t *teller) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// step begins a chapter.
func (t *teller) step(title string) {
	t.steps++
	t.line("\n%s", t.paint(bold, fmt.Sprintf("%2d  %s", t.steps, title)))
}

func (t *teller) entry(mark, who, what string, details []string) {
	t.line("    %s %-*s %s", mark, whoWidth, who, what)
	for _, d := range details {
		t.line("      %-*s %s", whoWidth, "", t.paint(dim, d))
	}
}

// act tells of an act that was done.
func (t *teller) act(who, what string, details ...string) {
	t.acts++
	t.entry(t.paint(green, "+"), who, what, details)
}

// note tells of what somebody sees or checks.
func (t *teller) note(who, what string, details ...string) { t.entry(" ", who, what, details) }

// denied tells of a refusal that the story wants, and fails on any other
// outcome: article 0 is a refusal that names none, since the asker may not even
// know that there is something to refuse.
func (t *teller) denied(who, what string, err error, code comity.Code, article comity.Article) error {
	if err == nil {
		return fmt.Errorf("%s: %s was to be refused (%s), and was not", who, what, code)
	}
	e, ok := errors.AsType[*comity.Error](err)
	if !ok || e.Code != code || e.Article != article {
		return fmt.Errorf("%s: %s was to be refused with %s by %v; the answer is: %w", who, what, code, article, err)
	}
	t.refused(who, what, e)
	return nil
}

func (t *teller) refused(who, what string, e *comity.Error) {
	t.denials++
	why := string(e.Code)
	if e.Article != 0 {
		why = e.Article.String()
	}
	details := []string{e.Message}
	if e.Cure != "" {
		details = append(details, "What would cure it: "+e.Cure)
	}
	t.entry(t.paint(amber, "-"), who, what+": "+t.paint(amber, "refused, "+why), details)
}

// progress draws the state of something that takes long, on a terminal only.
func (t *teller) progress(what string) (show func(done, total int64), end func()) {
	if !t.color {
		return func(int64, int64) {}, func() {}
	}
	began, last := time.Now(), time.Time{}
	show = func(done, total int64) {
		if total == 0 || time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		rate := float64(done) / time.Since(began).Seconds()
		left := time.Duration(float64(total-done) / max(rate, 1) * float64(time.Second))
		fmt.Fprintf(t.w, "\r      %-*s %s %3d%%  %s  %s left   ", whoWidth, "", what, 100*done/total, perSecond(rate), left.Round(time.Second))
	}
	end = func() { fmt.Fprintf(t.w, "\r%s\r", strings.Repeat(" ", 78)) }
	return show, end
}

// table prints rows in columns.
func (t *teller) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
		t.line("      %s", strings.TrimRight(b.String(), " "))
	}
}

func perSecond(bytes float64) string { return fmt.Sprintf("%.1f MB/s", bytes/1e6) }

func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
}

// count is "1 part" and "2 parts".
func count(n int, thing string) string {
	switch stem, y := strings.CutSuffix(thing, "y"); {
	case n == 1:
	case y:
		thing = stem + "ies"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
