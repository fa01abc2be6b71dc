package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type teamCmd struct {
	Contribute teamContributeCmd `cmd:"" help:"Contribute a case to a joint team, by a signed act of its owner (Articles 7 and 8)."`
	Withdraw   teamWithdrawCmd   `cmd:"" help:"Take a contribution back, and end what was granted on it."`
	Grant      teamGrantCmd      `cmd:"" help:"Grant what is contributed to other members, by one signed statement of a liaison."`
	End        teamEndCmd        `cmd:"" help:"End a standing grant and every grant under it."`
	List       teamListCmd       `cmd:"" help:"List the own state's standing grants."`
}

// Help shows examples.
func (teamCmd) Help() string {
	return `A joint team is an agreement with an end, in the manifests of its members. Owners contribute cases to it; a
liaison's standing grant opens them to the other members, those contributed before and after. Each case makes an
ordinary grant to each member, which comity grant shows, narrows and revokes.

Examples:
  comity team contribute case1_… --team jit-2026 --purpose INVESTIGATION --until 90d
  comity team grant jit-2026 --to AM --to BY/cyber --purpose INVESTIGATION --grade LEAD --until 90d
  comity team list`
}

type teamContributeCmd struct {
	Case    comity.ID      `arg:"" help:"The case."`
	Team    string         `required:"" help:"The agreement that sets up the joint team." placeholder:"AGREEMENT"`
	Scope   comity.Scope   `help:"The widest that is released." default:"FULL" placeholder:"SCOPE"`
	Exhibit []comity.ID    `help:"An exhibit that is released, no original. Repeatable." placeholder:"ID"`
	Subject []comity.ID    `help:"A victim, witness or minor who is released by name. Repeatable." placeholder:"ID"`
	Purpose comity.Purpose `required:"" help:"For what." placeholder:"PURPOSE"`
	Until   instant        `required:"" help:"Until when: a date, an RFC 3339 time, or 90d; no longer than the team." placeholder:"TIME"`
}

// Help says what follows.
func (teamContributeCmd) Help() string {
	return `By the case's owner, or an investigator assigned to it: it is a release decision. The case's own marking binds. What
is marked TLP:RED, and originals, two liaisons grant by themselves.

Example:
  comity team contribute case1_… --team jit-2026 --purpose INVESTIGATION --until 90d`
}

func (t teamContributeCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	of, err := c.Case(r.ctx, t.Case, "")
	if err != nil {
		return err
	}
	if err := denial(of.Access); err != nil {
		return err
	}
	if of.Marking == nil {
		return comity.NotFound()
	}
	given, err := c.CaseContribute(r.ctx, client.NewContribution{Case: t.Case, Team: t.Team, Category: of.Category, Marking: *of.Marking, Scope: t.Scope,
		Exhibits: t.Exhibit, Subjects: t.Subject, Purpose: t.Purpose, NotAfter: t.Until.Time})
	if err != nil {
		return err
	}
	return r.print(given, func(w io.Writer) { showRelease(w, given) })
}

type teamWithdrawCmd struct {
	Contribution comity.ID `arg:"" help:"The contribution; comity release list shows it."`
	Case         comity.ID `required:"" help:"That was contributed." placeholder:"CASE"`
	Reason       string    `help:"Kept within the state." placeholder:"TEXT"`
}

// Help says who withdraws it.
func (teamWithdrawCmd) Help() string {
	return `By who contributed the case, or its owner. Every grant that was made on it ends at once.

Example:
  comity team withdraw release1_… --case case1_…`
}

func (t teamWithdrawCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	gone, ended, err := c.ContributionWithdraw(r.ctx, t.Contribution, t.Case, t.Reason)
	if err != nil {
		return err
	}
	return r.print(struct {
		*client.Release
		Ended []comity.ID `json:"endedGrants"`
	}{gone, nonNil(ended)}, func(w io.Writer) {
		showRelease(w, gone)
		field(w, "grants that ended", len(ended))
	})
}

type teamGrantCmd struct {
	Team       string          `arg:"" help:"The agreement that sets up the joint team."`
	To         []string        `required:"" help:"A member: a state, an agency or an officer, as in AM, AM/cyber or AM:in-7q2f. Repeatable." placeholder:"GRANTEE"`
	Scope      comity.Scope    `help:"The widest that is granted." default:"FULL" placeholder:"SCOPE"`
	Grade      comity.Grade    `required:"" help:"As what it may be used." placeholder:"GRADE"`
	Assistance string          `help:"The mutual-assistance decision, for EVIDENCE." placeholder:"TEXT"`
	Purpose    comity.Purpose  `required:"" help:"For what." placeholder:"PURPOSE"`
	Until      instant         `required:"" help:"Until when: a date, an RFC 3339 time, or 90d; no longer than the team." placeholder:"TIME"`
	TLP        comity.TLP      `name:"tlp" help:"The least that binds the use." default:"AMBER" placeholder:"TLP"`
	PAP        comity.PAP      `name:"pap" help:"The least that binds the use." default:"AMBER" placeholder:"PAP"`
	Handling   comity.Handling `help:"The handling code." default:"H0" placeholder:"CODE"`
	Caveats    string          `help:"More that binds the use." placeholder:"TEXT"`
}

// Help says what it makes.
func (teamGrantCmd) Help() string {
	return `By a liaison with a mandate. Each contribution for the same purpose is granted to each grantee, as a grant of its own
with a leaf of its own; the stricter of both markings binds. A case that is more strictly marked by then is not granted.

Example:
  comity team grant jit-2026 --to AM --to BY/cyber --purpose INVESTIGATION --grade LEAD --until 90d`
}

// granteeOf reads a state, an agency or an officer.
func granteeOf(s string) comity.Grantee {
	if state, _, ok := strings.Cut(s, "/"); ok {
		return comity.Grantee{State: comity.State(state), Agency: comity.AgencyID(s)}
	}
	if state, _, ok := strings.Cut(s, ":"); ok {
		return comity.Grantee{State: comity.State(state), Officer: comity.OfficerRef(s)}
	}
	return comity.Grantee{State: comity.State(s)}
}

func (t teamGrantCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in := client.NewStanding{Team: t.Team, Scope: t.Scope, Grade: t.Grade, Assistance: t.Assistance, Purpose: t.Purpose, NotAfter: t.Until.Time,
		Caveats: comity.Caveats{Marking: comity.Marking{TLP: t.TLP, PAP: t.PAP, Handling: t.Handling}, Text: t.Caveats}}
	for _, s := range t.To {
		in.Grantees = append(in.Grantees, granteeOf(s))
	}
	made, err := c.StandingMake(r.ctx, in)
	if err != nil {
		return err
	}
	return r.print(made, func(w io.Writer) { showStanding(w, made) })
}

type teamEndCmd struct {
	Standing comity.ID `arg:"" help:"The standing grant; comity team list shows it."`
	Reason   string    `help:"Kept within the state." placeholder:"TEXT"`
}

// Help shows an example.
func (teamEndCmd) Help() string {
	return `By any liaison of the state. Every grant under it ends at once.

Example:
  comity team end standing1_…`
}

func (t teamEndCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	gone, err := c.StandingEnd(r.ctx, t.Standing, t.Reason)
	if err != nil {
		return err
	}
	return r.print(gone, func(w io.Writer) {
		showStanding(w, gone)
		field(w, "grants that ended", len(gone.Ended))
	})
}

func showStanding(w io.Writer, s *client.StandingGrant) {
	field(w, "standing grant", s.ID)
	field(w, "joint team", s.Team)
	field(w, "by", fmt.Sprintf("%s (%s)", s.Function, s.Liaison))
	field(w, "to", listed(viewersOf(s.Grantees)))
	field(w, "scope", s.Scope)
	field(w, "grade", s.Grade)
	field(w, "assistance", s.Assistance)
	field(w, "purpose", s.Purpose)
	field(w, "caveats", s.Caveats.Text)
	field(w, "until", s.NotAfter)
	field(w, "ended", s.EndedAt)
	field(w, "ended by", s.EndedBy)
	field(w, "signed", s.Check)
}

func viewersOf(all []comity.Grantee) (names []string) {
	for _, g := range all {
		names = append(names, g.Viewer())
	}
	return names
}

type teamListCmd struct {
	All bool `help:"Also standing grants that are over or were ended."`
	pageFlags
}

// Help shows an example.
func (teamListCmd) Help() string {
	return `Newest first. What is granted under one, comity grant list shows.

Examples:
  comity team list
  comity team list --all --json`
}

func (l teamListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.StandingGrant], error) {
		return c.Standings(r.ctx, l.All, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "STANDING GRANT", "TEAM", "TO", "SCOPE", "GRADE", "PURPOSE", "UNTIL", "LIVE", "BY", "ENDED", "SIGNED")
		for _, s := range all {
			row(w, s.ID, s.Team, listed(viewersOf(s.Grantees)), s.Scope, s.Grade, s.Purpose, s.NotAfter, s.Live, s.Liaison, s.EndedAt, s.Check)
		}
	})
}
