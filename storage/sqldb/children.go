package sqldb

import (
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var entries = newTable("entries", "id case_id state author tlp pap handling created_at sealed",
	func(e *storage.Entry) []any {
		return []any{&e.ID, &e.Case, &e.State, &e.Author, &e.Marking.TLP, &e.Marking.PAP, &e.Marking.Handling,
			instant(&e.CreatedAt), blob(&e.Sealed)}
	})

var subjects = newTable("subjects", "id case_id state kind role minor protected tlp pap handling created_at sealed",
	func(s *storage.Subject) []any {
		return []any{&s.ID, &s.Case, &s.State, &s.Kind, &s.Role, &s.Minor, derived{s.Protected()}, &s.Marking.TLP,
			&s.Marking.PAP, &s.Marking.Handling, instant(&s.CreatedAt), blob(&s.Sealed)}
	})

var observables = newTable("observables", "id case_id state tlp pap handling created_at sealed",
	func(o *storage.Observable) []any {
		return []any{&o.ID, &o.Case, &o.State, &o.Marking.TLP, &o.Marking.PAP, &o.Marking.Handling,
			instant(&o.CreatedAt), blob(&o.Sealed)}
	})

var evidence = newTable("evidence", `id case_id state status media_type original size header wrapped_key object_key upload_id
	object_version root plain_sha256 parts receipt begun_by created_at completed_at sealed`,
	func(e *storage.Evidence) []any {
		return []any{&e.ID, &e.Case, &e.State, &e.Status, &e.MediaType, &e.Original, &e.Size, blob(&e.Header), &e.WrappedKey,
			&e.ObjectKey, &e.UploadID, &e.ObjectVersion, digest(&e.Root), digest(&e.PlainSHA256), partsField{&e.Parts}, &e.Receipt,
			&e.BegunBy, instant(&e.CreatedAt), instant(&e.CompletedAt), blob(&e.Sealed)}
	})

// listed are exhibits without their containers: a receipt alone can be longer than
// all the rest.
var listed = newTable("evidence", "id case_id state status media_type original size header begun_by created_at completed_at sealed",
	func(e *storage.Evidence) []any {
		return []any{&e.ID, &e.Case, &e.State, &e.Status, &e.MediaType, &e.Original, &e.Size, blob(&e.Header), &e.BegunBy, instant(&e.CreatedAt),
			instant(&e.CompletedAt), blob(&e.Sealed)}
	})

var custody = newTable("custody", "id evidence_id kind actor function state purpose grant_id hash act chain at",
	func(e *comity.CustodyEvent) []any {
		return []any{&e.ID, &e.Evidence, &e.Kind, &e.Actor, &e.Function, &e.State, &e.Purpose, &e.Grant, digest(&e.Hash),
			&e.Act, digest(&e.Chain), instant(&e.At)}
	})

func entryCase(e storage.Entry) comity.ID           { return e.Case }
func subjectCase(s storage.Subject) comity.ID       { return s.Case }
func observableCase(o storage.Observable) comity.ID { return o.Case }
func evidenceCase(e storage.Evidence) comity.ID     { return e.Case }

// abroad leaves out what full scope does not include, but for the cases in $5.
const abroad = " AND (case_id = ANY($5) OR tlp <> 'RED')"

func trueOf(m map[comity.ID]bool) []comity.ID {
	var ids []comity.ID
	for id, yes := range m {
		if yes {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *reader) Entries(ids []comity.ID, all map[comity.ID]bool, p storage.Page) (map[comity.ID][]storage.Entry, error) {
	return entries.children(r, "case_id", entryCase, ids, p, abroad, set(r, trueOf(all)))
}

func (r *reader) Subjects(ids []comity.ID, all map[comity.ID]bool, named map[comity.ID][]comity.ID, p storage.Page) (map[comity.ID][]storage.Subject, error) {
	_, allowed := pairs(named)
	return subjects.children(r, "case_id", subjectCase, ids, p,
		abroad+" AND (case_id = ANY($5) OR NOT protected OR (case_id || '/' || id) = ANY($6))", set(r, trueOf(all)), set(r, allowed))
}

func (r *reader) Observables(ids []comity.ID, all map[comity.ID]bool, p storage.Page) (map[comity.ID][]storage.Observable, error) {
	return observables.children(r, "case_id", observableCase, ids, p, abroad, set(r, trueOf(all)))
}

// pairs are the cases in which records are named, and each with what is named: so
// a name given for one case opens nothing in another.
func pairs(named map[comity.ID][]comity.ID) (cases, all []comity.ID) {
	for id, records := range named {
		cases = append(cases, id)
		for _, record := range records {
			all = append(all, id+"/"+record)
		}
	}
	return cases, all
}

func (r *reader) Evidence(ids []comity.ID, named map[comity.ID][]comity.ID, p storage.Page) (map[comity.ID][]storage.Evidence, error) {
	limited, allowed := pairs(named)
	return listed.children(r, "case_id", evidenceCase, ids, p,
		" AND (NOT (case_id = ANY($5)) OR (case_id || '/' || id) = ANY($6))", set(r, limited), set(r, allowed))
}

// parent is an inner record and its case.
type parent struct{ id, caseID comity.ID }

var parents = newTable("parents", "id case_id", func(p *parent) []any { return []any{&p.id, &p.caseID} })

func (r *reader) Parents(v storage.Viewer, ids []comity.ID) (map[comity.ID]comity.ID, error) {
	a := viewerArgs(v)
	a.add(set(r, storage.ViewerKeys(v.Officer)))
	a.add(micros(v.At))
	wanted := a.add(set(r, ids))
	var of []string
	for _, table := range []string{entries.name, subjects.name, observables.name, evidence.name} {
		of = append(of, `SELECT p.id, p.case_id FROM `+table+` p JOIN cases c ON c.id = p.case_id WHERE p.id = ANY(`+wanted+`) AND `+seen)
	}
	all, err := parents.query(r, strings.Join(of, ` UNION ALL `), a...)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]comity.ID, len(all))
	for _, p := range all {
		m[p.id] = p.caseID
	}
	return m, nil
}

func (r *reader) EntriesByID(ids []comity.ID) (map[comity.ID]storage.Entry, error) {
	return entries.byID(r, ids, func(e storage.Entry) comity.ID { return e.ID })
}

func (r *reader) SubjectsByID(ids []comity.ID) (map[comity.ID]storage.Subject, error) {
	return subjects.byID(r, ids, func(s storage.Subject) comity.ID { return s.ID })
}

func (r *reader) ObservablesByID(ids []comity.ID) (map[comity.ID]storage.Observable, error) {
	return observables.byID(r, ids, func(o storage.Observable) comity.ID { return o.ID })
}

func (r *reader) EvidenceByID(ids []comity.ID) (map[comity.ID]storage.Evidence, error) {
	return evidence.byID(r, ids, func(e storage.Evidence) comity.ID { return e.ID })
}

func (r *reader) Custody(ids []comity.ID, to comity.State) (map[comity.ID][]comity.CustodyEvent, error) {
	all, err := custody.query(r, `SELECT `+custody.cols("c")+` FROM custody c JOIN evidence e ON e.id = c.evidence_id
		WHERE c.evidence_id = ANY($1) AND (e.state = $2 OR c.state = e.state OR c.state = $2) ORDER BY c.seq`, set(r, ids), to)
	return group(all, func(e comity.CustodyEvent) comity.ID { return e.Evidence }), err
}

func (w *writer) InsertEntries(all []storage.Entry) error    { return entries.insert(w, all...) }
func (w *writer) InsertSubjects(all []storage.Subject) error { return subjects.insert(w, all...) }
func (w *writer) InsertObservables(all []storage.Observable) error {
	return observables.insert(w, all...)
}
func (w *writer) InsertEvidence(e storage.Evidence) error   { return evidence.insert(w, e) }
func (w *writer) AppendCustody(e comity.CustodyEvent) error { return custody.insert(w, e) }

func (w *writer) LockEvidence(id comity.ID) (storage.Evidence, error) {
	return evidence.one(w.reader, `SELECT `+evidence.cols("e")+` FROM evidence e WHERE e.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) CompleteEvidence(e storage.Evidence) error {
	if e.Status != comity.EvidenceSealed {
		return fmt.Errorf("complete evidence: the status is %s, not %s", e.Status, comity.EvidenceSealed)
	}
	n, err := w.exec(`UPDATE evidence SET status = 'SEALED', size = $2, object_version = $3, root = $4, plain_sha256 = $5, parts = $6,
		completed_at = $7, sealed = $8, receipt = $9 WHERE id = $1 AND status = 'UPLOADING'`, e.ID, e.Size, e.ObjectVersion, digest(&e.Root),
		digest(&e.PlainSHA256), partsField{&e.Parts}, instant(&e.CompletedAt), blob(&e.Sealed), e.Receipt)
	if err != nil {
		return fmt.Errorf("complete evidence: %w", err)
	}
	if n == 0 {
		return storage.ErrConflict
	}
	return nil
}
