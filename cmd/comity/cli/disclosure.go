package cli

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type disclosureCmd struct {
	Notify disclosureNotifyCmd `cmd:"" help:"Tell the originator that the own state is, or was, compelled to disclose what it was granted (Article 10)."`
	List   disclosureListCmd   `cmd:"" help:"List compelled disclosures."`
	Show   disclosureShowCmd   `cmd:"" help:"Show a compelled disclosure with the objection to it."`
	Object disclosureObjectCmd `cmd:"" help:"Object to a compelled disclosure of an own record."`
}

// Help shows examples.
func (disclosureCmd) Help() string {
	return `Nothing that was granted is disclosed further without a new grant by the originator, unless a court, the defence or danger
to life compels it: the originator is told beforehand, or at once after with the reason.

Examples:
  comity disclosure notify grant1_… --form COURT --to "the court of Yerevan" --at 2026-12-01T09:00:00Z --text "Order 17"
  comity disclosure list --received --open
  comity disclosure object compelled1_… --reason "it names a source" --said 9f86d081…`
}

type disclosureNotifyCmd struct {
	Grant  comity.ID     `arg:"" help:"The grant that opens, or opened, what is disclosed."`
	Case   comity.ID     `help:"Its case; needed where the grant is to another of the own state and not to be read." placeholder:"ID"`
	Form   compelledForm `required:"" help:"The ground." placeholder:"GROUND"`
	To     string        `required:"" help:"To whom." placeholder:"TEXT"`
	At     instant       `required:"" help:"When it is, or was, disclosed: an RFC 3339 time, or in 7d or 12h." placeholder:"TIME"`
	Text   text          `required:"" help:"What is disclosed, and by which order." placeholder:"TEXT"`
	Reason text          `help:"Why it was not told beforehand; needed when it was disclosed already." placeholder:"TEXT"`
	classifiedFlag
}

// Help shows examples.
func (disclosureNotifyCmd) Help() string {
	return `By a liaison or the authority, also when the grant has ended, and when it is to another officer or agency of the
own state: who reads under it then tells its id and that of its case.

Examples:
  comity disclosure notify grant1_… --form COURT --to "the court of Yerevan" --at 2026-12-01T09:00:00Z --text "Order 17"
  comity disclosure notify grant1_… --form DANGER_TO_LIFE --to "the police of Gyumri" --at 2026-11-20T03:00:00Z \
    --text "The address of the suspect" --reason "A hostage was held there"
  comity disclosure notify grant1_… --case case1_… --form DEFENCE --to "the defence" --at 7d --text "The ledger"`
}

func (n disclosureNotifyCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	of := n.Case
	if of == "" {
		g, err := c.Grant(r.ctx, n.Grant)
		if err != nil {
			return err
		}
		of = g.Case
	}
	return r.dispatched(c.DisclosureNotify(r.ctx, of, statement.CompelledBody{Grant: n.Grant, Form: comity.DispatchForm(n.Form), Recipient: n.To,
		At: n.At.Unix(), Text: string(n.Text), Classification: n.Classification, Reason: string(n.Reason)}))
}

type disclosureListCmd struct {
	Case comity.ID `help:"Only of this case." placeholder:"ID"`
	dispatchListFlags
}

// Help shows examples.
func (disclosureListCmd) Help() string {
	return `Those that the own state notified and those of own records, newest first.

Examples:
  comity disclosure list --received --open
  comity disclosure list --made`
}

func (l disclosureListCmd) Run(r *run) error {
	return l.list(r, comity.DispatchCompelled, client.DispatchFilter{Case: l.Case},
		[]any{"DISCLOSURE", "BY", "OF", "GRANT", "FORM", "TO", "DISCLOSED", "STATUS", "OBJECT UNTIL", "STATEMENT"}, func(d client.Dispatch) []any {
			return []any{d.ID, d.State, d.To, d.Grant, d.Form, short(d.Recipient, 40), d.At, d.Status, d.DueAt, d.Check}
		})
}

type disclosureShowCmd struct {
	Disclosure comity.ID `arg:"" help:"The compelled disclosure."`
	statementFlag
}

// Help shows examples.
func (disclosureShowCmd) Help() string {
	return `The state's signed statement is verified, and that it says what is shown.

Examples:
  comity disclosure show compelled1_…
  comity disclosure show compelled1_… --statement > disclosure.jws`
}

func (s disclosureShowCmd) Run(r *run) error { return s.show(r, s.Disclosure, comity.KindCompelled) }

type disclosureObjectCmd struct {
	Disclosure comity.ID `arg:"" help:"The compelled disclosure."`
	answerFlags
}

// Help shows an example.
func (disclosureObjectCmd) Help() string {
	return `By a liaison or the authority of the originator, until it is disclosed; of one that was, within 72 hours of being told.

Example:
  comity disclosure object compelled1_… --reason "it names a source" --said 9f86d081…`
}

func (o disclosureObjectCmd) Run(r *run) error {
	return o.answer(r, o.Disclosure, comity.KindCompelled, comity.DispatchObjected, "")
}
