package sqldb

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var grants = newTable("grants", `id case_id state liaison function viewer grantee_state grantee_agency grantee_officer scope
	exhibits subjects grade assistance tlp pap handling caveats purpose agreement agreement_hash release_id request_id not_before not_after status
	was_active ended_at version created_at statement narrowing second acting_for emergency confirmation standing_id`,
	func(g *comity.Grant) []any {
		return []any{&g.ID, &g.Case, &g.State, &g.Liaison, &g.Function, derived{g.Grantee.Viewer()}, &g.Grantee.State,
			&g.Grantee.Agency, &g.Grantee.Officer, &g.Scope, asJSON(&g.Exhibits), asJSON(&g.Subjects), &g.Grade, &g.Assistance, &g.Caveats.Marking.TLP,
			&g.Caveats.Marking.PAP, &g.Caveats.Marking.Handling, &g.Caveats.Text, &g.Purpose, &g.Agreement, &g.AgreementHash, &g.Release,
			&g.Request, instant(&g.NotBefore), instant(&g.NotAfter), &g.Status, derived{g.Status == comity.GrantActive},
			instant(&g.EndedAt), &g.Version, instant(&g.CreatedAt), &g.Statement, &g.Narrowing, &g.Second,
			&g.ActingFor, &g.Emergency, &g.Confirmation, &g.Standing}
	})

var releases = newTable("releases", "id case_id state officer decider reference grantee scope exhibits subjects purpose not_after created_at withdrawn_by withdrawn_at team statement",
	func(r *comity.Release) []any {
		return []any{&r.ID, &r.Case, &r.State, &r.Officer, &r.Decider, &r.Reference, &r.Grantee, &r.Scope, asJSON(&r.Exhibits), asJSON(&r.Subjects),
			&r.Purpose, instant(&r.NotAfter), instant(&r.CreatedAt), &r.WithdrawnBy, instant(&r.WithdrawnAt), &r.Team, &r.Statement}
	})

var mandates = newTable("mandates", "id state liaison given_by not_before not_after ended_at created_at deputies ceiling",
	func(m *comity.Mandate) []any {
		return []any{&m.ID, &m.State, &m.Liaison, &m.GivenBy, instant(&m.NotBefore), instant(&m.NotAfter), instant(&m.EndedAt),
			instant(&m.CreatedAt), asJSON(&m.Deputies), asJSON(&m.Ceiling)}
	})

// made holds for a grant g by the viewer's own state: its offices see all of
// them, other officers those of the cases they see. $1 is as in [covers].
func (r *reader) made(o comity.Officer, a *args) string {
	if office(o) {
		return `g.state = $1`
	}
	return `g.state = $1 AND g.case_id IN (SELECT a.case_id FROM assignments a WHERE a.viewer = ANY(` +
		a.add(set(r, storage.ViewerKeys(o))) + `))`
}

func (r *reader) Grants(v storage.Viewer, ids []comity.ID) (map[comity.ID]comity.Grant, error) {
	a := viewerArgs(v)
	all, err := grants.query(r, `SELECT `+grants.cols("g")+` FROM grants g WHERE (`+r.made(v.Officer, &a)+` OR `+covers+`) AND g.id = ANY(`+
		a.add(set(r, ids))+`)`, a...)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]comity.Grant, len(all))
	for _, g := range all {
		m[g.ID] = g
	}
	return m, nil
}

// GrantNaming looks through what the viewer's keys received: an exhibit's id
// stands in quotes in the list of a grant's exhibits, and in nothing else.
func (r *reader) GrantNaming(v storage.Viewer, exhibit comity.ID) (comity.Grant, error) {
	a := viewerArgs(v)
	keys := a.add(set(r, storage.ViewerKeys(v.Officer)))
	g, err := grants.one(r, `SELECT `+grants.cols("g")+` FROM grants g WHERE g.viewer = ANY(`+keys+`) AND `+covers+` AND g.exhibits LIKE '%"' || `+
		a.add(exhibit)+` || '"%' ORDER BY g.created_at DESC, g.id DESC LIMIT 1`, a...)
	if err == nil && !slices.Contains(g.Exhibits, exhibit) { // what is no id reads as a pattern
		return comity.Grant{}, storage.ErrNotFound
	}
	return g, err
}

func (r *reader) ListGrants(v storage.Viewer, f storage.GrantFilter, p storage.Page) ([]comity.Grant, error) {
	page, a := r.grantPage(v, f, p)
	return grants.query(r, `SELECT `+grants.cols("g")+` FROM (`+page+`) m JOIN grants g ON g.id = m.id ORDER BY m.created_at DESC, m.id DESC`, a...)
}

func (r *reader) CountGrants(v storage.Viewer, f storage.GrantFilter, max int) (int, error) {
	page, a := r.grantPage(v, f, storage.Page{Limit: max})
	var n int
	if err := r.scanOne(`SELECT count(*) FROM (`+page+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count grants: %w", err)
	}
	return n, nil
}

// grantPage selects place and id of a page of grants: one bounded index scan
// for those made and one for each key under which some were received, merged.
func (r *reader) grantPage(v storage.Viewer, f storage.GrantFilter, p storage.Page) (string, args) {
	a := viewerArgs(v)
	own, received := r.made(v.Officer, &a), covers
	if f.Received {
		own += " AND 1 = 0"
	}
	if f.Emergency {
		own += " AND g.emergency = " + a.add(true)
		received += " AND 1 = 0"
	}
	if f.Made {
		received += " AND 1 = 0"
	}
	if f.State != "" {
		other := a.add(f.State)
		own += ` AND g.grantee_state = ` + other
		received += ` AND g.state = ` + other
	}
	if f.Live {
		open := live(a.add(micros(v.At)))
		own += open
		received += open
	}
	if f.Status != "" {
		own += ` AND g.status = ` + a.add(f.Status)
		received += shownStatus(f.Status, v.At, &a)
	}
	branches := []string{own}
	for _, key := range v.Officer.Viewers() { // an office receives no grants
		branches = append(branches, received+` AND g.viewer = `+a.add(key))
	}
	afterAt, afterID := before(p.After)
	cond := ` AND (g.created_at, g.id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `)`
	if f.Case != "" {
		cond += ` AND g.case_id = ` + a.add(f.Case)
	}
	limit := ` LIMIT ` + a.add(max(p.Limit, 0))
	for i, b := range branches {
		branches[i] = `SELECT * FROM (SELECT g.created_at, g.id FROM grants g WHERE ` + b + cond + ` ORDER BY g.created_at DESC, g.id DESC` + limit + `) b`
	}
	return `SELECT * FROM (` + strings.Join(branches, " UNION ") + `) u ORDER BY created_at DESC, id DESC` + limit, a
}

// live holds for a grant g that opens its case at the instant now.
func live(now string) string {
	return ` AND g.status = 'ACTIVE' AND g.not_before <= ` + now + ` AND g.not_after > ` + now
}

// shownStatus holds for a grant g that its grantee is shown with the status.
func shownStatus(s comity.GrantStatus, at time.Time, a *args) string {
	switch s {
	case comity.GrantActive:
		return ` AND g.status = 'ACTIVE' AND g.not_after > ` + a.add(micros(at))
	case comity.GrantEnded:
		return ` AND NOT (g.status = 'ACTIVE' AND g.not_after > ` + a.add(micros(at)) + `)`
	}
	return " AND 1 = 0" // how it ended is the originator's own matter
}

func (r *reader) GrantsRun(c comity.ID, at time.Time) (bool, error) { return r.run(c, at, "") }

func (r *reader) SecondedRun(c comity.ID, at time.Time) (bool, error) {
	return r.run(c, at, ` AND (second <> '' OR emergency)`)
}

// run reports whether a grant of a case runs for which more holds.
func (r *reader) run(c comity.ID, at time.Time, more string) (bool, error) {
	var n int
	err := r.scanOne(`SELECT count(*) FROM (SELECT 1 FROM grants WHERE case_id = $1 AND status IN ('PENDING', 'ACTIVE') AND not_after > $2`+more+` LIMIT 1) m`,
		[]any{c, micros(at)}, &n)
	if err != nil {
		return false, fmt.Errorf("grants that run: %w", err)
	}
	return n > 0, nil
}

func (r *reader) DangerSince(c comity.ID, grantee comity.State, liaison comity.OfficerRef) (time.Time, error) {
	var at int64
	err := r.scanOne(`SELECT coalesce(min(created_at), 0) FROM grants WHERE case_id = $1 AND grantee_state = $2 AND liaison = $3 AND emergency AND confirmation = ''`,
		[]any{c, grantee, liaison}, &at)
	if err != nil {
		return time.Time{}, fmt.Errorf("grants in danger to life: %w", err)
	}
	if at == 0 {
		return time.Time{}, nil
	}
	return time.UnixMicro(at).UTC(), nil
}

func (r *reader) Releases(ids []comity.ID) (map[comity.ID][]comity.Release, error) {
	all, err := releases.query(r, `SELECT `+releases.cols("r")+` FROM releases r WHERE r.case_id = ANY($1) ORDER BY r.created_at, r.id`, set(r, ids))
	return group(all, func(r comity.Release) comity.ID { return r.Case }), err
}

func (r *reader) Mandates(s comity.State) ([]comity.Mandate, error) {
	return mandates.query(r, `SELECT `+mandates.cols("m")+` FROM mandates m WHERE m.state = $1 ORDER BY m.created_at DESC, m.id DESC`, s)
}

func (r *reader) MandatesOf(liaison comity.OfficerRef, at time.Time) ([]comity.Mandate, error) {
	live, err := mandates.query(r, `SELECT `+mandates.cols("m")+` FROM mandates m WHERE m.state = $1 AND m.ended_at = 0
		AND m.not_before <= $2 AND m.not_after > $2 ORDER BY m.not_after DESC, m.id DESC`, liaison.State(), micros(at))
	var own, deputy []comity.Mandate
	for _, m := range live {
		switch {
		case m.Liaison == liaison:
			own = append(own, m)
		case slices.Contains(m.Deputies, liaison):
			deputy = append(deputy, m)
		}
	}
	return append(own, deputy...), err
}

func (w *writer) WithdrawRelease(id comity.ID, by comity.OfficerRef, at time.Time) error {
	return w.changed("withdraw release", `UPDATE releases SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1 AND withdrawn_at = 0`, id, by, micros(at))
}

func (w *writer) InsertRelease(r comity.Release) error { return releases.insert(w, r) }
func (w *writer) InsertMandate(m comity.Mandate) error { return mandates.insert(w, m) }

func (w *writer) EndMandate(id comity.ID, at time.Time) error {
	return w.changed("end mandate", `UPDATE mandates SET ended_at = $2 WHERE id = $1 AND ended_at = 0`, id, micros(at))
}

func (w *writer) InsertGrant(g comity.Grant) error {
	if _, err := w.LockCase(g.Case); err != nil {
		return err
	}
	if err := grants.insert(w, g); err != nil {
		return err
	}
	return w.grantMoved(g)
}

// LockGrant locks the case before the grant, as every act does, lest two acts
// wait for each other: PostgreSQL notices that only after a second, and ends one.
func (w *writer) LockGrant(id comity.ID) (comity.Grant, error) {
	if _, err := w.exec(`SELECT 1 FROM cases WHERE id = (SELECT case_id FROM grants WHERE id = $1) FOR NO KEY UPDATE`, id); err != nil {
		return comity.Grant{}, fmt.Errorf("lock grant: %w", err)
	}
	return grants.one(w.reader, `SELECT `+grants.cols("g")+` FROM grants g WHERE g.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) UpdateGrant(g comity.Grant, expected int) error {
	was, err := w.LockGrant(g.ID)
	if err != nil {
		return err
	}
	if was.Version != expected || g.Version != expected+1 {
		return storage.ErrConflict
	}
	if was.Case != g.Case || was.Grantee != g.Grantee {
		return fmt.Errorf("update grant: the case and the grantee of a grant do not change")
	}
	_, err = w.exec(`UPDATE grants SET scope = $2, exhibits = $3, tlp = $4, pap = $5, handling = $6, caveats = $7, not_before = $8,
		not_after = $9, status = $10, was_active = was_active OR $11, ended_at = $12, version = $13, narrowing = $14,
		confirmation = $15, subjects = $16 WHERE id = $1`,
		g.ID, g.Scope, asJSON(&g.Exhibits), g.Caveats.Marking.TLP, g.Caveats.Marking.PAP, g.Caveats.Marking.Handling, g.Caveats.Text,
		instant(&g.NotBefore), instant(&g.NotAfter), g.Status, g.Status == comity.GrantActive, instant(&g.EndedAt), g.Version, g.Narrowing, g.Confirmation,
		asJSON(&g.Subjects))
	if err != nil {
		return fmt.Errorf("update grant: %w", err)
	}
	return w.grantMoved(g)
}

func (w *writer) EndGrants(c comity.ID, at time.Time) ([]comity.Grant, error) {
	if _, err := w.LockCase(c); err != nil {
		return nil, err
	}
	ended, err := grants.query(w.reader, `SELECT `+grants.cols("g")+` FROM grants g WHERE g.case_id = $1 AND g.status IN ('PENDING', 'ACTIVE')
		ORDER BY g.created_at, g.id FOR NO KEY UPDATE`, c)
	if err != nil {
		return nil, err
	}
	_, err = w.exec(`UPDATE grants SET status = 'ENDED', ended_at = $2, version = version + 1
		WHERE case_id = $1 AND status IN ('PENDING', 'ACTIVE')`, c, micros(at))
	if err != nil {
		return nil, fmt.Errorf("end grants: %w", err)
	}
	if _, err := w.exec(`DELETE FROM visibility WHERE case_id = $1 AND grant_id <> ''`, c); err != nil {
		return nil, fmt.Errorf("end grants: %w", err)
	}
	return ended, nil
}
