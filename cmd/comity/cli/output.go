package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/comity-platform/comity"
)

// print gives v to programs, or has table write for people.
func (r *run) print(v any, table func(w io.Writer)) error {
	if r.JSON {
		return writeJSON(r.stdout, v, "  ")
	}
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// row writes cells of a table; what came from outside is made harmless.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, cell(c))
	}
	fmt.Fprintln(w)
}

func cell(c any) string {
	s := ""
	switch v := c.(type) {
	case time.Time:
		s = when(v)
	case *comity.Marking:
		if v != nil {
			s = marked(*v)
		}
	case comity.Marking:
		s = marked(v)
	case bool:
		if s = "no"; v {
			s = "yes"
		}
	default:
		s = fmt.Sprint(v)
	}
	if s = clean(s); s == "" {
		return "-"
	}
	return s
}

// field writes one line of a record, unless there is nothing to say.
func field(w io.Writer, name string, v any) {
	if s := cell(v); s != "-" {
		fmt.Fprintf(w, "%s\t%s\n", name, s)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04") + "Z"
}

func marked(m comity.Marking) string {
	return fmt.Sprintf("TLP:%s PAP:%s %s", strings.ReplaceAll(string(m.TLP), "_", "+"), m.PAP, m.Handling)
}

// clean makes text of others harmless to a terminal and to a table: a title
// with an escape sequence could otherwise forge what the officer reads.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return ' '
		}
		if harmful(c) {
			return '\uFFFD'
		}
		return c
	}, s))
}

// lines is clean for text of several lines.
func lines(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c != '\n' && harmful(c) {
			return '\uFFFD'
		}
		return c
	}, s))
}

// harmful tells control characters, those that turn the direction of text or
// cannot be seen at all, and the separators that some take for a new line.
func harmful(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == 0x2028 || c == 0x2029
}

// writeJSON writes JSON in which harmful characters are escaped: programs read
// the same text, and a terminal sees nothing that it would obey.
func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	var out strings.Builder
	for _, c := range b.String() {
		switch {
		case c == '\n' || !harmful(c):
			out.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func short(s string, n int) string {
	if c := []rune(clean(s)); len(c) > n {
		return string(c[:n-1]) + "…"
	}
	return s
}

// paragraph writes a text of several lines under a heading.
func paragraph(w io.Writer, heading, s string) {
	if s = lines(s); s != "" {
		fmt.Fprintf(w, "\n%s:\n  %s\n", heading, strings.ReplaceAll(s, "\n", "\n  "))
	}
}

// more says that a list was cut.
func (r *run) more(cut bool, shown int, total *int) {
	if !cut || r.JSON {
		return
	}
	of := ""
	if total != nil && *total > shown {
		of = fmt.Sprintf(" of %d", *total)
		if *total >= 1000 {
			of = " of 1000 or more"
		}
	}
	fmt.Fprintf(r.stderr, "%d%s shown; --limit shows more\n", shown, of)
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
