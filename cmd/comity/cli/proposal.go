package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type proposalCmd struct {
	List    proposalListCmd    `cmd:"" help:"List what waits for a second officer."`
	Show    proposalShowCmd    `cmd:"" help:"Show the exact terms that approving signs."`
	Approve proposalApproveCmd `cmd:"" help:"Sign the same act as the second officer."`
	Decline proposalDeclineCmd `cmd:"" help:"Decline a proposal, or take one's own back."`
}

// Help shows examples.
func (proposalCmd) Help() string {
	return `Two officers of a state sign the same act over the same terms: grants of what is marked TLP:RED and of originals, the
lifting of reservations, withdrawals, erasures of old openings. The first proposes; nothing is in force until another one approves, within 72 hours.

Examples:
  comity proposal list
  comity proposal show proposal1_…
  comity proposal approve proposal1_… --terms 9f86d081…`
}

type proposalListCmd struct {
	Record comity.ID             `help:"Only about this case, this reservation of a category, or this erasure." placeholder:"ID"`
	Status comity.ProposalStatus `help:"Only in this status." placeholder:"STATUS"`
	pageFlags
}

// Help shows examples.
func (proposalListCmd) Help() string {
	return `Those of the own state for officers in the own role, newest first.

Examples:
  comity proposal list --status PROPOSED
  comity proposal list --record case1_…`
}

func (l proposalListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f := client.ProposalFilter{Record: l.Record, Status: l.Status}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Proposal], error) {
		return c.Proposals(r.ctx, f, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "PROPOSAL", "OF", "RECORD", "BY", "STATUS", "LAPSES", "DECIDED BY", "STATEMENT")
		for _, p := range all {
			row(w, p.ID, p.Act, p.Record, p.Officer, p.Status, p.LapsesAt, p.DecidedBy, p.Check)
		}
	})
}

type proposalShowCmd struct {
	Proposal comity.ID `arg:"" help:"The proposal."`
}

// Help says what is verified.
func (proposalShowCmd) Help() string {
	return `The state's signed proposal is verified, with the first officer's signed act in it, and that the terms shown are
those that were signed.

Example:
  comity proposal show proposal1_…`
}

func (s proposalShowCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	p, err := c.Proposal(r.ctx, s.Proposal)
	if err != nil {
		return err
	}
	return r.print(p, func(w io.Writer) { showProposal(w, p) })
}

func showProposal(w io.Writer, p *client.Proposal) {
	field(w, "proposal", p.ID)
	field(w, "of", p.Act)
	field(w, "record", p.Record)
	if p.Target != p.Record {
		field(w, "of the "+string(p.Kind), p.Target)
	}
	field(w, "by", strings.TrimSpace(fmt.Sprintf("%s %s", p.Officer, p.Function)))
	field(w, "made", p.CreatedAt)
	field(w, "status", p.Status)
	field(w, "decided by", p.DecidedBy)
	field(w, "decided", p.DecidedAt)
	field(w, "declined for", p.Reason)
	if p.Status == comity.ProposalProposed {
		field(w, "lapses", p.LapsesAt)
	}
	field(w, "statement", p.Check)
	if p.Body == "" {
		field(w, "terms", "not to be read: the state's keys cannot be reached, or the case was withdrawn")
		return
	}
	showBody(w, statement.Statement{Kind: p.Kind, Body: json.RawMessage(p.Body)})
	field(w, "signed is, exactly", p.Body)
	field(w, "SHA-256 of that", p.Terms)
	if p.Status == comity.ProposalProposed && p.Check.Verified() {
		field(w, "next", fmt.Sprintf("another officer approves it: comity proposal approve %s --terms %s", p.ID, p.Terms))
	}
}

type proposalApproveCmd struct {
	Proposal comity.ID `arg:"" help:"The proposal of another officer."`
	Terms    string    `required:"" help:"SHA-256 of the terms that were read, as comity proposal show prints it." placeholder:"HASH"`
}

// Help says what is signed.
func (proposalApproveCmd) Help() string {
	return `Read what is proposed first. Before it signs, the command verifies the proposal anew, and that its terms are those
that --terms names: nothing else is signed.

Examples:
  comity proposal show proposal1_…
  comity proposal approve proposal1_… --terms 9f86d081…`
}

func (s proposalApproveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	a, err := c.ProposalApprove(r.ctx, s.Proposal, s.Terms)
	r.unsure(err)
	if err != nil {
		return err
	}
	if a.Grant != nil {
		return r.granted(a.Grant, nil)
	}
	return r.told(&a.Domestic)
}

type proposalDeclineCmd struct {
	Proposal comity.ID `arg:"" help:"The proposal."`
	Reason   text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help shows an example.
func (proposalDeclineCmd) Help() string {
	return `What was declined is not approved any more; it can be proposed anew.

Example:
  comity proposal decline proposal1_… --reason "the exhibit is not needed"`
}

func (s proposalDeclineCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	p, err := c.ProposalDecline(r.ctx, s.Proposal, string(s.Reason))
	if err != nil {
		return err
	}
	return r.print(p, func(w io.Writer) { showProposal(w, p) })
}
