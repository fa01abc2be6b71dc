package exchange

import (
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// viewer is for whom rows are read in this step.
func (a *attempt) viewer() storage.Viewer {
	return storage.Viewer{Officer: a.who.Officer, At: a.now}
}

// findCase loads a case as the officer may find it, locked when within a
// transaction. One that is absent or hidden comes back as not visible; the
// decision then answers both alike (Article 12). Of a case whose grant ended the
// view says that, and nothing else of it may be used.
func (a *attempt) findCase(tx storage.ReadTx, id comity.ID) (storage.CaseView, sovereignty.Record, bool, error) {
	if w, ok := tx.(storage.Tx); ok {
		if _, err := w.LockCase(id); err != nil && !isAbsent(err) {
			return storage.CaseView{}, sovereignty.Record{}, false, err
		}
	}
	found, err := tx.Cases(a.viewer(), []comity.ID{id})
	if err != nil {
		return storage.CaseView{}, sovereignty.Record{}, false, err
	}
	view, ok := found[id]
	visible := ok && (view.Own || len(view.Grants) > 0)
	if !visible {
		return view, sovereignty.Record{Kind: comity.KindCase}, false, nil
	}
	return view, caseRecord(view, a.who.Officer), true, nil
}

// caseRecord is what the policies see of a case.
func caseRecord(v storage.CaseView, o comity.Officer) sovereignty.Record {
	return sovereignty.Record{State: v.State, Agency: v.Agency, Kind: comity.KindCase, Category: v.Category,
		Marking: v.Marking, Claimed: linked(v.Nexus, v.State), Nexus: linkedAbroad(v.Nexus, v.State),
		Reserved: v.Reserved, Closed: v.Status == comity.CaseClosed, Withdrawn: v.Status == comity.CaseWithdrawn,
		Owner: v.Owner == o.Ref(), Assigned: v.Assigned, Reached: v.Reached}
}

// actOnCase finds a case and decides an act on it: the common beginning of
// every act on an own case. c holds what else the policies are told.
func (a *attempt) actOnCase(tx storage.ReadTx, id comity.ID, c sovereignty.Circumstances) (storage.CaseView, error) {
	return a.actOnCaseAs(tx, id, func(storage.CaseView) (sovereignty.Circumstances, error) { return c, nil })
}

// actOnCaseAs is actOnCase where the circumstances depend on the case, which is
// given as found only when it is visible.
func (a *attempt) actOnCaseAs(tx storage.ReadTx, id comity.ID, circumstances func(storage.CaseView) (sovereignty.Circumstances, error)) (storage.CaseView, error) {
	a.records = nil
	view, record, visible, err := a.findCase(tx, id)
	if err != nil {
		return view, err
	}
	a.on(string(id))
	shown := storage.CaseView{}
	if visible {
		a.origin, shown = view.State, view
	}
	if view.Own && (a.action == sovereignty.ReleaseDecide || a.action == sovereignty.CaseContribute) {
		reserved, err := tx.CategoryReserved(view.State, view.Category)
		if err != nil {
			return view, err
		}
		record.Reserved = record.Reserved || reserved
	}
	c, err := circumstances(shown)
	if err != nil {
		return view, err
	}
	c.Visible = visible
	return view, a.decide(sovereignty.Question{Record: record, Circumstances: c})
}

func isAbsent(err error) bool { return errors.Is(err, storage.ErrNotFound) }
