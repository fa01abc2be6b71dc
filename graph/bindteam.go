package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

type caseContributeInput struct {
	IdempotencyKey, ID, Case, Team string
	Category                       comity.Category
	Marking                        comity.Marking
	Scope                          comity.Scope
	Exhibits, Subjects             []string
	Purpose                        comity.Purpose
	NotAfter                       time.Time
	Act                            string
}

type contributionWithdrawInput struct{ IdempotencyKey, Contribution, Case, Reason, Act string }

type standingMakeInput struct {
	IdempotencyKey, ID, Team string
	Grantees                 []comity.Grantee
	Scope                    comity.Scope
	Grade                    comity.Grade
	Assistance               string
	Caveats                  comity.Caveats
	Purpose                  comity.Purpose
	NotAfter                 time.Time
	Act                      string
}

type standingEndInput struct{ IdempotencyKey, Standing, Reason, Act string }

// teams binds the standing grants of the own state to joint teams.
func (b *binding) teams() {
	get(b, "Grantee", fields[*comity.Grantee]{
		"state":   text(func(_ *request, g *comity.Grantee) comity.State { return g.State }),
		"agency":  text(func(_ *request, g *comity.Grantee) comity.AgencyID { return g.Agency }),
		"officer": text(func(_ *request, g *comity.Grantee) comity.OfficerRef { return g.Officer }),
	})
	get(b, "StandingGrant", fields[*comity.StandingGrant]{
		"id":         text(func(_ *request, s *comity.StandingGrant) comity.ID { return s.ID }),
		"team":       text(func(_ *request, s *comity.StandingGrant) string { return s.Team }),
		"liaison":    text(func(_ *request, s *comity.StandingGrant) comity.OfficerRef { return s.Liaison }),
		"function":   text(func(_ *request, s *comity.StandingGrant) string { return s.Function }),
		"grantees":   items(func(_ *request, s *comity.StandingGrant) []comity.Grantee { return s.Grantees }),
		"scope":      text(func(_ *request, s *comity.StandingGrant) comity.Scope { return s.Scope }),
		"grade":      text(func(_ *request, s *comity.StandingGrant) comity.Grade { return s.Grade }),
		"assistance": text(func(_ *request, s *comity.StandingGrant) string { return s.Assistance }),
		"caveats":    object(func(_ *request, s *comity.StandingGrant) *comity.Caveats { return &s.Caveats }),
		"purpose":    text(func(_ *request, s *comity.StandingGrant) comity.Purpose { return s.Purpose }),
		"notAfter":   instant(func(_ *request, s *comity.StandingGrant) time.Time { return s.NotAfter }),
		"live":       boolean(func(q *request, s *comity.StandingGrant) bool { return s.Live(q.reader.Now()) }),
		"createdAt":  instant(func(_ *request, s *comity.StandingGrant) time.Time { return s.CreatedAt }),
		"endedBy":    text(func(_ *request, s *comity.StandingGrant) comity.OfficerRef { return s.EndedBy }),
		"endedAt":    instant(func(_ *request, s *comity.StandingGrant) time.Time { return s.EndedAt }),
		"statement":  text(func(_ *request, s *comity.StandingGrant) string { return s.Statement }),
	})
	batch(b, "Viewer.standings", execute.Object, func(q *request, _ []*viewer, a args) ([]*connection, error) {
		page, err := q.reader.Standings(a.flag("all"), a.number("first"), a.text("after"))
		return one(connectTo(page, a.text("after")), err)
	})
	batch(b, "Viewer.standing", execute.Object, func(q *request, _ []*viewer, a args) ([]*comity.StandingGrant, error) {
		id, err := parseID("id", a.text("id"), comity.KindStanding)
		if err != nil {
			return nil, err
		}
		s, err := q.reader.Standing(id)
		return one(s, err)
	})
	batch(b, "*Payload.standing", execute.Object, func(q *request, all []*payload, _ args) ([]*comity.StandingGrant, error) {
		return through(all, func(p *payload) (*comity.StandingGrant, error) {
			s, err := q.reader.Standing(p.id)
			return s, err
		})
	})
}

func (b *binding) teamActs() {
	act(b, "caseContribute", nil, func(in caseContributeInput) (*exchange.ContributeCase, error) {
		id, err := parseID("id", in.ID, comity.KindRelease)
		if err != nil {
			return nil, err
		}
		of, err := parseID("case", in.Case, comity.KindCase)
		if err != nil {
			return nil, err
		}
		exhibits, subjects, err := named(in.Exhibits, in.Subjects)
		if err != nil {
			return nil, err
		}
		until, err := seconds("notAfter", in.NotAfter)
		return &exchange.ContributeCase{Key: in.IdempotencyKey, Case: of, Act: in.Act, Body: statement.ContributionBody{ID: id, Team: in.Team, Category: in.Category,
			Marking: in.Marking, Scope: in.Scope, Exhibits: exhibits, Subjects: subjects, Purpose: in.Purpose, NotAfter: until}}, err
	}, func(a *exchange.ContributeCase, p *payload) { p.id, p.of = a.Body.ID, a.Case })

	act(b, "contributionWithdraw", nil, func(in contributionWithdrawInput) (*exchange.WithdrawContribution, error) {
		id, err := parseID("contribution", in.Contribution, comity.KindRelease)
		if err != nil {
			return nil, err
		}
		of, err := parseID("case", in.Case, comity.KindCase)
		return &exchange.WithdrawContribution{Key: in.IdempotencyKey, Contribution: id, Act: in.Act,
			Body: statement.ContributionEndBody{Case: of, Reason: in.Reason}}, err
	}, func(a *exchange.WithdrawContribution, p *payload) {
		p.id, p.of, p.ids, p.statement = a.Contribution, a.Body.Case, a.Ended, a.Statement
	})

	act(b, "standingMake", nil, func(in standingMakeInput) (*exchange.MakeStanding, error) {
		id, err := parseID("id", in.ID, comity.KindStanding)
		if err != nil {
			return nil, err
		}
		until, err := seconds("notAfter", in.NotAfter)
		return &exchange.MakeStanding{Key: in.IdempotencyKey, ID: id, Act: in.Act, Body: statement.StandingBody{Team: in.Team, Grantees: in.Grantees, Scope: in.Scope,
			Grade: in.Grade, Assistance: in.Assistance, Caveats: in.Caveats, Purpose: in.Purpose, NotAfter: until}}, err
	}, func(a *exchange.MakeStanding, p *payload) { p.id = a.ID })

	act(b, "standingEnd", nil, func(in standingEndInput) (*exchange.EndStanding, error) {
		id, err := parseID("standing", in.Standing, comity.KindStanding)
		return &exchange.EndStanding{Key: in.IdempotencyKey, Standing: id, Act: in.Act, Body: statement.StandingEndBody{Reason: in.Reason}}, err
	}, func(a *exchange.EndStanding, p *payload) { p.id, p.ids, p.statement = a.Standing, a.Ended, a.Statement })
}
