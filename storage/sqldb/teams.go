package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var standings = newTable("standings", `id state team liaison function grantees scope grade assistance tlp pap handling caveats purpose not_after
	created_at ended_by ended_at statement`,
	func(s *comity.StandingGrant) []any {
		return []any{&s.ID, &s.State, &s.Team, &s.Liaison, &s.Function, asJSON(&s.Grantees), &s.Scope, &s.Grade, &s.Assistance,
			&s.Caveats.Marking.TLP, &s.Caveats.Marking.PAP, &s.Caveats.Marking.Handling, &s.Caveats.Text, &s.Purpose, instant(&s.NotAfter),
			instant(&s.CreatedAt), &s.EndedBy, instant(&s.EndedAt), &s.Statement}
	})

// standingPage is the statement of a page of a state's standing grants.
func standingPage(columns string, s comity.State, at time.Time, all bool, p storage.Page) (string, args) {
	a := args{s}
	text := `SELECT ` + columns + ` FROM standings d WHERE d.state = $1`
	if !all {
		text += ` AND d.ended_at = 0 AND d.not_after > ` + a.add(micros(at))
	}
	text += domesticPage(p, &a)
	return text, a
}

func (r *reader) Standings(s comity.State, at time.Time, all bool, p storage.Page) ([]comity.StandingGrant, error) {
	text, a := standingPage(standings.cols("d"), s, at, all, p)
	return standings.query(r, text, a...)
}

func (r *reader) CountStandings(s comity.State, at time.Time, all bool, max int) (n int, err error) {
	text, a := standingPage("d.id", s, at, all, storage.Page{Limit: max})
	if err := r.scanOne(`SELECT count(*) FROM (`+text+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count standing grants: %w", err)
	}
	return n, nil
}

func (r *reader) StandingByID(s comity.State, id comity.ID) (comity.StandingGrant, error) {
	return standings.one(r, `SELECT `+standings.cols("d")+` FROM standings d WHERE d.state = $1 AND d.id = $2`, s, id)
}

func (r *reader) StandingsTo(s comity.State, team string, at time.Time) ([]comity.StandingGrant, error) {
	return standings.query(r, `SELECT `+standings.cols("d")+` FROM standings d WHERE d.state = $1 AND d.team = $2 AND d.ended_at = 0 AND d.not_after > $3
		ORDER BY d.created_at, d.id`, s, team, micros(at))
}

func (r *reader) Contributions(s comity.State, team string, at time.Time, after comity.ID, limit int) ([]comity.Release, error) {
	return releases.query(r, `SELECT `+releases.cols("r")+` FROM releases r WHERE r.state = $1 AND r.team = $2 AND r.team <> '' AND r.withdrawn_at = 0
		AND r.not_after > $3 AND r.id > $4 ORDER BY r.id LIMIT $5`, s, team, micros(at), after, max(limit, 0))
}

func (r *reader) Contribution(v storage.Viewer, id comity.ID) (comity.Release, error) {
	a := r.domesticArgs(v)
	return releases.one(r, `SELECT `+releases.cols("d")+` FROM releases d WHERE `+domestic+` AND d.team <> '' AND d.id = `+a.add(id), a...)
}

func (r *reader) ContributionOf(s comity.State, id comity.ID) (comity.Release, error) {
	return releases.one(r, `SELECT `+releases.cols("r")+` FROM releases r WHERE r.state = $1 AND r.id = $2 AND r.team <> ''`, s, id)
}

func (r *reader) GrantRow(id comity.ID) (comity.Grant, error) {
	return grants.one(r, `SELECT `+grants.cols("g")+` FROM grants g WHERE g.id = $1`, id)
}

func (w *writer) InsertStanding(s comity.StandingGrant) error { return standings.insert(w, s) }

func (w *writer) EndStanding(id comity.ID, by comity.OfficerRef, at time.Time) error {
	return w.changed("end a standing grant", `UPDATE standings SET ended_by = $2, ended_at = $3 WHERE id = $1 AND ended_at = 0`, id, by, micros(at))
}

// EndGrantsUnder locks the cases before their grants, in one order, as every act does.
func (w *writer) EndGrantsUnder(id comity.ID, at time.Time) ([]comity.Grant, error) {
	const under = `g.standing_id <> '' AND (g.standing_id = $1 OR g.release_id = $1) AND g.status IN ('PENDING', 'ACTIVE')`
	if _, err := w.exec(`SELECT 1 FROM cases c WHERE c.id IN (SELECT g.case_id FROM grants g WHERE `+under+`) ORDER BY c.id FOR NO KEY UPDATE`, id); err != nil {
		return nil, fmt.Errorf("end grants under %s: %w", id, err)
	}
	ended, err := grants.query(w.reader, `SELECT `+grants.cols("g")+` FROM grants g WHERE `+under+` ORDER BY g.created_at, g.id FOR NO KEY UPDATE`, id)
	if err != nil {
		return nil, err
	}
	for _, g := range ended {
		g.Status, g.EndedAt = comity.GrantRevoked, at
		g.Version++
		if err := w.UpdateGrant(g, g.Version-1); err != nil {
			return nil, err
		}
	}
	return ended, nil
}
