package exchange

import (
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Node is any record found by its id; exactly one field is set.
type Node struct {
	Case       *CaseView
	Entry      *EntryView
	Subject    *SubjectView
	Observable *ObservableView
	Evidence   *EvidenceView
	Request    *RequestView
	Grant      *comity.Grant
}

// Nodes finds records of any kind by id. What is absent, hidden or of a kind
// that is only found through another record is not in the answer.
func (r *Reader) Nodes(ids []comity.ID, purpose comity.Purpose) (map[comity.ID]Node, error) {
	byKind := map[comity.Kind][]comity.ID{}
	for _, id := range ids {
		byKind[id.Kind()] = append(byKind[id.Kind()], id)
	}
	out := map[comity.ID]Node{}
	if found, err := r.Cases(byKind[comity.KindCase], purpose); err != nil {
		return nil, err
	} else {
		for id, v := range found {
			out[id] = Node{Case: v}
		}
	}
	if found, err := r.Requests(byKind[comity.KindRequest]); err != nil {
		return nil, err
	} else {
		for id, v := range found {
			out[id] = Node{Request: v}
		}
	}
	if found, err := r.Grants(byKind[comity.KindGrant]); err != nil {
		return nil, err
	} else {
		for id, v := range found {
			out[id] = Node{Grant: v}
		}
	}
	if err := r.innerNodes(byKind, purpose, out); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := out[id]; !ok {
			r.note(audit.Record{ID: string(id)}, "")
		}
	}
	return out, nil
}

// inners are inner records that were loaded by their ids.
type inners struct {
	entries     map[comity.ID]storage.Entry
	subjects    map[comity.ID]storage.Subject
	observables map[comity.ID]storage.Observable
	exhibits    map[comity.ID]storage.Evidence
}

// innerNodes finds inner records through their cases, so that one decision
// holds for both. The statements are the same, and of the same size, for
// records that are hidden and records that are absent; nothing is loaded and no
// custodian asked for what is not going to be shown.
func (r *Reader) innerNodes(byKind map[comity.Kind][]comity.ID, purpose comity.Purpose, out map[comity.ID]Node) error {
	ids := slices.Concat(byKind[comity.KindEntry], byKind[comity.KindSubject], byKind[comity.KindObservable], byKind[comity.KindEvidence])
	if len(ids) == 0 {
		return nil
	}
	parents, err := r.tx.Parents(r.viewer(), ids)
	if err != nil {
		return err
	}
	asked := make([]comity.ID, len(ids)) // one for each, so that no number tells
	for i, id := range ids {
		if asked[i] = parents[id]; asked[i] == "" {
			asked[i] = id
		}
	}
	found, err := r.tx.Cases(r.viewer(), asked)
	if err != nil {
		return err
	}
	named := map[comity.ID]bool{}
	maps.DeleteFunc(parents, func(id, c comity.ID) bool {
		row := found[c]
		level, grants := r.promises(row, r.offer(row, purpose), purpose)
		_, named[id] = subjectsOf(grants)[id]
		return !opens(level, exhibitsOf(grants), id)
	})
	all, err := r.inners(parents)
	if err != nil {
		return err
	}
	cases, err := r.parents(parents, all, named, found, purpose)
	if err != nil {
		return err
	}
	var refs []keyRef
	for _, c := range parents {
		refs = append(refs, cases[c].keyRef())
	}
	keys, faults, err := r.keys(refs)
	if err != nil {
		return err
	}
	for id, parent := range parents {
		c := cases[parent]
		if err := faults[c.keyRef()]; err != nil { // dark, like the case; told apart from absent by nobody who may not see it
			r.warn("a custodian does not answer", c.State, err)
			continue
		}
		n, err := r.innerNode(id, c, all, keys[c.keyRef()])
		if err != nil {
			r.incident(string(id), c.State, err)
			if !c.Own { // closed by itself
				continue
			}
			return err
		}
		grant := c.under(id)
		if grant == "" && c.Access.Grant != nil {
			grant = c.Access.Grant.ID
		}
		r.note(audit.Record{ID: string(id), Level: string(c.Access.Level), Grant: grant, Purpose: purpose}, c.State)
		r.disclose(c, id)
		out[id] = n
	}
	return nil
}

// inners loads the records among the ids of a map.
func (r *Reader) inners(of map[comity.ID]comity.ID) (all inners, err error) {
	byKind := map[comity.Kind][]comity.ID{}
	for id := range of {
		byKind[id.Kind()] = append(byKind[id.Kind()], id)
	}
	if all.entries, err = r.tx.EntriesByID(byKind[comity.KindEntry]); err != nil {
		return all, err
	}
	if all.subjects, err = r.tx.SubjectsByID(byKind[comity.KindSubject]); err != nil {
		return all, err
	}
	if all.observables, err = r.tx.ObservablesByID(byKind[comity.KindObservable]); err != nil {
		return all, err
	}
	all.exhibits, err = r.tx.EvidenceByID(byKind[comity.KindEvidence])
	return all, err
}

// parents shows the cases of inner records, and leaves of these only those
// that their case opens; named are the persons whom grants name by the database.
// The cases are not noted: the leaf says what was asked
// for, and no more.
func (r *Reader) parents(of map[comity.ID]comity.ID, all inners, named map[comity.ID]bool, found map[comity.ID]storage.CaseView, purpose comity.Purpose) (map[comity.ID]*CaseView, error) {
	maps.DeleteFunc(of, func(id, c comity.ID) bool { return !found[c].Own && all.walled(id, named[id]) })
	rows := map[comity.ID]storage.CaseView{}
	for _, c := range of {
		rows[c] = found[c]
	}
	cases, err := r.showCases(slices.Collect(maps.Values(rows)), purpose)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(of, func(id, c comity.ID) bool {
		v := cases[c]
		return v == nil || v.wrapped == "" || v.unreachable || v.full() && v.Text == nil || !opens(v.Access.Level, v.Exhibits, id) ||
			!v.Own && all.walled(id, v.Subjects[id] != "")
	})
	return cases, nil
}

// opens reports whether a case that is shown at a level, with the exhibits
// named abroad, opens one of its inner records.
func opens(level sovereignty.Access, named map[comity.ID]comity.ID, id comity.ID) bool {
	_, ok := named[id]
	return level == sovereignty.AccessOwn || ok || level == sovereignty.AccessFull && id.Kind() != comity.KindEvidence
}

// walled reports whether full scope leaves a record out, of a person unless named.
func (all inners) walled(id comity.ID, named bool) bool {
	switch id.Kind() {
	case comity.KindEntry:
		return all.entries[id].Marking.TLP == comity.TLPRed
	case comity.KindSubject:
		return all.subjects[id].Protected() && !named || all.subjects[id].Marking.TLP == comity.TLPRed
	case comity.KindObservable:
		return all.observables[id].Marking.TLP == comity.TLPRed
	}
	return false
}

// innerNode opens the words of an inner record.
func (r *Reader) innerNode(id comity.ID, c *CaseView, all inners, key wordKey) (Node, error) {
	switch id.Kind() {
	case comity.KindEntry:
		e := all.entries[id]
		text, err := words[comity.EntryText](key, bindEntry(e.Entry), e.Sealed)
		return Node{Entry: &EntryView{e.Entry, text, c}}, err
	case comity.KindSubject:
		s := all.subjects[id]
		text, err := words[comity.SubjectText](key, bindSubject(s.Subject), s.Sealed)
		return Node{Subject: &SubjectView{s.Subject, text, c}}, err
	case comity.KindObservable:
		o := all.observables[id]
		text, err := words[comity.ObservableText](key, bindObservable(o.Observable), o.Sealed)
		return Node{Observable: &ObservableView{o.Observable, text, c}}, err
	}
	e := all.exhibits[id]
	text, err := words[comity.EvidenceText](key, bindEvidence(e.Evidence), e.Sealed)
	r.exhibits[id] = true
	return Node{Evidence: &EvidenceView{Evidence: shownEvidence(e.Evidence, c.Own), Text: text, Grant: c.Exhibits[id], of: c, whole: true}}, err
}
