package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
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
	reason := func(read func(*statement.AssessBody) string) field[*exchange.AssessmentView] {
		return text(func(_ *request, a *exchange.AssessmentView) string {
			if a.Reasons == nil {
				return ""
			}
			return read(a.Reasons)
		})
	}
	get(b, "Assessment", fields[*exchange.AssessmentView]{
		"id":        text(func(_ *request, a *exchange.AssessmentView) comity.ID { return a.ID }),
		"case":      text(func(_ *request, a *exchange.AssessmentView) comity.ID { return a.Case }),
		"officer":   text(func(_ *request, a *exchange.AssessmentView) comity.OfficerRef { return a.Officer }),
		"function":  text(func(_ *request, a *exchange.AssessmentView) string { return a.Function }),
		"category":  text(func(_ *request, a *exchange.AssessmentView) comity.Category { return a.Category }),
		"character": text(func(_ *request, a *exchange.AssessmentView) comity.Character { return a.Character }),
		"createdAt": instant(func(_ *request, a *exchange.AssessmentView) time.Time { return a.CreatedAt }),
		"conduct":   reason(func(b *statement.AssessBody) string { return b.Conduct }),
		"motive":    reason(func(b *statement.AssessBody) string { return b.Motive }),
		"context":   reason(func(b *statement.AssessBody) string { return b.Context }),
		"statement": text(func(_ *request, a *exchange.AssessmentView) string { return a.Statement }),
	})
	get(b, "Objection", fields[*comity.Objection]{
		"id":        text(func(_ *request, o *comity.Objection) comity.ID { return o.ID }),
		"grant":     text(func(_ *request, o *comity.Objection) comity.ID { return o.Grant }),
		"state":     text(func(_ *request, o *comity.Objection) comity.State { return o.State }),
		"officer":   text(func(_ *request, o *comity.Objection) comity.OfficerRef { return o.Officer }),
		"function":  text(func(_ *request, o *comity.Objection) string { return o.Function }),
		"ground":    text(func(_ *request, o *comity.Objection) comity.Character { return o.Ground }),
		"createdAt": instant(func(_ *request, o *comity.Objection) time.Time { return o.CreatedAt }),
		"statement": text(func(_ *request, o *comity.Objection) string { return o.Statement }),
	})
	batch(b, "Case.assessments", execute.Objects, func(q *request, all []*exchange.CaseView, _ args) ([][]*exchange.AssessmentView, error) {
		found, err := q.reader.Assessments(all)
		return atHome(all, found), err
	})
	batch(b, "Grant.objections", execute.Items, func(q *request, all []*comity.Grant, _ args) ([][]comity.Objection, error) {
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
