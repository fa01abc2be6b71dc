package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Standings lists the own state's standing grants to joint teams, newest first: live
// ones, or all that there were.
func (r *Reader) Standings(all bool, first int, after string) (Page[*comity.StandingGrant], error) {
	p, binding, err := r.page("standings", all, first, after)
	if err != nil {
		return Page[*comity.StandingGrant]{}, err
	}
	if err := r.office(sovereignty.StandingRead, "standings", comity.KindStanding); err != nil {
		return Page[*comity.StandingGrant]{}, err
	}
	r.lists = true
	own := r.who.Officer.State
	found, err := r.tx.Standings(own, r.now, all, p)
	if err != nil {
		return Page[*comity.StandingGrant]{}, err
	}
	page := cut(r, found, p.Limit, binding, func(s comity.StandingGrant) storage.Key { return place(s.CreatedAt, s.ID) },
		func(s comity.StandingGrant) *comity.StandingGrant { return r.showStanding(s) })
	page.Count = func() (int, error) { return r.tx.CountStandings(own, r.now, all, maxCount) }
	return page, nil
}

// Standing reads a standing grant of the own state; nil when there is none.
func (r *Reader) Standing(id comity.ID) (*comity.StandingGrant, error) {
	if err := r.office(sovereignty.StandingRead, "standings", comity.KindStanding); err != nil {
		return nil, err
	}
	s, err := r.tx.StandingByID(r.who.Officer.State, id)
	if isAbsent(err) {
		r.note(audit.Record{ID: string(id)}, "")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.showStanding(s), nil
}

func (r *Reader) showStanding(s comity.StandingGrant) *comity.StandingGrant {
	r.note(audit.Record{ID: string(s.ID), Level: string(sovereignty.AccessOwn)}, s.State)
	return &s
}
