package sqldb

import (
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var requests = newTable("requests", `id state agency officer to_state routed_to kind urgency category purpose status ground tlp pap
	handling version created_at updated_at due_at postponed_to refusal sealed sealed_to onward_to onward_grant`,
	func(r *storage.Request) []any {
		return []any{&r.ID, &r.State, &r.Agency, &r.Officer, &r.To, &r.RoutedTo, &r.Kind, &r.Urgency, &r.Category, &r.Purpose,
			&r.Status, &r.Ground, &r.Marking.TLP, &r.Marking.PAP, &r.Marking.Handling, &r.Version, instant(&r.CreatedAt),
			instant(&r.UpdatedAt), instant(&r.DueAt), instant(&r.PostponedTo), &r.Refusal, blob(&r.Sealed), blob(&r.SealedTo),
			&r.OnwardTo, &r.Grant}
	})

var messages = newTable("messages", "id request_id state author function created_at sealed",
	func(m *storage.Message) []any {
		return []any{&m.ID, &m.Request, &m.State, &m.Author, &m.Function, instant(&m.CreatedAt), blob(&m.Sealed)}
	})

var refusals = newTable("refusals", "id request_id state ground statement created_at",
	func(r *comity.Refusal) []any {
		return []any{&r.ID, &r.Request, &r.State, &r.Ground, &r.Statement, instant(&r.CreatedAt)}
	})

// office reports whether the officer acts for the state as a whole, so that
// what is put to or by the state concerns it.
func office(o comity.Officer) bool {
	return o.Role == comity.RoleLiaison || o.Role == comity.RoleAuthority || o.Role == comity.RoleAuditor
}

// sides are the conditions, each on an index of its own, under which a request
// r concerns the viewer: put by, and put to.
func sides(o comity.Officer, a *args) (out, in string) {
	if o.Role == comity.RoleAuditor { // who reads the record of acts and grants
		return "1 = 0", "1 = 0"
	}
	out = "r.state = " + a.add(o.State)
	in = "r.to_state = " + a.add(o.State)
	if !office(o) {
		out += " AND r.officer = " + a.add(o.Ref())
		in += " AND r.routed_to <> '' AND r.routed_to = " + a.add(o.Agency)
	}
	return out, in
}

func (r *reader) Requests(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.Request, error) {
	var a args
	out, in := sides(v.Officer, &a)
	all, err := requests.query(r, `SELECT `+requests.cols("r")+` FROM requests r WHERE (`+out+` OR `+in+`) AND r.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]storage.Request, len(all))
	for _, q := range all {
		m[q.ID] = q
	}
	return m, nil
}

func (r *reader) ListRequests(v storage.Viewer, f storage.RequestFilter, p storage.Page) ([]storage.Request, error) {
	page, a := requestPage(v, f, p)
	return requests.query(r, `SELECT `+requests.cols("r")+` FROM (`+page+`) m JOIN requests r ON r.id = m.id`+requestOrder(f, "m."), a...)
}

func (r *reader) CountRequests(v storage.Viewer, f storage.RequestFilter, max int) (int, error) {
	page, a := requestPage(v, f, storage.Page{Limit: max})
	var n int
	if err := r.scanOne(`SELECT count(*) FROM (`+page+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count requests: %w", err)
	}
	return n, nil
}

// answered are the statuses in which the asked state has answered for good, and
// waiting those in which it is on it to answer, see [comity.Request.Overdue].
const (
	answered = `('EXECUTED', 'EXECUTED_IN_PART', 'NOTHING_HELD', 'REFUSED', 'CLOSED')`
	waits    = `('SENT', 'RECEIVED', 'ACKNOWLEDGED', 'FORWARDED')`
)

// requestOrder is the order of a list of requests, of the columns of prefix.
func requestOrder(f storage.RequestFilter, prefix string) string {
	if f.ByDue {
		return ` ORDER BY ` + prefix + `due_at, ` + prefix + `id`
	}
	return ` ORDER BY ` + prefix + `updated_at DESC, ` + prefix + `id DESC`
}

// requestPage selects place and id of a page of requests: one bounded index
// scan for each side, merged.
func requestPage(v storage.Viewer, f storage.RequestFilter, p storage.Page) (string, args) {
	var a args
	out, in := sides(v.Officer, &a)
	column, cond := "updated_at", ""
	if f.ByDue {
		column = "due_at"
		cond = ` AND (r.due_at, r.id) > (` + a.add(micros(p.After.At)) + `, ` + a.add(p.After.ID) + `)`
	} else {
		afterAt, afterID := before(p.After)
		cond = ` AND (r.updated_at, r.id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `)`
	}
	for _, c := range []struct{ column, value string }{{"status", string(f.Status)}, {"kind", string(f.Kind)}, {"urgency", string(f.Urgency)}} {
		if c.value != "" {
			cond += ` AND r.` + c.column + ` = ` + a.add(c.value)
		}
	}
	if f.Open {
		cond += ` AND r.status NOT IN ` + answered
	}
	if f.Overdue {
		now := a.add(micros(v.At))
		cond += ` AND (r.status IN ` + waits + ` AND r.due_at < ` + now + ` OR r.status = 'POSTPONED' AND r.postponed_to < ` + now + `)`
	}
	if f.Escalated {
		out += " AND 1 = 0"
		in += ` AND r.urgency = 'URGENT' AND r.status IN ('SENT', 'RECEIVED') AND r.created_at + (r.due_at - r.created_at) / 4 <= ` + a.add(micros(v.At))
	}
	if f.State != "" {
		out += ` AND r.to_state = ` + a.add(f.State)
		in += ` AND r.state = ` + a.add(f.State)
	}
	if f.Incoming {
		out += " AND 1 = 0"
	}
	if f.Outgoing {
		in += " AND 1 = 0"
	}
	limit := ` LIMIT ` + a.add(max(p.Limit, 0))
	var branches []string
	for _, side := range []string{out, in} {
		branches = append(branches, `SELECT * FROM (SELECT r.`+column+`, r.id FROM requests r WHERE `+side+cond+requestOrder(f, "r.")+limit+`) b`)
	}
	return `SELECT * FROM (` + strings.Join(branches, " UNION ") + `) u` + requestOrder(f, "") + limit, a
}

func (r *reader) Messages(ids []comity.ID, p storage.Page) (map[comity.ID][]storage.Message, error) {
	return messages.children(r, "request_id", func(m storage.Message) comity.ID { return m.Request }, ids, p, "")
}

func (r *reader) MessagesByID(ids []comity.ID) (map[comity.ID]storage.Message, error) {
	return messages.byID(r, ids, func(m storage.Message) comity.ID { return m.ID })
}

func (r *reader) Refusals(ids []comity.ID) (map[comity.ID]comity.Refusal, error) {
	return refusals.byID(r, ids, func(f comity.Refusal) comity.ID { return f.ID })
}

func (w *writer) InsertRequest(r storage.Request, wrappedKey string) error {
	if err := requests.insert(w, r); err != nil {
		return err
	}
	return w.InsertRecordKey(r.ID, r.State, wrappedKey)
}

func (w *writer) LockRequest(id comity.ID) (storage.Request, error) {
	return requests.one(w.reader, `SELECT `+requests.cols("r")+` FROM requests r WHERE r.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) UpdateRequest(r storage.Request, expected int) error {
	was, err := w.LockRequest(r.ID)
	if err != nil {
		return err
	}
	if was.Version != expected || r.Version != expected && r.Version != expected+1 {
		return storage.ErrConflict
	}
	_, err = w.exec(`UPDATE requests SET routed_to = $2, urgency = $3, status = $4, ground = $5, tlp = $6, pap = $7, handling = $8,
		version = $9, updated_at = $10, due_at = $11, postponed_to = $12, refusal = $13, sealed = $14, sealed_to = $15 WHERE id = $1`,
		r.ID, r.RoutedTo, r.Urgency, r.Status, r.Ground, r.Marking.TLP, r.Marking.PAP, r.Marking.Handling, r.Version,
		instant(&r.UpdatedAt), instant(&r.DueAt), instant(&r.PostponedTo), r.Refusal, blob(&r.Sealed), blob(&r.SealedTo))
	if err != nil {
		return fmt.Errorf("update request: %w", err)
	}
	return nil
}

func (w *writer) InsertMessage(m storage.Message) error { return messages.insert(w, m) }
func (w *writer) InsertRefusal(f comity.Refusal) error  { return refusals.insert(w, f) }
