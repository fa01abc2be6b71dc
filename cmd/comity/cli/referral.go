package cli

import (
	"cmp"
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type referralCmd struct {
	Offer    referralOfferCmd    `cmd:"" help:"Offer a matter to a state that is better placed (Article 3)."`
	Change   referralChangeCmd   `cmd:"" help:"Change an offer that is not answered."`
	List     referralListCmd     `cmd:"" help:"List what is offered."`
	Show     referralShowCmd     `cmd:"" help:"Show an offer with its answer."`
	Answer   referralAnswerCmd   `cmd:"" help:"Accept or decline what another state offers."`
	Withdraw referralWithdrawCmd `cmd:"" help:"Take back an offer that is not answered."`
}

// Help shows examples.
func (referralCmd) Help() string {
	return `A referral tells its own words and nothing else of a case, and moves nothing: who accepts it opens a case of its own.

Examples:
  comity referral offer --to AM --category RANSOMWARE --title "A gang" --text @matter.txt --until 30d
  comity referral list --received --open
  comity referral show referral1_…
  comity referral answer referral1_… --answer ACCEPTED --said 9f86d081…`
}

type referralOfferCmd struct {
	To       comity.State    `required:"" help:"The state." placeholder:"CODE"`
	Category comity.Category `required:"" help:"Kind of crime; comity category list shows all." placeholder:"CODE"`
	Title    text            `required:"" help:"One line." placeholder:"TEXT"`
	Text     text            `required:"" help:"The matter: nothing else of a case is told." placeholder:"TEXT"`
	Until    instant         `required:"" help:"Until when it can be taken: a date, an RFC 3339 time, or 30d; 90 days at most." placeholder:"TIME"`
	Case     comity.ID       `help:"The own case that it arose from; not told abroad." placeholder:"ID"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (referralOfferCmd) Help() string {
	return `By a liaison.

Example:
  comity referral offer --to AM --category RANSOMWARE --title "A gang" --text @matter.txt --until 30d --case case1_…`
}

func (o referralOfferCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	body := statement.ReferralBody{To: o.To, Category: o.Category, Marking: comity.DefaultMarking, Title: string(o.Title), Text: string(o.Text), Classification: o.Classification,
		Version: 1, NotAfter: o.Until.Unix()}
	if m := o.over(body.Marking); m != nil {
		body.Marking = *m
	}
	return r.dispatched(c.ReferralOffer(r.ctx, o.Case, body))
}

type referralChangeCmd struct {
	Referral comity.ID       `arg:"" help:"The offer."`
	Category comity.Category `help:"Kind of crime." placeholder:"CODE"`
	Title    *text           `help:"One line." placeholder:"TEXT"`
	Text     *text           `help:"The matter." placeholder:"TEXT"`
	Until    instant         `help:"Until when it can be taken." placeholder:"TIME"`
	markingFlags
	classifiedFlag
	versionFlag
}

// Help says what stays.
func (referralChangeCmd) Help() string {
	return `Only what is given changes. Consent to what was offered before does not reach the changed offer.

Example:
  comity referral change referral1_… --text @matter.txt`
}

func (o referralChangeCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(o.Referral), comity.KindReferral); err != nil {
		return err
	}
	was, err := c.Dispatch(r.ctx, o.Referral)
	if err != nil {
		return err
	}
	switch {
	case was.Text == "":
		return comity.Unavailable("the words of the offer", was.Check.Err())
	case !was.Check.Verified(): // what is left as it was is signed anew
		return &client.VerificationError{What: "the referral " + string(o.Referral), Err: was.Check.Err()}
	}
	version, err := expected(o.Expected, func() (int, error) { return was.Version, nil })
	if err != nil {
		return err
	}
	body := statement.ReferralBody{To: was.To, Category: was.Category, Marking: was.Marking, Title: was.Title, Text: was.Text, Version: version + 1,
		Classification: cmp.Or(o.Classification, was.Classification), NotAfter: was.DueAt.Unix()}
	if o.Category != "" {
		body.Category = o.Category
	}
	if m := o.over(body.Marking); m != nil {
		body.Marking = *m
	}
	if o.Title != nil {
		body.Title = o.Title.given()
	}
	if o.Text != nil {
		body.Text = o.Text.given()
	}
	if !o.Until.IsZero() {
		body.NotAfter = o.Until.Unix()
	}
	return r.dispatched(c.ReferralChange(r.ctx, o.Referral, body))
}

type referralListCmd struct {
	Case comity.ID `help:"Only those that arose from this own case." placeholder:"ID"`
	dispatchListFlags
}

// Help shows examples.
func (referralListCmd) Help() string {
	return `Newest first.

Examples:
  comity referral list --received --open
  comity referral list --made --state AM`
}

func (l referralListCmd) Run(r *run) error {
	return l.list(r, comity.DispatchReferral, client.DispatchFilter{Case: l.Case},
		[]any{"REFERRAL", "FROM", "TO", "CATEGORY", "STATUS", "VERSION", "UNTIL", "STATEMENT", "TITLE"}, func(d client.Dispatch) []any {
			return []any{d.ID, d.State, d.To, d.Category, d.Status, d.Version, d.DueAt, d.Check, short(d.Title, 60)}
		})
}

type referralShowCmd struct {
	Referral comity.ID `arg:"" help:"The offer."`
	statementFlag
}

// Help shows examples.
func (referralShowCmd) Help() string {
	return `The state's signed statement is verified, and that it says what is shown.

Examples:
  comity referral show referral1_…
  comity referral show referral1_… --statement > referral.jws`
}

func (s referralShowCmd) Run(r *run) error { return s.show(r, s.Referral, comity.KindReferral) }

type referralAnswerCmd struct {
	Referral comity.ID `arg:"" help:"The offer."`
	Answer   verdict   `required:"" help:"Whether it is taken." placeholder:"ANSWER"`
	Case     comity.ID `help:"The own case in which it is taken up; not told abroad." placeholder:"ID"`
	answerFlags
}

// Help shows examples.
func (referralAnswerCmd) Help() string {
	return `By a liaison. Consent is to the words that were read: an offer that changed since is not taken by it.

Examples:
  comity referral show referral1_…
  comity referral answer referral1_… --answer ACCEPTED --said 9f86d081… --case case1_…
  comity referral answer referral1_… --answer DECLINED --said 9f86d081… --reason "no jurisdiction here"`
}

func (a referralAnswerCmd) Run(r *run) error {
	return a.answer(r, a.Referral, comity.KindReferral, comity.DispatchStatus(a.Answer), a.Case)
}

type referralWithdrawCmd struct {
	Referral comity.ID `arg:"" help:"The offer."`
}

// Help shows an example.
func (referralWithdrawCmd) Help() string {
	return `By a liaison of the state that offered it, before it is answered.

Example:
  comity referral withdraw referral1_…`
}

func (a referralWithdrawCmd) Run(r *run) error { return r.takeBack(a.Referral, comity.KindReferral) }
