package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// grantFlags are the terms of a grant, as it is tried, proposed or made.
type grantFlags struct {
	Case       comity.ID         `arg:"" help:"The case."`
	To         comity.State      `required:"" help:"The state." placeholder:"CODE"`
	Agency     comity.AgencyID   `help:"Only this agency of it, as in AM/cyber." placeholder:"ID"`
	Officer    comity.OfficerRef `help:"Only this officer of it." placeholder:"REF"`
	Scope      comity.Scope      `help:"How much is opened." default:"SUMMARY" placeholder:"SCOPE"`
	Exhibit    []comity.ID       `help:"An exhibit that is opened. Repeatable." placeholder:"ID"`
	Subject    []comity.ID       `help:"A victim, witness or minor who is opened by name, within the scope FULL; any other stays closed. Repeatable." placeholder:"ID"`
	Grade      comity.Grade      `help:"What it may be used as." default:"INTELLIGENCE" placeholder:"GRADE"`
	Assistance string            `help:"The mutual-assistance decision; needed for EVIDENCE." placeholder:"TEXT"`
	Purpose    comity.Purpose    `required:"" help:"For what." placeholder:"PURPOSE"`
	Agreement  string            `help:"The legal basis; without it, the first agreement in force that covers the case." placeholder:"ID"`
	Release    comity.ID         `help:"The release decision; without it, the newest for this state and purpose." placeholder:"ID"`
	Request    comity.ID         `help:"The request that it answers." placeholder:"ID"`
	From       instant           `help:"Since when; without it, now." placeholder:"TIME"`
	Until      instant           `help:"Until when: a date, an RFC 3339 time, or 7d; without it, the end of the release." placeholder:"TIME"`
	Caveat     text              `help:"Restrictions in words." placeholder:"TEXT"`
	markingFlags
}

// terms completes what the flags leave out from the case as it is read. Where
// they lack what a grant rests on, a trial says so with everything else that is
// in the way, and trial leaves it out; else it is an error that says what to do.
func (g grantFlags) terms(r *run, c *client.Client, emergency string, trial bool) (client.NewGrant, error) {
	var none client.NewGrant
	found, err := c.Case(r.ctx, g.Case, "")
	if err != nil {
		return none, err
	}
	if found.State == g.To {
		return none, usagef("--to %s: a grant is made to another state; officers of the own one are assigned: comity case assign %s --officer REF", g.To, g.Case)
	}
	var release client.Release
	if emergency == "" {
		if release, err = g.release(found); err != nil && !(trial && comity.CodeOf(err) == comity.CodeDenied) {
			return none, err
		}
	} else if g.Release != "" {
		return none, usagef("--emergency and --release contradict each other: in danger to life a grant rests on no release decision")
	}
	switch until := release.NotAfter.Truncate(time.Second); {
	case g.Until.IsZero() && release.ID == "":
		return none, usagef("--until is needed: there is no release decision whose end it could be")
	case g.Until.IsZero():
		g.Until.Time = until
	case release.ID != "" && g.Until.After(until) && !trial:
		return none, comity.Denied(comity.ArticleLiaison, fmt.Sprintf("the release decision %s ends at %s, before the grant would", release.ID, until.UTC().Format(time.RFC3339)),
			"leave out --until, and the grant ends with the release")
	}
	if g.Agreement == "" {
		dir, err := c.Directory(r.ctx)
		if err != nil {
			return none, err
		}
		a, err := dir.Agreement(found.State, g.To, "", found.Category, "", time.Now())
		if err != nil && !(trial && comity.CodeOf(err) == comity.CodeDenied) {
			return none, err
		}
		g.Agreement = a.ID
	}
	from := g.From.Time
	if from.IsZero() {
		from = time.Now()
	}
	marking := comity.DefaultMarking
	if found.Marking != nil {
		marking = *found.Marking
	}
	if m := g.over(marking); m != nil {
		marking = *m
	}
	return client.NewGrant{Case: g.Case, Category: found.Category, Grantee: comity.Grantee{State: g.To, Agency: g.Agency, Officer: g.Officer},
		Scope: g.Scope, Exhibits: g.Exhibit, Subjects: g.Subject, Grade: g.Grade, Assistance: g.Assistance, Caveats: comity.Caveats{Marking: marking, Text: string(g.Caveat)},
		Purpose: g.Purpose, Agreement: g.Agreement, Release: release.ID, Emergency: emergency, Request: g.Request, NotBefore: from, NotAfter: g.Until.Time}, nil
}

// release is the release decision that the grant rests on.
func (g grantFlags) release(c *client.Case) (client.Release, error) {
	for _, d := range newestRelease(c.Releases) {
		if d.ID == g.Release || g.Release == "" && d.Grantee == g.To && d.Purpose == g.Purpose && d.Live(time.Now()) {
			return d, nil
		}
	}
	if g.Release != "" {
		return client.Release{}, usagef("--release %s: this case has no such release decision; comity release list %s shows them", g.Release, g.Case)
	}
	return client.Release{}, comity.Denied(comity.ArticleLiaison, fmt.Sprintf("there is no release decision of this case for %s and %s", g.To, g.Purpose),
		fmt.Sprintf("the case's owner records one: comity release decide %s --to %s --purpose %s --until 30d", g.Case, g.To, g.Purpose))
}

type grantMakeCmd struct {
	grantFlags
	Emergency text `help:"What the danger to life is: one liaison grants alone, over no release decision, for 72 hours." placeholder:"TEXT"`
}

// Help shows examples.
func (grantMakeCmd) Help() string {
	return `The state signs the grant over the liaison's signed act; what comes back is verified. A grant goes no
further than the release decision that it rests on, in scope and time. What is marked TLP:RED, and originals, take
two liaisons: comity grant propose. With --emergency the purpose is DANGER_TO_LIFE, and the grant lapses after 72
hours unless another liaison confirms it: comity grant confirm.

Examples:
  comity grant make case1_… --to AM --purpose INVESTIGATION
  comity grant make case1_… --to AM --scope FULL --exhibit evidence1_… --grade LEAD \
    --purpose INVESTIGATION --until 7d --request request1_…
  comity grant make case1_… --to AM --purpose DANGER_TO_LIFE --until 14d --emergency "a hospital is without power"`
}

func (g grantMakeCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in, err := g.terms(r, c, string(g.Emergency), false)
	if err != nil {
		return err
	}
	made, err := c.GrantMake(r.ctx, in)
	r.unsure(err)
	return r.granted(made, err)
}

// unsure says what to do where nobody can say whether a grant was made.
func (r *run) unsure(err error) {
	if unsure, ok := errors.AsType[*client.UnsureError](err); ok {
		fmt.Fprintf(r.stderr, "comity: whatever the error says, the grant %s may exist, or come to exist within a day. Look at it with\n"+
			"  comity grant show %s\nand if it is not wanted, end it for good, shown or not, with\n  comity grant revoke %s --case %s\n",
			unsure.Grant, unsure.Grant, unsure.Grant, unsure.Case)
	}
}

type grantProposeCmd struct{ grantFlags }

// Help says what takes two liaisons.
func (grantProposeCmd) Help() string {
	return `What is marked TLP:RED, and originals, are granted when a second liaison approves the same grant within 72 hours.
The proposal opens nothing.

Examples:
  comity grant propose case1_… --to AM --purpose INVESTIGATION --exhibit evidence1_…
  comity proposal show proposal1_…   # another liaison, who then approves it`
}

func (g grantProposeCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in, err := g.terms(r, c, "", false)
	if err != nil {
		return err
	}
	p, err := c.GrantPropose(r.ctx, in)
	if err != nil {
		return err
	}
	return r.print(p, func(w io.Writer) { showProposal(w, p) })
}

type grantConfirmCmd struct {
	Grant   comity.ID `arg:"" help:"The grant."`
	Release comity.ID `required:"" help:"The release decision that carries it by now." placeholder:"ID"`
	Until   instant   `required:"" help:"Until when it runs, within its own terms: a date, an RFC 3339 time, or 7d." placeholder:"TIME"`
	versionFlag
}

// Help says who confirms a grant.
func (grantConfirmCmd) Help() string {
	return `By another mandated liaison than the one who made it. Unconfirmed it lapses after 72 hours.

Example:
  comity grant confirm grant1_… --release release1_… --until 7d`
}

func (f grantConfirmCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	g, err := c.Grant(r.ctx, f.Grant)
	if err != nil {
		return err
	}
	if err := g.Check.Err(); err != nil {
		return &client.VerificationError{What: "the statement of " + string(g.ID), Err: err}
	}
	in := client.Confirmation{Grant: g.ID, Case: g.Case, ExpectedVersion: f.Expected, Release: f.Release, NotAfter: f.Until.Time}
	if in.ExpectedVersion == 0 {
		in.ExpectedVersion = g.Version
	}
	confirmed, err := c.GrantConfirm(r.ctx, in)
	return r.granted(confirmed, err)
}
