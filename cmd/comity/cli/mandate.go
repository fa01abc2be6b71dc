package cli

import (
	"fmt"
	"io"
	"strings"
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

	Deputy   []comity.OfficerRef `help:"A liaison who acts under it too. Repeatable." placeholder:"REF"`
	MaxTLP   comity.TLP          `name:"max-tlp" help:"The strictest label of what is granted." placeholder:"LABEL"`
	MaxScope comity.Scope        `help:"The widest scope of a grant." placeholder:"SCOPE"`
	MaxGrade comity.Grade        `help:"The highest grade of a grant." placeholder:"GRADE"`
	Category []comity.Category   `help:"Only cases of this kind of crime. Repeatable." placeholder:"CODE"`
	MaxTerm  span                `help:"The longest term of a grant: 30d or 12h." placeholder:"TERM"`
}

// Help says what bounds a mandate.
func (mandateGiveCmd) Help() string {
	return `What is not bounded here is bounded by the Articles alone. A ceiling binds the deputies as it binds the liaison.

Examples:
  comity mandate give KZ:li-7q2f --until 90d
  comity mandate give KZ:li-7q2f --until 90d --deputy KZ:li-m3xa --max-tlp AMBER --max-scope SUMMARY \
    --max-grade LEAD --category RANSOMWARE --max-term 30d`
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
	given, err := c.MandateGive(r.ctx, client.NewMandate{Liaison: m.Liaison, NotBefore: from, NotAfter: m.Until.Time, Deputies: m.Deputy,
		Ceiling: client.Ceiling{TLP: m.MaxTLP, Scope: m.MaxScope, Grade: m.MaxGrade, Categories: m.Category, Term: int64(m.MaxTerm.Duration / time.Second)}})
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
	row(w, "MANDATE", "LIAISON", "DEPUTIES", "GIVEN BY", "FROM", "UNTIL", "ENDED", "LIVE", "AT MOST")
	for _, m := range all {
		row(w, m.ID, m.Liaison, listed(m.Deputies), m.GivenBy, m.NotBefore, m.NotAfter, m.EndedAt, m.Live, ceiling(m.Ceiling))
	}
}

// ceiling says how far grants under a mandate go, "" without bounds.
func ceiling(c client.Ceiling) string {
	var said []string
	if c.TLP != "" {
		said = append(said, "TLP:"+strings.ReplaceAll(string(c.TLP), "_", "+"))
	}
	for _, word := range []string{string(c.Scope), string(c.Grade), listed(c.Categories)} {
		if word != "" {
			said = append(said, word)
		}
	}
	if term := time.Duration(c.Term) * time.Second; term%(24*time.Hour) == 0 && term > 0 {
		said = append(said, fmt.Sprintf("%dd", term/(24*time.Hour)))
	} else if term > 0 {
		said = append(said, term.String())
	}
	return strings.Join(said, ", ")
}

// listed joins words.
func listed[T ~string](all []T) string {
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return strings.Join(words, " ")
}
