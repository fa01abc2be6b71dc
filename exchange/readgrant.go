package exchange

import (
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Grants reads grants: the originator's officers see them whole, the grantee's
// while they are live; of an ended one only that it ended.
func (r *Reader) Grants(ids []comity.ID) (map[comity.ID]*comity.Grant, error) {
	found, err := r.tx.Grants(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]*comity.Grant{}
	for _, id := range ids {
		g, ok := found[id]
		if ok {
			if shown := r.showGrant(g); shown != nil {
				out[id] = shown
				continue
			}
		}
		r.note(audit.Record{ID: string(id)}, "")
	}
	return out, nil
}

// ListGrants lists grants, newest first.
func (r *Reader) ListGrants(f storage.GrantFilter, first int, after string) (Page[*comity.Grant], error) {
	if err := r.checkGrants(f); err != nil {
		return Page[*comity.Grant]{}, err
	}
	p, binding, err := r.page("grants", f, first, after)
	if err != nil {
		return Page[*comity.Grant]{}, err
	}
	r.lists = true
	found, err := r.tx.ListGrants(r.viewer(), f, p)
	if err != nil {
		return Page[*comity.Grant]{}, err
	}
	var disagree bool
	page := cut(r, found, p.Limit, binding, func(g comity.Grant) storage.Key { return place(g.CreatedAt, g.ID) },
		func(g comity.Grant) *comity.Grant {
			shown := r.showGrant(g)
			disagree = disagree || shown == nil
			return shown
		})
	if disagree {
		r.incident("grants", r.who.Officer.State, errors.New("the list and the policies disagree"))
		return Page[*comity.Grant]{}, errors.New("exchange: the list of grants and the policies disagree")
	}
	page.Count = func() (int, error) { return r.tx.CountGrants(r.viewer(), f, maxCount) }
	return page, nil
}

func (r *Reader) showGrant(g comity.Grant) *comity.Grant {
	d := r.decide(sovereignty.Question{Action: sovereignty.GrantRead,
		Record:        sovereignty.Record{State: g.State, Kind: comity.KindGrant, Assigned: g.State == r.who.Officer.State},
		Circumstances: sovereignty.Circumstances{Visible: true, Grant: sovereignty.GrantFacts{Present: g.Grantee.Covers(r.who.Officer)}}})
	if !d.Permit {
		return nil
	}
	level := sovereignty.AccessOwn
	if g.State != r.who.Officer.State {
		level = sovereignty.AccessFull
		if !g.Live(r.now) && !(g.Status == comity.GrantActive && r.now.Before(g.NotBefore)) {
			g, level = endedGrant(g), sovereignty.AccessEnded
		}
	}
	r.note(audit.Record{ID: string(g.ID), Level: string(level), Grant: g.ID, Purpose: g.Purpose}, g.State)
	return &g
}

// Releases reads the release decisions on own cases.
func (r *Reader) Releases(cases []*CaseView) (map[comity.ID][]comity.Release, error) {
	var ids []comity.ID
	for _, c := range cases {
		if c.Own {
			ids = append(ids, c.ID)
		}
	}
	return r.tx.Releases(ids)
}

// Mandates reads the mandates of the officer's own state, newest first.
func (r *Reader) Mandates() ([]comity.Mandate, error) {
	if err := r.office(sovereignty.MandateRead, "mandates", comity.KindMandate); err != nil {
		return nil, err
	}
	r.lists = true
	return r.tx.Mandates(r.who.Officer.State)
}

// Erased is what the leaf of an erasure says to have erased.
type Erased = verify.Erased

// LogView is a leaf as the officer's state reads it.
type LogView struct {
	storage.LogEntry
	Content audit.Content
}

// Log reads what concerns the officer's state in the record of acts, newest
// first. Reading it leaves no leaf of its own, being denied it does. Of an
// opening that is not of its leaf the view says so, and nothing that it claims.
func (r *Reader) Log(f storage.LogFilter, first int, after string) (Page[LogView], error) {
	if err := checkLog(f); err != nil {
		return Page[LogView]{}, err
	}
	p, binding, err := r.page("log", f, first, after)
	if err != nil {
		return Page[LogView]{}, err
	}
	if err := r.office(sovereignty.LogRead, "log", comity.KindLeaf); err != nil {
		return Page[LogView]{}, err
	}
	found, err := r.tx.Log(r.who.Officer.State, f, p)
	if err != nil {
		return Page[LogView]{}, err
	}
	page := cut(r, found, p.Limit, binding, func(e storage.LogEntry) storage.Key { return place(e.Leaf.At, e.Leaf.ID) },
		func(e storage.LogEntry) LogView {
			by, err := audit.ErasedBy(e)
			if by != "" {
				return LogView{e, audit.Content{Outcome: audit.Erased, At: e.Leaf.At}}
			}
			var c audit.Content
			if err == nil {
				c, err = audit.Open(e)
			}
			if err != nil { // shown as it lies there, so that the state sees for itself which one it is
				r.incident(string(e.Leaf.ID), r.who.Officer.State, err)
				c = audit.Content{Outcome: audit.Unverified, At: e.Leaf.At}
			}
			return LogView{e, c}
		})
	return page, nil
}
