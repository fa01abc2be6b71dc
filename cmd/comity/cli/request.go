package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type requestCmd struct {
	Send        requestSendCmd        `cmd:"" help:"Put a request to another state's contact point."`
	List        requestListCmd        `cmd:"" help:"List requests."`
	Show        requestShowCmd        `cmd:"" help:"Show a request with its correspondence."`
	Receive     requestReceiveCmd     `cmd:"" help:"Asked side: mark as received."`
	Acknowledge requestAcknowledgeCmd `cmd:"" help:"Asked side: acknowledge."`
	Ask         requestAskCmd         `cmd:"" help:"Asked side: ask for a supplement."`
	Supplement  requestSupplementCmd  `cmd:"" help:"Asking side: answer that."`
	Forward     requestForwardCmd     `cmd:"" help:"Asked side: route to an agency of the own state."`
	Execute     requestExecuteCmd     `cmd:"" help:"Asked side: say that it is executed, in part, or that nothing is held."`
	Postpone    requestPostponeCmd    `cmd:"" help:"Asked side: put off until a date."`
	Refuse      requestRefuseCmd      `cmd:"" help:"Asked side: refuse, by a signed act."`
	Close       requestCloseCmd       `cmd:"" help:"Asking side: close with feedback on use."`
	Message     requestMessageCmd     `cmd:"" help:"Write a message."`
}

// Help gives the order of the moves.
func (requestCmd) Help() string {
	return `The order of moves, each by the side named:
  asking   send
  asked    receive, acknowledge
  asked    ask, to which the asking side answers: supplement (as often as needed)
  asked    forward, postpone (when another agency or another time is needed)
  asked    execute or refuse
  asking   close, with feedback
Either side writes messages at any time.

Examples:
  comity request list --incoming --open
  comity request receive request1_…
  comity request acknowledge request1_… --note "We look into it"
  comity request execute request1_…`
}

type requestSendCmd struct {
	To         comity.State       `required:"" help:"The state that is asked." placeholder:"CODE"`
	Kind       comity.RequestKind `help:"What is asked for." default:"INFORMATION" placeholder:"KIND"`
	Urgency    comity.Urgency     `help:"How soon it is due; unless the agreement says otherwise, in 8 hours, 3 days or 7 days." default:"ROUTINE" placeholder:"URGENCY"`
	Category   comity.Category    `required:"" help:"Kind of crime; comity category list shows all." placeholder:"CODE"`
	Purpose    comity.Purpose     `required:"" help:"For what." placeholder:"PURPOSE"`
	Title      text               `required:"" help:"Title." placeholder:"TEXT"`
	Facts      text               `required:"" help:"What happened, who and what is sought." placeholder:"TEXT"`
	Record     string             `help:"A record it names; it is never looked up." placeholder:"TEXT"`
	Observable []string           `help:"An observable as TYPE=VALUE, as in url=http://…. Repeatable." placeholder:"OBSERVABLE" sep:"none"`
	Reference  string             `help:"The own file number; not shown to the asked state." placeholder:"TEXT"`
	OnwardTo   comity.State       `help:"Have the asked state let this third state see what the officer reads under --grant; of kind ACCESS." placeholder:"CODE"`
	Grant      comity.ID          `help:"With --onward-to, the asked state's grant." placeholder:"GRANT"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (requestSendCmd) Help() string {
	return `Example:
  comity request send --to KZ --category RANSOMWARE --purpose INVESTIGATION --urgency PROMPT \
    --title "Wallet of a ransom" --facts @facts.txt --observable cryptocurrency-wallet=bc1q…

  comity request send --to KZ --kind ACCESS --onward-to BY --grant grant1_… --category RANSOMWARE \
    --purpose INVESTIGATION --title "Share with Belarus" --facts "Its investigators hold the same wallet"`
}

func (s requestSendCmd) Run(r *run) error {
	in := client.NewRequest{To: s.To, Kind: s.Kind, Urgency: s.Urgency, Category: s.Category, Purpose: s.Purpose, Marking: s.over(comity.DefaultMarking),
		Title: string(s.Title), Facts: string(s.Facts), Record: s.Record, FromReference: s.Reference, Classification: s.Classification,
		OnwardTo: s.OnwardTo, Grant: s.Grant}
	for _, o := range s.Observable {
		kind, value, ok := strings.Cut(o, "=")
		if !ok || kind == "" || value == "" {
			return usagef("--observable %q: write TYPE=VALUE", o)
		}
		in.Observables = append(in.Observables, client.RequestObservable{Type: kind, Value: value})
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	sent, err := c.RequestSend(r.ctx, in)
	return r.moved(sent, err)
}

// moved shows what a request has become.
func (r *run) moved(q *client.Request, err error) error {
	if err != nil {
		return err
	}
	return r.print(q, func(w io.Writer) { showRequest(w, q) })
}

func showRequest(w io.Writer, q *client.Request) {
	field(w, "request", q.ID)
	field(w, "title", q.Title)
	field(w, "from", fmt.Sprintf("%s (%s)", q.Agency, q.Officer))
	field(w, "to", q.To)
	field(w, "routed to", q.RoutedTo)
	field(w, "kind", fmt.Sprintf("%s, %s, %s", q.Kind, q.Category, q.Purpose))
	field(w, "status", q.Status)
	due := when(q.DueAt)
	if q.Overdue {
		due += " (overdue)"
	}
	field(w, "due", strings.TrimSpace(string(q.Urgency)+" "+due))
	if e := q.Escalation; e != nil {
		field(w, "escalated", escalation(e))
	}
	if d := q.Contact; d != nil {
		field(w, "call", fmt.Sprintf("%s; %s", onDuty(d), d.Check))
	}
	field(w, "postponed to", q.PostponedTo)
	field(w, "marking", q.Marking)
	field(w, "names record", q.Record)
	field(w, "onward to", q.OnwardTo)
	field(w, "under grant", q.Grant)
	field(w, "reference", strings.TrimSpace(q.FromReference+" "+q.ToReference))
	if f := q.Refusal; f != nil {
		field(w, "refused", fmt.Sprintf("%s; statement %s", f.Ground, f.Check))
	}
	field(w, "feedback", q.Feedback)
	field(w, "version", q.Version)
	field(w, "sent", q.CreatedAt)
	field(w, "changed", q.UpdatedAt)
}

type requestListCmd struct {
	Incoming bool                 `help:"Only those put to the own state." xor:"side"`
	Outgoing bool                 `help:"Only those that the own state put." xor:"side"`
	Status   comity.RequestStatus `help:"Only in this status." placeholder:"STATUS"`
	State    comity.State         `help:"Only with this other state: put to it, or by it." placeholder:"CODE"`
	Kind     comity.RequestKind   `help:"Only those that ask for this." placeholder:"KIND"`
	Urgency  comity.Urgency       `help:"Only of this urgency." placeholder:"URGENCY"`
	Open     bool                 `help:"Only those not yet answered for good, what is due soonest first."`
	Overdue  bool                 `help:"Only those with which the asked state is late, the latest first."`

	Escalated bool `help:"Only urgent ones put to the own state that nobody acknowledged in a quarter of their clock." xor:"side"`
	pageFlags
}

// Help says how they are ordered.
func (requestListCmd) Help() string {
	return `Newest change first; with --open, --overdue or --escalated, what is due soonest first. An urgent request that
nobody acknowledges goes up: to the officer on duty after a quarter of its clock, to the authority after half.

Examples:
  comity request list --incoming --open
  comity request list --escalated
  comity request list --outgoing --overdue --state KZ`
}

func (l requestListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f := client.RequestFilter{Incoming: l.Incoming, Outgoing: l.Outgoing, Status: l.Status, State: l.State, Kind: l.Kind, Urgency: l.Urgency,
		Open: l.Open, Overdue: l.Overdue, Escalated: l.Escalated, ByDue: l.Open || l.Overdue || l.Escalated}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Request], error) {
		return c.Requests(r.ctx, f, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "REQUEST", "FROM", "TO", "KIND", "URGENCY", "STATUS", "DUE", "OVERDUE", "ESCALATED", "TITLE")
		for _, q := range all {
			late, up := "", ""
			if q.Overdue {
				late = "OVERDUE"
			}
			if q.Escalation != nil {
				up = string(q.Escalation.Level)
			}
			row(w, q.ID, q.State, q.To, q.Kind, q.Urgency, q.Status, q.DueAt, late, up, short(q.Title, 60))
		}
	})
}

type requestShowCmd struct {
	Request   comity.ID `arg:"" help:"The request."`
	Statement bool      `help:"Print the state's signed refusal (JWS) and nothing else, to be kept or handed on."`
}

// Help shows examples.
func (requestShowCmd) Help() string {
	return `Examples:
  comity request show request1_…
  comity request show request1_… --statement > refusal.jws`
}

func (s requestShowCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	q, err := c.Request(r.ctx, s.Request)
	if err != nil {
		return err
	}
	if s.Statement {
		return r.refusal(q)
	}
	messages, err := client.All(func(n int, after string) (client.Page[client.Message], error) {
		return c.Messages(r.ctx, s.Request, n, after)
	})
	if err != nil {
		return err
	}
	return r.print(struct {
		*client.Request
		Messages []client.Message `json:"messages"`
	}{q, nonNil(messages)}, func(w io.Writer) {
		showRequest(w, q)
		for _, o := range q.Observables {
			field(w, "observable", fmt.Sprintf("%s %s %s", o.Type, o.Value, o.Description))
		}
		paragraph(w, "Facts", q.Facts)
		if len(messages) > 0 {
			fmt.Fprintf(w, "\nCorrespondence (%d):\n", len(messages))
			for _, m := range messages {
				fmt.Fprintf(w, "\n  %s, %s (%s):\n    %s\n", when(m.CreatedAt), clean(m.Function), clean(string(m.Author)), strings.ReplaceAll(lines(m.Text), "\n", "\n    "))
			}
		}
	})
}

// refusal prints the signed refusal of a request.
func (r *run) refusal(q *client.Request) error {
	if q.Refusal == nil {
		return usagef("--statement: the request is %s, and only a refusal is a signed statement", q.Status)
	}
	if err := q.Refusal.Check.Err(); err != nil {
		return &client.VerificationError{What: "the refusal of " + string(q.ID), Err: err}
	}
	_, err := fmt.Fprintln(r.stdout, q.Refusal.Statement)
	return err
}

// moveFlags are those of every move of a request.
type moveFlags struct {
	Request comity.ID `arg:"" help:"The request."`
	versionFlag
	classifiedFlag // of the message
}

// move makes a move of the request as it is read now.
func (m moveFlags) move(r *run, in client.Move, do func(*client.Client, context.Context, client.Move) (*client.Request, error)) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in.ID, in.Classification = m.Request, m.Classification
	if in.ExpectedVersion, err = expected(m.Expected, func() (int, error) {
		q, err := c.Request(r.ctx, m.Request)
		if err != nil {
			return 0, err
		}
		return q.Version, nil
	}); err != nil {
		return err
	}
	q, err := do(c, r.ctx, in)
	return r.moved(q, err)
}

type requestReceiveCmd struct {
	moveFlags
	Note text `help:"A message to the other side." placeholder:"TEXT"`
}

// Help shows an example.
func (requestReceiveCmd) Help() string {
	return `Example:
  comity request receive request1_…`
}

func (m requestReceiveCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestReceive)
}

type requestAcknowledgeCmd struct {
	moveFlags
	Note      text   `help:"A message to the other side." placeholder:"TEXT"`
	Reference string `help:"The own file number; not shown to the asking state." placeholder:"TEXT"`
}

// Help shows an example.
func (requestAcknowledgeCmd) Help() string {
	return `Example:
  comity request acknowledge request1_… --note "We look into it" --reference KZ-9`
}

func (m requestAcknowledgeCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note), Reference: m.Reference}, (*client.Client).RequestAcknowledge)
}

type requestAskCmd struct {
	moveFlags
	Note text `required:"" help:"What is missing." placeholder:"TEXT"`
}

// Help shows an example.
func (requestAskCmd) Help() string {
	return `Example:
  comity request ask request1_… --note "From which day on?"`
}

func (m requestAskCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestAskSupplement)
}

type requestSupplementCmd struct {
	moveFlags
	Note text `required:"" help:"The answer." placeholder:"TEXT"`
}

// Help shows an example.
func (requestSupplementCmd) Help() string {
	return `Example:
  comity request supplement request1_… --note "From 1 November on."`
}

func (m requestSupplementCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestSupplement)
}

type requestForwardCmd struct {
	moveFlags
	Agency comity.AgencyID `required:"" help:"An agency of the own state, as in KZ/ct." placeholder:"ID"`
	Note   text            `help:"A message to the other side." placeholder:"TEXT"`
}

// Help shows an example.
func (requestForwardCmd) Help() string {
	return `Example:
  comity request forward request1_… --agency KZ/ct`
}

func (m requestForwardCmd) Run(r *run) error {
	return m.move(r, client.Move{RouteTo: m.Agency, Note: string(m.Note)}, (*client.Client).RequestForward)
}

type requestExecuteCmd struct {
	moveFlags
	Outcome  outcome     `help:"How far." default:"EXECUTED" placeholder:"OUTCOME"`
	Note     text        `help:"A message to the other side." placeholder:"TEXT"`
	Preserve []comity.ID `help:"Of a request to preserve: a case on which a hold is placed first. Repeatable." placeholder:"CASE"`
	Until    instant     `help:"When the holds end; without it, in 60 days." placeholder:"TIME"`
	Reason   text        `help:"Of the holds; kept within the state." default:"asked to preserve" placeholder:"TEXT"`
}

// Help shows examples.
func (requestExecuteCmd) Help() string {
	return `With --preserve, a hold is placed on each case and then the request is executed. Interrupted between them, the same
command goes on where it stopped: no second hold is placed. Of a request that is not acknowledged yet the holds are
placed, and the command is repeated once it is.

Examples:
  comity request execute request1_… --outcome EXECUTED_IN_PART --note "The first of the two wallets"
  comity request execute request1_… --preserve case1_… --until 60d`
}

func (m requestExecuteCmd) Run(r *run) error {
	in := client.Move{Outcome: comity.RequestStatus(m.Outcome), Note: string(m.Note)}
	switch {
	case len(m.Preserve) == 0 && !m.Until.IsZero():
		return usagef("--until is of the holds that --preserve places")
	case len(m.Preserve) == 0:
		return m.move(r, in, (*client.Client).RequestExecute)
	case in.Outcome != comity.RequestExecuted:
		return usagef("--preserve goes with the outcome EXECUTED, not with %s", in.Outcome)
	}
	return m.move(r, in, func(c *client.Client, ctx context.Context, in client.Move) (*client.Request, error) {
		return c.RequestPreserve(ctx, in, client.Preservation{Cases: m.Preserve, Reason: string(m.Reason), NotAfter: m.Until.Time})
	})
}

type requestPostponeCmd struct {
	moveFlags
	Until instant `required:"" help:"Until when: a date, an RFC 3339 time, or 7d." placeholder:"TIME"`
	Note  text    `help:"A message to the other side." placeholder:"TEXT"`
}

// Help shows an example.
func (requestPostponeCmd) Help() string {
	return `Example:
  comity request postpone request1_… --until 2026-12-01`
}

func (m requestPostponeCmd) Run(r *run) error {
	return m.move(r, client.Move{Until: m.Until.Time, Note: string(m.Note)}, (*client.Client).RequestPostpone)
}

type requestRefuseCmd struct {
	moveFlags
	Ground comity.Ground `help:"On what ground." default:"NOT_STATED" placeholder:"GROUND"`
	Note   text          `help:"A message to the other side." placeholder:"TEXT"`
}

// Help shows examples.
func (requestRefuseCmd) Help() string {
	return `The state signs the refusal over the liaison's signed act.

Examples:
  comity request refuse request1_… --ground DOMESTIC_LAW
  comity request show request1_… --statement > refusal.jws`
}

func (m requestRefuseCmd) Run(r *run) error {
	return m.move(r, client.Move{Ground: m.Ground, Note: string(m.Note)}, (*client.Client).RequestRefuse)
}

type requestCloseCmd struct {
	moveFlags
	Feedback text `required:"" help:"What use the answer was." placeholder:"TEXT"`
}

// Help shows an example.
func (requestCloseCmd) Help() string {
	return `Example:
  comity request close request1_… --feedback "It led to two arrests"`
}

func (m requestCloseCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Feedback)}, (*client.Client).RequestClose)
}

type requestMessageCmd struct {
	Request comity.ID `arg:"" help:"The request."`
	Text    text      `required:"" help:"The message." placeholder:"TEXT"`
	classifiedFlag
}

// Help shows an example.
func (requestMessageCmd) Help() string {
	return `Example:
  comity request message request1_… --text "The bank has answered"`
}

func (m requestMessageCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	sent, err := c.MessageSend(r.ctx, m.Request, string(m.Text), m.Classification)
	if err != nil {
		return err
	}
	return r.print(sent, func(w io.Writer) { row(w, sent.ID, sent.CreatedAt, sent.Author, short(sent.Text, 100)) })
}
