package cli

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type noticeCmd struct {
	Send   noticeSendCmd   `cmd:"" help:"Tell all who read an affected version to correct, restrict or erase it (Article 10)."`
	List   noticeListCmd   `cmd:"" help:"List notices."`
	Show   noticeShowCmd   `cmd:"" help:"Show a notice, whom it reached and what they answered."`
	Answer noticeAnswerCmd `cmd:"" help:"Say whether what a notice asks was done."`
}

// Help shows examples.
func (noticeCmd) Help() string {
	return `A notice reaches every state whose officers were shown an affected version, also after their grants ended, and those
that are shown it later.

Examples:
  comity notice send case1_… --form CORRECT --text "The name was wrong" --until 7d
  comity notice list --received --open
  comity notice show notice1_…
  comity notice answer notice1_… --answer DONE --said 9f86d081…`
}

type noticeSendCmd struct {
	Case    comity.ID  `arg:"" help:"The case."`
	Record  comity.ID  `help:"The record inside the case, or an annotation of it that was accepted; without it, the case." placeholder:"ID"`
	Through int        `help:"Of a case, the last affected version as it is counted abroad; without it, every one." placeholder:"N"`
	Form    noticeForm `required:"" help:"What is to be done." placeholder:"FORM"`
	Text    text       `required:"" help:"What was wrong." placeholder:"TEXT"`
	Until   instant    `required:"" help:"Until when it is answered: a date, an RFC 3339 time, or 7d; 90 days at most." placeholder:"TIME"`
	classifiedFlag
}

// Help shows examples.
func (noticeSendCmd) Help() string {
	return `By a liaison of the originator.

Examples:
  comity notice send case1_… --form CORRECT --text "The name was wrong" --until 7d
  comity notice send case1_… --record subject1_… --form ERASE --text "It was another person" --until 7d`
}

func (s noticeSendCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	body := statement.NoticeBody{Record: s.Record, Through: s.Through, Form: comity.DispatchForm(s.Form), Text: string(s.Text), Classification: s.Classification, NotAfter: s.Until.Unix()}
	if body.Record == "" {
		body.Record = s.Case
	}
	return r.dispatched(c.NoticeSend(r.ctx, s.Case, body))
}

type noticeListCmd struct {
	Case    comity.ID `help:"Only of this case." placeholder:"ID"`
	Record  comity.ID `help:"Only of this record." placeholder:"ID"`
	Overdue bool      `help:"Only those that wait longer than their clock."`
	dispatchListFlags
}

// Help shows examples.
func (noticeListCmd) Help() string {
	return `Those of own records and those that reached the own state, newest first.

Examples:
  comity notice list --received --open
  comity notice list --made --overdue`
}

func (l noticeListCmd) Run(r *run) error {
	return l.list(r, comity.DispatchNotice, client.DispatchFilter{Case: l.Case, Record: l.Record, Overdue: l.Overdue},
		[]any{"NOTICE", "FROM", "RECORD", "FORM", "REACHED", "UNTIL", "OVERDUE", "STATEMENT", "TEXT"}, func(d client.Dispatch) []any {
			return []any{d.ID, d.State, d.Record, d.Form, reached(d), d.DueAt, yes(d.Overdue, "OVERDUE"), d.Check, short(d.Text, 60)}
		})
}

type noticeShowCmd struct {
	Notice comity.ID `arg:"" help:"The notice."`
	statementFlag
}

// Help shows examples.
func (noticeShowCmd) Help() string {
	return `The state's signed statement is verified, and that it says what is shown. Where it was received, the own state's officers
who read an affected version are named.

Examples:
  comity notice show notice1_…
  comity notice show notice1_… --statement > notice.jws`
}

func (s noticeShowCmd) Run(r *run) error { return s.show(r, s.Notice, comity.KindNotice) }

type noticeAnswerCmd struct {
	Notice comity.ID `arg:"" help:"The notice."`
	Answer followed  `required:"" help:"Whether it was done." placeholder:"ANSWER"`
	answerFlags
}

// Help shows examples.
func (noticeAnswerCmd) Help() string {
	return `By a liaison of a state that it reached.

Examples:
  comity notice show notice1_…
  comity notice answer notice1_… --answer DONE --said 9f86d081…
  comity notice answer notice1_… --answer NOT_DONE --reason "a court holds the copy" --said 9f86d081…`
}

func (a noticeAnswerCmd) Run(r *run) error {
	return a.answer(r, a.Notice, comity.KindNotice, comity.DispatchStatus(a.Answer), "")
}
