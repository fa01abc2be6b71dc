package sqldb

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var assessments = newTable("assessments", "id case_id state officer function category finding created_at sealed",
	func(a *storage.Assessment) []any {
		return []any{&a.ID, &a.Case, &a.State, &a.Officer, &a.Function, &a.Category, &a.Character, instant(&a.CreatedAt), blob(&a.Sealed)}
	})

var objections = newTable("objections", "id grant_id case_id state to_state officer function ground created_at statement",
	func(o *comity.Objection) []any {
		return []any{&o.ID, &o.Grant, &o.Case, &o.State, &o.To, &o.Officer, &o.Function, &o.Ground, instant(&o.CreatedAt), &o.Statement}
	})

func (r *reader) Assessments(ids []comity.ID) (map[comity.ID][]storage.Assessment, error) {
	all, err := assessments.query(r, `SELECT `+assessments.cols("a")+` FROM assessments a WHERE a.case_id = ANY($1) ORDER BY a.created_at, a.id`, set(r, ids))
	return group(all, func(a storage.Assessment) comity.ID { return a.Case }), err
}

func (r *reader) Objections(ids []comity.ID) (map[comity.ID][]comity.Objection, error) {
	all, err := objections.query(r, `SELECT `+objections.cols("o")+` FROM objections o WHERE o.grant_id = ANY($1) ORDER BY o.created_at, o.id`, set(r, ids))
	return group(all, func(o comity.Objection) comity.ID { return o.Grant }), err
}

func (w *writer) InsertAssessment(a storage.Assessment) error { return assessments.insert(w, a) }
func (w *writer) InsertObjection(o comity.Objection) error    { return objections.insert(w, o) }
