package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// What a state keeps to itself, with the reason; "" while it is not to be opened.
type (
	// ReservationView is a reserved category of the reader's state.
	ReservationView struct {
		comity.Reservation
		Reason string
	}
	// HoldView is a hold on a case that the reader finds at home.
	HoldView struct {
		comity.Hold
		Reason string
		Lies   bool // at the instant of reading
	}
	// WithdrawalView is the withdrawal of a case that the reader finds at home.
	WithdrawalView struct {
		comity.Withdrawal
		Reason string
		Held   bool // a hold lies on the case, and it waits for that
	}
)

// Reservations lists the categories that the reader's own state has reserved,
// newest first, lifted ones included.
func (r *Reader) Reservations() ([]ReservationView, error) {
	if err := r.office(sovereignty.ReservationRead, "reservations", comity.KindReservation); err != nil {
		return nil, err
	}
	r.lists = true
	found, err := r.tx.Reservations(r.who.Officer.State)
	if err != nil {
		return nil, err
	}
	return reasoned(r, found, func(v storage.Reservation) comity.ID { return v.ID },
		func(v storage.Reservation, key *wordKey) (ReservationView, error) {
			r.note(audit.Record{ID: string(v.ID), Level: string(sovereignty.AccessOwn)}, v.State)
			reason, err := reasonOf(key, bindReservation(v.Reservation), v.Sealed)
			return ReservationView{v.Reservation, reason}, err
		})
}

// ListHolds lists the holds on cases that the reader finds at home, newest first.
func (r *Reader) ListHolds(f HoldFilter, first int, after string) (Page[HoldView], error) {
	p, binding, err := r.page("holds", f, first, after)
	if err != nil {
		return Page[HoldView]{}, err
	}
	if err := r.office(sovereignty.HoldRead, "holds", comity.KindHold); err != nil {
		return Page[HoldView]{}, err
	}
	r.lists = true
	found, err := r.tx.ListHolds(r.viewer(), f, p)
	if err != nil {
		return Page[HoldView]{}, err
	}
	views, err := reasoned(r, found, func(h storage.Hold) comity.ID { return h.Case },
		func(h storage.Hold, key *wordKey) (HoldView, error) {
			reason, err := reasonOf(key, bindHold(h.Hold), h.Sealed)
			return HoldView{h.Hold, reason, h.Lies(r.now)}, err
		})
	if err != nil {
		return Page[HoldView]{}, err
	}
	return cut(r, views, p.Limit, binding, func(v HoldView) storage.Key { return place(v.CreatedAt, v.ID) }, func(v HoldView) HoldView {
		r.note(audit.Record{ID: string(v.ID), Level: string(sovereignty.AccessOwn)}, v.State)
		return v
	}), nil
}

// ListWithdrawals lists the withdrawals of cases that the reader finds at home,
// newest first; of one case where c is set.
func (r *Reader) ListWithdrawals(c comity.ID, first int, after string) (Page[WithdrawalView], error) {
	p, binding, err := r.page("withdrawals", c, first, after)
	if err != nil {
		return Page[WithdrawalView]{}, err
	}
	if err := r.office(sovereignty.HoldRead, "withdrawals", comity.KindWithdrawal); err != nil {
		return Page[WithdrawalView]{}, err
	}
	r.lists = true
	found, err := r.tx.ListWithdrawals(r.viewer(), c, p)
	if err != nil {
		return Page[WithdrawalView]{}, err
	}
	views, err := reasoned(r, found, func(w storage.Withdrawal) comity.ID { return w.Case },
		func(w storage.Withdrawal, key *wordKey) (WithdrawalView, error) {
			v := WithdrawalView{Withdrawal: w.Withdrawal}
			if w.Status == comity.WithdrawalPending {
				var err error
				if v.Held, err = r.tx.Held(w.Case, r.now); err != nil {
					return v, err
				}
			}
			if key == nil || w.Status == comity.WithdrawalDone {
				return v, nil
			}
			text, err := words[withdrawalText](*key, bindWithdrawal(w.Withdrawal), w.Sealed)
			v.Reason = text.Reason
			return v, err
		})
	if err != nil {
		return Page[WithdrawalView]{}, err
	}
	return cut(r, views, p.Limit, binding, func(v WithdrawalView) storage.Key { return place(v.CreatedAt, v.ID) }, func(v WithdrawalView) WithdrawalView {
		r.note(audit.Record{ID: string(v.ID), Level: string(sovereignty.AccessOwn)}, v.State)
		return v
	}), nil
}

// reasoned opens own rows with the key of the record that they are sealed under.
func reasoned[S, T any](r *Reader, rows []S, of func(S) comity.ID, open func(S, *wordKey) (T, error)) ([]T, error) {
	ids := make([]comity.ID, len(rows))
	for i, row := range rows {
		ids[i] = of(row)
	}
	own := r.who.Officer.State
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return nil, err
	}
	refs := make([]keyRef, len(rows))
	for i, id := range ids {
		refs[i] = keyRef{id, own, wrapped[id][own]}
	}
	keys, _, err := r.keys(refs)
	if err != nil {
		return nil, err
	}
	views := make([]T, len(rows))
	for i, row := range rows {
		var key *wordKey
		if k, ok := keys[refs[i]]; ok {
			key = &k
		}
		if views[i], err = open(row, key); err != nil {
			r.incident(string(ids[i]), r.who.Officer.State, err)
			return nil, err
		}
	}
	return views, nil
}

func reasonOf(key *wordKey, aad, sealed []byte) (string, error) {
	if key == nil {
		return "", nil
	}
	text, err := words[comity.DomesticText](*key, aad, sealed)
	return text.Reason, err
}
