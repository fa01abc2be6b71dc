package exchange

import (
	"context"
	"fmt"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// NewEntry, NewSubject and NewObservable are records to add to a case. A zero
// marking takes the case's.
type (
	NewEntry struct {
		Marking comity.Marking   `json:"marking"`
		Text    comity.EntryText `json:"text"`
	}
	NewSubject struct {
		Kind    comity.SubjectKind `json:"kind"`
		Role    comity.SubjectRole `json:"role"`
		Minor   bool               `json:"minor"`
		Marking comity.Marking     `json:"marking"`
		Text    comity.SubjectText `json:"text"`
	}
	NewObservable struct {
		Marking comity.Marking        `json:"marking"`
		Text    comity.ObservableText `json:"text"`
	}
)

// AddRecords adds entries, subjects or observables to a case, of one kind at a
// time, all or none.
type AddRecords struct {
	Key         string          `json:"-"`
	Case        comity.ID       `json:"case"`
	Entries     []NewEntry      `json:"entries,omitempty"`
	Subjects    []NewSubject    `json:"subjects,omitempty"`
	Observables []NewObservable `json:"observables,omitempty"`

	IDs []comity.ID `json:"-"` // of the records, in the order given

	changeCase
}

func (r *AddRecords) about() (sovereignty.Action, string, any) {
	switch {
	case len(r.Subjects) > 0:
		return sovereignty.SubjectAdd, r.Key, r
	case len(r.Observables) > 0:
		return sovereignty.ObservableAdd, r.Key, r
	}
	return sovereignty.EntryAdd, r.Key, r
}

// declared is the highest classification of the records.
func (r *AddRecords) declared() comity.Classification {
	var all []comity.Classification
	for _, n := range r.Entries {
		all = append(all, n.Text.Classification)
	}
	for _, n := range r.Subjects {
		all = append(all, n.Text.Classification)
	}
	for _, n := range r.Observables {
		all = append(all, n.Text.Classification)
	}
	return comity.Highest(all...)
}

func (r *AddRecords) judge(tx storage.ReadTx, a *attempt) (err error) {
	if r.view, err = a.actOnCase(tx, r.Case, sovereignty.Circumstances{Classification: r.declared()}); err != nil {
		return err
	}
	kinds := 0
	for _, n := range []int{len(r.Entries), len(r.Subjects), len(r.Observables)} {
		kinds += min(n, 1)
	}
	if kinds > 1 {
		return comity.Invalid("items", "records of one kind are added at a time")
	}
	n := len(r.Entries) + len(r.Subjects) + len(r.Observables)
	if n == 0 || n > maxPerAct {
		return comity.Invalid("items", fmt.Sprintf("between 1 and %d records are added at once", maxPerAct))
	}
	for i := range r.Entries {
		if err := at(i, r.Entries[i].check()); err != nil {
			return err
		}
	}
	for i := range r.Subjects {
		if err := at(i, r.Subjects[i].check()); err != nil {
			return err
		}
	}
	for i := range r.Observables {
		if err := at(i, r.Observables[i].check()); err != nil {
			return err
		}
	}
	return nil
}

func (r *AddRecords) prepare(ctx context.Context, a *attempt) error {
	r.IDs = nil
	for range r.Entries {
		r.IDs = append(r.IDs, comity.NewID(comity.KindEntry))
	}
	for range r.Subjects {
		r.IDs = append(r.IDs, comity.NewID(comity.KindSubject))
	}
	for range r.Observables {
		r.IDs = append(r.IDs, comity.NewID(comity.KindObservable))
	}
	return r.open(ctx, a)
}

func (r *AddRecords) commit(tx storage.Tx, a *attempt) error {
	var entries []storage.Entry
	for i, n := range r.Entries {
		e := comity.Entry{ID: r.IDs[i], Case: r.Case, State: r.view.State, Author: a.who.Officer.Ref(),
			Marking: orMarking(n.Marking, r.view.Marking), CreatedAt: a.now}
		sealed, err := seal(r.changeCase.key, bindEntry(e), n.Text)
		if err != nil {
			return err
		}
		entries = append(entries, storage.Entry{Entry: e, Sealed: sealed})
	}
	var subjects []storage.Subject
	for i, n := range r.Subjects {
		s := comity.Subject{ID: r.IDs[i], Case: r.Case, State: r.view.State, Kind: n.Kind, Role: n.Role, Minor: n.Minor,
			Marking: orMarking(n.Marking, r.view.Marking), CreatedAt: a.now}
		sealed, err := seal(r.changeCase.key, bindSubject(s), n.Text)
		if err != nil {
			return err
		}
		subjects = append(subjects, storage.Subject{Subject: s, Sealed: sealed})
	}
	var observables []storage.Observable
	for i, n := range r.Observables {
		o := comity.Observable{ID: r.IDs[i], Case: r.Case, State: r.view.State,
			Marking: orMarking(n.Marking, r.view.Marking), CreatedAt: a.now}
		sealed, err := seal(r.changeCase.key, bindObservable(o), n.Text)
		if err != nil {
			return err
		}
		observables = append(observables, storage.Observable{Observable: o, Sealed: sealed})
	}
	if err := tx.InsertEntries(entries); err != nil {
		return err
	}
	if err := tx.InsertSubjects(subjects); err != nil {
		return err
	}
	if err := tx.InsertObservables(observables); err != nil {
		return err
	}
	// What is seen by no grantee does not move what is seen abroad.
	open := func(m comity.Marking) bool { return m.TLP != comity.TLPRed }
	abroad := !r.view.Reserved && (slices.ContainsFunc(entries, func(e storage.Entry) bool { return open(e.Marking) }) ||
		slices.ContainsFunc(observables, func(o storage.Observable) bool { return open(o.Marking) }) ||
		slices.ContainsFunc(subjects, func(s storage.Subject) bool { return open(s.Marking) && !s.Protected() }))
	if err := r.write(tx, a, abroad, func(*comity.Case, *comity.CaseText) {}); err != nil {
		return err
	}
	a.made = r.IDs
	return nil
}

func (r *AddRecords) finish(context.Context, *attempt) error { return nil }

func (r *AddRecords) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	r.IDs = ids
	return nil
}

func orMarking(m, otherwise comity.Marking) comity.Marking {
	if m == (comity.Marking{}) {
		return otherwise
	}
	return m
}
