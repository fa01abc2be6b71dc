package storagetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var red = comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPGreen, Handling: comity.H1}

func newEntry(c storage.Case, at int) storage.Entry {
	return storage.Entry{Entry: comity.Entry{ID: comity.NewID(comity.KindEntry), Case: c.ID, State: c.State, Author: c.Owner,
		Marking: comity.DefaultMarking, CreatedAt: hours(at)}, Sealed: []byte("entry")}
}

func newSubject(c storage.Case, at int, r comity.SubjectRole) storage.Subject {
	return storage.Subject{Subject: comity.Subject{ID: comity.NewID(comity.KindSubject), Case: c.ID, State: c.State,
		Kind: comity.SubjectPerson, Role: r, Marking: comity.DefaultMarking, CreatedAt: hours(at)}, Sealed: []byte("subject")}
}

func newObservable(c storage.Case, at int) storage.Observable {
	return storage.Observable{Observable: comity.Observable{ID: comity.NewID(comity.KindObservable), Case: c.ID, State: c.State,
		Marking: comity.DefaultMarking, CreatedAt: hours(at)}, Sealed: []byte("observable")}
}

func children(t *testing.T, db storage.DB) {
	a, b, empty := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	cases := []comity.ID{a.ID, b.ID, empty.ID, comity.NewID(comity.KindCase)}
	all := map[comity.ID]bool{a.ID: true, b.ID: true}
	var entriesA, entriesB []storage.Entry
	for i := range 5 {
		entriesA, entriesB = append(entriesA, newEntry(a, i)), append(entriesB, newEntry(b, -i))
	}
	subject, observable := newSubject(a, 1, comity.SubjectSuspect), newObservable(a, 1)
	write(t, db, func(tx storage.Tx) error {
		for _, err := range []error{tx.InsertEntries(entriesA), tx.InsertEntries(entriesB), tx.InsertEntries(nil),
			tx.InsertSubjects([]storage.Subject{subject}), tx.InsertObservables([]storage.Observable{observable})} {
			if err != nil {
				return err
			}
		}
		wantErr(t, "the same entry again", tx.InsertEntries(entriesA[2:3]), storage.ErrExists)
		return nil
	})
	read(t, db, func(r storage.ReadTx) error {
		e, err := r.Entries(cases, all, storage.Page{Limit: 3})
		equal(t, "first entries per case", e, map[comity.ID][]storage.Entry{a.ID: entriesA[:3], b.ID: {entriesB[4], entriesB[3], entriesB[2]}})
		if err != nil {
			return err
		}
		e, err = r.Entries([]comity.ID{a.ID}, all, storage.Page{Limit: 9, After: storage.Key{At: entriesA[1].CreatedAt, ID: entriesA[1].ID}})
		equal(t, "entries after one", e, map[comity.ID][]storage.Entry{a.ID: entriesA[2:]})
		if err != nil {
			return err
		}
		s, err := r.Subjects(cases, all, nil, storage.Page{Limit: 9})
		equal(t, "subjects", s, map[comity.ID][]storage.Subject{a.ID: {subject}})
		if err != nil {
			return err
		}
		o, err := r.Observables(cases, all, storage.Page{Limit: 9})
		equal(t, "observables", o, map[comity.ID][]storage.Observable{a.ID: {observable}})
		if err != nil {
			return err
		}
		e, err = r.Entries(nil, nil, storage.Page{Limit: 3})
		equal(t, "entries of no case", e, map[comity.ID][]storage.Entry{})
		if err != nil {
			return err
		}
		byID, err := r.EntriesByID([]comity.ID{entriesA[0].ID, entriesB[1].ID, subject.ID, ""})
		equal(t, "entries by id", byID, map[comity.ID]storage.Entry{entriesA[0].ID: entriesA[0], entriesB[1].ID: entriesB[1]})
		if err != nil {
			return err
		}
		sByID, err := r.SubjectsByID([]comity.ID{subject.ID})
		equal(t, "subjects by id", sByID, map[comity.ID]storage.Subject{subject.ID: subject})
		if err != nil {
			return err
		}
		oByID, err := r.ObservablesByID([]comity.ID{observable.ID})
		equal(t, "observables by id", oByID, map[comity.ID]storage.Observable{observable.ID: observable})
		if err != nil {
			return err
		}
		asked := []comity.ID{entriesA[0].ID, entriesB[1].ID, subject.ID, observable.ID, comity.NewID(comity.KindEntry)}
		of, err := r.Parents(viewer(kzOwner, noon), asked)
		equal(t, "parents", of, map[comity.ID]comity.ID{entriesA[0].ID: a.ID, entriesB[1].ID: b.ID, subject.ID: a.ID, observable.ID: a.ID})
		if err != nil {
			return err
		}
		of, err = r.Parents(viewer(amInv, noon), asked)
		equal(t, "parents that are hidden", of, map[comity.ID]comity.ID{})
		return err
	})
}

func childrenAbroad(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	suspect, victim, witness, minor, marked := newSubject(c, 1, comity.SubjectSuspect), newSubject(c, 2, comity.SubjectVictim),
		newSubject(c, 3, comity.SubjectWitness), newSubject(c, 4, comity.SubjectContact), newSubject(c, 5, comity.SubjectSuspect)
	minor.Minor, marked.Marking = true, red
	hidden := newSubject(c, 6, comity.SubjectVictim)
	hidden.Marking = red
	other := fileCase(t, db, kzOwner, noon)
	third := newSubject(other, 1, comity.SubjectWitness)
	entry, redEntry, observable, redObservable := newEntry(c, 1), newEntry(c, 0), newObservable(c, 1), newObservable(c, 0)
	redEntry.Marking, redObservable.Marking = red, red
	write(t, db, func(tx storage.Tx) error {
		for _, err := range []error{tx.InsertSubjects([]storage.Subject{suspect, victim, witness, minor, marked, hidden, third}),
			tx.InsertEntries([]storage.Entry{entry, redEntry}), tx.InsertObservables([]storage.Observable{observable, redObservable})} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	ids, p := []comity.ID{c.ID}, storage.Page{Limit: 9}
	read(t, db, func(r storage.ReadTx) error {
		for _, home := range []bool{true, false} {
			all := map[comity.ID]bool{c.ID: home}
			wantS, wantE, wantO := []storage.Subject{suspect}, []storage.Entry{entry}, []storage.Observable{observable}
			if home {
				wantS, wantE = []storage.Subject{suspect, victim, witness, minor, marked, hidden}, []storage.Entry{redEntry, entry}
				wantO = []storage.Observable{redObservable, observable}
			}
			s, err := r.Subjects(ids, all, nil, p)
			if err != nil {
				return err
			}
			equal(t, fmt.Sprint("subjects, all: ", home), s[c.ID], wantS)
			e, err := r.Entries(ids, all, p)
			if err != nil {
				return err
			}
			equal(t, fmt.Sprint("entries, all: ", home), e[c.ID], wantE)
			o, err := r.Observables(ids, all, p)
			if err != nil {
				return err
			}
			equal(t, fmt.Sprint("observables, all: ", home), o[c.ID], wantO)
		}
		// Persons who are named are of it, each of its own case alone, and never what is red.
		name := func(what string, of comity.ID, named []comity.ID, want ...storage.Subject) error {
			s, err := r.Subjects([]comity.ID{c.ID, other.ID}, nil, map[comity.ID][]comity.ID{of: named}, p)
			equal(t, what, s[c.ID], want)
			equal(t, what+": of the other case", s[other.ID], []storage.Subject(nil))
			return err
		}
		if err := errors.Join(name("a victim and a minor named", c.ID, []comity.ID{victim.ID, minor.ID}, suspect, victim, minor),
			name("one who is red named", c.ID, []comity.ID{marked.ID, hidden.ID}, suspect),
			name("named for another case", other.ID, []comity.ID{victim.ID, witness.ID}, suspect),
			name("nobody named", c.ID, nil, suspect), name("no subject named", c.ID, []comity.ID{"%", ""}, suspect)); err != nil {
			return err
		}
		// What is left out does not use up the limit.
		e, err := r.Entries(ids, nil, storage.Page{Limit: 1})
		equal(t, "one entry abroad", e[c.ID], []storage.Entry{entry})
		return err
	})
}

func childrenMany(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	var many []storage.Observable
	for range 251 { // all of one instant, so that the id alone orders them
		many = append(many, newObservable(c, 1))
	}
	write(t, db, func(tx storage.Tx) error { return tx.InsertObservables(many) })
	seen := map[comity.ID]bool{}
	p := storage.Page{Limit: 40}
	for {
		page := get(t, db, func(r storage.ReadTx) (map[comity.ID][]storage.Observable, error) {
			return r.Observables([]comity.ID{c.ID}, map[comity.ID]bool{c.ID: true}, p)
		})[c.ID]
		for _, o := range page {
			if seen[o.ID] {
				t.Fatalf("%s is on two pages", o.ID)
			}
			if o.ID <= p.After.ID {
				t.Fatal("not in the order of ids")
			}
			seen[o.ID] = true
			p.After = storage.Key{At: o.CreatedAt, ID: o.ID}
		}
		if len(page) < p.Limit {
			break
		}
	}
	if len(seen) != len(many) {
		t.Errorf("the pages hold %d of %d", len(seen), len(many))
	}
	// One that exists spoils the whole insert.
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		return tx.InsertObservables([]storage.Observable{newObservable(c, 2), many[7]})
	})
	wantErr(t, "insert with one that exists", err, storage.ErrExists)
}

func newEvidence(c storage.Case, at int) storage.Evidence {
	return storage.Evidence{Evidence: comity.Evidence{ID: comity.NewID(comity.KindEvidence), Case: c.ID, State: c.State,
		Status: comity.EvidenceUploading, MediaType: "application/octet-stream", Original: true, Size: 1 << 40, Header: []byte{0, 1, 255},
		WrappedKey: "vault:v1:abc", ObjectKey: "ev/1", UploadID: "up", BegunBy: c.Owner, CreatedAt: hours(at)}, Sealed: []byte("evidence")}
}

func evidence(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	e := newEvidence(c, 1)
	lock := func() (got storage.Evidence) {
		write(t, db, func(tx storage.Tx) (err error) { got, err = tx.LockEvidence(e.ID); return err })
		return got
	}
	complete := func(e storage.Evidence) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.CompleteEvidence(e) })
	}
	write(t, db, func(tx storage.Tx) error { return tx.InsertEvidence(e) })
	equal(t, "begun", lock(), e)
	done := e
	done.Status, done.ObjectVersion, done.CompletedAt, done.Sealed = comity.EvidenceSealed, "v7", hours(2), []byte("sealed anew")
	done.Root, done.PlainSHA256 = [32]byte{1, 31: 2}, [32]byte{3, 31: 4}
	done.Receipt = "eyJ.receipt"
	done.Parts = []comity.EvidencePart{{Number: 1, Size: 64 << 20, SHA256: [32]byte{5}, Nonce: [12]byte{6, 11: 7}}, {Number: 10000, Size: 1}}
	if err := complete(e); err == nil {
		t.Error("evidence was completed as uploading")
	}
	equal(t, "after a refused completion", lock(), e)
	if err := complete(done); err != nil {
		t.Fatal(err)
	}
	equal(t, "completed", lock(), done)
	again := done
	again.PlainSHA256 = [32]byte{9}
	wantErr(t, "a second completion", complete(again), storage.ErrConflict)
	equal(t, "after a second completion", lock(), done)
	read(t, db, func(r storage.ReadTx) error {
		m, err := r.EvidenceByID([]comity.ID{e.ID, c.ID})
		equal(t, "by id", m, map[comity.ID]storage.Evidence{e.ID: done})
		return err
	})
	absent := done
	absent.ID = comity.NewID(comity.KindEvidence)
	wantErr(t, "completing what is absent", complete(absent), storage.ErrConflict)
	wantErr(t, "locking what is absent", db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		_, err := tx.LockEvidence(absent.ID)
		return err
	}), storage.ErrNotFound)
}

func evidenceNamed(t *testing.T, db storage.DB) {
	a, b := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	a1, a2, a3, b1, b2 := newEvidence(a, 1), newEvidence(a, 2), newEvidence(a, 3), newEvidence(b, 1), newEvidence(b, 2)
	write(t, db, func(tx storage.Tx) error {
		for _, e := range []storage.Evidence{a1, a2, a3, b1, b2} {
			if err := tx.InsertEvidence(e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		name  string
		named map[comity.ID][]comity.ID
		limit int
		want  map[comity.ID][]storage.Evidence
	}{
		{"all", nil, 9, map[comity.ID][]storage.Evidence{a.ID: {a1, a2, a3}, b.ID: {b1, b2}}},
		{"named in one", map[comity.ID][]comity.ID{a.ID: {a3.ID, a2.ID}}, 1, map[comity.ID][]storage.Evidence{a.ID: {a2}, b.ID: {b1}}},
		{"none named", map[comity.ID][]comity.ID{a.ID: nil, b.ID: {}}, 9, nil},
		// A grant on one case opens nothing of another, whatever it names.
		{"of the other case", map[comity.ID][]comity.ID{a.ID: {b1.ID}, b.ID: {a1.ID, b2.ID}}, 9, map[comity.ID][]storage.Evidence{b.ID: {b2}}},
	} {
		for _, all := range c.want { // lists leave the container out
			for i := range all {
				all[i].WrappedKey, all[i].ObjectKey, all[i].UploadID = "", "", ""
			}
		}
		got := get(t, db, func(r storage.ReadTx) (map[comity.ID][]storage.Evidence, error) {
			return r.Evidence([]comity.ID{a.ID, b.ID}, c.named, storage.Page{Limit: c.limit})
		})
		equal(t, c.name, got, c.want)
	}
}

func custody(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	e := newEvidence(c, 1)
	event := func(o comity.Officer, k comity.CustodyKind) comity.CustodyEvent {
		return comity.CustodyEvent{ID: comity.NewID(comity.KindCustody), Evidence: e.ID, Kind: k, Actor: o.Ref(), Function: o.Function,
			State: o.State, Purpose: comity.PurposeProsecution, Grant: "grant1_x", Hash: [32]byte{1}, Act: "eyJ.act", Chain: [32]byte{2}, At: noon}
	}
	// All of one instant: the order is that of writing.
	begun, am, by, sealed := event(kzOwner, comity.CustodyBegun), event(amInv, comity.CustodyDisclosed), event(byInv, comity.CustodyDisclosed), event(kzOther, comity.CustodySealed)
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertEvidence(e); err != nil {
			return err
		}
		for _, ev := range []comity.CustodyEvent{begun, am, by, sealed} {
			if err := tx.AppendCustody(ev); err != nil {
				return err
			}
		}
		wantErr(t, "the same event again", tx.AppendCustody(am), storage.ErrExists)
		return nil
	})
	for s, want := range map[comity.State][]comity.CustodyEvent{"KZ": {begun, am, by, sealed}, "AM": {begun, am, sealed}, "BY": {begun, by, sealed}, "RU": {begun, sealed}} {
		got := get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.CustodyEvent, error) {
			return r.Custody([]comity.ID{e.ID, c.ID}, s)
		})
		equal(t, "custody for "+string(s), got, map[comity.ID][]comity.CustodyEvent{e.ID: want})
	}
}

func recordKeys(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertRecordKey(c.ID, "AM", "am"); err != nil {
			return err
		}
		wantErr(t, "a second key of one state", tx.InsertRecordKey(c.ID, "AM", "other"), storage.ErrExists)
		return nil
	})
	got := get(t, db, func(r storage.ReadTx) (map[comity.ID]map[comity.State]string, error) {
		return r.RecordKeys([]comity.ID{c.ID, "case1_absent"})
	})
	equal(t, "record keys", got, map[comity.ID]map[comity.State]string{c.ID: {"KZ": "wrapped " + string(c.ID), "AM": "am"}})
}
