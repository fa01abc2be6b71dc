package cli

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type annotationCmd struct {
	Add      annotationAddCmd      `cmd:"" help:"Add to another state's case what the own state knows (Article 2)."`
	List     annotationListCmd     `cmd:"" help:"List annotations."`
	Show     annotationShowCmd     `cmd:"" help:"Show an annotation with its answer."`
	Answer   annotationAnswerCmd   `cmd:"" help:"Accept or decline an annotation of an own case."`
	Withdraw annotationWithdrawCmd `cmd:"" help:"Take back an annotation that is not answered."`
}

// Help shows examples.
func (annotationCmd) Help() string {
	return `A grantee never edits another state's case: it annotates it. An annotation is its author state's own record, signed by
that state, and seen by author and originator until the originator accepts it.

Examples:
  comity annotation add case1_… --grant grant1_… --form FACT --text "The wallet is known here"
  comity annotation list --received --open
  comity annotation show annotation1_…
  comity annotation answer annotation1_… --answer ACCEPTED --said 9f86d081…`
}

type annotationAddCmd struct {
	Case        comity.ID          `arg:"" help:"The case."`
	Grant       comity.ID          `required:"" help:"That opens it; comity grant list --received shows it." placeholder:"ID"`
	Record      comity.ID          `help:"The record inside the case; without it, the case." placeholder:"ID"`
	Form        annotationForm     `required:"" help:"What it is: a link to a matter of the own state, a fact or an assessment." placeholder:"FORM"`
	Text        text               `required:"" help:"What there is to say." placeholder:"TEXT"`
	Source      comity.SourceGrade `help:"Source grade, from A, reliable, to X, not to be assessed." placeholder:"GRADE"`
	Information information        `help:"Information grade, from 1, known to be true, to 4, not corroborated." placeholder:"GRADE"`
	markingFlags
	classifiedFlag
}

// Help shows examples.
func (annotationAddCmd) Help() string {
	return `Under a grant that is live and opens the record.

Examples:
  comity annotation add case1_… --grant grant1_… --form LINK --text "Our case AM-7 has the same wallet" --source B --information 2
  comity annotation add case1_… --grant grant1_… --record subject1_… --form ASSESSMENT --text @note.txt --tlp AMBER+STRICT`
}

func (a annotationAddCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	body := statement.AnnotationBody{Record: a.Record, Grant: a.Grant, Form: comity.DispatchForm(a.Form), Source: a.Source,
		Information: comity.InformationGrade(a.Information), Marking: comity.DefaultMarking, Text: string(a.Text), Classification: a.Classification}
	if body.Record == "" {
		body.Record = a.Case
	}
	if m := a.over(body.Marking); m != nil {
		body.Marking = *m
	}
	return r.dispatched(c.AnnotationAdd(r.ctx, a.Case, body))
}

type annotationListCmd struct {
	Case   comity.ID `help:"Only of this case." placeholder:"ID"`
	Record comity.ID `help:"Only of this record." placeholder:"ID"`
	dispatchListFlags
}

// Help shows examples.
func (annotationListCmd) Help() string {
	return `Those that the own state wrote and those of own cases, newest first. What an originator accepted is shown to its other
grantees with the case: comity case show.

Examples:
  comity annotation list --received --open
  comity annotation list --case case1_… --json`
}

func (l annotationListCmd) Run(r *run) error {
	return l.list(r, comity.DispatchAnnotation, client.DispatchFilter{Case: l.Case, Record: l.Record},
		[]any{"ANNOTATION", "BY", "OF", "RECORD", "FORM", "GRADES", "STATUS", "MADE", "STATEMENT", "TEXT"}, func(d client.Dispatch) []any {
			return []any{d.ID, d.State, d.To, d.Record, d.Form, grades(&d), d.Status, d.CreatedAt, d.Check, short(d.Text, 60)}
		})
}

type annotationShowCmd struct {
	Annotation comity.ID `arg:"" help:"The annotation."`
	statementFlag
}

// Help shows examples.
func (annotationShowCmd) Help() string {
	return `The state's signed statement is verified, and that it says what is shown.

Examples:
  comity annotation show annotation1_…
  comity annotation show annotation1_… --statement > annotation.jws`
}

func (s annotationShowCmd) Run(r *run) error { return s.show(r, s.Annotation, comity.KindAnnotation) }

type annotationAnswerCmd struct {
	Annotation comity.ID `arg:"" help:"The annotation."`
	Answer     verdict   `required:"" help:"Whether it is taken on." placeholder:"ANSWER"`
	answerFlags
}

// Help shows examples.
func (annotationAnswerCmd) Help() string {
	return `By an officer to whom the case is assigned. What is accepted is shown to whoever is granted the case at full scope; the
case itself does not change.

Examples:
  comity annotation show annotation1_…
  comity annotation answer annotation1_… --answer ACCEPTED --said 9f86d081…
  comity annotation answer annotation1_… --answer DECLINED --reason "another person" --said 9f86d081…`
}

func (a annotationAnswerCmd) Run(r *run) error {
	return a.answer(r, a.Annotation, comity.KindAnnotation, comity.DispatchStatus(a.Answer), "")
}

type annotationWithdrawCmd struct {
	Annotation comity.ID `arg:"" help:"The annotation."`
}

// Help shows an example.
func (annotationWithdrawCmd) Help() string {
	return `By its author or a liaison of the state, before it is answered. The other state is not shown its words any more.

Example:
  comity annotation withdraw annotation1_…`
}

func (a annotationWithdrawCmd) Run(r *run) error {
	return r.takeBack(a.Annotation, comity.KindAnnotation)
}
