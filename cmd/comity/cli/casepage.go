package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type caseShowCmd struct {
	Case    comity.ID      `arg:"" help:"The case."`
	Purpose comity.Purpose `help:"For what another state's case is read (Article 9)." placeholder:"PURPOSE"`
}

// Help shows examples.
func (caseShowCmd) Help() string {
	return `Exits with 4 when an Article withholds the case: for another purpose than the grant's, or after its end.

Examples:
  comity case show case1_…
  comity case show case1_… --purpose INVESTIGATION --json`
}

// caseRecords are a case with all that is in it.
type caseRecords struct {
	*client.Case
	Entries     []client.Entry      `json:"entries"`
	Subjects    []client.Subject    `json:"subjects"`
	Observables []client.Observable `json:"observables"`
	Evidence    []client.Evidence   `json:"evidence"`
	Annotations []client.Dispatch   `json:"annotations"`
}

func (s caseShowCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	found, err := c.Case(r.ctx, s.Case, s.Purpose)
	if err != nil {
		return err
	}
	v := caseRecords{found, []client.Entry{}, []client.Subject{}, []client.Observable{}, []client.Evidence{}, []client.Dispatch{}}
	withheld := denial(found.Access)
	if withheld == nil {
		if err := v.read(r, c, s.Purpose); err != nil {
			return err
		}
	}
	if err := r.print(v, func(w io.Writer) { showCase(w, found) }); err != nil {
		return err
	}
	if !r.JSON {
		v.show(page{r.stdout, r.width()})
	}
	return withheld
}

// denial is why nothing of a case is open, nil when something is.
func denial(a client.Access) error {
	if a.Level != "ENDED" && a.Level != "NONE" {
		return nil
	}
	for _, d := range a.Redactions {
		if d.Field == "*" {
			return comity.Denied(d.Article, d.Reason, d.Cure)
		}
	}
	return comity.Denied(comity.ArticleTerm, "nothing of this case is open", "")
}

func (v *caseRecords) read(r *run, c *client.Client, p comity.Purpose) error {
	return cmp.Or(
		inner(r, v.ID, p, c.Entries, &v.Entries),
		inner(r, v.ID, p, c.Subjects, &v.Subjects),
		inner(r, v.ID, p, c.Observables, &v.Observables),
		inner(r, v.ID, p, c.Exhibits, &v.Evidence),
		inner(r, v.ID, p, c.Annotations, &v.Annotations),
	)
}

// inner reads all of one kind of a case's records.
func inner[T any](r *run, id comity.ID, p comity.Purpose,
	read func(context.Context, comity.ID, comity.Purpose, int, string) (client.Page[T], error), to *[]T) error {
	all, err := client.All(func(n int, after string) (client.Page[T], error) { return read(r.ctx, id, p, n, after) })
	*to = nonNil(all)
	return err
}

func (v *caseRecords) show(p page) {
	for _, t := range []struct{ name, text string }{{"Summary", v.Summary}, {"Narrative", v.Narrative}} {
		if t.text != "" {
			p.heading("%s", t.name)
			p.text(t.text)
		}
	}
	if len(v.Entries) > 0 {
		p.heading("Log (%d)", len(v.Entries))
	}
	for _, e := range v.Entries {
		p.item(e.ID, e.CreatedAt, e.Author, e.Marking)
		p.detail("happened", e.Happened)
		p.detail("classified", e.Classification)
		p.text(e.Text)
	}
	if len(v.Subjects) > 0 {
		p.heading("Subjects (%d)", len(v.Subjects))
	}
	for _, s := range v.Subjects {
		showSubject(p, s)
	}
	if len(v.Observables) > 0 {
		p.heading("Observables (%d)", len(v.Observables))
	}
	for _, o := range v.Observables {
		showObservable(p, o)
	}
	if len(v.Evidence) > 0 {
		p.heading("Evidence (%d)", len(v.Evidence))
	}
	for _, e := range v.Evidence {
		p.item(e.ID, e.Status, size(e.Size), e.MediaType, yes(e.Original, "original"))
		p.text(e.Name)
		p.detail("completed", e.CompletedAt)
		p.detail("SHA-256", e.PlainSHA256)
		p.detail("claimed MD5", e.ClaimMD5)
		p.detail("claimed SHA-1", e.ClaimSHA1)
		p.detail("note", e.Note)
		p.detail("classified", e.Classification)
	}
	if len(v.Annotations) > 0 {
		p.heading("Annotations of other states (%d)", len(v.Annotations))
	}
	for _, d := range v.Annotations {
		p.item(d.ID, d.State, d.Form, d.Status, d.Marking)
		p.detail("record", d.Record)
		p.detail("grades", grades(&d))
		p.detail("statement", d.Check)
		p.text(d.Text)
	}
	if len(v.Releases) > 0 {
		p.heading("Release decisions (%d)", len(v.Releases))
	}
	for _, d := range v.Releases {
		p.item(d.ID, "to "+string(d.Grantee), d.Scope, d.Purpose, "until "+when(d.NotAfter))
		p.detail("decided by", strings.TrimSpace(fmt.Sprintf("%s %s", d.Decider, d.Reference)))
		p.detail("recorded by", d.Officer)
		for _, x := range d.Exhibits {
			p.detail("exhibit", x)
		}
		for _, s := range d.Subjects {
			p.detail("may name", s)
		}
	}
}

func showSubject(p page, s client.Subject) {
	p.item(s.ID, s.Role, s.Kind, s.Marking, yes(s.Minor, "minor"), yes(s.Assessment, "an assessment"))
	for i, n := range s.Names {
		name := n.Name
		if n.Latin != "" && n.Latin != n.Name {
			name += " (" + n.Latin + ")"
		}
		if i == 0 {
			p.detail("name", name)
		} else {
			p.detail("also known as", name)
		}
	}
	p.detail("born", s.Birth)
	p.detail("classified", s.Classification)
	p.detail("nationality", s.Nationality)
	p.detail("identifier", s.Identifier)
	p.detail("grades", string(s.Source)+string(s.Information))
	p.text(s.Note)
}

func showObservable(p page, o client.Observable) {
	p.item(o.ID, o.Type, o.Marking, yes(o.Indicator, "indicator"))
	p.text(o.Value)
	for _, h := range o.Hashes {
		p.detail(h.Algorithm, h.Value)
	}
	p.detail("pattern", o.Pattern)
	p.detail("valid from", o.ValidFrom)
	p.detail("classified", o.Classification)
	p.detail("grades", string(o.Source)+string(o.Information))
	for _, id := range o.SourceIDs {
		p.detail("source", id)
	}
	p.text(o.Description)
}

// yes is a word for what holds.
func yes(holds bool, word string) string {
	if holds {
		return word
	}
	return ""
}
