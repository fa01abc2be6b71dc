package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

// What states hand each other about records: annotations, referrals, notices,
// compelled disclosures. Each kind has its command; what they share stands here.

// What a flag can say of the forms and answers of one kind of dispatch.
type (
	annotationForm comity.DispatchForm
	noticeForm     comity.DispatchForm
	compelledForm  comity.DispatchForm
	verdict        comity.DispatchStatus // on an annotation, a referral or an undertaking
	followed       comity.DispatchStatus // of a notice
)

// dispatchWords adds these to the vocabulary.
func dispatchWords() {
	words(annotationForm(comity.AnnotationLink), annotationForm(comity.AnnotationFact), annotationForm(comity.AnnotationAssessment))
	words(noticeForm(comity.NoticeCorrect), noticeForm(comity.NoticeRestrict), noticeForm(comity.NoticeErase))
	words(compelledForm(comity.CompelledCourt), compelledForm(comity.CompelledDefence), compelledForm(comity.CompelledDanger))
	words(verdict(comity.DispatchAccepted), verdict(comity.DispatchDeclined))
	words(followed(comity.DispatchDone), followed(comity.DispatchNotDone))
}

// dispatchListFlags narrow a list of dispatches.
type dispatchListFlags struct {
	Made     bool         `help:"Only those that the own state made." xor:"side"`
	Received bool         `help:"Only those that the own state received." xor:"side"`
	State    comity.State `help:"Only with this other state." placeholder:"CODE"`
	Open     bool         `help:"Only those that wait for an answer."`
	pageFlags
}

// list prints a list of dispatches of a kind, each as cells give it.
func (l dispatchListFlags) list(r *run, kind comity.DispatchKind, f client.DispatchFilter, head []any, cells func(client.Dispatch) []any) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f.Made, f.Received, f.State, f.Open = l.Made, l.Received, l.State, l.Open
	all, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Dispatch], error) {
		return c.Dispatches(r.ctx, kind, f, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, head...)
		for _, d := range all {
			row(w, cells(d)...)
		}
	})
}

// statementFlag prints what is signed instead of what it says.
type statementFlag struct {
	Statement bool `help:"Print the state's signed statement (JWS) and nothing else, to be kept or handed on; in further lines those of the answers."`
}

// show prints a dispatch of a kind.
func (s statementFlag) show(r *run, id comity.ID, kind comity.Kind) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(id), kind); err != nil {
		return err
	}
	d, err := c.Dispatch(r.ctx, id)
	if err != nil || !s.Statement {
		return r.dispatched(d, err)
	}
	var signed []string
	for _, one := range append([]client.Delivery{{Statement: d.Statement, Check: d.Check}, {Statement: d.AnswerStatement, Check: d.AnswerCheck}}, d.Deliveries...) {
		if err := one.Check.Err(); err != nil {
			return &client.VerificationError{What: "a statement of " + string(id), Err: err}
		}
		if one.Statement != "" {
			signed = append(signed, one.Statement)
		}
	}
	if d.Statement == "" {
		return comity.Unavailable("the statement of "+string(id), fmt.Errorf("it was withdrawn, or the keys of %s cannot be reached", d.State))
	}
	_, err = fmt.Fprintln(r.stdout, strings.Join(signed, "\n"))
	return err
}

// dispatched shows what a dispatch has become.
func (r *run) dispatched(d *client.Dispatch, err error) error {
	if err != nil {
		return err
	}
	return r.print(d, func(w io.Writer) { showDispatch(w, d) })
}

// answerFlags say what is answered, and why.
type answerFlags struct {
	Said   string `required:"" help:"SHA-256 of the statement that was read, as show prints it: nothing else is answered." placeholder:"HASH"`
	Reason text   `help:"Why; needed but for a plain yes." placeholder:"TEXT"`
}

// answer answers a dispatch of a kind.
func (a answerFlags) answer(r *run, id comity.ID, kind comity.Kind, answer comity.DispatchStatus, in comity.ID) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(id), kind); err != nil {
		return err
	}
	return r.dispatched(c.DispatchAnswer(r.ctx, id, a.Said, answer, string(a.Reason), in))
}

// takeBack withdraws a dispatch of a kind.
func (r *run) takeBack(id comity.ID, kind comity.Kind) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(id), kind); err != nil {
		return err
	}
	return r.dispatched(c.DispatchWithdraw(r.ctx, id))
}

func showDispatch(w io.Writer, d *client.Dispatch) {
	field(w, string(d.ID.Kind()), d.ID)
	field(w, "form", d.Form)
	field(w, "by", fmt.Sprintf("%s, %s (%s)", d.Officer, d.Function, d.Agency))
	field(w, "to", d.To)
	field(w, "case", d.Case)
	if d.Record != d.Case {
		field(w, "record", d.Record)
	}
	field(w, "grant", d.Grant)
	field(w, "category", d.Category)
	field(w, "marking", d.Marking)
	for _, o := range d.Obligations {
		field(w, "bound", fmt.Sprintf("%s (Article %d)", o.Text, o.Article))
	}
	field(w, "classified", d.Classification)
	field(w, "grades", grades(d))
	if d.Version > 0 {
		field(w, "version", d.Version)
	}
	if d.Through > 0 {
		field(w, "affected through", fmt.Sprintf("version %d", d.Through))
	}
	field(w, "disclosed to", d.Recipient)
	field(w, "disclosed", d.At)
	field(w, "not told before for", d.Reason)
	field(w, "made", d.CreatedAt)
	if d.Kind != comity.DispatchNotice { // each of whose readers has its own
		field(w, "status", d.Status)
	}
	field(w, "to be answered until", d.DueAt)
	field(w, "statement", d.Check)
	field(w, "answered", d.AnsweredAt)
	field(w, "answered with", d.AnswerReason)
	field(w, "answer's statement", d.AnswerCheck)
	field(w, "own case", d.AnswerCase)
	for _, y := range d.Deliveries {
		field(w, "reached "+string(y.To), strings.TrimSpace(fmt.Sprintf("%s, %s until %s %s %s %s", when(y.DeliveredAt), y.Status, when(y.DueAt),
			yes(y.Overdue, "(overdue)"), y.Reason, y.Check)))
	}
	for _, o := range d.Readers {
		field(w, "read by", fmt.Sprintf("%s (%s), %s", o.Officer, o.Agency, when(o.At)))
	}
	field(w, "an answer says", d.Said)
	field(w, "title", d.Title)
	if d.Text == "" {
		field(w, "words", "not to be read: it was withdrawn, or the keys of its state cannot be reached")
		return
	}
	paragraph(w, "Text", d.Text)
	if how := answerBy[d.ID.Kind()]; how != "" && waits(d) && d.Said != "" {
		fmt.Fprintf(w, "\nThe other state answers:\n  comity %s\n", fmt.Sprintf(how, d.ID, d.Said))
	}
}

// answerBy says how a dispatch is answered.
var answerBy = map[comity.Kind]string{
	comity.KindAnnotation: "annotation answer %s --answer ACCEPTED --said %s",
	comity.KindReferral:   "referral answer %s --answer ACCEPTED --said %s",
	comity.KindNotice:     "notice answer %s --answer DONE --said %s",
	comity.KindCompelled:  "disclosure object %s --reason TEXT --said %s",

	comity.KindUndertaking: "undertaking answer %s --answer ACCEPTED --case ID --said %s",
}

// waits reports whether a dispatch waits for an answer.
func waits(d *client.Dispatch) bool {
	if d.Kind == comity.DispatchNotice {
		return slices.ContainsFunc(d.Deliveries, func(y client.Delivery) bool { return y.Status == comity.DispatchOpen })
	}
	return d.Status == comity.DispatchOpen
}

func grades(d *client.Dispatch) string { return string(d.Source) + string(d.Information) }

// reached says what each state did upon a notice.
func reached(d client.Dispatch) string {
	var said []string
	for _, y := range d.Deliveries {
		said = append(said, fmt.Sprintf("%s %s", y.To, y.Status))
	}
	return strings.Join(said, ", ")
}

// showDispatched shows the terms of a signed dispatch or answer, as [showBody] does.
func showDispatched(w io.Writer, s statement.Statement) {
	switch s.Kind {
	case statement.KindAnnotation:
		var b statement.AnnotationBody
		if s.Decode(&b) == nil {
			field(w, "of the record", b.Record)
			field(w, "grant", b.Grant)
			field(w, "form", b.Form)
			field(w, "grades", string(b.Source)+string(b.Information))
			field(w, "marking", b.Marking)
			field(w, "classified", b.Classification)
			field(w, "text", b.Text)
		}
	case statement.KindReferral:
		var b statement.ReferralBody
		if s.Decode(&b) == nil {
			field(w, "to", b.To)
			field(w, "category", b.Category)
			field(w, "marking", b.Marking)
			field(w, "version", b.Version)
			field(w, "until", time.Unix(b.NotAfter, 0))
			field(w, "title", b.Title)
			field(w, "classified", b.Classification)
			field(w, "text", b.Text)
		}
	case statement.KindUndertaking:
		var b statement.UndertakingBody
		if s.Decode(&b) == nil {
			field(w, "to", b.To)
			field(w, "category", b.Category)
			field(w, "for the request", b.Request)
			field(w, "marking", b.Marking)
			field(w, "until", time.Unix(b.NotAfter, 0))
			field(w, "title", b.Title)
			field(w, "classified", b.Classification)
			field(w, "text", b.Text)
		}
	case statement.KindNotice:
		var b statement.NoticeBody
		if s.Decode(&b) == nil {
			field(w, "of the record", b.Record)
			field(w, "form", b.Form)
			field(w, "until", time.Unix(b.NotAfter, 0))
			field(w, "classified", b.Classification)
			field(w, "text", b.Text)
		}
	case statement.KindCompelled:
		var b statement.CompelledBody
		if s.Decode(&b) == nil {
			field(w, "grant", b.Grant)
			field(w, "form", b.Form)
			field(w, "disclosed to", b.Recipient)
			field(w, "disclosed", time.Unix(b.At, 0))
			field(w, "classified", b.Classification)
			field(w, "text", b.Text)
			field(w, "not told before for", b.Reason)
		}
	case statement.KindAnnotationAnswer, statement.KindReferralAnswer, statement.KindNoticeAnswer, statement.KindCompelledAnswer,
		statement.KindUndertakingAnswer:
		var b statement.AnswerBody
		if s.Decode(&b) == nil {
			field(w, "answer", b.Answer)
			field(w, "for the case", b.Case)
			field(w, "reason", b.Reason)
			field(w, "to the statement", b.Said)
		}
	}
}
