package cli

import (
	"io"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// What a state keeps to itself: liftings, reserved categories, holds, withdrawals.

// told prints what came of such an act.
func (r *run) told(d *client.Domestic) error {
	return r.print(d, func(w io.Writer) {
		field(w, "record", d.Record)
		if d.Proposal != "" {
			field(w, "proposal", d.Proposal)
			field(w, "next", "another officer of the authority approves it within 72 hours")
		}
		field(w, "key destroyed at", d.DueAt)
		for _, g := range d.Ended {
			field(w, "ended grant", g)
		}
	})
}

type caseLiftCmd struct {
	Case   comity.ID `arg:"" help:"The reserved case."`
	Reason text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help says how two officers lift a reservation.
func (caseLiftCmd) Help() string {
	return `Proposes it. Another officer of the authority approves the proposal within 72 hours, and the case can be granted
again; the grants that the reservation ended stay ended.

Examples:
  comity case lift case1_… --reason "the matter is over"
  comity proposal show proposal1_…   # another officer, who then approves it`
}

func (s caseLiftCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.CaseReserveLift(r.ctx, s.Case, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type caseWithdrawCmd struct {
	Case   comity.ID `arg:"" help:"The case."`
	Reason text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help says what a withdrawal does.
func (caseWithdrawCmd) Help() string {
	return `Proposes it. Another officer of the authority approves the proposal within 72 hours; another 72 hours later the
case's key is destroyed, and its words and exhibits open to nobody any more, from no backup either. Until then any
officer of the authority cancels it, and it waits while a hold lies on the case.

Examples:
  comity case withdraw case1_… --reason "filed in error"
  comity proposal show proposal1_…   # another officer, who then approves it
  comity case cancel-withdrawal withdrawal1_… --case case1_… --reason "it was not"`
}

func (s caseWithdrawCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.CaseWithdraw(r.ctx, s.Case, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type caseCancelWithdrawalCmd struct {
	Withdrawal comity.ID `arg:"" help:"The withdrawal."`
	Case       comity.ID `required:"" help:"Of this case." placeholder:"CASE"`
	Reason     text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help shows an example.
func (caseCancelWithdrawalCmd) Help() string {
	return `Any one officer of the authority cancels it before its time.

Example:
  comity case cancel-withdrawal withdrawal1_… --case case1_… --reason "it was not in error"`
}

func (s caseCancelWithdrawalCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.CaseWithdrawCancel(r.ctx, s.Withdrawal, s.Case, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type caseWithdrawalsCmd struct {
	Case comity.ID `help:"Of this case only." placeholder:"CASE"`
}

// Help shows an example.
func (caseWithdrawalsCmd) Help() string {
	return `Newest first. HELD says that it waits for a hold to end.

Example:
  comity case withdrawals`
}

func (s caseWithdrawalsCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := client.All(func(first int, after string) (client.Page[client.Withdrawal], error) {
		return c.Withdrawals(r.ctx, s.Case, first, after)
	})
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "WITHDRAWAL", "CASE", "STATUS", "DUE", "HELD", "PROPOSED BY", "APPROVED BY", "REASON")
		for _, d := range all {
			row(w, d.ID, d.Case, d.Status, d.DueAt, d.Held, d.ProposedBy, d.ApprovedBy, short(d.Reason, 60))
		}
	})
}

type categoryReserveCmd struct {
	Category comity.Category `arg:"" help:"The category's code."`
	Reason   text            `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help says what the reservation of a category does.
func (categoryReserveCmd) Help() string {
	return `No case of the category is shared, present or future, and the running grants of those there are end for good.

Example:
  comity category reserve INTRUSION_MILITARY --reason "matters of the state itself"`
}

func (s categoryReserveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.CategoryReserve(r.ctx, s.Category, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type categoryLiftCmd struct {
	Reservation comity.ID       `arg:"" help:"The reservation; comity category reserved shows it."`
	Category    comity.Category `required:"" help:"That it is of." placeholder:"CODE"`
	Reason      text            `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help says how two officers lift it.
func (categoryLiftCmd) Help() string {
	return `Proposes it. Another officer of the authority approves the proposal within 72 hours. Grants that ended stay ended.

Examples:
  comity category lift reservation1_… --category INTRUSION_MILITARY --reason "no longer"
  comity proposal show proposal1_…   # another officer, who then approves it`
}

func (s categoryLiftCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.CategoryReserveLift(r.ctx, s.Reservation, s.Category, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type categoryReservedCmd struct{}

// Help shows an example.
func (categoryReservedCmd) Help() string {
	return `Those of the own state, newest first, the lifted ones too. No other state sees them.

Example:
  comity category reserved`
}

func (categoryReservedCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := c.Reservations(r.ctx)
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "RESERVATION", "CATEGORY", "SINCE", "LIFTED", "BY", "REASON")
		for _, v := range all {
			row(w, v.ID, v.Category, v.CreatedAt, v.LiftedAt, v.Officer, short(v.Reason, 60))
		}
	})
}

type holdCmd struct {
	Place   holdPlaceCmd   `cmd:"" help:"Keep a case from being withdrawn (Article 11)."`
	Release holdReleaseCmd `cmd:"" help:"Release a hold."`
	List    holdListCmd    `cmd:"" help:"List the holds on own cases."`
}

// Help shows examples.
func (holdCmd) Help() string {
	return `Examples:
  comity hold place case1_… --reason "trial"
  comity hold list --lying`
}

type holdPlaceCmd struct {
	Case    comity.ID `arg:"" help:"The case."`
	Reason  text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
	Until   instant   `help:"When it ends by itself: a date, an RFC 3339 time, or 30d; without it, when it is released." placeholder:"TIME"`
	Request comity.ID `help:"The request to preserve that it answers, by a liaison; needs --until, at most 60d." placeholder:"REQUEST"`
}

// Help says who places holds.
func (holdPlaceCmd) Help() string {
	return `While a hold lies on a case its withdrawal does not complete. The authority places one of its own motion; a liaison
for another state's request to preserve, which learns only that it was executed. A hold is renewed by another one.

Examples:
  comity hold place case1_… --reason "trial"
  comity hold place case1_… --request request1_… --until 60d --reason "asked to preserve"`
}

func (s holdPlaceCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.HoldPlace(r.ctx, client.NewHold{Case: s.Case, Reason: string(s.Reason), Request: s.Request, NotAfter: s.Until.Time})
	if err != nil {
		return err
	}
	return r.told(d)
}

type holdReleaseCmd struct {
	Hold   comity.ID `arg:"" help:"The hold."`
	Case   comity.ID `required:"" help:"That it lies on." placeholder:"CASE"`
	Reason text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
}

// Help shows an example.
func (holdReleaseCmd) Help() string {
	return `By the authority.

Example:
  comity hold release hold1_… --case case1_… --reason "the trial has ended"`
}

func (s holdReleaseCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.HoldRelease(r.ctx, s.Hold, s.Case, string(s.Reason))
	if err != nil {
		return err
	}
	return r.told(d)
}

type holdListCmd struct {
	Case    comity.ID `help:"On this case only." placeholder:"CASE"`
	Request comity.ID `help:"For this request only." placeholder:"REQUEST"`
	Lying   bool      `help:"Only those that lie now."`
}

// Help shows an example.
func (holdListCmd) Help() string {
	return `Newest first. UNTIL is when a hold ends by itself: renew it before, by another one.

Example:
  comity hold list --lying`
}

func (s holdListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := client.All(func(first int, after string) (client.Page[client.Hold], error) {
		return c.Holds(r.ctx, client.HoldFilter{Case: s.Case, Request: s.Request, Lying: s.Lying}, first, after)
	})
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "HOLD", "CASE", "LIES", "UNTIL", "REQUEST", "BY", "REASON", "RELEASED")
		for _, h := range all {
			row(w, h.ID, h.Case, h.Lies, h.NotAfter, h.Request, h.Officer, short(h.Reason, 60), h.ReleasedAt)
		}
	})
}
