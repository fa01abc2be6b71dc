package cli

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type undertakingCmd struct {
	Give     undertakingGiveCmd     `cmd:"" help:"Undertake reciprocity to a state for one of its cases (Article 7)."`
	List     undertakingListCmd     `cmd:"" help:"List what was undertaken."`
	Show     undertakingShowCmd     `cmd:"" help:"Show an undertaking with its answer."`
	Answer   undertakingAnswerCmd   `cmd:"" help:"Accept for one own case, or decline, what another state undertakes."`
	Withdraw undertakingWithdrawCmd `cmd:"" help:"Take back an undertaking that is not answered."`
}

// Help shows examples.
func (undertakingCmd) Help() string {
	return `Where no agreement binds two states, the authority of one undertakes reciprocity, and that of the other accepts it for one
of its cases: a grant of that case then names the undertaking as its agreement.

Examples:
  comity undertaking give --to KZ --category RANSOMWARE --title "Reciprocity" --text "In a like case we do the same." --until 90d
  comity undertaking list --received --open
  comity undertaking show undertaking1_…
  comity undertaking answer undertaking1_… --answer ACCEPTED --said 9f86d081… --case case1_…
  comity grant make case1_… --to AM --agreement undertaking1_… --until 30d`
}

type undertakingGiveCmd struct {
	To       comity.State    `required:"" help:"The state whose case it is for." placeholder:"CODE"`
	Category comity.Category `required:"" help:"Kind of crime of that case; comity category list shows all." placeholder:"CODE"`
	Title    text            `required:"" help:"One line." placeholder:"TEXT"`
	Text     text            `required:"" help:"What is undertaken." placeholder:"TEXT"`
	Until    instant         `required:"" help:"Until when it binds: a date, an RFC 3339 time, or 90d; five years at most." placeholder:"TIME"`
	Request  comity.ID       `help:"The own state's request to that state that it is given for." placeholder:"ID"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (undertakingGiveCmd) Help() string {
	return `By the authority. It binds until its end once it is accepted.

Example:
  comity undertaking give --to KZ --category RANSOMWARE --title "Reciprocity" --text @words.txt --until 90d --request request1_…`
}

func (g undertakingGiveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	body := statement.UndertakingBody{To: g.To, Category: g.Category, Request: g.Request, Marking: comity.DefaultMarking, Classification: g.Classification, Title: string(g.Title),
		Text: string(g.Text), NotAfter: g.Until.Unix()}
	if m := g.over(body.Marking); m != nil {
		body.Marking = *m
	}
	return r.dispatched(c.UndertakingGive(r.ctx, body))
}

type undertakingListCmd struct {
	dispatchListFlags
}

// Help shows examples.
func (undertakingListCmd) Help() string {
	return `Newest first.

Examples:
  comity undertaking list --received --open
  comity undertaking list --made --state KZ`
}

func (l undertakingListCmd) Run(r *run) error {
	return l.list(r, comity.DispatchUndertaking, client.DispatchFilter{},
		[]any{"UNDERTAKING", "FROM", "TO", "CATEGORY", "STATUS", "UNTIL", "FOR", "STATEMENT", "TITLE"}, func(d client.Dispatch) []any {
			return []any{d.ID, d.State, d.To, d.Category, d.Status, d.DueAt, d.AnswerCase, d.Check, short(d.Title, 60)}
		})
}

type undertakingShowCmd struct {
	Undertaking comity.ID `arg:"" help:"The undertaking."`
	statementFlag
}

// Help shows examples.
func (undertakingShowCmd) Help() string {
	return `The state's signed statement is verified, and that it says what is shown.

Examples:
  comity undertaking show undertaking1_…
  comity undertaking show undertaking1_… --statement > undertaking.jws`
}

func (s undertakingShowCmd) Run(r *run) error {
	return s.show(r, s.Undertaking, comity.KindUndertaking)
}

type undertakingAnswerCmd struct {
	Undertaking comity.ID `arg:"" help:"The undertaking."`
	Answer      verdict   `required:"" help:"Whether it is accepted." placeholder:"ANSWER"`
	Case        comity.ID `help:"The own case that it is accepted for; not told abroad." placeholder:"ID"`
	answerFlags
}

// Help shows examples.
func (undertakingAnswerCmd) Help() string {
	return `By the authority. What is accepted is what was read, for the one case named.

Examples:
  comity undertaking answer undertaking1_… --answer ACCEPTED --said 9f86d081… --case case1_…
  comity undertaking answer undertaking1_… --answer DECLINED --said 9f86d081… --reason "no such case"`
}

func (a undertakingAnswerCmd) Run(r *run) error {
	if a.Answer == verdict(comity.DispatchAccepted) && a.Case == "" {
		return usagef("--case is needed: an undertaking is accepted for one own case")
	}
	return a.answer(r, a.Undertaking, comity.KindUndertaking, comity.DispatchStatus(a.Answer), a.Case)
}

type undertakingWithdrawCmd struct {
	Undertaking comity.ID `arg:"" help:"The undertaking."`
}

// Help shows an example.
func (undertakingWithdrawCmd) Help() string {
	return `By the authority of the state that gave it, before it is answered.

Example:
  comity undertaking withdraw undertaking1_…`
}

func (a undertakingWithdrawCmd) Run(r *run) error {
	return r.takeBack(a.Undertaking, comity.KindUndertaking)
}
