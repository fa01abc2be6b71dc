package exchange

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Access tells an officer how much of a record is open, and why the rest is not.
type Access struct {
	Level      sovereignty.Access
	Grant      *comity.Grant // under which it is read abroad; binds its use (Article 9)
	Redactions []Redaction
}

// Redaction is a field that is withheld from an officer who may see the record.
type Redaction struct {
	Field   string // "*" for all
	Article comity.Article
	Reason  string
	Cure    string
}

// CaseView is a case as one officer may see it.
type CaseView struct {
	comity.Case
	Text    *comity.CaseText // nil when withheld or not to be opened just now
	Access  Access
	Purpose comity.Purpose // declared by the reader
	// Exhibits maps the exhibits that are open to a foreign reader to their grant.
	Exhibits map[comity.ID]comity.ID
	// Subjects maps the victims, witnesses and minors who are open to a foreign
	// reader to the grant that names them.
	Subjects map[comity.ID]comity.ID
	Own      bool

	grants      []comity.Grant // that are open to a foreign reader, the widest first
	wrapped     string
	unreachable bool           // the originator's register does not answer
	gone        bool           // the case is withdrawn, and its key destroyed
	torn        bool           // records inside it do not open
	denied      comity.Article // by which the whole is withheld
}

func (v *CaseView) keyRef() keyRef { return keyRef{v.ID, v.State, v.wrapped} }

// under is the grant that opens a record of the case by name, "" where none does.
func (v *CaseView) under(record comity.ID) comity.ID {
	return cmp.Or(v.Exhibits[record], v.Subjects[record])
}

// full reports whether the case's inner records are open.
func (v *CaseView) full() bool {
	return !v.unreachable && !v.gone && (v.Access.Level == sovereignty.AccessOwn || v.Access.Level == sovereignty.AccessFull)
}

// Cases reads cases under the purpose that the officer declares.
func (r *Reader) Cases(ids []comity.ID, purpose comity.Purpose) (map[comity.ID]*CaseView, error) {
	found, err := r.tx.Cases(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	views, err := r.showCases(slices.Collect(maps.Values(found)), purpose)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]*CaseView{}
	for _, id := range ids {
		if v := views[id]; v != nil {
			out[id] = v
			r.noteCase(v)
		} else {
			r.note(audit.Record{ID: string(id)}, "")
		}
	}
	return out, nil
}

func (r *Reader) noteCase(v *CaseView) {
	record := audit.Record{ID: string(v.ID), Level: string(v.Access.Level), Purpose: v.Purpose, Denied: v.denied}
	if v.Access.Grant != nil {
		record.Grant = v.Access.Grant.ID
	}
	r.note(record, v.State)
	if v.shows() {
		r.disclose(v, v.ID)
	}
}

// ListCases lists the cases that the officer may see, newest change first:
// abroad, of what grantees of every scope see.
func (r *Reader) ListCases(f storage.CaseFilter, purpose comity.Purpose, first int, after string) (Page[*CaseView], error) {
	if err := r.checkCases(f); err != nil {
		return Page[*CaseView]{}, err
	}
	p, binding, err := r.page("cases", f, first, after)
	if err != nil {
		return Page[*CaseView]{}, err
	}
	r.lists = true
	f.Purpose = purpose
	if f.Agency != "" || f.Category != "" || f.Status != "" {
		f.Bases = r.x.bases(r.who.Officer.State, r.now)
	}
	found, err := r.tx.ListCases(r.viewer(), f, p)
	if err != nil {
		return Page[*CaseView]{}, err
	}
	views, err := r.showCases(found[:min(len(found), first)], purpose)
	if err != nil {
		return Page[*CaseView]{}, err
	}
	all := cut(r, found, p.Limit, binding, func(v storage.CaseView) storage.Key {
		if v.Own {
			return storage.Key{At: v.UpdatedAt, ID: v.ID}
		}
		return storage.Key{At: v.ListedAbroad, ID: v.ID}
	}, func(v storage.CaseView) comity.ID { return v.ID })
	page := Page[*CaseView]{HasNext: all.HasNext, Count: func() (int, error) { return r.tx.CountCases(r.viewer(), f, maxCount) }}
	for i, id := range all.Items {
		v := views[id]
		if v == nil { // the SQL lists what the policies do not show: one of the two is wrong
			r.incident(string(id), found[i].State, errors.New("the list and the policies disagree"))
			continue
		}
		r.noteCase(v)
		page.Items, page.Cursors = append(page.Items, v), page.Cursors.and(all.Cursors, i)
	}
	return page, nil
}

// showCases decides how much of each case the officer sees, and opens their
// words. What is not to be seen at all is not in the answer.
func (r *Reader) showCases(rows []storage.CaseView, purpose comity.Purpose) (map[comity.ID]*CaseView, error) {
	offers := make([]offer, len(rows))
	var refs []keyRef
	for i, v := range rows {
		offers[i] = r.offer(v, purpose)
		level, grants := r.promises(v, offers[i], purpose)
		for _, g := range grants {
			r.limits(g)
		}
		if w := v.Wrapped; w != "" && v.Status != comity.CaseWithdrawn && level != sovereignty.AccessNone && level != sovereignty.AccessExhibits {
			refs = append(refs, keyRef{v.ID, v.State, w})
		}
	}
	keys, faults, err := r.keys(refs)
	if err != nil {
		return nil, err
	}
	views := make(map[comity.ID]*CaseView, len(rows))
	for i, row := range rows {
		v := r.show(row, offers[i], purpose)
		if v == nil {
			continue
		}
		views[v.ID] = v
		v.wrapped = row.Wrapped
		if err := faults[v.keyRef()]; err != nil && v.words() {
			v.dark(r, err)
		} else if key, ok := keys[v.keyRef()]; ok && v.words() {
			if err := r.open(v, row, key); err != nil {
				return nil, err
			}
		}
	}
	return views, nil
}

// words reports whether some of the case's words are open.
func (v *CaseView) words() bool {
	return !v.unreachable && (v.full() || v.Access.Level == sovereignty.AccessSummary)
}

// open opens the words of a case. One at home that does not open ends the read;
// another state's is closed by itself, lest one state break others' lists.
func (r *Reader) open(v *CaseView, row storage.CaseView, key wordKey) error {
	var text comity.CaseText
	if err := unseal(key, bindCase(row.Case.Case), row.Sealed, &text); err != nil {
		r.incident(string(v.ID), v.State, err)
		if v.Own {
			return err
		}
		v.close(comity.ArticleOriginator, "the record does not open with its clear fields", "ask the originator's contact point to look into it")
		return nil
	}
	if !v.Own {
		text.Reference = ""
	}
	if v.Access.Level == sovereignty.AccessSummary {
		text.Narrative = ""
	}
	v.Text = &text
	return nil
}

// show decides how much of a case the officer sees; nil for nothing at all.
func (r *Reader) show(row storage.CaseView, o offer, purpose comity.Purpose) *CaseView {
	v := &CaseView{Case: row.Case.Case, Purpose: purpose, Own: row.Own}
	if row.Own {
		level, d := r.judge(row, purpose, nil, false)
		if v = v.decided(level, d); v != nil && v.Status == comity.CaseWithdrawn {
			v.gone = true
			v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: "*", Article: comity.ArticleTerm,
				Reason: "the case is withdrawn: its key is destroyed, and its words and exhibits open to nobody any more"})
		}
		return v
	}
	var away error
	if _, promised := r.promises(row, o, purpose); promised != nil {
		var kept []comity.Grant
		kept, away = r.stand(o.usable)
		switch {
		case len(kept) > 0:
			o.usable, away = kept, nil
			v.Exhibits, v.Subjects = exhibitsOf(kept), subjectsOf(kept)
		case away == nil:
			v.close(comity.ArticleTerm, "the grant has ended", "ask the originator's contact point for a new grant")
			return v
		}
	}
	switch {
	case len(o.usable) > 0:
		v.grants = o.usable
		v.Access.Grant = &o.usable[0]
		level, d := r.judge(row, purpose, v.Access.Grant, true)
		if v = v.decided(level, d); v != nil && away != nil {
			v.unreachable = true
			v.dark(r, away)
		}
		return v
	case len(o.others) > 0:
		v.Access.Grant = &o.others[0].Grant
		level, d := r.judge(row, purpose, v.Access.Grant, o.others[0].inForce)
		return v.decided(level, d)
	case comity.CodeOf(o.fault) == comity.CodeUnavailable:
		v.close(comity.ArticleLiaison, "the manifest of "+string(v.State)+" cannot be verified just now", "try again once the state has published a new manifest")
		return v
	case o.fault != nil:
		v.close(comity.ArticleLiaison, "the grant does not agree with what "+string(v.State)+" signed", "ask the originator's contact point for a new grant")
		return v
	case row.Ended != nil: // all that a former grantee sees
		ended := endedGrant(*row.Ended)
		v.close(comity.ArticleTerm, "the grant has ended", "ask the originator's contact point for a new grant")
		v.Access.Level, v.Access.Grant = sovereignty.AccessEnded, &ended
		return v
	}
	return nil
}

// decided is the view after the decision on its reading.
func (v *CaseView) decided(level sovereignty.Access, d sovereignty.Decision) *CaseView {
	v.Access.Level = level
	switch {
	case d.Permit && !v.Own:
		v.abroad()
	case d.Permit:
	case d.Explainable:
		grant := v.Access.Grant
		v.close(d.Article, d.Reason, d.Cure)
		v.Access.Grant = grant
	default:
		return nil
	}
	return v
}

// close withholds everything but that there is a case of the state.
func (v *CaseView) close(by comity.Article, reason, cure string) {
	v.Case, v.Text, v.Exhibits, v.Subjects, v.grants, v.denied = comity.Case{ID: v.ID, State: v.State}, nil, nil, nil, nil, by
	v.Access = Access{Level: sovereignty.AccessNone, Redactions: []Redaction{{Field: "*", Article: by, Reason: reason, Cure: cure}}}
}

// abroad replaces what counts and dates inner changes by what the scope sees:
// but for full scope no count, and the time of the clear fields.
func (v *CaseView) abroad() {
	v.Version, v.UpdatedAt = v.VersionAbroad, v.UpdatedAbroad
	v.Reserved, v.Assessed = false, comity.Assessed{}
	level := v.Access.Level
	if level != sovereignty.AccessFull {
		v.Version, v.UpdatedAt = 0, v.ListedAbroad
	}
	withheld := func(fields ...string) {
		for _, f := range fields {
			v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: f, Article: comity.ArticleLiaison,
				Reason: "the grant's scope does not include it", Cure: "ask the originator's contact point for a wider grant"})
		}
	}
	switch level {
	case sovereignty.AccessSummary:
		withheld("version", "narrative", "entries", "subjects", "observables")
	case sovereignty.AccessExhibits:
		withheld("version", "title", "summary", "narrative", "entries", "subjects", "observables")
	}
}

// dark says that the originator's keys cannot be reached: its records stay
// listed, and their words stay closed.
func (v *CaseView) dark(r *Reader, err error) {
	r.warn("a custodian does not answer", v.State, err)
	v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: "text", Article: comity.ArticleResidency,
		Reason: "the custodian of " + string(v.State) + " cannot be reached just now", Cure: "try again later"})
}

// tear says that records inside another state's case do not open with their clear
// fields: those of the list are withheld, and no other case's with them.
func (v *CaseView) tear(list string) {
	v.torn = true
	v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: list, Article: comity.ArticleOriginator,
		Reason: "some of these records do not open with their clear fields", Cure: "ask the originator's contact point to look into it"})
}

// warn tells the server's log once in a read that something of a state is away.
func (r *Reader) warn(what string, s comity.State, err error) {
	if r.once(what + string(s)) {
		r.x.log.Warn(what, "state", s, "request", r.who.RequestID, "error", err)
	}
}

// incident tells the state that a record is of what disagrees in the database with
// what was signed or sealed.
func (r *Reader) incident(record string, of comity.State, err error) {
	if r.once(record + err.Error()) {
		r.x.incident(of, record, err, r.who.RequestID)
	}
}

// once reports whether a line is told for the first time in this read.
func (r *Reader) once(line string) bool {
	told := r.answers.told[line]
	r.answers.told[line] = true
	return !told
}
