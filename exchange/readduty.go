package exchange

import (
	"errors"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

type (
	// ShiftView is a shift with its words; "" while its state's keys cannot be reached.
	ShiftView struct {
		comity.Shift
		Contact   string // "" also where the standing contact of the state's manifest is meant
		Statement string
	}
	// DutyView is how a state's contact point is reached now. There is always an
	// answer: where no shift covers now, or none is the reader's to know, it is
	// the standing contact of the state's manifest.
	DutyView struct {
		State        comity.State
		ContactPoint comity.AgencyID
		Contact      string     // the line to call; "" where the manifest names none
		Shift        *ShiftView // nil where the standing contact answers
	}
	// EscalationView is an escalation with who is to act.
	EscalationView struct {
		comity.Escalation
		Role     comity.Role         // whose turn it is
		Officer  comity.OfficerRef   // on duty, "" where nobody is, or any officer of the role may act
		Function string              // of that officer
		Deputies []comity.OfficerRef // who act under that officer's mandates when the officer is away
	}
)

// Roster lists the own state's shifts by when they end: those that stand and are
// not over, or all that there were.
func (r *Reader) Roster(all bool, first int, after string) (Page[ShiftView], error) {
	p, binding, err := r.page("roster", all, first, after)
	if err != nil {
		return Page[ShiftView]{}, err
	}
	if err := r.office(sovereignty.DutyRead, "roster", comity.KindShift); err != nil {
		return Page[ShiftView]{}, err
	}
	r.lists = true
	own := r.who.Officer.State
	found, err := r.tx.Shifts(own, r.now, all, p)
	if err != nil {
		return Page[ShiftView]{}, err
	}
	views, err := r.showShifts(found)
	if err != nil {
		return Page[ShiftView]{}, err
	}
	page := cut(r, views, p.Limit, binding, func(v ShiftView) storage.Key { return place(v.Until, v.ID) }, func(v ShiftView) ShiftView {
		r.note(audit.Record{ID: string(v.ID), Level: string(sovereignty.AccessOwn)}, own)
		return v
	})
	page.Count = func() (int, error) { return r.tx.CountShifts(own, r.now, all, maxCount) }
	return page, nil
}

// Shift reads a shift of the own state's roster; nil when there is none.
func (r *Reader) Shift(id comity.ID) (*ShiftView, error) {
	if err := r.office(sovereignty.DutyRead, "roster", comity.KindShift); err != nil {
		return nil, err
	}
	row, err := r.tx.ShiftByID(r.who.Officer.State, id)
	if errors.Is(err, storage.ErrNotFound) {
		r.note(audit.Record{ID: string(id)}, "")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	views, err := r.showShifts([]storage.Shift{row})
	if err != nil {
		return nil, err
	}
	r.note(audit.Record{ID: string(id), Level: string(sovereignty.AccessOwn)}, row.State)
	return &views[0], nil
}

func (r *Reader) showShifts(rows []storage.Shift) ([]ShiftView, error) {
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
	views := make([]ShiftView, len(rows))
	for i, row := range rows {
		views[i].Shift = row.Shift
		key, ok := keys[refs[i]]
		if !ok {
			continue
		}
		text, err := wordsOf[comity.ShiftText](r, &key, row.ID, row.State, bindShift(row.Shift), row.Sealed)
		if err != nil {
			return nil, err
		}
		if text != nil {
			views[i].Contact, views[i].Statement = text.Contact, text.Statement
		}
	}
	return views, nil
}

// DutyContact tells who is on duty at a state now, and where to call. Whoever
// may not know the state's roster is answered as if it were empty (Article 12).
func (r *Reader) DutyContact(s comity.State) (DutyView, error) {
	if err := r.x.member("state", s); err != nil {
		return DutyView{}, err
	}
	m, err := r.x.dir.State(s)
	if err != nil {
		return DutyView{}, err
	}
	r.lists = true
	v := DutyView{State: s, ContactPoint: m.ContactPoint, Contact: m.Contact}
	own := r.who.Officer.State
	d := r.decide(sovereignty.Question{Action: sovereignty.DutyContact, Record: sovereignty.Record{State: s, Kind: comity.KindShift},
		Circumstances: sovereignty.Circumstances{Agreement: r.x.dir.Bound(own, s, r.now)}})
	if !d.Permit {
		r.note(audit.Record{ID: "duty contact of " + string(s), Denied: d.Article}, own)
		return v, nil
	}
	row, err := r.tx.ShiftAt(s, r.now)
	if errors.Is(err, storage.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	level := sovereignty.AccessFull
	if s == own {
		level = sovereignty.AccessOwn
	}
	r.note(audit.Record{ID: string(row.ID), Level: string(level)}, s)
	views, err := r.showShifts([]storage.Shift{row})
	if err != nil {
		return v, err
	}
	v.Shift = &views[0]
	if v.Shift.Contact != "" {
		v.Contact = v.Shift.Contact
	}
	return v, nil
}

// ContactsOf tells the asking side of requests whose clock has run out where to
// call the asked state; the others have none.
func (r *Reader) ContactsOf(requests []*RequestView) (map[comity.ID]*DutyView, error) {
	of := map[comity.State]*DutyView{}
	out := map[comity.ID]*DutyView{}
	for _, q := range requests {
		if q.State != r.who.Officer.State || !q.Overdue(r.now) {
			continue
		}
		if of[q.To] == nil {
			v, err := r.DutyContact(q.To)
			switch {
			case comity.CodeOf(err) == comity.CodeUnavailable: // its manifest has expired
				continue
			case err != nil:
				return nil, err
			}
			of[q.To] = &v
		}
		out[q.ID] = of[q.To]
	}
	return out, nil
}

// Escalations tells the asked side of requests how far they have gone up there,
// and who is to act now; the asking side is told nothing of it.
func (r *Reader) Escalations(requests []*RequestView) (map[comity.ID]*EscalationView, error) {
	out := map[comity.ID]*EscalationView{}
	var onDuty *EscalationView
	for _, q := range requests {
		if q.To != r.who.Officer.State {
			continue
		}
		e := q.Escalation(r.now)
		switch {
		case e == nil:
		case e.Level == comity.EscalatedToAuthority:
			out[q.ID] = &EscalationView{Escalation: *e, Role: comity.RoleAuthority}
		default:
			if onDuty == nil {
				var err error
				if onDuty, err = r.onDuty(); err != nil {
					return nil, err
				}
			}
			v := *onDuty
			v.Escalation = *e
			out[q.ID] = &v
		}
	}
	return out, nil
}

// onDuty names who of the own state is on duty now, to whom may read its roster.
func (r *Reader) onDuty() (*EscalationView, error) {
	v := &EscalationView{Role: comity.RoleLiaison}
	own := r.who.Officer.State
	if !r.decide(sovereignty.Question{Action: sovereignty.DutyRead, Record: sovereignty.Record{State: own, Kind: comity.KindShift}}).Permit {
		return v, nil
	}
	row, err := r.tx.ShiftAt(own, r.now)
	if errors.Is(err, storage.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.Officer, v.Function = row.Officer, row.Function
	under, err := r.tx.MandatesOf(row.Officer, r.now)
	for _, m := range under {
		if m.Liaison != row.Officer {
			continue
		}
		for _, d := range m.Deputies {
			if !slices.Contains(v.Deputies, d) {
				v.Deputies = append(v.Deputies, d)
			}
		}
	}
	return v, err
}
