package exchange

import (
	"errors"
	"maps"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

type (
	// DispatchView is a dispatch as an officer of either side may see it.
	DispatchView struct {
		comity.Dispatch
		// Text is nil while the keys of the state that made it cannot be reached, abroad
		// once it is withdrawn, and of another state's where it does not open.
		Text     *comity.DispatchText
		Answered *comity.AnswerText // nil while there is none, or the answering state's keys cannot be reached
		// Deliveries of a notice: where it was sent all, where it was received the own.
		Deliveries []DeliveryView
		// Readers are the own state's officers who read an affected version.
		Readers []comity.DisclosureRecord
		Overdue bool // by the clock of one that has not answered

		torn bool // the words of another state do not open

		of *CaseView // that it is shown with, to an officer of neither side
	}
	// DeliveryView is a notice as it reached one state.
	DeliveryView struct {
		comity.Delivery
		Answered *comity.AnswerText
		Overdue  bool
	}
)

// Dispatches reads what states handed each other about records, by id.
func (r *Reader) Dispatches(ids []comity.ID) (map[comity.ID]*DispatchView, error) {
	found, err := r.tx.Dispatches(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	var rows []storage.DispatchView
	for _, id := range ids {
		if row, ok := found[id]; ok {
			rows = append(rows, row)
		} else {
			r.note(audit.Record{ID: string(id)}, "")
		}
	}
	return r.showDispatches(rows, nil)
}

// ListDispatches lists dispatches of a kind, newest first. What was accepted of
// a case that is granted comes with that case alone, see [Reader.Annotations].
func (r *Reader) ListDispatches(f storage.DispatchFilter, first int, after string) (Page[*DispatchView], error) {
	if f.Made && f.Received {
		return Page[*DispatchView]{}, excludes("received", "made", "received")
	}
	if err := r.member("state", f.State); err != nil {
		return Page[*DispatchView]{}, err
	}
	return r.listDispatches("dispatches", f, nil, first, after)
}

// listDispatches lists dispatches, or those that come with a case.
func (r *Reader) listDispatches(list string, f storage.DispatchFilter, of *CaseView, first int, after string) (Page[*DispatchView], error) {
	p, binding, err := r.page(list, f, first, after)
	if err != nil {
		return Page[*DispatchView]{}, err
	}
	r.lists = true
	found, err := r.tx.ListDispatches(r.viewer(), f, p)
	if err != nil {
		return Page[*DispatchView]{}, err
	}
	shown, err := r.showDispatches(found[:min(len(found), first)], of)
	if err != nil {
		return Page[*DispatchView]{}, err
	}
	all := cut(r, found, p.Limit, binding, func(d storage.DispatchView) storage.Key { return place(d.CreatedAt, d.ID) },
		func(d storage.DispatchView) comity.ID { return d.ID })
	page := Page[*DispatchView]{HasNext: all.HasNext, Count: func() (int, error) { return r.tx.CountDispatches(r.viewer(), f, maxCount) }}
	for i, id := range all.Items {
		if shown[id] == nil { // the SQL lists what the policies do not show: one of the two is wrong
			r.incident(string(id), found[i].State, errors.New("the list and the policies disagree"))
			continue
		}
		page.Items, page.Cursors = append(page.Items, shown[id]), page.Cursors.and(all.Cursors, i)
	}
	return page, nil
}

// Annotations reads the annotations of cases, newest first: of own cases all, of
// others the own state's and, where the case is open at full scope, what was
// accepted and its author's marking lets go so far.
func (r *Reader) Annotations(cases []*CaseView, first int, after string) (map[comity.ID]Page[*DispatchView], error) {
	if len(cases) != 1 && after != "" {
		return nil, comity.Invalid("after", "a cursor of inner records is for one case at a time")
	}
	out := map[comity.ID]Page[*DispatchView]{}
	for _, c := range cases {
		if !c.full() || c.Text == nil {
			continue
		}
		f := storage.DispatchFilter{Kind: comity.DispatchAnnotation, Case: c.ID, Shown: !c.Own}
		page, err := r.listDispatches("annotations", f, c, first, after)
		if err != nil {
			return nil, err
		}
		out[c.ID] = page
	}
	return out, nil
}

// showDispatches opens dispatches, of which those that lie between other states
// are shown with a case.
func (r *Reader) showDispatches(rows []storage.DispatchView, of *CaseView) (map[comity.ID]*DispatchView, error) {
	own := r.who.Officer.State
	ids := make([]comity.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return nil, err
	}
	faults, err := r.x.reached(r.tx, r.viewer(), rows)
	if err != nil {
		return nil, err
	}
	sent, err := r.tx.Deliveries(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	readers, err := r.tx.Disclosed(own, ids)
	if err != nil {
		return nil, err
	}
	at, err := r.atHome(rows)
	if err != nil {
		return nil, err
	}
	var refs []keyRef
	ref := func(id comity.ID, s comity.State) keyRef { return keyRef{id, s, wrapped[id][s]} }
	out := map[comity.ID]*DispatchView{}
	for _, row := range rows {
		if fault := faults[row.ID]; comity.CodeOf(fault) == comity.CodeUnavailable {
			r.warn("a state's manifest is not valid", row.State, fault)
			delete(wrapped[row.ID], row.State) // its words stay closed
		} else if fault != nil {
			r.incident(string(row.ID), row.State, fault)
		}
		if d := r.decide(sovereignty.Question{Action: sovereignty.DispatchRead, Record: dispatchRecord(row, r.who.Officer),
			Circumstances: sovereignty.Circumstances{Visible: true}}); !d.Permit || of == nil && !between(row, own) {
			r.note(audit.Record{ID: string(row.ID)}, "")
			continue
		}
		v := &DispatchView{Dispatch: row.Dispatch.Dispatch}
		if between(row, own) {
			// It lies between both sides: how often either reads it is its own matter.
			r.note(audit.Record{ID: string(row.ID), Level: string(sovereignty.AccessOwn)}, own)
		} else {
			v.of = of
			r.noteShown(row, of)
		}
		out[row.ID] = v
		for s, w := range wrapped[row.ID] {
			refs = append(refs, keyRef{row.ID, s, w})
		}
	}
	keys, err := r.reachable(refs)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		v := out[row.ID]
		if v == nil {
			continue
		}
		key := func(s comity.State) *wordKey {
			if k, ok := keys[ref(row.ID, s)]; ok {
				return &k
			}
			return nil
		}
		if err := r.openDispatch(v, row, sent[row.ID], key); err != nil {
			return nil, err
		}
		if row.Delivery != nil {
			v.Readers = readers[row.ID]
		}
		v.keepCases(own, at)
	}
	return out, nil
}

// between reports whether a dispatch lies between a state and another.
func between(d storage.DispatchView, own comity.State) bool {
	return d.State == own || d.To == own || d.Kind == comity.DispatchNotice
}

// noteShown remembers that what one state added to another's case is shown to a
// third with it: both are told who was, the originator under which grant, and its
// notices follow.
func (r *Reader) noteShown(d storage.DispatchView, of *CaseView) {
	record := audit.Record{ID: string(d.ID), Level: string(of.Access.Level), Purpose: of.Purpose}
	r.note(record, d.State)
	record.Grant = of.Access.Grant.ID
	r.note(record, of.State)
	r.disclose(of, d.ID)
}

func (r *Reader) openDispatch(v *DispatchView, row storage.DispatchView, sent []storage.Delivery, key func(comity.State) *wordKey) (err error) {
	own, d := r.who.Officer.State, row.Dispatch
	if k := key(d.State); k != nil && (d.State == own || d.Status != comity.DispatchWithdrawn) {
		if v.Text, err = wordsOf[comity.DispatchText](r, k, d.ID, d.State, bindDispatch(d.Dispatch), d.Sealed); err != nil {
			return err
		}
		v.torn = v.Text == nil
	}
	if v.Answered, err = r.answerOf(key(d.To), d.ID, d.To, d.Status, d.AnsweredBy, d.Answer, d.Answered); err != nil {
		return err
	}
	if d.State != own && row.Delivery != nil {
		sent = []storage.Delivery{*row.Delivery}
	}
	for _, y := range sent {
		reached := DeliveryView{Delivery: y.Delivery, Overdue: y.Overdue(r.now)}
		if reached.Answered, err = r.answerOf(key(y.To), d.ID, y.To, y.Status, y.AnsweredBy, "", y.Answered); err != nil {
			return err
		}
		v.Overdue = v.Overdue || reached.Overdue
		v.Deliveries = append(v.Deliveries, reached)
	}
	v.Status = d.StatusAt(r.now)
	if !between(row, own) { // how the two sides dealt with each other is theirs
		v.Grant, v.Answered = "", nil
	}
	return nil
}

// atHome finds which of the cases that referrals arose from, and that offers and
// undertakings were accepted for, the officer finds at home.
func (r *Reader) atHome(rows []storage.DispatchView) (map[comity.ID]storage.CaseView, error) {
	var ids []comity.ID
	for _, row := range rows {
		ids = append(ids, row.Case, row.Answer)
	}
	found, err := r.tx.Cases(r.viewer(), ids)
	maps.DeleteFunc(found, func(_ comity.ID, c storage.CaseView) bool { return !c.Own })
	return found, err
}

// keepCases tells of a state's cases, which a referral arose from or an answer is
// for, who finds them there, and nobody abroad.
func (v *DispatchView) keepCases(own comity.State, found map[comity.ID]storage.CaseView) {
	if _, ok := found[v.Case]; v.Kind == comity.DispatchReferral && !(ok && own == v.State) {
		v.Case = ""
	}
	if _, ok := found[v.Answer]; own != v.To || v.Answer != "" && !ok {
		v.Answer = ""
		if v.Kind == comity.DispatchUndertaking && v.Answered != nil { // which names the case
			v.Answered.Statement = ""
		}
	}
}

func (r *Reader) answerOf(key *wordKey, id comity.ID, s comity.State, answer comity.DispatchStatus, by comity.OfficerRef, named comity.ID, sealed []byte) (*comity.AnswerText, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	return wordsOf[comity.AnswerText](r, key, id, s, bindAnswer(id, s, answer, by, named), sealed)
}
