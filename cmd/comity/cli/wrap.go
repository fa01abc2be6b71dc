package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// width is how many columns the reader's terminal has, 0 in a pipe: there lines
// stay whole, for other programs to find things in.
func (r *run) width() int {
	f, ok := r.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(w, 40)
}

// wrap breaks lines of more than width columns between words; width 0 keeps
// them. A word that is longer is left whole, to be copied.
func wrap(s string, width int) string {
	if width <= 0 {
		return s
	}
	var out strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		at := 0
		for _, w := range strings.Split(line, " ") {
			n := utf8.RuneCountInString(w)
			if at > 0 && at+1+n > width {
				out.WriteByte('\n')
				at = 0
			} else if at > 0 {
				out.WriteByte(' ')
				at++
			}
			out.WriteString(w)
			at += n
		}
	}
	return out.String()
}

// page writes a record with its parts for a person to read.
type page struct {
	w     io.Writer
	width int
}

// heading begins a part.
func (p page) heading(format string, args ...any) { fmt.Fprintf(p.w, "\n"+format+"\n", args...) }

// item is the first line of one record of a part: its id and what it is.
func (p page) item(cells ...any) {
	var said []string
	for _, c := range cells {
		if s := cell(c); s != "-" {
			said = append(said, s)
		}
	}
	fmt.Fprintf(p.w, "\n  %s\n", p.in(strings.Join(said, "  "), 2))
}

// text is a text of several lines below an item.
func (p page) text(s string) {
	if s = lines(s); s != "" {
		fmt.Fprintf(p.w, "    %s\n", p.in(s, 4))
	}
}

// detail is a named thing below an item, unless there is nothing to say.
func (p page) detail(name string, v any) {
	if s := cell(v); s != "-" {
		fmt.Fprintf(p.w, "    %s\n", p.in(name+": "+s, 4))
	}
}

// in wraps for a text that stands behind an indent.
func (p page) in(s string, indent int) string {
	width := 0
	if p.width > 0 {
		width = p.width - indent
	}
	return strings.ReplaceAll(wrap(s, width), "\n", "\n"+strings.Repeat(" ", indent))
}
