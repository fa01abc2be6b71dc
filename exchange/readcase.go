package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
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
	Own      bool

	wrapped     string
	unreachable bool // the originator's register does not answer
}

func (v *CaseView) keyRef() keyRef { return keyRef{v.ID, v.State, v.wrapped} }

// full reports whether the case's inner records are open.
func (v *CaseView) full() bool {
	return !v.unreachable && (v.Access.Level == sovereignty.AccessOwn || v.Access.Level == sovereignty.AccessFull)
}

// Cases reads cases under the purpose that the officer declares.
func (r *Reader) Cases(ids []comity.ID, purpose comity.Purpose) (map[comity.ID]*CaseView, error) {
	found, err := r.tx.Cases(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	views := make([]*CaseView, 0, len(found))
	stored := map[comity.ID]storage.CaseView{}
	for _, id := range ids {
		if v, ok := found[id]; ok {
			stored[id] = v
			if shown := r.show(v, purpose); shown != nil {
				views = append(views, shown)
				continue
			}
		}
		r.note(string(id), "", "", "", "")
	}
	if err := r.openTexts(views, stored); err != nil {
		return nil, err
	}
	out := make(map[comity.ID]*CaseView, len(views))
	for _, v := range views {
		out[v.ID] = v
	}
	return out, nil
}

// ListCases lists the cases that the officer may see, newest change first.
func (r *Reader) ListCases(f storage.CaseFilter, purpose comity.Purpose, first int, after string) (Page[*CaseView], error) {
	p, binding, err := r.page("cases", f, first, after)
	if err != nil {
		return Page[*CaseView]{}, err
	}
	r.lists = true
	f.Purpose = purpose
	found, err := r.tx.ListCases(r.viewer(), f, p)
	if err != nil {
		return Page[*CaseView]{}, err
	}
	stored := map[comity.ID]storage.CaseView{}
	page := cut(r, found, p.Limit, binding, func(v storage.CaseView) storage.Key {
		if v.Own {
			return storage.Key{At: v.UpdatedAt, ID: v.ID}
		}
		return storage.Key{At: v.UpdatedAbroad, ID: v.ID}
	}, func(v storage.CaseView) *CaseView {
		stored[v.ID] = v
		return r.show(v, purpose)
	})
	page.Items = slices.DeleteFunc(page.Items, func(v *CaseView) bool { return v == nil })
	if len(page.Items) != len(page.Cursors) {
		// The SQL lists what the policies do not show: one of the two is wrong.
		r.x.log.Error("incident: the list and the policies disagree", "officer_state", r.who.Officer.State, "request", r.who.RequestID)
		return Page[*CaseView]{}, errors.New("exchange: the list and the policies disagree")
	}
	page.Count = func() (int, error) { return r.tx.CountCases(r.viewer(), f, maxCount) }
	return page, r.openTexts(page.Items, stored)
}

// show decides how much of a case the officer sees; nil for nothing at all.
func (r *Reader) show(v storage.CaseView, purpose comity.Purpose) *CaseView {
	shown := &CaseView{Case: v.Case.Case, Purpose: purpose, Own: v.Own}
	q := sovereignty.Question{Officer: r.who.Officer, Action: sovereignty.CaseRead, Record: caseRecord(v, r.who.Officer),
		Circumstances: sovereignty.Circumstances{Visible: true, Purpose: purpose}}
	if !v.Own {
		usable, others := r.usable(v, purpose)
		switch {
		case len(usable) > 0:
			shown.Access.Grant = &usable[0]
			shown.Exhibits = map[comity.ID]comity.ID{}
			for _, g := range usable {
				for _, e := range g.Exhibits {
					if _, ok := shown.Exhibits[e]; !ok {
						shown.Exhibits[e] = g.ID
					}
				}
			}
			q.Circumstances.Grant, q.Circumstances.Agreement = grantFacts(&usable[0], ""), true
		case len(others) > 0: // live, for another purpose or under an agreement no longer in force
			shown.Access.Grant = &others[0].Grant
			q.Circumstances.Grant, q.Circumstances.Agreement = grantFacts(&others[0].Grant, ""), others[0].inForce
		case v.Ended != nil:
			return r.showEnded(shown, *v.Ended)
		default:
			return nil
		}
	}
	d := r.decide(q)
	shown.Access.Level = sovereignty.Level(q, d)
	var grant comity.ID
	if shown.Access.Grant != nil {
		grant = shown.Access.Grant.ID
	}
	if !d.Permit && !d.Explainable {
		return nil
	}
	s := r.note(string(v.ID), v.State, shown.Access.Level, grant, purpose)
	if !d.Permit {
		s.record.Denied = d.Article
		shown.Access.Redactions = []Redaction{{Field: "*", Article: d.Article, Reason: d.Reason, Cure: d.Cure}}
		shown.Case = comity.Case{ID: v.ID, State: v.State}
		shown.Exhibits = nil
		return shown
	}
	if !v.Own {
		shown.abroad()
	}
	return shown
}

// weighed is a live grant with whether its agreement is in force.
type weighed struct {
	comity.Grant
	inForce bool
}

// usable picks the grants for the declared purpose whose agreement is in force,
// the widest first; others are the rest, those for the purpose first. A grant
// that does not agree with its own statement is an incident and counts for nothing.
func (r *Reader) usable(v storage.CaseView, p comity.Purpose) (usable []comity.Grant, others []weighed) {
	for _, g := range v.Grants {
		basis, err := r.x.terms(g)
		if err != nil {
			r.incident(string(g.ID), err)
			continue
		}
		w := weighed{g, r.x.inForce(g, basis, v.Category, r.now)}
		switch {
		case g.Purpose == p && w.inForce:
			usable = append(usable, g)
		case g.Purpose == p:
			others = slices.Insert(others, 0, w)
		default:
			others = append(others, w)
		}
	}
	slices.SortStableFunc(usable, func(a, b comity.Grant) int {
		switch {
		case a.Scope == b.Scope:
			return 0
		case covers(a.Scope, b.Scope):
			return -1
		}
		return 1
	})
	return usable, others
}

// showEnded is all that a former grantee sees: that the grant ended.
func (r *Reader) showEnded(shown *CaseView, g comity.Grant) *CaseView {
	r.note(string(shown.ID), shown.State, sovereignty.AccessEnded, g.ID, shown.Purpose).record.Denied = comity.ArticleTerm
	shown.Case = comity.Case{ID: shown.ID, State: shown.State}
	ended := endedGrant(g, r.now)
	shown.Access = Access{Level: sovereignty.AccessEnded, Grant: &ended, Redactions: []Redaction{{Field: "*",
		Article: comity.ArticleTerm, Reason: "the grant has ended", Cure: "ask the originator's contact point for a new grant"}}}
	return shown
}

// endedGrant keeps of a grant what its former grantee still sees.
func endedGrant(g comity.Grant, now time.Time) comity.Grant {
	at := g.EndedAt
	if at.IsZero() || at.After(g.NotAfter) {
		at = g.NotAfter
	}
	// Revoked, ended by a reservation or run out: which of them is the
	// originator's own matter.
	return comity.Grant{ID: g.ID, Case: g.Case, State: g.State, Grantee: g.Grantee, Status: comity.GrantEnded, EndedAt: at}
}

// abroad replaces what counts and dates inner changes by what is seen abroad.
func (v *CaseView) abroad() {
	v.Version, v.UpdatedAt = v.VersionAbroad, v.UpdatedAbroad
	v.Reserved = false
	level := v.Access.Level
	withheld := func(fields ...string) {
		for _, f := range fields {
			v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: f, Article: comity.ArticleLiaison,
				Reason: "the grant's scope does not include it", Cure: "ask the originator's contact point for a wider grant"})
		}
	}
	switch level {
	case sovereignty.AccessSummary:
		withheld("narrative", "entries", "subjects", "observables")
	case sovereignty.AccessExhibits:
		withheld("title", "summary", "narrative", "entries", "subjects", "observables")
	}
}

// openTexts opens the words of the cases that the officer may read.
func (r *Reader) openTexts(views []*CaseView, stored map[comity.ID]storage.CaseView) error {
	var ids []comity.ID
	for _, v := range views {
		if v.Access.Level != sovereignty.AccessNone && v.Access.Level != sovereignty.AccessEnded {
			ids = append(ids, v.ID)
		}
	}
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return err
	}
	r.standing(views)
	refs := make([]keyRef, 0, len(ids))
	for _, v := range views {
		if w := wrapped[v.ID][v.State]; w != "" && !v.unreachable && v.Access.Level != sovereignty.AccessNone {
			v.wrapped = w
			if v.Access.Level != sovereignty.AccessExhibits {
				refs = append(refs, v.keyRef())
			}
		}
	}
	keys, faults := r.x.keys.many(r.ctx, refs)
	for _, v := range views {
		ref := v.keyRef()
		if v.Access.Level == sovereignty.AccessNone || v.unreachable {
			continue
		}
		if err := faults[ref]; err != nil {
			v.dark(r, err)
			continue
		}
		key, ok := keys[ref]
		if !ok {
			continue
		}
		var text comity.CaseText
		if err := unseal(key, bindCase(stored[v.ID].Case.Case), stored[v.ID].Sealed, &text); err != nil {
			r.incident(string(v.ID), err)
			return err
		}
		if !v.Own {
			text.Reference = ""
		}
		if v.Access.Level == sovereignty.AccessSummary {
			text.Narrative = ""
		}
		v.Text = &text
	}
	return nil
}

// standing asks the originators' registers whether the grants stand under which
// cases are about to be shown. Where a register knows better than the database,
// the register is believed.
func (r *Reader) standing(views []*CaseView) {
	var granted []int
	for i, v := range views {
		if !v.Own && v.Access.Grant != nil && v.Access.Level != sovereignty.AccessNone && v.Access.Level != sovereignty.AccessEnded {
			granted = append(granted, i)
		}
	}
	errs := make([]error, len(views))
	askEach(r.ctx, granted, func(i int) comity.State { return views[i].State }, func(ctx context.Context, i int) {
		errs[i] = r.x.stands(ctx, *views[i].Access.Grant)
	})
	for i, v := range views {
		switch err := errs[i]; {
		case err == nil:
		case comity.CodeOf(err) == comity.CodeDenied || comity.CodeOf(err) == comity.CodeNotFound:
			r.incident(string(v.Access.Grant.ID), fmt.Errorf("%w: the register: %w", errForged, err))
			v.Access.Level, v.Exhibits, v.Case = sovereignty.AccessNone, nil, comity.Case{ID: v.ID, State: v.State}
			v.Access.Grant = nil
			r.note(string(v.ID), v.State, sovereignty.AccessNone, "", v.Purpose).record.Denied = comity.ArticleTerm
			v.Access.Redactions = []Redaction{{Field: "*", Article: comity.ArticleTerm, Reason: "the grant has ended",
				Cure: "ask the originator's contact point for a new grant"}}
		default:
			v.unreachable, v.Exhibits = true, nil
			v.dark(r, err)
		}
	}
}

// dark says that the originator's keys cannot be reached: its records stay
// listed, and their words stay closed.
func (v *CaseView) dark(r *Reader, err error) {
	r.x.log.Warn("a custodian does not answer", "state", v.State, "request", r.who.RequestID, "error", err)
	v.Access.Redactions = append(v.Access.Redactions, Redaction{Field: "text", Article: comity.ArticleResidency,
		Reason: "the custodian of " + string(v.State) + " cannot be reached just now", Cure: "try again later"})
}

// incident reports a record that does not open with its clear fields.
func (r *Reader) incident(record string, err error) {
	r.x.log.Error("incident: "+strings.TrimPrefix(err.Error(), "exchange: "), "record", record, "request", r.who.RequestID)
}
