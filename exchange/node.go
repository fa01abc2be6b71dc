package exchange

import (
	"github.com/comity-platform/comity"
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
			r.note(string(id), "", "", "", "")
		}
	}
	return out, nil
}

// innerNodes finds inner records through their cases, so that one decision
// holds for both.
func (r *Reader) innerNodes(byKind map[comity.Kind][]comity.ID, purpose comity.Purpose, out map[comity.ID]Node) error {
	entries, err := r.tx.EntriesByID(byKind[comity.KindEntry])
	if err != nil {
		return err
	}
	subjects, err := r.tx.SubjectsByID(byKind[comity.KindSubject])
	if err != nil {
		return err
	}
	observables, err := r.tx.ObservablesByID(byKind[comity.KindObservable])
	if err != nil {
		return err
	}
	exhibits, err := r.tx.EvidenceByID(byKind[comity.KindEvidence])
	if err != nil {
		return err
	}
	parents := map[comity.ID]comity.ID{}
	for id, e := range entries {
		parents[id] = e.Case
	}
	for id, s := range subjects {
		parents[id] = s.Case
	}
	for id, o := range observables {
		parents[id] = o.Case
	}
	for id, e := range exhibits {
		parents[id] = e.Case
	}
	if len(parents) == 0 {
		return nil
	}
	var wanted []comity.ID
	seen := map[comity.ID]bool{}
	for _, c := range parents {
		if !seen[c] {
			seen[c] = true
			wanted = append(wanted, c)
		}
	}
	cases, err := r.quietCases(wanted, purpose)
	if err != nil {
		return err
	}
	var refs []keyRef
	for id, parent := range parents {
		c, ok := cases[parent]
		if ok && (c.Text != nil || len(c.Exhibits) > 0) && r.opens(c, id, entries, subjects, observables) {
			refs = append(refs, c.keyRef())
		} else {
			delete(parents, id)
		}
	}
	keys, faults := r.x.keys.many(r.ctx, refs)
	for id, parent := range parents {
		c := cases[parent]
		if err := faults[c.keyRef()]; err != nil { // dark, like the case; told apart from absent by nobody who may not see it
			r.x.log.Warn("a custodian does not answer", "state", c.State, "request", r.who.RequestID, "error", err)
			continue
		}
		key := keys[c.keyRef()]
		var n Node
		switch id.Kind() {
		case comity.KindEntry:
			e := entries[id]
			text, fault := words[comity.EntryText](key, bindEntry(e.Entry), e.Sealed)
			n, err = Node{Entry: &EntryView{e.Entry, text}}, fault
		case comity.KindSubject:
			s := subjects[id]
			text, fault := words[comity.SubjectText](key, bindSubject(s.Subject), s.Sealed)
			n, err = Node{Subject: &SubjectView{s.Subject, text}}, fault
		case comity.KindObservable:
			o := observables[id]
			text, fault := words[comity.ObservableText](key, bindObservable(o.Observable), o.Sealed)
			n, err = Node{Observable: &ObservableView{o.Observable, text}}, fault
		case comity.KindEvidence:
			e := exhibits[id]
			text, fault := words[comity.EvidenceText](key, bindEvidence(e.Evidence), e.Sealed)
			r.exhibits[id] = true
			n, err = Node{Evidence: &EvidenceView{Evidence: shownEvidence(e.Evidence, c.Own), Text: text, Grant: c.Exhibits[id]}}, fault
		}
		if err != nil {
			r.incident(string(id), err)
			return err
		}
		grant := c.Exhibits[id]
		if grant == "" && c.Access.Grant != nil {
			grant = c.Access.Grant.ID
		}
		r.note(string(id), c.State, c.Access.Level, grant, purpose)
		out[id] = n
	}
	return nil
}

// opens reports whether a case that the officer sees opens one of its inner records.
func (r *Reader) opens(c *CaseView, id comity.ID, entries map[comity.ID]storage.Entry, subjects map[comity.ID]storage.Subject,
	observables map[comity.ID]storage.Observable,
) bool {
	if id.Kind() == comity.KindEvidence {
		_, named := c.Exhibits[id]
		return c.Own || named
	}
	if !c.full() {
		return false
	}
	marking, protected := entries[id].Marking, false
	switch id.Kind() {
	case comity.KindSubject:
		marking, protected = subjects[id].Marking, subjects[id].Protected()
	case comity.KindObservable:
		marking = observables[id].Marking
	}
	return c.Own || !protected && marking.TLP != comity.TLPRed
}

// quietCases finds the cases of inner records that were asked for by id. A
// hidden parent is not noted: the leaf says what was asked for, and no more.
func (r *Reader) quietCases(ids []comity.ID, purpose comity.Purpose) (map[comity.ID]*CaseView, error) {
	asked := map[comity.ID]bool{}
	for _, id := range ids {
		_, asked[id] = r.asked[string(id)]
	}
	found, err := r.Cases(ids, purpose)
	for _, id := range ids {
		if !asked[id] {
			r.forget(string(id))
		}
	}
	return found, err
}
