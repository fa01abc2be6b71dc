package tokentest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Team is the id of the joint team that [Union.JoinTeam] sets up.
const Team = "team-2026"

// JoinTeam has states publish manifests by which they are a joint team for Category
// for 120 days, and gives the agreement.
func (u *Union) JoinTeam(t testing.TB, states ...comity.State) statement.Agreement {
	t.Helper()
	now := u.Clock.Now().UTC().Truncate(time.Second)
	a := statement.Agreement{ID: Team, Title: "Joint team against a ransomware group", Team: true, Parties: states,
		Categories: []comity.Category{Category}, Measures: []comity.RequestKind{comity.RequestInformation, comity.RequestAccess},
		InForce: now.Add(-time.Hour), Ratified: now.Add(-time.Hour), Until: now.Add(120 * 24 * time.Hour)}
	for _, s := range states {
		u.Publish(t, s, func(m *statement.Manifest) { m.Agreements = append(m.Agreements, a) })
	}
	return a
}
