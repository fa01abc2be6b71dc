package sqldb

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

const grantedColumns = "id case_id state grantee_state tlp pap handling statement"

func grantedFields(g *storage.Granted) []any {
	return []any{&g.ID, &g.Case, &g.State, &g.To, &g.Marking.TLP, &g.Marking.PAP, &g.Marking.Handling, &g.Statement}
}

var received = newTable("granted", grantedColumns, grantedFields)

// behind is a grant by which a notice reached a state.
type behind struct {
	notice comity.ID
	storage.Granted
}

var behinds = newTable("granted", "notice "+grantedColumns, func(b *behind) []any {
	return append([]any{&b.notice}, grantedFields(&b.Granted)...)
})

// toState holds for a grant g that the state $1 received of another.
const toState = `g.state <> $1 AND g.grantee_state = $1`

// concernsState reports whether the officer knows of all that the state was granted.
func concernsState(o comity.Officer) bool {
	return o.Role == comity.RoleLiaison || o.Role == comity.RoleAuthority
}

func (r *reader) Granted(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.Granted, error) {
	cond := toState
	if !concernsState(v.Officer) {
		cond += " AND 1 = 0"
	}
	all, err := received.query(r, `SELECT `+received.cols("g")+` FROM granted g WHERE `+cond+` AND g.id = ANY($2)`, v.Officer.State, set(r, ids))
	m := make(map[comity.ID]storage.Granted, len(all))
	for _, g := range all {
		m[g.ID] = g
	}
	return m, err
}

func (r *reader) GrantedBehind(v storage.Viewer, notices []comity.ID) (map[comity.ID][]storage.Granted, error) {
	a := args{v.Officer.State}
	read := ` AND n.id = ANY(` + a.add(set(r, notices)) + `)`
	if !concernsState(v.Officer) {
		read += ` AND x.officer = ` + a.add(v.Officer.Ref())
	}
	all, err := behinds.query(r, `SELECT `+behinds.cols("m")+` FROM (SELECT DISTINCT n.id AS notice, `+received.cols("g")+` FROM dispatches n JOIN disclosures x ON `+affected+`
		JOIN granted g ON g.id = x.grant_id AND g.case_id = n.case_id AND g.state = n.state
		WHERE n.kind = 'NOTICE' AND x.state = $1 AND `+toState+read+`) m ORDER BY m.notice, m.id`, a...)
	m := map[comity.ID][]storage.Granted{}
	for _, b := range all {
		m[b.notice] = append(m[b.notice], b.Granted)
	}
	return m, err
}
