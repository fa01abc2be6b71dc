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

type requestSendCmd struct {
	To         comity.State       `required:"" help:"The state that is asked." placeholder:"CODE"`
	Kind       comity.RequestKind `help:"INFORMATION, ACCESS, MEASURE or PRESERVATION." default:"INFORMATION" placeholder:"KIND"`
	Urgency    comity.Urgency     `help:"URGENT (8 hours), PROMPT (3 days) or ROUTINE (7 days)." default:"ROUTINE" placeholder:"URGENCY"`
	Category   comity.Category    `required:"" help:"Category of the union's list." placeholder:"CODE"`
	Purpose    comity.Purpose     `required:"" help:"For what." placeholder:"PURPOSE"`
	Title      text               `required:"" help:"Title." placeholder:"TEXT"`
	Facts      text               `required:"" help:"What happened, who and what is sought." placeholder:"TEXT"`
	Record     string             `help:"A record it names; it is never looked up." placeholder:"TEXT"`
	Observable []string           `help:"An observable as TYPE=VALUE, as in url=http://…. Repeatable." placeholder:"OBSERVABLE" sep:"none"`
	Reference  string             `help:"The own file number; not shown to the asked state." placeholder:"TEXT"`
	markingFlags
}

// Help shows an example.
func (requestSendCmd) Help() string {
	return `Example:
  comity request send --to KZ --category RANSOMWARE --purpose INVESTIGATION --urgency PROMPT \
    --title "Wallet of a ransom" --facts @facts.txt --observable cryptocurrency-wallet=bc1q…`
}

func (s requestSendCmd) Run(r *run) error {
	in := client.NewRequest{To: s.To, Kind: s.Kind, Urgency: s.Urgency, Category: s.Category, Purpose: s.Purpose, Marking: s.over(comity.DefaultMarking),
		Title: string(s.Title), Facts: string(s.Facts), Record: s.Record, FromReference: s.Reference}
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
	field(w, "postponed to", q.PostponedTo)
	field(w, "marking", q.Marking)
	field(w, "names record", q.Record)
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
	Incoming bool                 `help:"Only those put to the own state."`
	Outgoing bool                 `help:"Only those that the own state put."`
	Status   comity.RequestStatus `help:"Only with this status, as in SENT." placeholder:"STATUS"`
	pageFlags
}

func (l requestListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f := client.RequestFilter{Incoming: l.Incoming, Outgoing: l.Outgoing, Status: l.Status}
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Request], error) {
		return c.Requests(r.ctx, f, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "REQUEST", "FROM", "TO", "KIND", "URGENCY", "STATUS", "DUE", "TITLE")
		for _, q := range all {
			due := when(q.DueAt)
			if q.Overdue {
				due += " overdue"
			}
			row(w, q.ID, q.State, q.To, q.Kind, q.Urgency, q.Status, due, short(q.Title, 60))
		}
	})
}

type requestShowCmd struct {
	Request comity.ID `arg:"" help:"The request."`
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

// moveFlags are those of every move of a request.
type moveFlags struct {
	Request comity.ID `arg:"" help:"The request."`
	versionFlag
}

// move makes a move of the request as it is read now.
func (m moveFlags) move(r *run, in client.Move, do func(*client.Client, context.Context, client.Move) (*client.Request, error)) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in.ID = m.Request
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

func (m requestReceiveCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestReceive)
}

type requestAcknowledgeCmd struct {
	moveFlags
	Note      text   `help:"A message to the other side." placeholder:"TEXT"`
	Reference string `help:"The own file number; not shown to the asking state." placeholder:"TEXT"`
}

func (m requestAcknowledgeCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note), Reference: m.Reference}, (*client.Client).RequestAcknowledge)
}

type requestAskCmd struct {
	moveFlags
	Note text `required:"" help:"What is missing." placeholder:"TEXT"`
}

func (m requestAskCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestAskSupplement)
}

type requestSupplementCmd struct {
	moveFlags
	Note text `required:"" help:"The answer." placeholder:"TEXT"`
}

func (m requestSupplementCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Note)}, (*client.Client).RequestSupplement)
}

type requestForwardCmd struct {
	moveFlags
	Agency comity.AgencyID `required:"" help:"An agency of the own state, as in KZ/ct." placeholder:"ID"`
	Note   text            `help:"A message to the other side." placeholder:"TEXT"`
}

func (m requestForwardCmd) Run(r *run) error {
	return m.move(r, client.Move{RouteTo: m.Agency, Note: string(m.Note)}, (*client.Client).RequestForward)
}

type requestExecuteCmd struct {
	moveFlags
	Outcome comity.RequestStatus `help:"EXECUTED, EXECUTED_IN_PART or NOTHING_HELD." default:"EXECUTED" placeholder:"OUTCOME"`
	Note    text                 `help:"A message to the other side." placeholder:"TEXT"`
}

func (m requestExecuteCmd) Run(r *run) error {
	return m.move(r, client.Move{Outcome: m.Outcome, Note: string(m.Note)}, (*client.Client).RequestExecute)
}

type requestPostponeCmd struct {
	moveFlags
	Until instant `required:"" help:"Until when: a date, an RFC 3339 time, or 7d." placeholder:"TIME"`
	Note  text    `help:"A message to the other side." placeholder:"TEXT"`
}

func (m requestPostponeCmd) Run(r *run) error {
	return m.move(r, client.Move{Until: m.Until.Time, Note: string(m.Note)}, (*client.Client).RequestPostpone)
}

type requestRefuseCmd struct {
	moveFlags
	Ground comity.Ground `help:"A ground of the list, as in DOMESTIC_LAW, or NOT_STATED." default:"NOT_STATED" placeholder:"GROUND"`
	Note   text          `help:"A message to the other side." placeholder:"TEXT"`
}

// Help lists the grounds.
func (requestRefuseCmd) Help() string {
	var grounds []string
	for _, g := range comity.Grounds {
		grounds = append(grounds, string(g))
	}
	return "The state signs the refusal over the liaison's signed act.\n\nGrounds: " + strings.Join(grounds, ", ") + `

Example:
  comity request refuse request1_… --ground DOMESTIC_LAW`
}

func (m requestRefuseCmd) Run(r *run) error {
	return m.move(r, client.Move{Ground: m.Ground, Note: string(m.Note)}, (*client.Client).RequestRefuse)
}

type requestCloseCmd struct {
	moveFlags
	Feedback text `required:"" help:"What use the answer was." placeholder:"TEXT"`
}

func (m requestCloseCmd) Run(r *run) error {
	return m.move(r, client.Move{Note: string(m.Feedback)}, (*client.Client).RequestClose)
}

type requestMessageCmd struct {
	Request comity.ID `arg:"" help:"The request."`
	Text    text      `required:"" help:"The message." placeholder:"TEXT"`
}

func (m requestMessageCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	sent, err := c.MessageSend(r.ctx, m.Request, string(m.Text))
	if err != nil {
		return err
	}
	return r.print(sent, func(w io.Writer) { row(w, sent.ID, sent.CreatedAt, sent.Author, short(sent.Text, 100)) })
}
