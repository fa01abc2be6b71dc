package exchange

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// The inner records of a case with their words.
type (
	// EntryView is a line of a case's log.
	EntryView struct {
		comity.Entry
		Text comity.EntryText
		of   *CaseView
	}
	// SubjectView is a subject of a case.
	SubjectView struct {
		comity.Subject
		Text comity.SubjectText
		of   *CaseView
	}
	// ObservableView is an observable of a case.
	ObservableView struct {
		comity.Observable
		Text comity.ObservableText
		of   *CaseView
	}
	// EvidenceView is an exhibit of a case. Abroad it carries the grant under
	// which it can be opened. A list gives it without hashes, parts and receipt, see [Reader.Containers].
	EvidenceView struct {
		comity.Evidence
		Text  comity.EvidenceText
		Grant comity.ID
		of    *CaseView
		whole bool // with its container
	}
)

// errWall is met when the SQL lists what the record's own bound fields keep
// from abroad: somebody wrote to the database past the gate.
var errWall = errors.New("exchange: a record that is kept from abroad was listed there")

// shownEvidence leaves out of an exhibit what only the exchange needs, and
// abroad the officer who began it.
func shownEvidence(e comity.Evidence, own bool) comity.Evidence {
	e.WrappedKey, e.ObjectKey, e.UploadID = "", "", ""
	if !own {
		e.BegunBy = ""
	}
	return e
}

// inner tells which of the cases open their inner records, and which all of them.
func inner(cases []*CaseView) (ids []comity.ID, all map[comity.ID]bool) {
	all = map[comity.ID]bool{}
	for _, c := range cases {
		if c.full() && c.Text != nil {
			ids = append(ids, c.ID)
			all[c.ID] = c.Own
		}
	}
	return ids, all
}

func casesByID(cases []*CaseView) map[comity.ID]*CaseView {
	byID := make(map[comity.ID]*CaseView, len(cases))
	for _, c := range cases {
		byID[c.ID] = c
	}
	return byID
}

// children makes a page per case of its inner records, with their words opened.
func children[S, T any](r *Reader, cases []*CaseView, list string, first int, after string,
	load func(storage.Page) (map[comity.ID][]S, error), key func(S) storage.Key, open func(wordKey, S) (T, error),
) (map[comity.ID]Page[T], error) {
	out := map[comity.ID]Page[T]{}
	var filter any
	if len(cases) == 1 {
		filter = cases[0].ID
	} else if after != "" {
		return nil, comity.Invalid("after", "a cursor of inner records is for one case at a time")
	}
	p, binding, err := r.page(list, filter, first, after)
	if err != nil {
		return nil, err
	}
	found, err := load(p)
	if err != nil {
		return nil, err
	}
	var refs []keyRef
	for _, c := range cases {
		if len(found[c.ID]) > 0 {
			refs = append(refs, c.keyRef())
		}
	}
	keys, faults, err := r.keys(refs)
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		rows := found[c.ID]
		if len(rows) == 0 {
			continue
		}
		// A cursor made on a page of several cases is bound to its own case.
		binding := binding
		if len(cases) > 1 {
			binding = cursorFor(r.who.Officer, list, c.ID)
		}
		if err := faults[c.keyRef()]; err != nil {
			c.dark(r, err)
			continue
		}
		var fault error
		opener := keys[c.keyRef()]
		page := cut(r, rows, p.Limit, binding, key, func(s S) T {
			t, err := open(opener, s)
			if err != nil {
				fault = err
			}
			return t
		})
		if fault != nil {
			r.incident(string(c.ID), c.State, fault)
			if c.Own {
				return nil, fault
			}
			c.tear(list)
			continue
		}
		for _, row := range rows[:min(len(rows), first)] {
			r.disclose(c, key(row).ID)
		}
		out[c.ID] = page
	}
	return out, nil
}

// wordsOf opens the words that a state wrote, nil where they do not open: of another
// state's that is an incident, and those words alone are closed, lest one state's row
// break others' lists. The own state's end the read.
func wordsOf[T any](r *Reader, key *wordKey, record comity.ID, of comity.State, aad, sealed []byte) (*T, error) {
	if key == nil {
		return nil, nil
	}
	t, err := words[T](*key, aad, sealed)
	if err == nil {
		return &t, nil
	}
	r.incident(string(record), of, err)
	if of == r.who.Officer.State {
		return nil, err
	}
	return nil, nil
}

// words opens the words of a record.
func words[T any](key wordKey, aad, sealed []byte) (T, error) {
	var t T
	err := unseal(key, aad, sealed, &t)
	return t, err
}

func place(at time.Time, id comity.ID) storage.Key { return storage.Key{At: at, ID: id} }

// Entries reads the log lines of cases, oldest first.
func (r *Reader) Entries(cases []*CaseView, first int, after string) (map[comity.ID]Page[EntryView], error) {
	ids, all := inner(cases)
	byCase := casesByID(cases)
	return children(r, cases, "entries", first, after,
		func(p storage.Page) (map[comity.ID][]storage.Entry, error) { return r.tx.Entries(ids, all, p) },
		func(e storage.Entry) storage.Key { return place(e.CreatedAt, e.ID) },
		func(key wordKey, e storage.Entry) (EntryView, error) {
			text, err := words[comity.EntryText](key, bindEntry(e.Entry), e.Sealed)
			if !all[e.Case] && e.Marking.TLP == comity.TLPRed {
				err = errWall
			}
			return EntryView{e.Entry, text, byCase[e.Case]}, err
		})
}

// Subjects reads the subjects of cases, oldest first. Full scope abroad leaves
// out victims, witnesses and minors, but those whom a grant for the declared
// purpose names.
func (r *Reader) Subjects(cases []*CaseView, first int, after string) (map[comity.ID]Page[SubjectView], error) {
	ids, all := inner(cases)
	byCase := casesByID(cases)
	named := map[comity.ID][]comity.ID{}
	for _, id := range ids {
		if c := byCase[id]; !c.Own && len(c.Subjects) > 0 {
			named[id] = slices.Collect(maps.Keys(c.Subjects))
		}
	}
	return children(r, cases, "subjects", first, after,
		func(p storage.Page) (map[comity.ID][]storage.Subject, error) {
			return r.tx.Subjects(ids, all, named, p)
		},
		func(s storage.Subject) storage.Key { return place(s.CreatedAt, s.ID) },
		func(key wordKey, s storage.Subject) (SubjectView, error) {
			text, err := words[comity.SubjectText](key, bindSubject(s.Subject), s.Sealed)
			c := byCase[s.Case]
			grant := c.Subjects[s.ID]
			switch {
			case c.Own:
			case s.Protected() && grant == "" || s.Marking.TLP == comity.TLPRed:
				err = errWall
			case s.Protected(): // whom it was opened by name is in the record of acts
				r.note(audit.Record{ID: string(s.ID), Level: string(c.Access.Level), Grant: grant, Purpose: c.Purpose}, s.State)
			}
			return SubjectView{s.Subject, text, c}, err
		})
}

// Observables reads the observables of cases, oldest first.
func (r *Reader) Observables(cases []*CaseView, first int, after string) (map[comity.ID]Page[ObservableView], error) {
	ids, all := inner(cases)
	byCase := casesByID(cases)
	return children(r, cases, "observables", first, after,
		func(p storage.Page) (map[comity.ID][]storage.Observable, error) { return r.tx.Observables(ids, all, p) },
		func(o storage.Observable) storage.Key { return place(o.CreatedAt, o.ID) },
		func(key wordKey, o storage.Observable) (ObservableView, error) {
			text, err := words[comity.ObservableText](key, bindObservable(o.Observable), o.Sealed)
			if !all[o.Case] && o.Marking.TLP == comity.TLPRed {
				err = errWall
			}
			return ObservableView{o.Observable, text, byCase[o.Case]}, err
		})
}

// Evidence reads the exhibits of cases, oldest first: at home all, abroad those
// that a grant for the declared purpose names.
func (r *Reader) Evidence(cases []*CaseView, first int, after string) (map[comity.ID]Page[EvidenceView], error) {
	var ids []comity.ID
	named := map[comity.ID][]comity.ID{}
	byCase := casesByID(cases)
	for _, c := range cases {
		switch {
		case c.gone:
		case c.Access.Level == sovereignty.AccessOwn:
			ids = append(ids, c.ID)
		case len(c.Exhibits) > 0:
			ids = append(ids, c.ID)
			for e := range c.Exhibits {
				named[c.ID] = append(named[c.ID], e)
			}
		}
	}
	return children(r, cases, "evidence", first, after,
		func(p storage.Page) (map[comity.ID][]storage.Evidence, error) { return r.tx.Evidence(ids, named, p) },
		func(e storage.Evidence) storage.Key { return place(e.CreatedAt, e.ID) },
		func(key wordKey, e storage.Evidence) (EvidenceView, error) {
			c := byCase[e.Case]
			text, err := words[comity.EvidenceText](key, bindEvidence(e.Evidence), e.Sealed)
			if !c.Own {
				r.note(audit.Record{ID: string(e.ID), Level: string(c.Access.Level), Grant: c.Exhibits[e.ID], Purpose: c.Purpose}, e.State)
			}
			r.exhibits[e.ID] = true
			return EvidenceView{Evidence: shownEvidence(e.Evidence, c.Own), Text: text, Grant: c.Exhibits[e.ID], of: c}, err
		})
}

// Containers adds to exhibits that were listed what their containers are known by:
// hashes, parts and the state's receipt.
func (r *Reader) Containers(exhibits []*EvidenceView) error {
	var ids []comity.ID
	for _, e := range exhibits {
		if !e.whole && r.exhibits[e.ID] { // only of what this reader was shown
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := r.tx.EvidenceByID(ids)
	if err != nil {
		return err
	}
	for _, e := range exhibits {
		if row, ok := found[e.ID]; ok && !e.whole {
			e.Evidence, e.whole = shownEvidence(row.Evidence, e.of.Own), true
		}
	}
	return nil
}

// Custody reads the chain of custody of exhibits: the originator's officers see
// every event, a grantee's the originator's and their own.
func (r *Reader) Custody(exhibits []EvidenceView) (map[comity.ID][]comity.CustodyEvent, error) {
	var ids []comity.ID
	for _, e := range exhibits {
		if r.exhibits[e.ID] { // only of what this reader was shown
			ids = append(ids, e.ID)
		}
	}
	return r.tx.Custody(ids, r.who.Officer.State)
}

// Assignees names the officers and offices assigned to own cases.
func (r *Reader) Assignees(cases []*CaseView) (map[comity.ID][]string, error) {
	var ids []comity.ID
	for _, c := range cases {
		if c.Own {
			ids = append(ids, c.ID)
		}
	}
	return r.tx.Assignees(ids)
}
