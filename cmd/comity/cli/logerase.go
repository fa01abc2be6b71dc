package cli

import (
	"io"
)

type logEraseCmd struct {
	Before past `required:"" help:"Of leaves from before this: a date, an RFC 3339 time, or 400d for so many days ago; 30d at least." placeholder:"TIME"`
	Reason text `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help says what is erased, and what stays.
func (logEraseCmd) Help() string {
	return `Proposes it. Another officer of the authority approves the proposal within 72 hours, and the exchange erases the own
state's openings from before that time: what stood in them, and the salts, without which nobody can tell any more
what the log's hashes are of. They are gone for good, and no copy of the log brings them back. The leaves stay, and
the log verifies as before; no other state's opening is touched.

What stays: what erasures themselves left, what concerns a case under a hold of the own state, and what is not of its
leaf. Take reports of the time that is erased before (comity log report).

Examples:
  comity log erase --before 2025-01-01 --reason "kept for five years"
  comity proposal show proposal1_…   # another officer, who then approves it
  comity log erasures`
}

func (e logEraseCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.LogErase(r.ctx, e.Before.Time, string(e.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type logErasuresCmd struct{}

// Help shows an example.
func (logErasuresCmd) Help() string {
	return `Those of the own state's openings, newest first. KEPT counts what is from before that time and stays.

Example:
  comity log erasures`
}

func (logErasuresCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := c.LogErasures(r.ctx)
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "ERASURE", "BEFORE", "STATUS", "ERASED", "KEPT", "PROPOSED BY", "APPROVED BY", "DONE", "REASON")
		for _, e := range all {
			row(w, e.ID, e.Before, e.Status, e.Erased, e.Kept, e.ProposedBy, e.ApprovedBy, e.DoneAt, short(e.Reason, 60))
		}
	})
}
