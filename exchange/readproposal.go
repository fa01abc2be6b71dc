package exchange

import (
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ProposalView is a proposal as an officer of its state and role sees it.
type ProposalView struct {
	comity.Proposal
	// Text is what the second officer would sign; nil while the state's keys
	// cannot be reached, or when its case was withdrawn.
	Text *comity.ProposalText
	// Reason is why it was declined, "" when it was not.
	Reason string
}

// Proposals reads proposals of the own state that wait, or waited, for officers
// in the reader's role.
func (r *Reader) Proposals(ids []comity.ID) (map[comity.ID]*ProposalView, error) {
	if err := r.office(sovereignty.ProposalRead, "proposals", comity.KindProposal); err != nil {
		return nil, err
	}
	found, err := r.tx.Proposals(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	var rows []storage.Proposal
	for _, id := range ids {
		if row, ok := found[id]; ok {
			rows = append(rows, row)
		} else {
			r.note(audit.Record{ID: string(id)}, "")
		}
	}
	views, err := r.showProposals(rows)
	out := map[comity.ID]*ProposalView{}
	for _, v := range views {
		out[v.ID] = v
	}
	return out, err
}

// ListProposals lists them, newest first.
func (r *Reader) ListProposals(f storage.ProposalFilter, first int, after string) (Page[*ProposalView], error) {
	p, binding, err := r.page("proposals", f, first, after)
	if err != nil {
		return Page[*ProposalView]{}, err
	}
	if !slices.Contains([]comity.ProposalStatus{"", comity.ProposalProposed, comity.ProposalApproved, comity.ProposalDeclined, comity.ProposalLapsed}, f.Status) {
		return Page[*ProposalView]{}, comity.Invalid("status", "the statuses are PROPOSED, APPROVED, DECLINED and LAPSED")
	}
	if err := r.office(sovereignty.ProposalRead, "proposals", comity.KindProposal); err != nil {
		return Page[*ProposalView]{}, err
	}
	r.lists = true
	found, err := r.tx.ListProposals(r.viewer(), f, p)
	if err != nil {
		return Page[*ProposalView]{}, err
	}
	views, err := r.showProposals(found[:min(len(found), first)])
	if err != nil {
		return Page[*ProposalView]{}, err
	}
	shown := map[comity.ID]*ProposalView{}
	for _, v := range views {
		shown[v.ID] = v
	}
	page := cut(r, found, p.Limit, binding, func(p storage.Proposal) storage.Key { return place(p.CreatedAt, p.ID) },
		func(p storage.Proposal) *ProposalView { return shown[p.ID] })
	page.Count = func() (int, error) { return r.tx.CountProposals(r.viewer(), f, maxCount) }
	return page, nil
}

func (r *Reader) showProposals(rows []storage.Proposal) ([]*ProposalView, error) {
	own := r.who.Officer.State
	records := make([]comity.ID, len(rows))
	for i, row := range rows {
		records[i] = row.Record
	}
	wrapped, err := r.tx.RecordKeys(records)
	if err != nil {
		return nil, err
	}
	refs := make([]keyRef, len(rows))
	for i, row := range rows {
		refs[i] = keyRef{row.Record, own, wrapped[row.Record][own]}
		r.note(audit.Record{ID: string(row.ID), Level: string(sovereignty.AccessOwn)}, own)
	}
	keys, err := r.reachable(refs)
	if err != nil {
		return nil, err
	}
	views := make([]*ProposalView, len(rows))
	for i, row := range rows {
		v := &ProposalView{Proposal: row.Proposal}
		v.Status = row.StatusAt(r.now)
		views[i] = v
		key, ok := keys[refs[i]]
		if !ok {
			continue
		}
		text, err := words[comity.ProposalText](key, bindProposal(row.Proposal), row.Sealed)
		if err != nil {
			r.incident(string(row.ID), row.State, err)
			return nil, err
		}
		v.Text = &text
		if len(row.Declined) == 0 {
			continue
		}
		declined, err := words[comity.DeclineText](key, bindDecline(row.ID, row.DecidedBy), row.Declined)
		if err != nil {
			r.incident(string(row.ID), row.State, err)
			return nil, err
		}
		v.Reason = declined.Reason
	}
	return views, nil
}
