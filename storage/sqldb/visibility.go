package sqldb

import (
	"fmt"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// The visibility table is derived from cases, assignments and grants, always
// under the lock of the case's row, so that two changes of one case cannot
// derive it from each other's past.

type assignment struct {
	caseID comity.ID
	viewer string
	by     comity.OfficerRef
	at     time.Time
}

var assignments = newTable("assignments", "case_id viewer assigned_by at",
	func(a *assignment) []any { return []any{&a.caseID, &a.viewer, &a.by, instant(&a.at)} })

const (
	visibilityColumns = `INSERT INTO visibility (viewer, updated_at, case_id, grant_id, valid_from, valid_until,
		orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp, seconded) `
	// forever is the end of what has none: the greatest whole number of both engines.
	forever = `9223372036854775807`

	assignedRows = visibilityColumns + `SELECT a.viewer, c.updated_at, c.id, '', 0, ` + forever + `,
		c.state, c.agency, c.category, c.status, '', '', '', c.tlp, false
		FROM assignments a JOIN cases c ON c.id = a.case_id WHERE c.id = $1 AND a.viewer = $2 ON CONFLICT DO NOTHING`
	grantedRows = visibilityColumns + `SELECT g.viewer, c.listed_abroad, c.id, g.id, g.not_before, g.not_after,
		c.state, c.agency, c.category, c.status, CASE WHEN g.grantee_officer = '' THEN '' ELSE g.grantee_agency END, g.purpose,
		g.agreement_hash, c.tlp, g.second <> '' OR g.emergency
		FROM grants g JOIN cases c ON c.id = g.case_id WHERE c.id = $1 AND g.state = c.state AND g.status = 'ACTIVE' AND g.grantee_state <> g.state AND NOT c.reserved
		AND c.assessed_finding IN ('', 'ORDINARY')`
)

func (w *writer) Assign(c comity.ID, viewer string, by comity.OfficerRef) error {
	was, err := w.LockCase(c)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(viewer, string(was.State)) {
		return fmt.Errorf("assign: %s is not of the originator %s", viewer, was.State)
	}
	_, err = w.exec(`INSERT INTO assignments (case_id, viewer, assigned_by, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		c, viewer, by, micros(w.now))
	if err == nil {
		_, err = w.exec(assignedRows, c, viewer)
	}
	if err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	return nil
}

func (w *writer) Unassign(c comity.ID, viewer string) error {
	if _, err := w.LockCase(c); err != nil {
		return err
	}
	_, err := w.exec(`DELETE FROM assignments WHERE case_id = $1 AND viewer = $2`, c, viewer)
	if err == nil {
		_, err = w.exec(`DELETE FROM visibility WHERE case_id = $1 AND viewer = $2 AND grant_id = ''`, c, viewer)
	}
	if err != nil {
		return fmt.Errorf("unassign: %w", err)
	}
	return nil
}

// caseMoved brings the rows of a case in step with its update: those at home
// always, those abroad only when something moved that is visible there, since
// a case can have very many grants.
func (w *writer) caseMoved(was, is storage.Case) error {
	_, err := w.exec(`UPDATE visibility SET updated_at = $2, category = $3, status = $4, tlp = $5 WHERE case_id = $1 AND grant_id = ''`,
		is.ID, micros(is.UpdatedAt), is.Category, is.Status, is.Marking.TLP)
	switch {
	case err != nil:
	case is.Reserved || is.Assessed.Adverse():
		_, err = w.exec(`DELETE FROM visibility WHERE case_id = $1 AND grant_id <> ''`, is.ID)
	case was.Reserved || was.Assessed.Adverse():
		_, err = w.exec(grantedRows, is.ID)
	case !was.ListedAbroad.Equal(is.ListedAbroad) || was.Category != is.Category || was.Status != is.Status || was.Marking.TLP != is.Marking.TLP:
		_, err = w.exec(`UPDATE visibility SET updated_at = $2, category = $3, status = $4, tlp = $5 WHERE case_id = $1 AND grant_id <> ''`,
			is.ID, micros(is.ListedAbroad), is.Category, is.Status, is.Marking.TLP)
	}
	if err != nil {
		return fmt.Errorf("update visibility: %w", err)
	}
	return nil
}

// grantMoved brings the row of one grant in step with it.
func (w *writer) grantMoved(g comity.Grant) error {
	_, err := w.exec(`DELETE FROM visibility WHERE case_id = $1 AND viewer = $2 AND grant_id = $3`, g.Case, g.Grantee.Viewer(), g.ID)
	if err == nil && g.Status == comity.GrantActive {
		_, err = w.exec(grantedRows+` AND g.id = $2`, g.Case, g.ID)
	}
	if err != nil {
		return fmt.Errorf("update visibility: %w", err)
	}
	return nil
}
