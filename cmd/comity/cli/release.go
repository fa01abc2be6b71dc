package cli

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type releaseCmd struct {
	Decide releaseDecideCmd `cmd:"" help:"Record the decision that a case may be released, without which no liaison grants (Article 8)."`
	List   releaseListCmd   `cmd:"" help:"List the release decisions of a case."`

	Withdraw releaseWithdrawCmd `cmd:"" help:"Withdraw a release decision: no grant rests on it any more."`
}

// Help shows examples.
func (releaseCmd) Help() string {
	return `Examples:
  comity release decide case1_… --to AM --purpose INVESTIGATION --until 30d
  comity release list case1_…`
}

type releaseDecideCmd struct {
	Case      comity.ID      `arg:"" help:"The case."`
	To        comity.State   `required:"" help:"The state." placeholder:"CODE"`
	Scope     comity.Scope   `help:"The widest that is released." default:"FULL" placeholder:"SCOPE"`
	Exhibit   []comity.ID    `help:"An exhibit that is released. Repeatable." placeholder:"ID"`
	Subject   []comity.ID    `help:"A victim, witness or minor whom a grant may name. Repeatable." placeholder:"ID"`
	Purpose   comity.Purpose `required:"" help:"For what." placeholder:"PURPOSE"`
	Until     instant        `required:"" help:"Until when: a date, an RFC 3339 time, or 30d." placeholder:"TIME"`
	Decider   comity.Decider `help:"Who decided." default:"OWNER" placeholder:"WHO"`
	Reference string         `help:"Of the prosecutor's or court's decision." placeholder:"TEXT"`
}

// Help shows an example.
func (releaseDecideCmd) Help() string {
	return `Example:
  comity release decide case1_… --to AM --purpose INVESTIGATION --until 30d --exhibit evidence1_…`
}

func (d releaseDecideCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	rel, err := c.ReleaseDecide(r.ctx, client.NewRelease{Case: d.Case, Decider: d.Decider, Reference: d.Reference, Grantee: d.To, Scope: d.Scope,
		Exhibits: d.Exhibit, Subjects: d.Subject, Purpose: d.Purpose, NotAfter: d.Until.Time})
	if err != nil {
		return err
	}
	return r.print(rel, func(w io.Writer) { showRelease(w, rel) })
}

func showRelease(w io.Writer, rel *client.Release) {
	field(w, "release", rel.ID)
	field(w, "case", rel.Case)
	field(w, "decided by", fmt.Sprintf("%s, recorded by %s", rel.Decider, rel.Officer))
	field(w, "reference", rel.Reference)
	field(w, "to", rel.Grantee)
	field(w, "to the joint team", rel.Team)
	field(w, "scope", fmt.Sprintf("%s and %d exhibits", rel.Scope, len(rel.Exhibits)))
	for _, s := range rel.Subjects {
		field(w, "may name", s)
	}
	field(w, "purpose", rel.Purpose)
	field(w, "until", rel.NotAfter)
	field(w, "withdrawn", rel.WithdrawnAt)
	field(w, "withdrawn by", rel.WithdrawnBy)
}

type releaseWithdrawCmd struct {
	Release comity.ID `arg:"" help:"The release decision; comity release list shows it."`
	Case    comity.ID `required:"" help:"That it is of." placeholder:"CASE"`
}

// Help says who withdraws a release.
func (releaseWithdrawCmd) Help() string {
	return `By who recorded it, or by the case's owner. Grants that were made run on; revoke them one by one. A contribution to
a joint team is withdrawn by comity team withdraw.

Example:
  comity release withdraw release1_… --case case1_…`
}

func (d releaseWithdrawCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	rel, err := c.ReleaseWithdraw(r.ctx, d.Case, d.Release)
	if err != nil {
		return err
	}
	return r.print(rel, func(w io.Writer) { showRelease(w, rel) })
}

type releaseListCmd struct {
	Case comity.ID    `arg:"" help:"The case, one of the own state."`
	To   comity.State `help:"Only to this state." placeholder:"CODE"`
	Live bool         `help:"Only those that have neither ended nor been withdrawn."`
}

// Help shows examples.
func (releaseListCmd) Help() string {
	return `Newest first.

Examples:
  comity release list case1_…
  comity release list case1_… --to AM --live`
}

func (l releaseListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	found, err := c.Case(r.ctx, l.Case, "")
	if err != nil {
		return err
	}
	if err := denial(found.Access); err != nil {
		return err
	}
	all := slices.DeleteFunc(newestRelease(found.Releases), func(d client.Release) bool {
		return l.To != "" && d.Grantee != l.To || l.Live && !d.Live(time.Now())
	})
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "RELEASE", "TO", "SCOPE", "EXHIBITS", "PURPOSE", "DECIDED BY", "RECORDED BY", "UNTIL", "WITHDRAWN", "PERSONS", "REFERENCE")
		for _, d := range all {
			row(w, d.ID, d.Grantee, d.Scope, len(d.Exhibits), d.Purpose, d.Decider, d.Officer, d.NotAfter, d.WithdrawnAt, len(d.Subjects), short(d.Reference, 40))
		}
	})
}

// newestRelease orders decisions.
func newestRelease(all []client.Release) []client.Release {
	return slices.SortedFunc(slices.Values(all), func(a, b client.Release) int { return b.CreatedAt.Compare(a.CreatedAt) })
}
