package exchange

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

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

func (r *AddRecords) judge(tx storage.ReadTx, a *attempt) (err error) {
	if r.view, err = a.actOnCase(tx, r.Case, sovereignty.Circumstances{}); err != nil {
		return err
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
	// A protected subject is seen by no grantee: it does not move what is seen abroad.
	abroad := !r.view.Reserved && (len(entries)+len(observables) > 0 ||
		slices.ContainsFunc(subjects, func(s storage.Subject) bool { return !s.Protected() }))
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

// partialDate is an ISO 8601 date as far as it is known, or an RFC 3339 time.
var partialDate = regexp.MustCompile(`^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?)?)?$`)

func checkDate(field, s string) error {
	if s != "" && !partialDate.MatchString(s) {
		return comity.Invalid(field, "a date is written 2026, 2026-11, 2026-11-22 or as an RFC 3339 time")
	}
	return nil
}

func checkGrades(s comity.SourceGrade, i comity.InformationGrade) error {
	if s != "" && !slices.Contains(comity.SourceGrades, s) {
		return comity.Invalid("source", "source grades are A, B, C and X")
	}
	if i != "" && !slices.Contains(comity.InformationGrades, i) {
		return comity.Invalid("information", "information grades are 1, 2, 3 and 4")
	}
	return nil
}

func checkMarking(m comity.Marking) error {
	if m == (comity.Marking{}) {
		return nil
	}
	return m.Check()
}

func (n NewEntry) check() error {
	if strings.TrimSpace(n.Text.Text) == "" || len(n.Text.Text) > maxText {
		return comity.Invalid("text", fmt.Sprintf("an entry has a text of at most %d bytes", maxText))
	}
	if err := checkDate("happened", n.Text.Happened); err != nil {
		return err
	}
	return checkMarking(n.Marking)
}

func (n NewSubject) check() error {
	switch n.Kind {
	case comity.SubjectPerson, comity.SubjectOrganisation, comity.SubjectAccount:
	default:
		return comity.Invalid("kind", "a subject is a PERSON, an ORGANISATION or an ACCOUNT")
	}
	switch n.Role {
	case comity.SubjectSuspect, comity.SubjectConvicted, comity.SubjectVictim, comity.SubjectWitness, comity.SubjectContact:
	default:
		return comity.Invalid("role", "a subject has one of the listed roles; a confidential source is never a subject")
	}
	if len(n.Text.Names) == 0 && n.Text.Identifier == "" {
		return comity.Invalid("names", "a subject has a name or an identifier")
	}
	for _, name := range n.Text.Names {
		if strings.TrimSpace(name.Name) == "" || len(name.Name) > maxLine || len(name.Latin) > maxLine {
			return comity.Invalid("names", fmt.Sprintf("a name is between 1 and %d bytes", maxLine))
		}
	}
	if len(n.Text.Note) > maxText {
		return tooLong("note", maxText)
	}
	if err := checkDate("birth", n.Text.Birth); err != nil {
		return err
	}
	if err := checkGrades(n.Text.Source, n.Text.Information); err != nil {
		return err
	}
	return checkMarking(n.Marking)
}

func (n NewObservable) check() error {
	if n.Text.Type == "" || len(n.Text.Type) > maxLine || n.Text.Value == "" || len(n.Text.Value) > maxText {
		return comity.Invalid("value", "an observable has a STIX type and a value")
	}
	if len(n.Text.Description) > maxText || len(n.Text.Pattern) > maxText {
		return tooLong("description", maxText)
	}
	if err := checkDate("validFrom", n.Text.ValidFrom); err != nil {
		return err
	}
	if err := checkGrades(n.Text.Source, n.Text.Information); err != nil {
		return err
	}
	return checkMarking(n.Marking)
}

// at adds the position of an item to the path of its error.
func at(i int, err error) error {
	if e, ok := err.(*comity.Error); ok {
		c := *e
		c.Path = append([]string{"items", fmt.Sprint(i)}, e.Path...)
		return &c
	}
	return err
}
