package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

type caseAssessInput struct {
	IdempotencyKey           string
	ID, Case                 string
	ExpectedVersion          int
	Category                 comity.Category
	Character                comity.Character
	Conduct, Motive, Context string
	Act                      string
}

type grantObjectInput struct {
	IdempotencyKey  string
	ID, Grant, Case string
	Ground          comity.Character
	Act             string
}

// neutrality binds how a matter's character is assessed and objected to (Article 5).
func (b *binding) neutrality() {
	reason := func(of func(*statement.AssessBody) string) func(*request, *exchange.AssessmentView) any {
		return func(_ *request, a *exchange.AssessmentView) any {
			if a.Reasons == nil {
				return nil
			}
			return of(a.Reasons)
		}
	}
	get(b, "Assessment", fields[*exchange.AssessmentView]{
		"id":        func(_ *request, a *exchange.AssessmentView) any { return a.ID },
		"case":      func(_ *request, a *exchange.AssessmentView) any { return a.Case },
		"officer":   func(_ *request, a *exchange.AssessmentView) any { return a.Officer },
		"function":  func(_ *request, a *exchange.AssessmentView) any { return a.Function },
		"category":  func(_ *request, a *exchange.AssessmentView) any { return a.Category },
		"character": func(_ *request, a *exchange.AssessmentView) any { return a.Character },
		"createdAt": func(_ *request, a *exchange.AssessmentView) any { return a.CreatedAt },
		"conduct":   reason(func(b *statement.AssessBody) string { return b.Conduct }),
		"motive":    reason(func(b *statement.AssessBody) string { return b.Motive }),
		"context":   reason(func(b *statement.AssessBody) string { return b.Context }),
		"statement": func(_ *request, a *exchange.AssessmentView) any { return a.Statement },
	})
	get(b, "Objection", fields[comity.Objection]{
		"id":        func(_ *request, o comity.Objection) any { return o.ID },
		"grant":     func(_ *request, o comity.Objection) any { return o.Grant },
		"state":     func(_ *request, o comity.Objection) any { return o.State },
		"officer":   func(_ *request, o comity.Objection) any { return o.Officer },
		"function":  func(_ *request, o comity.Objection) any { return o.Function },
		"ground":    func(_ *request, o comity.Objection) any { return o.Ground },
		"createdAt": func(_ *request, o comity.Objection) any { return o.CreatedAt },
		"statement": func(_ *request, o comity.Objection) any { return o.Statement },
	})
	batch(b, "Case.assessments", func(q *request, all []*exchange.CaseView, _ args) ([][]*exchange.AssessmentView, error) {
		found, err := q.reader.Assessments(all)
		return atHome(all, found), err
	})
	batch(b, "Grant.objections", func(q *request, all []*comity.Grant, _ args) ([][]comity.Objection, error) {
		found, err := q.reader.Objections(all)
		return each(all, func(g *comity.Grant) []comity.Objection {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return append([]comity.Objection{}, found[g.ID]...)
		}), err
	})
}

func (b *binding) neutralityActs() {
	act(b, "caseAssess", nil, func(in caseAssessInput) (*exchange.AssessCase, error) {
		id, err := parseID("id", in.ID, comity.KindAssessment)
		if err != nil {
			return nil, err
		}
		of, err := parseID("case", in.Case, comity.KindCase)
		return &exchange.AssessCase{Key: in.IdempotencyKey, Case: of, ExpectedVersion: in.ExpectedVersion, Act: in.Act,
			Body: statement.AssessBody{ID: id, Category: in.Category, Character: in.Character, Conduct: in.Conduct, Motive: in.Motive, Context: in.Context}}, err
	}, func(a *exchange.AssessCase, p *payload) { p.id, p.statement = a.Case, a.Statement })

	act(b, "grantObject", nil, func(in grantObjectInput) (*exchange.ObjectGrant, error) {
		id, err := parseID("id", in.ID, comity.KindObjection)
		if err != nil {
			return nil, err
		}
		grant, of, err := grantOf(in.Grant, in.Case)
		return &exchange.ObjectGrant{Key: in.IdempotencyKey, Grant: grant, Act: in.Act,
			Body: statement.ObjectBody{ID: id, Case: of, Ground: in.Ground}}, err
	}, func(a *exchange.ObjectGrant, p *payload) { p.id, p.statement = a.Grant, a.Statement })
}
