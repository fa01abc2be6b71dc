package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type grantCmd struct {
	Try     grantTryCmd     `cmd:"" help:"Weigh a grant: what it would open, to whom, until when, and what denies it."`
	Make    grantMakeCmd    `cmd:"" help:"Grant access to a case, by a signed act."`
	Propose grantProposeCmd `cmd:"" help:"Propose a grant that takes two liaisons, by a signed act."`
	Confirm grantConfirmCmd `cmd:"" help:"Let a grant that one liaison made in danger to life run on."`
	List    grantListCmd    `cmd:"" help:"List grants."`
	Show    grantShowCmd    `cmd:"" help:"Show a grant."`
	Narrow  grantNarrowCmd  `cmd:"" help:"Lessen what a grant opens, or for how long."`
	Revoke  grantRevokeCmd  `cmd:"" help:"End a grant at once."`
	Object  grantObjectCmd  `cmd:"" help:"Object to a grant that the own state received, on record (Article 5)."`
	Verify  grantVerifyCmd  `cmd:"" help:"Verify a signed grant, refusal or receipt offline."`
}

// Help shows examples.
func (grantCmd) Help() string {
	return `Examples:
  comity grant make case1_… --to AM --purpose INVESTIGATION
  comity grant list --made --live
  comity grant verify grant.jws`
}

// granted shows what a grant has become.
func (r *run) granted(g *client.Grant, err error) error {
	if err != nil {
		return err
	}
	return r.print(g, func(w io.Writer) { showGrant(w, g) })
}

func grantee(g *client.Grant) string {
	s := string(g.GranteeState)
	if g.GranteeAgency != "" {
		s = string(g.GranteeAgency)
	}
	if g.GranteeOfficer != "" {
		s = string(g.GranteeOfficer)
	}
	return s
}

func showGrant(w io.Writer, g *client.Grant) {
	field(w, "grant", g.ID)
	field(w, "case", g.Case)
	field(w, "by", strings.TrimSpace(fmt.Sprintf("%s %s %s", g.State, g.Liaison, g.Function)))
	field(w, "approved by", g.Second)
	field(w, "acting for", g.ActingFor)
	field(w, "to", grantee(g))
	field(w, "status", g.Status)
	field(w, "live", g.Live)
	field(w, "ended", g.EndedAt)
	field(w, "scope", g.Scope)
	for _, e := range g.Exhibits {
		field(w, "exhibit", e)
	}
	for _, s := range g.Subjects {
		field(w, "named", s)
	}
	field(w, "grade", strings.TrimSpace(string(g.Grade)+" "+g.Assistance))
	field(w, "purpose", g.Purpose)
	if g.Caveats != nil {
		field(w, "caveats", strings.TrimSpace(marked(g.Caveats.Marking)+" "+g.Caveats.Text))
	}
	field(w, "agreement", g.Agreement)
	field(w, "release", g.Release)
	field(w, "request", g.Request)
	field(w, "from", g.NotBefore)
	field(w, "until", g.NotAfter)
	switch {
	case g.Emergency && g.Confirmation != "":
		field(w, "emergency", "made in danger to life, and confirmed")
	case g.Emergency:
		field(w, "emergency", "made in danger to life: it lapses 72 hours later unless another liaison confirms it")
	}
	if g.Version > 0 {
		field(w, "version", g.Version)
	}
	field(w, "statement", g.Check)
	showObjections(w, g.Objections)
}

type grantListCmd struct {
	Case     comity.ID          `help:"Only of this case." placeholder:"ID"`
	Made     bool               `help:"Only those that the own state made." xor:"side"`
	Received bool               `help:"Only those that the own state received." xor:"side"`
	State    comity.State       `help:"Only with this other state: made to it, or by it." placeholder:"CODE"`
	Status   comity.GrantStatus `help:"Only in this status; what was received has ENDED however it ended." placeholder:"STATUS"`
	Live     bool               `help:"Only those that open something now."`
	pageFlags
}

// Help shows examples.
func (grantListCmd) Help() string {
	return `Newest first.

Examples:
  comity grant list --made --state AM --live
  comity grant list --case case1_…`
}

func (l grantListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f := client.GrantFilter{Case: l.Case, Made: l.Made, Received: l.Received, State: l.State, Status: l.Status, Live: l.Live}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Grant], error) {
		return c.Grants(r.ctx, f, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "GRANT", "BY", "TO", "CASE", "SCOPE", "PURPOSE", "STATUS", "LIVE", "UNTIL", "STATEMENT")
		for _, g := range all {
			row(w, g.ID, g.State, grantee(&g), g.Case, g.Scope, g.Purpose, g.Status, g.Live, g.NotAfter, g.Check)
		}
	})
}

type grantShowCmd struct {
	Grant     comity.ID `arg:"" help:"The grant."`
	Statement bool      `help:"Print the state's signed statement (JWS) and nothing else, to be kept or handed on; in further lines those of the latest narrowing and of the confirmation."`
}

// Help shows examples.
func (grantShowCmd) Help() string {
	return `Examples:
  comity grant show grant1_…
  comity grant show grant1_… --statement > grant.jws`
}

func (s grantShowCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	g, err := c.Grant(r.ctx, s.Grant)
	if err != nil || !s.Statement {
		return r.granted(g, err)
	}
	if g.Statement == "" {
		return comity.Denied(comity.ArticleTerm, "the grant has ended, and its statement is no longer shown here",
			"a copy that was kept stays verifiable: comity grant verify FILE; else ask the originator's contact point")
	}
	if err := g.Check.Err(); err != nil {
		return &client.VerificationError{What: "the statement of " + string(g.ID), Err: err}
	}
	fmt.Fprintln(r.stdout, g.Statement)
	if g.Narrowing != "" {
		fmt.Fprintln(r.stdout, g.Narrowing)
	}
	if g.Confirmation != "" {
		fmt.Fprintln(r.stdout, g.Confirmation)
	}
	return nil
}

type grantNarrowCmd struct {
	Grant   comity.ID    `arg:"" help:"The grant."`
	Scope   comity.Scope `help:"The scope that remains." placeholder:"SCOPE"`
	Exhibit []comity.ID  `help:"An exhibit that remains. Repeatable; without any, all of them." placeholder:"ID"`
	NoneOf  bool         `name:"no-exhibits" help:"No exhibit remains."`
	Subject []comity.ID  `help:"A victim, witness or minor who stays named. Repeatable; without any, all of them, within the scope FULL." placeholder:"ID"`
	Nobody  bool         `name:"no-subjects" help:"Nobody stays named."`
	Until   instant      `help:"An earlier end." placeholder:"TIME"`
	Caveat  text         `help:"Further restrictions in words, added to those there are." placeholder:"TEXT"`
	versionFlag
	markingFlags
}

// Help shows an example.
func (grantNarrowCmd) Help() string {
	return `What is not given stays. A grant is never widened so: make another.

Examples:
  comity grant narrow grant1_… --scope SUMMARY --no-exhibits --until 2d
  comity grant narrow grant1_… --subject subject1_…`
}

func (n grantNarrowCmd) Run(r *run) error {
	if n.NoneOf && len(n.Exhibit) > 0 {
		return usagef("--no-exhibits and --exhibit contradict each other")
	}
	if n.Nobody && len(n.Subject) > 0 {
		return usagef("--no-subjects and --subject contradict each other")
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	g, err := c.Grant(r.ctx, n.Grant)
	if err != nil {
		return err
	}
	in := client.Narrowing{Grant: n.Grant, Case: g.Case, ExpectedVersion: n.Expected, Scope: g.Scope, Exhibits: g.Exhibits, Subjects: g.Subjects, NotAfter: g.NotAfter}
	if in.ExpectedVersion == 0 {
		in.ExpectedVersion = g.Version
	}
	if g.Caveats != nil {
		in.Caveats = *g.Caveats
	}
	if n.Scope != "" {
		in.Scope = n.Scope
	}
	if n.NoneOf {
		in.Exhibits = nil
	} else if len(n.Exhibit) > 0 {
		in.Exhibits = n.Exhibit
	}
	if len(n.Subject) > 0 {
		in.Subjects = n.Subject
	} else if n.Nobody || in.Scope != comity.ScopeFull {
		in.Subjects = nil
	}
	if !n.Until.IsZero() {
		in.NotAfter = n.Until.Time
	}
	if n.Caveat != "" { // what was said stays said
		if in.Caveats.Text != "" {
			in.Caveats.Text += "\n"
		}
		in.Caveats.Text += string(n.Caveat)
	}
	if m := n.over(in.Caveats.Marking); m != nil {
		in.Caveats.Marking = *m
	}
	narrowed, err := c.GrantNarrow(r.ctx, in)
	return r.granted(narrowed, err)
}

type grantRevokeCmd struct {
	Grant  comity.ID `arg:"" help:"The grant."`
	Case   comity.ID `help:"Its case; without it, as the grant's own signed statement says." placeholder:"ID"`
	Reason text      `help:"Why; part of what the state signs." placeholder:"TEXT"`
}

// Help shows an example.
func (grantRevokeCmd) Help() string {
	return `Reads and key releases that begin after the answer are denied. What was delivered already cannot be recalled.

Example:
  comity grant revoke grant1_… --reason "the matter is closed"`
}

func (v grantRevokeCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if v.Case == "" {
		g, err := c.Grant(r.ctx, v.Grant)
		if err != nil {
			return err
		}
		if err := g.Check.Err(); err != nil {
			return &client.VerificationError{What: "the statement of " + string(g.ID) + ", which says of which case it is (give --case to end it all the same),", Err: err}
		}
		v.Case = g.Case
	}
	g, err := c.GrantRevoke(r.ctx, v.Case, v.Grant, string(v.Reason))
	return r.granted(g, err)
}
