package cli

import (
	"io"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type mandateCmd struct {
	Give mandateGiveCmd `cmd:"" help:"Give a liaison of the own state authority to grant (Article 8)."`
	End  mandateEndCmd  `cmd:"" help:"End a mandate at once."`
	List mandateListCmd `cmd:"" help:"List the own state's mandates."`
}

// Help shows examples.
func (mandateCmd) Help() string {
	return `Examples:
  comity mandate give KZ:li-7q2f --until 90d
  comity mandate list`
}

type mandateGiveCmd struct {
	Liaison comity.OfficerRef `arg:"" help:"The liaison, as in KZ:li-7q2f; comity whoami shows one's own."`
	From    instant           `help:"Since when; without it, now." placeholder:"TIME"`
	Until   instant           `required:"" help:"Until when: a date, an RFC 3339 time, or 90d." placeholder:"TIME"`
}

// Help shows an example.
func (mandateGiveCmd) Help() string {
	return `Example:
  comity mandate give KZ:li-7q2f --until 90d`
}

func (m mandateGiveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	from := m.From.Time
	if from.IsZero() {
		from = time.Now().UTC().Truncate(time.Second)
	}
	given, err := c.MandateGive(r.ctx, client.NewMandate{Liaison: m.Liaison, NotBefore: from, NotAfter: m.Until.Time})
	if err != nil {
		return err
	}
	return r.print(given, func(w io.Writer) { showMandates(w, *given) })
}

type mandateEndCmd struct {
	Mandate comity.ID `arg:"" help:"The mandate."`
}

// Help shows an example.
func (mandateEndCmd) Help() string {
	return `Grants that the liaison has made run on; revoke them one by one.

Example:
  comity mandate end mandate1_…`
}

func (m mandateEndCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	ended, err := c.MandateEnd(r.ctx, m.Mandate)
	if err != nil {
		return err
	}
	return r.print(ended, func(w io.Writer) { showMandates(w, *ended) })
}

type mandateListCmd struct{}

// Help shows an example.
func (mandateListCmd) Help() string {
	return `Newest first, the ended ones too.

Example:
  comity mandate list`
}

func (mandateListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := c.Mandates(r.ctx)
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) { showMandates(w, all...) })
}

func showMandates(w io.Writer, all ...client.Mandate) {
	row(w, "MANDATE", "LIAISON", "GIVEN BY", "FROM", "UNTIL", "ENDED", "LIVE")
	for _, m := range all {
		row(w, m.ID, m.Liaison, m.GivenBy, m.NotBefore, m.NotAfter, m.EndedAt, m.Live)
	}
}
