package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Annotate adds to another state's case, or to a record inside it, what the own
// state has to say: its own record, signed by it, and never an edit (Article 2).
type Annotate struct {
	Key  string                   `json:"-"`
	Case comity.ID                `json:"case"`
	Body statement.AnnotationBody `json:"body"`
	Act  string                   `json:"-"`

	dispatching
	grant comity.Grant
}

func (n *Annotate) about() (sovereignty.Action, string, any) {
	return sovereignty.AnnotationAdd, n.Key, []any{n.Case, n.Body}
}

func (n *Annotate) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(n.Act, statement.ActAnnotationAdd, n.Case, n.Body)
	if err != nil {
		return err
	}
	n.canonical = canonical
	a.records = nil
	view, record, visible, err := a.findCase(tx, n.Case)
	if err != nil {
		return err
	}
	of, opened, err := a.inside(tx, n.Body.Record)
	if err != nil {
		return err
	}
	a.on(string(n.Case))
	c := sovereignty.Circumstances{Signed: true, Classification: n.Body.Classification, Visible: visible && of == n.Case && (view.Own || slices.ContainsFunc(view.Grants, opened))}
	if c.Visible {
		a.origin = view.State
		if g := grantNamed(view.Grants, n.Body.Grant); g != nil && opened(*g) {
			if c.Grant.Live, err = a.reads(view, record, *g); err != nil {
				return err
			}
			n.grant = *g
		}
	}
	if err := a.decideOn(sovereignty.Question{Record: record, Circumstances: c}); err != nil {
		return err
	}
	a.on(string(n.Body.ID))
	a.across = view.State
	n.make(a, comity.DispatchAnnotation, n.Body.ID, view.State)
	n.row.Case, n.row.Record, n.row.Grant, n.row.Form, n.row.Marking = n.Case, n.Body.Record, n.Body.Grant, n.Body.Form, n.Body.Marking
	n.text = comity.DispatchText{Text: n.Body.Text, Classification: n.Body.Classification, Source: n.Body.Source, Information: n.Body.Information}
	return n.check()
}

// reads reports whether a grant opens its case to the officer by the policies
// and by what was signed. One that cannot be held against its statement counts for
// nothing, as when the case is read.
func (a *attempt) reads(v storage.CaseView, record sovereignty.Record, g comity.Grant) (bool, error) {
	basis, err := a.x.terms(g, v.State)
	if errors.Is(err, errForged) {
		a.x.incident(g.State, string(g.ID), err, a.who.RequestID)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return a.x.policies.Decide(sovereignty.Question{Officer: a.who.Officer, Action: sovereignty.CaseRead, Record: record,
		Circumstances: sovereignty.Circumstances{Visible: true, Purpose: g.Purpose, Grant: grantFacts(&g, ""),
			Agreement: a.x.inForce(g, basis, v.Category, a.now), Assessed: v.Assessed.Shareable(v.Category), Adverse: v.Assessed.Adverse()}}).Permit, nil
}

func (n *Annotate) check() error {
	b := n.Body
	if _, err := comity.ParseID(string(b.ID), comity.KindAnnotation); err != nil {
		return err
	}
	if !slices.Contains(comity.Forms[comity.DispatchAnnotation], b.Form) {
		return comity.Invalid("form", "an annotation is a LINK, a FACT or an ASSESSMENT")
	}
	return first(checkWords(b.Text), checkGrades(b.Source, b.Information), b.Marking.Check())
}

// checkWords takes the words of a dispatch.
func checkWords(text string) error {
	if len(text) > maxDispatch {
		return tooLong("text", maxDispatch)
	}
	return first(needed("text", text, "it says something"), checkText("text", text))
}

func (n *Annotate) prepare(ctx context.Context, a *attempt) error {
	// The register of the originator knows better than the database.
	open, err := a.x.askRegister(ctx, n.grant)
	if code := comity.CodeOf(err); code == comity.CodeDenied || code == comity.CodeNotFound || err == nil && lessened(n.grant, meet(n.grant, open)) {
		return comity.Denied(comity.ArticleTerm, "the grant has ended, or was narrowed", "ask the originator's contact point for a new grant")
	}
	if err != nil {
		return err
	}
	return n.sign(ctx, a, statement.KindAnnotation, n.Body.ID, n.Case, n.Act)
}

func (n *Annotate) commit(tx storage.Tx, a *attempt) error { return n.insert(tx, a) }

func (n *Annotate) finish(context.Context, *attempt) error              { return nil }
func (n *Annotate) repeat(context.Context, *attempt, []comity.ID) error { return nil }
