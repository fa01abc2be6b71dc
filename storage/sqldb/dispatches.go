package sqldb

import (
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

const dispatchColumns = `id kind state to_state agency officer function case_id record_id grant_id form category tlp pap handling status
	version through created_at due_at answered_by answered_at answer sealed answered`

func dispatchFields(d *storage.Dispatch) []any {
	return []any{&d.ID, &d.Kind, &d.State, &d.To, &d.Agency, &d.Officer, &d.Function, &d.Case, &d.Record, &d.Grant, &d.Form, &d.Category,
		&d.Marking.TLP, &d.Marking.PAP, &d.Marking.Handling, &d.Status, &d.Version, &d.Through, instant(&d.CreatedAt), instant(&d.DueAt),
		&d.AnsweredBy, instant(&d.AnsweredAt), &d.Answer, blob(&d.Sealed), blob(&d.Answered)}
}

var dispatches = newTable("dispatches", dispatchColumns, dispatchFields)

// dispatchViews are dispatches as [found] gives them.
var dispatchViews = newTable("dispatches", dispatchColumns+" assigned reader shown", func(v *storage.DispatchView) []any {
	return append(dispatchFields(&v.Dispatch), &v.Assigned, &v.Reader, &v.Shown)
})

var deliveries = newTable("deliveries", "notice state to_state status delivered_at due_at answered_by answered_at answered",
	func(d *storage.Delivery) []any {
		return []any{&d.Notice, &d.State, &d.To, &d.Status, instant(&d.DeliveredAt), instant(&d.DueAt), &d.AnsweredBy,
			instant(&d.AnsweredAt), blob(&d.Answered)}
	})

const disclosureColumns = "record_id officer version state agency origin case_id grant_id at"

func disclosureFields(d *comity.DisclosureRecord) []any {
	return []any{&d.Record, &d.Officer, &d.Version, &d.State, &d.Agency, &d.Origin, &d.Case, &d.Grant, instant(&d.At)}
}

var disclosures = newTable("disclosures", disclosureColumns, disclosureFields)

// disclosed is what was shown of the record of a notice.
type disclosed struct {
	notice comity.ID
	comity.DisclosureRecord
}

var disclosedOf = newTable("disclosures", "notice "+disclosureColumns, func(d *disclosed) []any {
	return append([]any{&d.notice}, disclosureFields(&d.DisclosureRecord)...)
})

// affected holds for what was shown, x, of a version that a notice n is about.
// A version that is not counted is taken for affected.
const affected = `x.record_id = n.record_id AND (n.through = 0 OR x.version <= n.through)`

// How a dispatch d concerns the viewer; $1 to $5 are those of [assigned] and [open].
const (
	dispatchAssigned = `EXISTS (SELECT 1 FROM assignments a WHERE a.case_id = d.case_id AND a.viewer = ANY($4))`
	dispatchReader   = `(d.kind = 'NOTICE' AND EXISTS (SELECT 1 FROM disclosures x WHERE x.record_id = d.record_id AND x.officer = $3
		AND (d.through = 0 OR x.version <= d.through)))`
	// What is accepted goes no further than its author's marking lets it. What is of
	// an exhibit, or of a person whom full scope leaves out, is for those to whom that
	// is granted by name, who are not told by scope alone. Such a person is hidden
	// from the others by row-level security too, so that it is asked which are open,
	// and not which are not.
	dispatchShown = `(d.kind = 'ANNOTATION' AND d.status = 'ACCEPTED' AND d.tlp NOT IN ('RED', 'AMBER_STRICT') AND d.handling NOT IN ('H2', 'H3')
		AND d.record_id NOT LIKE 'evidence%' AND (d.record_id NOT LIKE 'subject%'
			OR EXISTS (SELECT 1 FROM subjects s WHERE s.id = d.record_id AND NOT s.protected AND s.tlp <> 'RED')) AND EXISTS
		(SELECT 1 FROM grants g JOIN cases c ON c.id = g.case_id WHERE g.case_id = d.case_id AND g.state = c.state AND NOT c.reserved AND g.scope = 'FULL' AND ` + open + `))`
	dispatchReached = `EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = d.id AND y.to_state = $1)`
)

// concerned are the arguments $1 to $5 and the condition under which a dispatch
// d concerns the viewer; with shown also what is shown with a case abroad.
func (r *reader) concerned(v storage.Viewer, shown bool) (string, args) {
	a := viewerArgs(v)
	a.add(set(r, storage.ViewerKeys(v.Officer)))
	a.add(micros(v.At))
	if v.Officer.Role == comity.RoleAuditor { // who reads the record of acts and grants
		return "1 = 0", a
	}
	all := "1 = 0"
	if office(v.Officer) {
		all = "1 = 1"
	}
	cond := `(d.kind <> 'NOTICE' AND d.state = $1 AND (` + all + ` OR d.officer = $3)
		OR d.to_state = $1 AND (d.kind IN ('REFERRAL', 'UNDERTAKING', 'COMPELLED') AND ` + all + ` OR d.kind IN ('ANNOTATION', 'COMPELLED') AND ` + dispatchAssigned + `)
		OR d.kind = 'NOTICE' AND d.state = $1 AND ` + dispatchAssigned + `
		OR d.kind = 'NOTICE' AND d.state <> $1 AND ` + dispatchReached + ` AND (` + all + ` OR ` + dispatchReader + `)`
	if shown {
		cond += ` OR ` + dispatchShown
	}
	return cond + `)`, a
}

// found gives the rows of dispatches d under a condition as the viewer finds them.
func (r *reader) found(v storage.Viewer, cond, order string, a args) ([]storage.DispatchView, error) {
	views, err := dispatchViews.query(r, `SELECT `+dispatchViews.cols("d")+` FROM (SELECT d.*, `+dispatchAssigned+` AS assigned, `+dispatchReader+` AS reader, `+
		dispatchShown+` AS shown FROM dispatches d WHERE `+cond+`) d`+order, a...)
	if err != nil {
		return nil, err
	}
	ids := make([]comity.ID, len(views))
	for i, d := range views {
		ids[i] = d.ID
	}
	reached, err := deliveries.query(r, `SELECT `+deliveries.cols("y")+` FROM deliveries y WHERE y.notice = ANY($1) AND y.to_state = $2`, set(r, ids), v.Officer.State)
	if err != nil {
		return nil, err
	}
	for i := range views {
		for j := range reached {
			if reached[j].Notice == views[i].ID {
				views[i].Delivery = &reached[j]
			}
		}
	}
	return views, nil
}

func (r *reader) Dispatches(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.DispatchView, error) {
	cond, a := r.concerned(v, false)
	views, err := r.found(v, cond+` AND d.id = ANY(`+a.add(set(r, ids))+`)`, "", a)
	m := make(map[comity.ID]storage.DispatchView, len(views))
	for _, d := range views {
		m[d.ID] = d
	}
	return m, err
}

// dispatchesWhere is the condition of a list.
func (r *reader) dispatchesWhere(v storage.Viewer, f storage.DispatchFilter) (string, args) {
	cond, a := r.concerned(v, f.Shown)
	cond += ` AND d.kind = ` + a.add(f.Kind)
	if f.Case != "" {
		cond += ` AND d.case_id = ` + a.add(f.Case)
		if f.Kind == comity.DispatchReferral { // whose case is known where it is the own one
			cond += ` AND d.state = $1`
		}
	}
	if f.Record != "" {
		cond += ` AND d.record_id = ` + a.add(f.Record)
	}
	if f.Made {
		cond += ` AND d.state = $1`
	}
	if f.Received {
		cond += ` AND d.state <> $1`
	}
	if f.State != "" {
		other := a.add(f.State)
		cond += ` AND (d.state = ` + other + ` AND d.state <> $1 OR d.to_state = ` + other + ` AND d.state = $1
			OR d.kind = 'NOTICE' AND d.state = $1 AND EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = d.id AND y.to_state = ` + other + `))`
	}
	if f.Open {
		cond += ` AND (d.kind <> 'NOTICE' AND d.status = 'OPEN' AND (d.kind = 'ANNOTATION' OR d.due_at > $5)
			OR EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = d.id AND (y.to_state = $1 OR d.state = $1) AND y.status = 'OPEN'))`
	}
	if f.Overdue {
		cond += ` AND EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = d.id AND (y.to_state = $1 OR d.state = $1) AND y.status = 'OPEN' AND y.due_at < $5)`
	}
	return cond, a
}

func (r *reader) ListDispatches(v storage.Viewer, f storage.DispatchFilter, p storage.Page) ([]storage.DispatchView, error) {
	cond, a := r.dispatchesWhere(v, f)
	at, id := before(p.After)
	cond += ` AND (d.created_at, d.id) < (` + a.add(at) + `, ` + a.add(id) + `) ORDER BY d.created_at DESC, d.id DESC LIMIT ` + a.add(max(p.Limit, 0))
	return r.found(v, cond, ` ORDER BY d.created_at DESC, d.id DESC`, a)
}

func (r *reader) CountDispatches(v storage.Viewer, f storage.DispatchFilter, max int) (int, error) {
	cond, a := r.dispatchesWhere(v, f)
	var n int
	if err := r.scanOne(`SELECT count(*) FROM (SELECT d.id, `+dispatchShown+` AS shown FROM dispatches d WHERE `+cond+` LIMIT `+a.add(max)+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count dispatches: %w", err)
	}
	return n, nil
}

func (r *reader) Deliveries(v storage.Viewer, notices []comity.ID) (map[comity.ID][]storage.Delivery, error) {
	all, err := deliveries.query(r, `SELECT `+deliveries.cols("y")+` FROM deliveries y WHERE y.state = $1 AND y.notice = ANY($2) ORDER BY y.to_state`,
		v.Officer.State, set(r, notices))
	return group(all, func(d storage.Delivery) comity.ID { return d.Notice }), err
}

func (r *reader) Disclosed(s comity.State, notices []comity.ID) (map[comity.ID][]comity.DisclosureRecord, error) {
	all, err := disclosedOf.query(r, `SELECT `+disclosedOf.cols("d")+` FROM (SELECT n.id AS notice, x.* FROM dispatches n JOIN disclosures x ON `+affected+`
		WHERE n.kind = 'NOTICE' AND n.id = ANY($1) AND x.state = $2) d ORDER BY d.at, d.officer, d.version`, set(r, notices), s)
	m := map[comity.ID][]comity.DisclosureRecord{}
	for _, d := range all {
		m[d.notice] = append(m[d.notice], d.DisclosureRecord)
	}
	return m, err
}

func (w *writer) InsertDispatch(d storage.Dispatch, wrappedKey string) error {
	if err := dispatches.insert(w, d); err != nil {
		return err
	}
	return w.InsertRecordKey(d.ID, d.State, wrappedKey)
}

func (w *writer) LockDispatch(id comity.ID) (storage.Dispatch, error) {
	return dispatches.one(w.reader, `SELECT `+dispatches.cols("d")+` FROM dispatches d WHERE d.id = $1 FOR NO KEY UPDATE`, id)
}

// conflict is nil when a statement changed a row.
func (w *writer) conflict(what, text string, args ...any) error {
	err := w.changed(what, text, args...)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.ErrConflict
	}
	return err
}

func (w *writer) ChangeReferral(d storage.Dispatch) error {
	return w.conflict("change a referral", `UPDATE dispatches SET category = $2, tlp = $3, pap = $4, handling = $5, due_at = $6, version = $7, sealed = $8
		WHERE id = $1 AND kind = 'REFERRAL' AND status = 'OPEN' AND version = $9`,
		d.ID, d.Category, d.Marking.TLP, d.Marking.PAP, d.Marking.Handling, instant(&d.DueAt), d.Version, blob(&d.Sealed), d.Version-1)
}

func (w *writer) AnswerDispatch(d storage.Dispatch) error {
	return w.conflict("answer a dispatch", `UPDATE dispatches SET status = $2, answered_by = $3, answered_at = $4, answer = $5, answered = $6
		WHERE id = $1 AND status = 'OPEN'`, d.ID, d.Status, d.AnsweredBy, instant(&d.AnsweredAt), d.Answer, blob(&d.Answered))
}

func (w *writer) Deliver(notice comity.ID, at, due time.Time) (to []comity.State, err error) {
	n, err := w.LockDispatch(notice)
	if err != nil {
		return nil, err
	}
	readers, err := states.query(w.reader, `SELECT `+states.cols("d")+` FROM (SELECT DISTINCT x.state FROM dispatches n JOIN disclosures x ON `+affected+`
		WHERE n.id = $1) d ORDER BY d.state`, notice)
	if err != nil {
		return nil, err
	}
	for _, s := range readers {
		switch err := w.deliver(n, s.state, at, due); {
		case err == nil:
			to = append(to, s.state)
		case !errors.Is(err, storage.ErrExists):
			return nil, err
		}
	}
	return to, nil
}

type ofState struct{ state comity.State }

var states = newTable("states", "state", func(s *ofState) []any { return []any{&s.state} })

func (w *writer) deliver(n storage.Dispatch, to comity.State, at, due time.Time) error {
	return deliveries.insert(w, storage.Delivery{Delivery: comity.Delivery{Notice: n.ID, State: n.State, To: to, Status: comity.DispatchOpen,
		DeliveredAt: at, DueAt: due}})
}

func (w *writer) AnswerDelivery(d storage.Delivery) error {
	return w.conflict("answer a notice", `UPDATE deliveries SET status = $3, answered_by = $4, answered_at = $5, answered = $6
		WHERE notice = $1 AND to_state = $2 AND status = 'OPEN'`, d.Notice, d.To, d.Status, d.AnsweredBy, instant(&d.AnsweredAt), blob(&d.Answered))
}

// reading is one version as one officer was shown it.
type reading struct {
	record  comity.ID
	officer comity.OfficerRef
	version int
}

// Disclose locks the cases of what is new, as a notice does: of two that come at
// once either the notice finds the reader, or the reader finds the notice.
func (w *writer) Disclose(all []comity.DisclosureRecord) error {
	if len(all) == 0 {
		return nil
	}
	records := make([]comity.ID, len(all))
	for i, d := range all {
		records[i] = d.Record
	}
	known, err := disclosures.query(w.reader, `SELECT `+disclosures.cols("x")+` FROM disclosures x WHERE x.officer = $1 AND x.record_id = ANY($2)`,
		all[0].Officer, set(w.reader, records))
	if err != nil {
		return err
	}
	was := map[reading]bool{}
	for _, d := range known {
		was[reading{d.Record, d.Officer, d.Version}] = true
	}
	var anew []comity.DisclosureRecord
	var of, about []comity.ID
	for _, d := range all {
		if r := (reading{d.Record, d.Officer, d.Version}); !was[r] {
			was[r] = true
			anew, of, about = append(anew, d), append(of, d.Case), append(about, d.Record)
		}
	}
	if len(anew) == 0 {
		return nil
	}
	if _, err := cases.query(w.reader, `SELECT `+cases.cols("c")+` FROM cases c WHERE c.id = ANY($1) ORDER BY c.id FOR NO KEY UPDATE`, set(w.reader, of)); err != nil {
		return err
	}
	for _, d := range anew {
		if err := disclosures.insert(w, d); err != nil && !errors.Is(err, storage.ErrExists) {
			return err
		}
	}
	notices, err := dispatches.query(w.reader, `SELECT `+dispatches.cols("n")+` FROM dispatches n WHERE n.kind = 'NOTICE' AND n.record_id = ANY($1) ORDER BY n.id`, set(w.reader, about))
	if err != nil {
		return err
	}
	for _, n := range notices {
		for _, d := range anew {
			if d.Record != n.Record || n.Through != 0 && d.Version > n.Through {
				continue
			}
			if err := w.deliver(n, d.State, d.At, d.At.Add(n.DueAt.Sub(n.CreatedAt))); err != nil && !errors.Is(err, storage.ErrExists) {
				return err
			}
		}
	}
	return nil
}
