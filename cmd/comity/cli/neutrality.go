package cli

import (
	"fmt"
	"io"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type caseAssessCmd struct {
	Case      comity.ID        `arg:"" help:"The case."`
	Character comity.Character `required:"" help:"What the matter is predominantly of: ORDINARY, which alone is shareable, POLITICAL, MILITARY, RELIGIOUS or RACIAL." placeholder:"CHARACTER"`
	Conduct   text             `required:"" help:"What was done." placeholder:"TEXT"`
	Motive    text             `required:"" help:"Why it was done." placeholder:"TEXT"`
	Context   text             `required:"" help:"In what circumstances." placeholder:"TEXT"`
	versionFlag
}

// Help says what an assessment does.
func (caseAssessCmd) Help() string {
	return `A case of a category that is prone to political, military, religious or racial matters is granted only once
another officer than filed it found it ordinary, by act, motive and context, not by target. Anything else closes the
case abroad, until another officer than found it finds it ordinary. The latest assessment counts, for the category that
the case had then. The reasons stay within the state.

Example:
  comity case assess case1_… --character ORDINARY --conduct "servers of a ministry were encrypted" \
    --motive "ransom" --context "a criminal group; no claim or message of another kind"`
}

func (s caseAssessCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	is, err := c.Case(r.ctx, s.Case, "")
	if err != nil {
		return err
	}
	if err := denial(is.Access); err != nil {
		return err
	}
	version, err := s.versionOf(r, c, s.Case)
	if err != nil {
		return err
	}
	assessed, err := c.CaseAssess(r.ctx, s.Case, version, client.NewAssessment{Category: is.Category, Character: s.Character,
		Conduct: string(s.Conduct), Motive: string(s.Motive), Context: string(s.Context)})
	if err != nil {
		return err
	}
	return r.print(assessed, func(w io.Writer) {
		showCase(w, assessed)
		field(w, "assessed", fmt.Sprintf("%s, as %s", s.Character, is.Category))
	})
}

type grantObjectCmd struct {
	Grant  comity.ID        `arg:"" help:"The grant."`
	Case   comity.ID        `help:"Its case; without it, as the grant's own signed statement says." placeholder:"ID"`
	Ground comity.Character `required:"" help:"What the matter is held to be predominantly of: POLITICAL, MILITARY, RELIGIOUS or RACIAL." placeholder:"CHARACTER"`
}

// Help says what an objection does.
func (grantObjectCmd) Help() string {
	return `Both states see the objection. The grant runs on until its originator ends it.

Example:
  comity grant object grant1_… --ground POLITICAL`
}

func (o grantObjectCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	of := o.Case
	if of == "" {
		g, err := c.Grant(r.ctx, o.Grant)
		if err != nil {
			return err
		}
		if err := g.Check.Err(); err != nil {
			return &client.VerificationError{What: "the statement of " + string(g.ID) + ", which says of which case it is (give --case to object all the same),", Err: err}
		}
		of = g.Case
	}
	g, err := c.GrantObject(r.ctx, of, o.Grant, o.Ground)
	return r.granted(g, err)
}

// showAssessments lists how a case's character was judged.
func showAssessments(w io.Writer, all []client.Assessment) {
	for _, a := range all {
		field(w, "assessed", fmt.Sprintf("%s as %s by %s on %s %s", a.Character, a.Category, a.Officer, a.CreatedAt.Format("2006-01-02"), a.Check))
	}
}

// showObjections lists what a grant's recipient holds against it.
func showObjections(w io.Writer, all []client.Objection) {
	for _, o := range all {
		field(w, "objection", fmt.Sprintf("%s, by %s of %s on %s %s", o.Ground, o.Function, o.State, o.CreatedAt.Format("2006-01-02"), o.Check))
	}
}
