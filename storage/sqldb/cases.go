package sqldb

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var cases = newTable("cases", `id state agency owner category status tlp pap handling nexus reserved
	version version_abroad created_at updated_at updated_abroad listed_abroad sealed
	assessed_category assessed_finding assessed_by`,
	func(c *storage.Case) []any {
		return []any{&c.ID, &c.State, &c.Agency, &c.Owner, &c.Category, &c.Status, &c.Marking.TLP, &c.Marking.PAP,
			&c.Marking.Handling, nexusField{&c.Nexus}, &c.Reserved, &c.Version, &c.VersionAbroad, instant(&c.CreatedAt),
			instant(&c.UpdatedAt), instant(&c.UpdatedAbroad), instant(&c.ListedAbroad), blob(&c.Sealed),
			&c.Assessed.Category, &c.Assessed.Character, &c.Assessed.By}
	})

// keyedCase is a case with its record key, wrapped by its own state's custodian.
type keyedCase struct {
	storage.Case
	wrapped string
}

var keyedCases = table[keyedCase]{cases.name, append(slices.Clone(cases.columns), "wrapped_key"),
	func(c *keyedCase) []any { return append(cases.fields(&c.Case), &c.wrapped) }}

// shownCase says beside it by which of the viewer's assignments it is found: the sum
// of reachOfficer, reachOffice and reachOther.
type shownCase struct {
	keyedCase
	reach int
}

const reachOfficer, reachOffice, reachOther = 1, 2, 4

var shownCases = table[shownCase]{cases.name, keyedCases.columns, func(c *shownCase) []any {
	return append(keyedCases.fields(&c.keyedCase), &c.reach)
}}

// shownCols are the columns of shownCases, for a viewer whose arguments stand first.
func shownCols(v storage.Viewer, a *args) string {
	return keyedCases.cols("c") + `, coalesce((SELECT sum(CASE a.viewer WHEN $3 THEN ` + strconv.Itoa(reachOfficer) + ` WHEN ` + a.add(storage.OfficeViewer(v.Officer.State, v.Officer.Role)) + ` THEN ` + strconv.Itoa(reachOffice) +
		` ELSE ` + strconv.Itoa(reachOther) + ` END) FROM seen_assignments a WHERE a.case_id = c.id AND a.viewer = ANY($4)), 0)`
}

// A case as the rules themselves show it, without the visibility table: $1 is
// the viewer's state, $2 its agency, $3 its reference; then, where they stand,
// $4 its viewer keys and $5 the instant.
const (
	// assigned holds for a case c of the viewer's own state. On PostgreSQL the view of
	// the assignments is behind row-level security, as the table is, and asks for less.
	assigned = `c.state = $1 AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = c.id AND a.viewer = ANY($4))`
	// covers holds for a grant g that reaches, or reached, the viewer: it is or
	// was active, else the grantee would learn of what never opened anything.
	covers = `g.was_active AND g.state <> $1 AND g.grantee_state = $1 AND g.grantee_agency IN ('', $2) AND g.grantee_officer IN ('', $3)`
	// open holds for a grant g that opens its case, if it is of the case's own state,
	// unless that is reserved.
	open = `g.viewer = ANY($4) AND ` + covers + ` AND g.status = 'ACTIVE' AND g.not_before <= $5 AND g.not_after > $5`
)

// viewerArgs are $1 to $3 of the conditions above.
func viewerArgs(v storage.Viewer) args {
	return args{v.Officer.State, v.Officer.Agency, v.Officer.Ref()}
}

const (
	// granted holds for a case c of another state that is open to the viewer.
	granted = `c.state <> $1 AND NOT c.reserved AND EXISTS (SELECT 1 FROM grants g WHERE g.case_id = c.id AND g.state = c.state AND ` + open + `)`
	// seen holds for a case c that the viewer may find.
	seen = `(` + assigned + ` OR ` + granted + `)`
	// counted holds for the place m, in the viewer's order, of a case that the viewer
	// may find. Of an own case its row says nothing more than the assignment, and is
	// not looked up: counts go through very many.
	counted = `(m.orig_state = $1 AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = m.case_id AND a.viewer = ANY($4))
		OR m.orig_state <> $1 AND EXISTS (SELECT 1 FROM cases c WHERE c.id = m.case_id AND ` + granted + `))`
)

func (r *reader) Cases(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.CaseView, error) {
	a := viewerArgs(v)
	a.add(set(r, storage.ViewerKeys(v.Officer)))
	a.add(micros(v.At))
	found, err := shownCases.query(r, `SELECT `+shownCols(v, &a)+` FROM cases c WHERE `+seen+` AND c.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	if err != nil {
		return nil, err
	}
	// All statements run whatever there is to find, so that hidden and absent
	// take the same work.
	views, err := r.views(v, found, ids)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]storage.CaseView, len(views))
	for _, view := range views {
		m[view.ID] = view
	}
	return m, nil
}

// views tells how the viewer finds each case, drops those that it does not, and
// adds those of which it sees no more than that a grant ended: of these the
// case's row is not even read. Of the cases in foreign it looks for grants.
func (r *reader) views(v storage.Viewer, found []shownCase, foreign []comity.ID) (views []storage.CaseView, err error) {
	keys := set(r, storage.ViewerKeys(v.Officer))
	var covering []comity.Grant
	if len(foreign) > 0 {
		a := viewerArgs(v)
		covering, err = grants.query(r, `SELECT `+grants.cols("g")+` FROM grants g WHERE `+covers+` AND g.case_id = ANY(`+a.add(set(r, foreign))+
			`) AND g.viewer = ANY(`+a.add(keys)+`) ORDER BY g.created_at, g.id`, a...)
		if err != nil {
			return nil, err
		}
	}
	granted := group(covering, func(g comity.Grant) comity.ID { return g.Case })
	views = make([]storage.CaseView, 0, len(found))
	for _, c := range found {
		if view, ok := viewOf(v, c, granted[c.ID]); ok {
			views = append(views, view)
			delete(granted, c.ID)
		}
	}
	for _, id := range foreign {
		if view, ok := endedView(v, granted[id]); ok {
			views = append(views, view)
			delete(granted, id)
		}
	}
	return views, nil
}

// viewOf makes a view of a case that is the viewer's own, or is open to it.
func viewOf(v storage.Viewer, c shownCase, covering []comity.Grant) (storage.CaseView, bool) {
	if c.State == v.Officer.State {
		view := storage.CaseView{Case: c.Case, Own: c.reach > 0, Assigned: c.reach&reachOfficer != 0, Reached: c.reach&reachOffice != 0, Wrapped: c.wrapped}
		return view, view.Own
	}
	var live []comity.Grant
	for _, g := range covering {
		if g.Live(v.At) && g.State == c.State {
			live = append(live, g)
		}
	}
	return storage.CaseView{Case: c.Case, Grants: live, Wrapped: c.wrapped}, len(live) > 0 && !c.Reserved
}

// endedView is what the former grantee of a case sees of it, if there is one.
func endedView(v storage.Viewer, covering []comity.Grant) (storage.CaseView, bool) {
	var ended []comity.Grant
	for _, g := range covering {
		if (g.Status != comity.GrantActive || !v.At.Before(g.NotAfter)) && endOf(g).After(g.NotBefore) {
			ended = append(ended, g)
		}
	}
	if len(ended) == 0 {
		return storage.CaseView{}, false
	}
	last := slices.MaxFunc(ended, func(a, b comity.Grant) int {
		return cmp.Or(endOf(a).Compare(endOf(b)), cmp.Compare(a.ID, b.ID))
	})
	return storage.CaseView{Case: storage.Case{Case: comity.Case{ID: last.Case, State: last.State}}, Ended: &last}, true
}

// endOf is when a grant ceased, or will cease, to open its case.
func endOf(g comity.Grant) time.Time {
	if g.Status != comity.GrantActive && g.EndedAt.Before(g.NotAfter) {
		return g.EndedAt
	}
	return g.NotAfter
}

func (r *reader) ListCases(v storage.Viewer, f storage.CaseFilter, p storage.Page) ([]storage.CaseView, error) {
	from, a := r.visible(v, f, p)
	cols := shownCols(v, &a)
	found, err := shownCases.query(r, `SELECT `+cols+from+shown+` ORDER BY m.updated_at DESC, m.case_id DESC`, a...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var foreign []comity.ID
	for _, c := range found {
		if c.State != v.Officer.State {
			foreign = append(foreign, c.ID)
		}
	}
	return r.views(v, found, foreign)
}

func (r *reader) CountCases(v storage.Viewer, f storage.CaseFilter, max int) (int, error) {
	from, a := r.visible(v, f, storage.Page{Limit: max})
	var n int
	if err := r.scanOne(`SELECT count(*)`+from+` WHERE `+counted, a, &n); err != nil {
		return 0, fmt.Errorf("count cases: %w", err)
	}
	return n, nil
}

// shown checks what is in a page by the plain rules.
const shown = ` JOIN cases c ON c.id = m.case_id WHERE ` + seen

// visible is the FROM of m, the places in the viewer's order of a page of cases:
// for each viewer key one bounded index scan of the visibility table, merged. What
// it gives is still to be checked by the plain rules.
func (r *reader) visible(v storage.Viewer, f storage.CaseFilter, p storage.Page) (string, args) {
	keys := storage.ViewerKeys(v.Officer)
	a := viewerArgs(v)
	a.add(set(r, keys))
	a.add(micros(v.At))
	afterAt, afterID := before(p.After)
	cond := ` AND (updated_at, case_id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `)` +
		` AND valid_from <= $5 AND valid_until > $5 AND via_agency IN ('', $2)`
	for _, c := range []struct{ column, value string }{{"orig_state", string(f.State)}, {"orig_agency", string(f.Agency)},
		{"category", string(f.Category)}, {"status", string(f.Status)}} {
		if c.value != "" {
			cond += ` AND ` + c.column + ` = ` + a.add(c.value)
		}
	}
	if f.Agency != "" || f.Category != "" || f.Status != "" {
		// What a viewer may not read never filters: the same grants count here by
		// which the policies open a case.
		cond += ` AND (grant_id = '' OR purpose = ` + a.add(f.Purpose) + ` AND (tlp <> 'RED' OR seconded)
			AND (orig_state || ' ' || agreement_hash || ' ' || category) = ANY(` + a.add(set(r, f.Bases)) + `))`
	}
	if f.Own {
		cond += ` AND grant_id = ''`
	}
	if f.Granted {
		cond += ` AND grant_id <> ''`
	}
	ordered := ` ORDER BY updated_at DESC, case_id DESC LIMIT ` + a.add(max(p.Limit, 0))
	var branches []string
	for _, key := range keys {
		branches = append(branches, `SELECT * FROM (SELECT updated_at, case_id, max(orig_state) AS orig_state FROM visibility WHERE viewer = `+a.add(key)+cond+` GROUP BY updated_at, case_id`+ordered+`) b`)
	}
	return ` FROM (SELECT * FROM (` + strings.Join(branches, ` UNION `) + `) u` + ordered + `) m`, a
}

func (r *reader) Assignees(ids []comity.ID) (map[comity.ID][]string, error) {
	all, err := assignments.query(r, `SELECT `+assignments.cols("a")+` FROM assignments a WHERE a.case_id = ANY($1) ORDER BY a.at, a.viewer`, set(r, ids))
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID][]string)
	for _, a := range all {
		who := a.viewer
		if _, office, ok := strings.Cut(who, storage.OfficeMark); ok {
			who = office
		}
		m[a.caseID] = append(m[a.caseID], who)
	}
	return m, nil
}

func (w *writer) LockCase(id comity.ID) (storage.Case, error) {
	return cases.one(w.reader, `SELECT `+cases.cols("c")+` FROM cases c WHERE c.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) LockState(s comity.State) error {
	if _, err := w.exec(`INSERT INTO state_locks (state) VALUES ($1) ON CONFLICT DO NOTHING`, s); err != nil {
		return fmt.Errorf("lock state: %w", err)
	}
	var locked string
	return w.scanOne(`SELECT state FROM state_locks WHERE state = $1 FOR NO KEY UPDATE`, []any{s}, &locked)
}

func (w *writer) InsertCase(c storage.Case, wrappedKey string) error {
	return keyedCases.insert(w, keyedCase{c, wrappedKey})
}

func (w *writer) UpdateCase(c storage.Case, expected int) error {
	was, err := w.LockCase(c.ID)
	if err != nil {
		return err
	}
	if was.Version != expected || c.Version != expected+1 {
		return storage.ErrConflict
	}
	_, err = w.exec(`UPDATE cases SET owner = $2, category = $3, status = $4, tlp = $5, pap = $6, handling = $7, nexus = $8,
		reserved = $9, version = $10, version_abroad = $11, updated_at = $12, updated_abroad = $13, listed_abroad = $14, sealed = $15,
		assessed_category = $16, assessed_finding = $17, assessed_by = $18 WHERE id = $1`,
		c.ID, c.Owner, c.Category, c.Status, c.Marking.TLP, c.Marking.PAP, c.Marking.Handling, asJSON(&c.Nexus), c.Reserved,
		c.Version, c.VersionAbroad, instant(&c.UpdatedAt), instant(&c.UpdatedAbroad), instant(&c.ListedAbroad), blob(&c.Sealed),
		c.Assessed.Category, c.Assessed.Character, c.Assessed.By)
	if err != nil {
		return fmt.Errorf("update case: %w", err)
	}
	return w.caseMoved(was, c)
}
