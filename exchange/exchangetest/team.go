package exchangetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
)

// Contribute is the signed act that contributes a case and exhibits of it to the
// union's joint team for ten days.
func (o *Officer) Contribute(t testing.TB, c comity.ID, exhibits ...comity.ID) *exchange.ContributeCase {
	t.Helper()
	return o.ContributeAs(t, c, statement.ContributionBody{ID: comity.NewID(comity.KindRelease), Team: tokentest.Team, Category: tokentest.Category,
		Marking: comity.DefaultMarking, Scope: comity.ScopeFull, Exhibits: exhibits, Purpose: comity.PurposeInvestigation,
		NotAfter: o.Clock.Now().Add(10 * 24 * time.Hour).Unix()})
}

// ContributeAs contributes a case with a body.
func (o *Officer) ContributeAs(t testing.TB, c comity.ID, body statement.ContributionBody) *exchange.ContributeCase {
	t.Helper()
	return &exchange.ContributeCase{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActCaseContribute, Record: c}, body)}
}

// WithdrawContribution is the signed act that takes a contribution of a case back.
func (o *Officer) WithdrawContribution(t testing.TB, id, c comity.ID) *exchange.WithdrawContribution {
	t.Helper()
	body := statement.ContributionEndBody{Case: c, Reason: "no longer"}
	return &exchange.WithdrawContribution{Key: Key(), Contribution: id, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActContributionWithdraw, Record: id}, body)}
}

// Standing is the signed act of a standing grant of everything to states of the
// union's joint team, for five days.
func (o *Officer) Standing(t testing.TB, to ...comity.State) *exchange.MakeStanding {
	t.Helper()
	body := statement.StandingBody{Team: tokentest.Team, Scope: comity.ScopeFull, Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking},
		Purpose: comity.PurposeInvestigation, NotAfter: o.Clock.Now().Add(5 * 24 * time.Hour).Unix()}
	for _, s := range to {
		body.Grantees = append(body.Grantees, comity.Grantee{State: s})
	}
	return o.StandingAs(t, body)
}

// StandingAs makes a standing grant with a body.
func (o *Officer) StandingAs(t testing.TB, body statement.StandingBody) *exchange.MakeStanding {
	t.Helper()
	id := comity.NewID(comity.KindStanding)
	return &exchange.MakeStanding{Key: Key(), ID: id, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActStandingMake, Record: id}, body)}
}

// EndStanding is the signed act that ends a standing grant.
func (o *Officer) EndStanding(t testing.TB, id comity.ID) *exchange.EndStanding {
	t.Helper()
	body := statement.StandingEndBody{Reason: "done"}
	return &exchange.EndStanding{Key: Key(), Standing: id, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActStandingEnd, Record: id}, body)}
}
