package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type dutyCmd struct {
	Show     dutyShowCmd     `cmd:"" help:"Show who is on duty at a state now, and where to call."`
	List     dutyListCmd     `cmd:"" help:"List the own state's duty roster."`
	Set      dutySetCmd      `cmd:"" help:"Put a liaison on duty, by a signed act (Article 8)."`
	Withdraw dutyWithdrawCmd `cmd:"" help:"Take a shift off the roster at once."`
}

// Help shows examples.
func (dutyCmd) Help() string {
	return `Where nobody is on duty the standing contact of the state's manifest answers.

Examples:
  comity duty show KZ
  comity duty set KZ:li-7q2f --until 8h --contact "+000 000 000"
  comity duty list`
}

type dutyShowCmd struct {
	State comity.State `arg:"" help:"The state, as in KZ."`
}

// Help says who is told.
func (dutyShowCmd) Help() string {
	return `Who is on duty at another state is told to liaisons and the authority while an agreement in force binds both
states; everybody else is given the standing contact. A line that the state itself did not sign ends with an error.

Example:
  comity duty show KZ`
}

func (s dutyShowCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	d, err := c.DutyContact(r.ctx, s.State)
	if err != nil {
		return err
	}
	if err := d.Check.Err(); err != nil {
		return &client.VerificationError{What: "the contact of " + string(s.State), Err: err}
	}
	return r.print(d, func(w io.Writer) {
		field(w, "state", d.State)
		field(w, "contact point", d.ContactPoint)
		if d.Officer == "" {
			field(w, "on duty", "nobody, or not to be told: the standing contact answers")
		} else {
			field(w, "on duty", fmt.Sprintf("%s (%s)", d.Function, d.Officer))
		}
		field(w, "until", d.Until)
		field(w, "call", d.Contact)
		field(w, "signed", d.Check)
	})
}

type dutyListCmd struct {
	All bool `help:"Also shifts that are over or were withdrawn."`
	pageFlags
}

// Help shows an example.
func (dutyListCmd) Help() string {
	return `By when they end. A shift without a line of its own is reached by the standing contact.

Examples:
  comity duty list
  comity duty list --all --json`
}

func (l dutyListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Shift], error) {
		return c.Roster(r.ctx, l.All, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) { showShifts(w, all...) })
}

type dutySetCmd struct {
	Officer comity.OfficerRef `arg:"" help:"The liaison, as in KZ:li-7q2f."`
	From    instant           `help:"Since when; without it, now." placeholder:"TIME"`
	Until   instant           `required:"" help:"Until when: a date, an RFC 3339 time, or 8h; 31 days at most." placeholder:"TIME"`
	Contact string            `help:"Where the officer is reached: telephone, e-mail or radio; without it, the standing contact." placeholder:"LINE"`
}

// Help says what bounds a shift.
func (dutySetCmd) Help() string {
	return `By the state's authority. Shifts never overlap, and do not begin in the past. States that an agreement binds
read the line while the shift runs; never a name.

Examples:
  comity duty set KZ:li-7q2f --until 8h --contact "+000 000 000"
  comity duty set KZ:li-m3xa --from 2026-12-01T08:00:00Z --until 2026-12-01T20:00:00Z`
}

func (s dutySetCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	from := s.From.Time
	if from.IsZero() {
		from = time.Now().UTC().Truncate(time.Second)
	}
	set, err := c.DutySet(r.ctx, client.NewShift{Officer: s.Officer, From: from, Until: s.Until.Time, Contact: s.Contact})
	if err != nil {
		return err
	}
	return r.print(set, func(w io.Writer) { showShifts(w, *set) })
}

type dutyWithdrawCmd struct {
	Shift comity.ID `arg:"" help:"The shift."`
}

// Help shows an example.
func (dutyWithdrawCmd) Help() string {
	return `Also one that runs: the standing contact answers then, until another shift is set.

Example:
  comity duty withdraw shift1_…`
}

func (d dutyWithdrawCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	gone, err := c.DutyWithdraw(r.ctx, d.Shift)
	if err != nil {
		return err
	}
	return r.print(gone, func(w io.Writer) { showShifts(w, *gone) })
}

func showShifts(w io.Writer, all ...client.Shift) {
	row(w, "SHIFT", "OFFICER", "FUNCTION", "FROM", "UNTIL", "RUNNING", "CONTACT", "SET BY", "WITHDRAWN", "SIGNED")
	for _, s := range all {
		row(w, s.ID, s.Officer, s.Function, s.From, s.Until, s.Running, s.Contact, s.SetBy, s.WithdrawnAt, s.Check)
	}
}

// onDuty says in a line where to call.
func onDuty(d *client.DutyContact) string {
	if d.Officer == "" {
		return d.Contact + ", the standing contact of " + string(d.State)
	}
	return fmt.Sprintf("%s, %s (%s) until %s", d.Contact, d.Function, d.Officer, when(d.Until))
}

// escalation says in a line how far a request has gone up, and who is to act.
func escalation(e *client.Escalation) string {
	who := strings.ToLower(string(e.Role)) + " of the state"
	if e.Officer != "" {
		who = fmt.Sprintf("%s (%s)", e.Function, e.Officer)
	}
	if len(e.Deputies) > 0 {
		who += ", or when away " + listed(e.Deputies)
	}
	said := fmt.Sprintf("%s since %s; to act: %s", e.Level, when(e.Since), who)
	if !e.Next.IsZero() {
		said += "; goes up at " + when(e.Next)
	}
	return said
}
