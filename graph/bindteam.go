package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
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
	get(b, "Grantee", fields[comity.Grantee]{
		"state":   func(_ *request, g comity.Grantee) any { return g.State },
		"agency":  func(_ *request, g comity.Grantee) any { return g.Agency },
		"officer": func(_ *request, g comity.Grantee) any { return g.Officer },
	})
	get(b, "StandingGrant", fields[*comity.StandingGrant]{
		"id":         func(_ *request, s *comity.StandingGrant) any { return s.ID },
		"team":       func(_ *request, s *comity.StandingGrant) any { return s.Team },
		"liaison":    func(_ *request, s *comity.StandingGrant) any { return s.Liaison },
		"function":   func(_ *request, s *comity.StandingGrant) any { return s.Function },
		"grantees":   func(_ *request, s *comity.StandingGrant) any { return s.Grantees },
		"scope":      func(_ *request, s *comity.StandingGrant) any { return s.Scope },
		"grade":      func(_ *request, s *comity.StandingGrant) any { return s.Grade },
		"assistance": func(_ *request, s *comity.StandingGrant) any { return s.Assistance },
		"caveats":    func(_ *request, s *comity.StandingGrant) any { return s.Caveats },
		"purpose":    func(_ *request, s *comity.StandingGrant) any { return s.Purpose },
		"notAfter":   func(_ *request, s *comity.StandingGrant) any { return s.NotAfter },
		"live":       func(q *request, s *comity.StandingGrant) any { return s.Live(q.reader.Now()) },
		"createdAt":  func(_ *request, s *comity.StandingGrant) any { return s.CreatedAt },
		"endedBy":    func(_ *request, s *comity.StandingGrant) any { return s.EndedBy },
		"endedAt":    func(_ *request, s *comity.StandingGrant) any { return s.EndedAt },
		"statement":  func(_ *request, s *comity.StandingGrant) any { return s.Statement },
	})
	batch(b, "Viewer.standings", func(q *request, _ []viewer, a args) ([]*connection, error) {
		page, err := q.reader.Standings(a.flag("all"), a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(s **comity.StandingGrant) any { return *s }), err)
	})
	batch(b, "Viewer.standing", func(q *request, _ []viewer, a args) ([]any, error) {
		id, err := parseID("id", a.text("id"), comity.KindStanding)
		if err != nil {
			return nil, err
		}
		s, err := q.reader.Standing(id)
		return one(orNull(s), err)
	})
	batch(b, "*Payload.standing", func(q *request, all []*payload, _ args) ([]any, error) {
		return through(all, func(p *payload) (any, error) {
			s, err := q.reader.Standing(p.id)
			return orNull(s), err
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
