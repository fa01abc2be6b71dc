package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/comity-platform/comity"
)

type caseExportCmd struct {
	Case    comity.ID      `arg:"" help:"The case."`
	Purpose comity.Purpose `help:"For what another state's case is read (Article 9)." placeholder:"PURPOSE"`
	Use     comity.Use     `required:"" help:"For what it will be used: ANALYSIS, OPERATIONAL, COURT or DISSEMINATION." placeholder:"USE"`
	Out     string         `short:"o" help:"The file to write, which must not exist; without it, standard output." placeholder:"FILE" type:"path"`
	Format  string         `help:"json, or markdown to be read by people." enum:"json,markdown" default:"json"`
}

// Help says what an export is, and shows examples.
func (caseExportCmd) Help() string {
	return `Exports what may be read of a case, exhibits by their labels only, with all that binds its use. The use is checked
against the grade, the handling codes and the labels, and the originator is told of it. Records that are not for this use
are left out and named. Exits with 4 when an Article forbids the use of the case as a whole.

Examples:
  comity case export case1_… --purpose INVESTIGATION --use ANALYSIS -o case.json
  comity case export case1_… --purpose PROSECUTION --use COURT --format markdown`
}

func (e caseExportCmd) Run(r *run) error {
	if !e.Use.Valid() {
		return usagef("--use %s: the uses are ANALYSIS, OPERATIONAL, COURT and DISSEMINATION", e.Use)
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	var file *os.File
	if e.Out != "" { // before anything is told to have been exported
		if file, err = os.OpenFile(e.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	exported, err := c.CaseExport(r.ctx, e.Case, e.Purpose, e.Use)
	if err == nil && e.Format == "markdown" {
		var x comity.Export
		if x, err = exported.Read(); err == nil {
			exportMarkdown(&text, x, exported.SHA256)
		}
	} else if err == nil {
		err = writeJSON(&text, exported, "  ")
	}
	to := io.Writer(r.stdout)
	if file != nil {
		to = file
	}
	if err == nil {
		_, err = text.WriteTo(to)
	}
	if file == nil {
		return err
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(e.Out) // the first error is what is told
		return err
	}
	return r.print(struct {
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
	}{e.Out, exported.SHA256}, func(w io.Writer) {
		field(w, "file", e.Out)
		field(w, "sha256", exported.SHA256)
	})
}

// literal makes the words of others harmless to a terminal and to Markdown.
func literal(s string) string {
	var b strings.Builder
	for _, c := range clean(s) {
		if strings.ContainsRune("\\`*_{}[]<>()#+-.!|~&", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// exportMarkdown writes an export for people. Every word of others is literal.
func exportMarkdown(w io.Writer, x comity.Export, sum string) {
	line := func(format string, words ...any) {
		for i, v := range words {
			words[i] = literal(fmt.Sprint(v))
		}
		fmt.Fprintf(w, format+"\n", words...)
	}
	heading := func(id comity.ID, m string) { line("\n### %s\n\n%s\n", id, m) }
	obliged := func(all []comity.Obligation) {
		for _, o := range all {
			line("> - %s (Article %s)", o.Text, o.Article)
		}
	}
	title := string(x.Case.ID)
	if x.Case.Text != nil && x.Case.Text.Title != "" {
		title = x.Case.Text.Title
	}
	line("# %s\n", title)
	line("- case: %s of %s, %s", x.Case.ID, x.Case.State, x.Case.Agency)
	line("- %s, %s", x.Case.Category, x.Case.Status)
	line("- %s", marked(x.Case.Marking))
	line("- exported: %s by %s, %s", when(x.At), x.Officer, x.Function)
	line("- use: %s; purpose: %s", x.Use, cell(x.Purpose))
	line("- SHA-256 of the content: %s\n", sum)
	obliged(x.Case.Obligations)
	for _, g := range x.Grants {
		line("\n- grant %s: %s, %s, until %s, under %s %s", g.ID, g.Scope, g.Grade, when(g.NotAfter), g.Agreement, g.Assistance)
		line("- its statement: %s", g.Statement)
	}
	if t := x.Case.Text; t != nil {
		line("\n%s\n\n%s", t.Summary, t.Narrative)
	}
	section := func(name string, n int) {
		if n > 0 {
			line("\n## %s", name)
		}
	}
	section("Entries", len(x.Entries))
	for _, v := range x.Entries {
		heading(v.ID, marked(v.Marking))
		line("%s %s\n", v.Text.Happened, v.Text.Text)
		obliged(v.Obligations)
	}
	section("Subjects", len(x.Subjects))
	for _, v := range x.Subjects {
		heading(v.ID, marked(v.Marking))
		for _, n := range v.Text.Names {
			line("- %s %s %s", n.Name, n.Script, n.Latin)
		}
		line("- %s, %s %s %s %s\n- grades: %s%s\n\n%s\n", v.Kind, v.Role, v.Text.Identifier, v.Text.Birth, v.Text.Nationality,
			v.Text.Source, v.Text.Information, v.Text.Note)
		obliged(v.Obligations)
	}
	section("Observables", len(x.Observables))
	for _, v := range x.Observables {
		heading(v.ID, marked(v.Marking))
		line("- %s: %s\n- grades: %s%s\n\n%s\n", v.Text.Type, v.Text.Value, v.Text.Source, v.Text.Information, v.Text.Description)
		obliged(v.Obligations)
	}
	section("Annotations of other states", len(x.Annotations))
	for _, v := range x.Annotations {
		heading(v.ID, marked(v.Marking))
		line("- %s by %s, of %s, %s\n- grades: %s%s\n\n%s\n", v.Form, v.State, v.Record, when(v.CreatedAt), v.Text.Source, v.Text.Information, v.Text.Text)
		line("- its statement: %s\n", v.Text.Statement)
		obliged(v.Obligations)
	}
	section("Exhibits", len(x.Exhibits))
	for _, v := range x.Exhibits {
		heading(v.ID, string(v.Status))
		line("- %s, %s, %s bytes\n- SHA-256: %s\n\n%s\n", v.Text.Name, v.MediaType, v.Size, v.PlainSHA256, v.Text.Note)
		obliged(v.Obligations)
	}
	section("Left out", len(x.Withheld))
	for _, v := range x.Withheld {
		line("- %s: %s (Article %s) %s", v.ID, v.Reason, v.Article, v.Cure)
	}
}
