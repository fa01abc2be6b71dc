package sqldb

import (
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var officers = newTable("officers", "ref state agency role function seen_at",
	func(o *storage.SeenOfficer) []any {
		return []any{&o.Ref, &o.State, &o.Agency, &o.Role, &o.Function, instant(&o.SeenAt)}
	})

func (r *reader) Officers(s comity.State, limit int) ([]storage.SeenOfficer, error) {
	return officers.query(r, `SELECT `+officers.cols("o")+` FROM officers o WHERE o.state = $1 ORDER BY o.ref LIMIT $2`, s, max(limit, 0))
}

func (r *reader) OfficersSeen(refs []comity.OfficerRef) (map[comity.OfficerRef]storage.SeenOfficer, error) {
	all, err := officers.query(r, `SELECT `+officers.cols("o")+` FROM officers o WHERE o.ref = ANY($1)`, set(r, refs))
	if err != nil {
		return nil, err
	}
	m := make(map[comity.OfficerRef]storage.SeenOfficer, len(all))
	for _, o := range all {
		m[o.Ref] = o
	}
	return m, nil
}

func (w *writer) SeeOfficer(o storage.SeenOfficer) error {
	_, err := w.exec(`INSERT INTO officers (ref, state, agency, role, function, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (ref) DO UPDATE SET agency = excluded.agency, role = excluded.role, function = excluded.function, seen_at = excluded.seen_at`,
		o.Ref, o.State, o.Agency, o.Role, o.Function, micros(o.SeenAt))
	if err != nil {
		return fmt.Errorf("keep an officer: %w", err)
	}
	return nil
}
