package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ErasureView is an erasure with its words; "" while the state's keys cannot be reached.
type ErasureView struct {
	comity.Erasure
	Reason    string
	Statement string
}

// maxErasures is how far back the erasures of a state are read.
const maxErasures = 100

// Erasures lists the erasures of the own state's openings, newest first, for whoever
// may read the record of acts.
func (r *Reader) Erasures() ([]ErasureView, error) {
	if err := r.office(sovereignty.LogRead, "log", comity.KindLeaf); err != nil {
		return nil, err
	}
	r.lists = true
	rows, err := r.tx.Erasures(r.who.Officer.State, maxErasures)
	if err != nil {
		return nil, err
	}
	return r.showErasures(rows)
}

// ErasuresByID finds them.
func (r *Reader) ErasuresByID(ids []comity.ID) (map[comity.ID]*ErasureView, error) {
	if err := r.office(sovereignty.LogRead, "log", comity.KindLeaf); err != nil {
		return nil, err
	}
	found, err := r.tx.ErasuresByID(r.who.Officer.State, ids)
	if err != nil {
		return nil, err
	}
	var rows []storage.Erasure
	for _, id := range ids {
		if row, ok := found[id]; ok {
			rows = append(rows, row)
		}
	}
	views, err := r.showErasures(rows)
	all := make(map[comity.ID]*ErasureView, len(views))
	for i := range views {
		all[views[i].ID] = &views[i]
	}
	return all, err
}

func (r *Reader) showErasures(rows []storage.Erasure) ([]ErasureView, error) {
	ids := make([]comity.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return nil, err
	}
	refs := make([]keyRef, len(rows))
	for i, row := range rows {
		refs[i] = keyRef{row.ID, row.State, wrapped[row.ID][row.State]}
	}
	keys, err := r.reachable(refs)
	if err != nil {
		return nil, err
	}
	views := make([]ErasureView, len(rows))
	for i, row := range rows {
		views[i].Erasure = row.Erasure
		r.note(audit.Record{ID: string(row.ID), Level: string(sovereignty.AccessOwn)}, row.State)
		key, ok := keys[refs[i]]
		if !ok {
			continue
		}
		text, err := wordsOf[erasureText](r, &key, row.ID, row.State, bindErasure(row.Erasure), row.Sealed)
		if err != nil {
			return nil, err
		}
		if text != nil {
			views[i].Reason, views[i].Statement = text.Reason, text.Statement
		}
	}
	return views, nil
}
