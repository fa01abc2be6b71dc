package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// TeamReader reads a state's standing grants to joint teams, and what its officers
// contributed, for its own officers alone.
type TeamReader interface {
	// Standings of a state, newest first: those that are live at the instant, or
	// with all every one that there was.
	Standings(s comity.State, at time.Time, all bool, p Page) ([]comity.StandingGrant, error)
	CountStandings(s comity.State, at time.Time, all bool, max int) (int, error)
	// StandingByID finds a standing grant of a state, whatever became of it; ErrNotFound.
	StandingByID(s comity.State, id comity.ID) (comity.StandingGrant, error)
	// StandingsTo are those to a team that are live at the instant, oldest first.
	StandingsTo(s comity.State, team string, at time.Time) ([]comity.StandingGrant, error)
	// Contributions are the release decisions to a team that are live at the
	// instant, by id, after one and at most so many.
	Contributions(s comity.State, team string, at time.Time, after comity.ID, limit int) ([]comity.Release, error)
	// Contribution finds one of the viewer's own state whose case the viewer finds,
	// whatever became of it; ErrNotFound.
	Contribution(v Viewer, id comity.ID) (comity.Release, error)
	// ContributionOf finds one of a state, whoever sees it; ErrNotFound.
	ContributionOf(s comity.State, id comity.ID) (comity.Release, error)
	// GrantRow is what there is under a grant's id, whoever sees it; ErrNotFound.
	GrantRow(id comity.ID) (comity.Grant, error)
}

// TeamWriter writes them.
type TeamWriter interface {
	InsertStanding(comity.StandingGrant) error // ErrExists
	// EndStanding ends a standing grant; ErrNotFound when it was ended.
	EndStanding(id comity.ID, by comity.OfficerRef, at time.Time) error
	// EndGrantsUnder ends every grant under a standing grant, or of a contribution,
	// that has not ended, and gives them as they were.
	EndGrantsUnder(id comity.ID, at time.Time) ([]comity.Grant, error)
}
