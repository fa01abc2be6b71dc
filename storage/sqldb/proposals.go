package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var proposals = newTable("proposals", `id state act kind role record_id target_id officer function status decided_by decided_at created_at
	lapses_at sealed declined`,
	func(p *storage.Proposal) []any {
		return []any{&p.ID, &p.State, &p.Act, &p.Kind, &p.Role, &p.Record, &p.Target, &p.Officer, &p.Function, &p.Status, &p.DecidedBy,
			instant(&p.DecidedAt), instant(&p.CreatedAt), instant(&p.LapsesAt), blob(&p.Sealed), blob(&p.Declined)}
	})

// concerns holds for a proposal p that concerns the viewer.
func concerns(o comity.Officer, a *args) string {
	return `p.state = ` + a.add(o.State) + ` AND p.role = ` + a.add(o.Role)
}

func (r *reader) Proposals(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.Proposal, error) {
	var a args
	all, err := proposals.query(r, `SELECT `+proposals.cols("p")+` FROM proposals p WHERE `+concerns(v.Officer, &a)+` AND p.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]storage.Proposal, len(all))
	for _, p := range all {
		m[p.ID] = p
	}
	return m, nil
}

// proposalsWhere are the proposals of a list.
func proposalsWhere(v storage.Viewer, f storage.ProposalFilter, a *args) string {
	where := concerns(v.Officer, a)
	if f.Record != "" {
		where += ` AND p.record_id = ` + a.add(f.Record)
	}
	switch f.Status {
	case "":
	case comity.ProposalProposed:
		where += ` AND p.status = 'PROPOSED' AND p.lapses_at > ` + a.add(micros(v.At))
	case comity.ProposalLapsed:
		where += ` AND p.status = 'PROPOSED' AND p.lapses_at <= ` + a.add(micros(v.At))
	default:
		where += ` AND p.status = ` + a.add(f.Status)
	}
	return where
}

func (r *reader) ListProposals(v storage.Viewer, f storage.ProposalFilter, p storage.Page) ([]storage.Proposal, error) {
	var a args
	where := proposalsWhere(v, f, &a)
	at, id := before(p.After)
	return proposals.query(r, `SELECT `+proposals.cols("p")+` FROM proposals p WHERE `+where+` AND (p.created_at, p.id) < (`+a.add(at)+`, `+a.add(id)+`)
		ORDER BY p.created_at DESC, p.id DESC LIMIT `+a.add(max(p.Limit, 0)), a...)
}

func (r *reader) CountProposals(v storage.Viewer, f storage.ProposalFilter, max int) (int, error) {
	var a args
	where := proposalsWhere(v, f, &a)
	var n int
	if err := r.scanOne(`SELECT count(*) FROM (SELECT 1 FROM proposals p WHERE `+where+` LIMIT `+a.add(max)+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count proposals: %w", err)
	}
	return n, nil
}

func (w *writer) InsertProposal(p storage.Proposal) error { return proposals.insert(w, p) }

func (w *writer) LockProposal(id comity.ID) (storage.Proposal, error) {
	return proposals.one(w.reader, `SELECT `+proposals.cols("p")+` FROM proposals p WHERE p.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) DecideProposal(id comity.ID, s comity.ProposalStatus, by comity.OfficerRef, at time.Time, declined []byte) error {
	return w.conflict("decide proposal", `UPDATE proposals SET status = $2, decided_by = $3, decided_at = $4, declined = $5 WHERE id = $1 AND status = 'PROPOSED'`,
		id, s, by, micros(at), blob(&declined))
}
