package worlds_test

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// act is one thing that happens in a world: it performs it through the exchange
// and, where that was permitted, writes it into the oracle's model. It answers
// what it tried, and the error.
type act func(w *world) (string, error)

// acts are what happens, each as often as it stands here. A new act of the
// product that moves who sees what is one more.
var acts = []act{fileCase, assign, assign, share, share, share, share, share, share, share, share, share, twoShare, twoShare, twoShare, twoShare, emergency, emergency, emergency, emergency,
	confirm, confirm, confirm, confirm, undertake, answerPromise, answerPromise, reciprocate, reciprocate, reciprocate, sharePromised, sharePromised,
	onward, onward, onward, onward, answerOnward, answerOnward, answerOnward, publish, publish, publish, publish, publish,
	contribute, contribute, contribute, contribute, contribute, contribute, stand, stand, stand, stand, unstand, takeBack, narrow, narrow, revoke, reserve, lift, mark, reserveCategory, liftCategory, liftCategory, mandate, mandate, advance, advance, advance}

var (
	categories = []comity.Category{tokentest.Category, "FRAUD"}
	purposes   = []comity.Purpose{comity.PurposeInvestigation, comity.PurposeProsecution}
	names      = []string{"investigator", "colleague", "liaison", "deputy", "authority", "second", "auditor", "ct"}
)

func fileCase(w *world) (string, error) {
	if len(w.records) == maxCases {
		return "no further case", nil
	}
	o := w.anyone("investigator", "colleague", "investigator", "liaison", "auditor", "ct")
	m := comity.DefaultMarking
	if w.chance(8) {
		m.TLP = comity.TLPRed
	}
	state := o.Caller.Officer.State
	f := &exchange.FileCase{Key: exchangetest.Key(), Category: pick(w.r, categories...), Marking: m, Text: comity.CaseText{Title: "A case"},
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: state}, {Basis: comity.NexusEffects, State: w.other(state)}}}
	did := fmt.Sprintf("%s files %s", o.Caller.Officer.Ref(), f.Category)
	if err := o.Try(w.t, f); err != nil {
		return did, err
	}
	r := &record{id: f.ID, state: state, owner: o.Caller.Officer.Ref(), category: f.Category, red: m.TLP == comity.TLPRed,
		assigned: map[string]bool{string(o.Caller.Officer.Ref()): true}}
	w.records = append(w.records, r)
	did += " as " + w.name(r)
	if err := o.Try(w.t, &exchange.AddRecords{Key: exchangetest.Key(), Case: r.id,
		Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "what happened"}, Marking: comity.DefaultMarking}}}); err != nil {
		return did, err
	}
	s := &exchange.AddRecords{Key: exchangetest.Key(), Case: r.id, Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Marking: comity.DefaultMarking,
		Role: pick(w.r, comity.SubjectVictim, comity.SubjectWitness, comity.SubjectContact), Minor: true, Text: comity.SubjectText{Identifier: "x"}}}}
	err := o.Try(w.t, s)
	if err == nil {
		r.victim = s.IDs[0]
	}
	return did, err
}

func assign(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	o := w.at(r.state, pick(w.r, names...))
	if w.chance(2) {
		o = w.officer(r.owner)
	}
	a := &exchange.AssignCase{Key: exchangetest.Key(), ID: r.id, Remove: w.chance(2)}
	key := ""
	if w.chance(3) {
		a.Office = pick(w.r, comity.RoleLiaison, comity.RoleAuthority)
		key = string(a.Office)
	} else {
		a.Officer = w.at(pick(w.r, r.state, r.state, r.state, w.other(r.state)), pick(w.r, names...)).Caller.Officer.Ref()
		key = string(a.Officer)
	}
	did := fmt.Sprintf("%s assigns %s to %s, remove %v", o.Caller.Officer.Ref(), w.name(r), key, a.Remove)
	err := o.Try(w.t, a)
	if err == nil {
		r.assigned[key] = !a.Remove
	}
	return did, err
}

// terms draws what is granted, over a release decision of the owner.
func (w *world) terms(r *record, p comity.Purpose) (statement.GrantBody, string, error) {
	return w.termsTo(r, w.other(r.state), p)
}

// laidBefore: whoever decides a release lays the case before those who act on it.
func (w *world) laidBefore(r *record) {
	r.assigned[string(comity.RoleLiaison)], r.assigned[string(comity.RoleAuthority)] = true, true
}

func (w *world) termsTo(r *record, to comity.State, p comity.Purpose) (statement.GrantBody, string, error) {
	owner := w.officer(r.owner)
	until := w.Clock.Now().Add(60 * 24 * time.Hour)
	d := &exchange.DecideRelease{Key: exchangetest.Key(), Case: r.id, Decider: comity.DeciderOwner, Grantee: to, Scope: comity.ScopeFull, Purpose: p, NotAfter: until}
	if w.chance(2) {
		d.Subjects = []comity.ID{r.victim}
	}
	err := owner.Try(w.t, d)
	w.naming[d.ID] = len(d.Subjects) > 0
	if err == nil {
		w.laidBefore(r)
	}
	b := owner.GrantBody(to, d.ID)
	b.Agreement = w.basis(r.state, to)
	b.Category, b.Purpose, b.Scope = r.category, p, pick(w.r, comity.ScopeFull, comity.ScopeFull, comity.ScopeSummary)
	if b.Scope == comity.ScopeFull && w.chance(2) { // released so or not
		b.Subjects = []comity.ID{r.victim}
	}
	grantee := w.at(to, pick(w.r, names...)).Caller.Officer
	switch w.r.IntN(6) {
	case 0:
		b.Grantee.Agency = grantee.Agency
	case 1:
		b.Grantee.Officer = grantee.Ref()
	case 2:
		b.Grantee.Agency, b.Grantee.Officer = pick(w.r, comity.AgencyID(to+"/cyber"), comity.AgencyID(to+"/ct")), grantee.Ref()
	}
	if w.chance(5) {
		b.NotBefore = w.edge(w.r.IntN(12))
	}
	b.NotAfter = w.edge(12 + w.r.IntN(800))
	if r.red {
		b.Caveats.Marking.TLP = comity.TLPRed
	}
	return b, fmt.Sprintf("%s to %s/%s/%s %s and %d persons of %d for %s from %d to %d", w.name(r), b.Grantee.State, b.Grantee.Agency, b.Grantee.Officer, b.Scope,
		len(b.Subjects), len(d.Subjects), p, b.NotBefore, b.NotAfter), err
}

// granted writes a grant into the model, and holds against the Articles that it
// could be made at all.
func (w *world) granted(r *record, o *exchangetest.Officer, b statement.GrantBody, two bool) {
	who, now, until := o.Caller.Officer, w.Clock.Now(), time.Unix(b.NotAfter, 0)
	g := &grant{id: b.ID, named: len(b.Subjects) > 0, liaison: who.Ref(), to: b.Grantee, scope: b.Scope, purpose: b.Purpose,
		from: time.Unix(b.NotBefore, 0), until: until, two: two, released: b.Release, made: now, keys: []int{w.key(r.state)}}
	for _, y := range w.union.treaties {
		if y.id == b.Agreement && y.binds(r.state, b.Grantee.State, now) {
			g.treaty = y
		}
	}
	promised := false
	for _, p := range w.promises {
		if string(p.id) == b.Agreement {
			g.promise, promised = p, p.carries(r, b.Grantee.State, until)
		}
	}
	switch {
	case who.State != r.state || who.Role != comity.RoleLiaison:
		w.t.Errorf("%s granted (Article 8)", who.Ref())
	case !w.union.speaks(r.state, g.keys...):
		w.t.Error("it was signed by a key that no manifest lists")
	case r.reserved || w.union.reserved[r.state][r.category]:
		w.t.Error("what is reserved was granted (Article 4)")
	case g.treaty == nil && !promised:
		w.t.Error("it was granted under no agreement, nor on an undertaking that carries it (Article 7)")
	case !w.asked(r, b):
		w.t.Error("it answers a request that asked for something else (Article 10)")
	case !w.mandated[r.state]:
		w.t.Error("it was granted under no mandate (Article 8)")
	case len(b.Subjects) > 0 && b.Emergency == "" && !w.naming[b.Release]:
		w.t.Error("a person was named whom no release decision names (Article 8)")
	case r.red && !two:
		w.t.Error("what is TLP:RED was granted by one (Article 8)")
	}
	r.grants = append(r.grants, g)
}

func share(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	b, what, err := w.terms(r, pick(w.r, purposes...))
	o := w.at(pick(w.r, r.state, r.state, r.state, r.state, w.other(r.state)), pick(w.r, "liaison", "liaison", "liaison", "deputy", "authority", "investigator"))
	did := fmt.Sprintf("%s grants %s (released: %v)", o.Caller.Officer.Ref(), what, err)
	if err = o.Try(w.t, o.MakeGrant(w.t, r.id, b)); err == nil {
		w.granted(r, o, b, false)
	}
	return did, err
}

func twoShare(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	b, what, err := w.terms(r, pick(w.r, purposes...))
	first, then := w.at(r.state, "liaison"), w.at(r.state, pick(w.r, "deputy", "deputy", "deputy", "liaison", "authority"))
	did := fmt.Sprintf("%s and %s grant %s (released: %v)", first.Caller.Officer.Ref(), then.Caller.Officer.Ref(), what, err)
	propose := first.ProposeGrant(w.t, r.id, b)
	if err := first.Try(w.t, propose); err != nil {
		return did, err
	}
	approve := then.ApproveGrant(w.t, r.id, b, propose.Proposed)
	if err = then.Try(w.t, approve); err == nil {
		if first.Caller.Officer.Ref() == then.Caller.Officer.Ref() {
			w.t.Error("one officer granted as two (Article 8)")
		}
		w.granted(r, then, b, true)
		r.grants[len(r.grants)-1].pair = true
	}
	return did, err
}

// running is a grant that was not ended, with its case.
func (w *world) running() (*record, *grant) {
	for range 20 {
		if r := w.record(); r != nil && len(r.grants) > 0 {
			if g := pick(w.r, r.grants...); g.stopped.IsZero() {
				return r, g
			}
		}
	}
	return nil, nil
}

func narrow(w *world) (string, error) {
	r, g := w.running()
	if g == nil {
		return "no grant", nil
	}
	o := w.at(pick(w.r, r.state, r.state, r.state, g.to.State), "liaison")
	var now *comity.Grant
	o.Read(w.t, func(reader *exchange.Reader) error {
		found, err := reader.Grants([]comity.ID{g.id})
		now = found[g.id]
		return err
	})
	if now == nil || now.Status == comity.GrantEnded {
		return "no grant to narrow", nil
	}
	b := statement.NarrowBody{Case: r.id, Scope: g.scope, Caveats: now.Caveats, NotAfter: now.NotAfter.Unix()}
	if g.named && b.Scope == comity.ScopeFull {
		b.Subjects = []comity.ID{r.victim}
	}
	switch w.r.IntN(4) {
	case 0:
		b.Subjects = nil
	case 1:
		b.Scope, b.Subjects = comity.ScopeSummary, nil
	default:
		b.NotAfter = min(b.NotAfter, w.edge(w.r.IntN(100)))
	}
	did := fmt.Sprintf("%s narrows a grant of %s to %s and %d persons until %d", o.Caller.Officer.Ref(), w.name(r), b.Scope, len(b.Subjects), b.NotAfter)
	err := o.Try(w.t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.id, ExpectedVersion: now.Version, Body: b,
		Act: o.Sign(w.t, statement.Act{Act: statement.ActGrantNarrow, Record: g.id}, b)})
	if err == nil {
		w.own(r, o, "narrowed a grant")
		g.scope, g.named, g.narrowed, g.keys = b.Scope, len(b.Subjects) > 0, time.Unix(b.NotAfter, 0), append(g.keys, w.key(r.state))
		if g.narrowed.Before(g.until) {
			g.until = g.narrowed
		}
	}
	return did, err
}

func revoke(w *world) (string, error) {
	r, g := w.running()
	if g == nil {
		return "no grant", nil
	}
	o := w.at(pick(w.r, r.state, r.state, r.state, g.to.State), pick(w.r, "liaison", "liaison", "deputy", "authority"))
	err := o.Try(w.t, o.Revoke(w.t, r.id, g.id))
	if err == nil {
		w.own(r, o, "revoked a grant")
		g.stopped = w.Clock.Now()
	}
	return fmt.Sprintf("%s revokes a grant of %s", o.Caller.Officer.Ref(), w.name(r)), err
}

// own holds against Article 2 what was done to a record.
func (w *world) own(r *record, o *exchangetest.Officer, what string) {
	if o.Caller.Officer.State != r.state {
		w.t.Errorf("%s %s of %s (Article 2)", o.Caller.Officer.Ref(), what, r.state)
	}
}

// end ends the grants of a case for good.
func (w *world) end(r *record) {
	w.overtaken(r)
	for _, g := range r.grants {
		if g.stopped.IsZero() {
			g.stopped = w.Clock.Now()
		}
	}
}

func reserve(w *world) (string, error) {
	r := w.record()
	if r == nil || !w.chance(2) {
		return "nothing is reserved", nil
	}
	o := w.at(pick(w.r, r.state, r.state, w.other(r.state)), pick(w.r, "authority", "authority", "liaison"))
	err := o.Try(w.t, o.Reserve(w.t, r.id, w.version(o, r)))
	if err == nil {
		w.own(r, o, "reserved a case")
		r.reserved = true
		w.end(r)
	}
	return fmt.Sprintf("%s reserves %s", o.Caller.Officer.Ref(), w.name(r)), err
}

func lift(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	first, then := w.at(r.state, "authority"), w.at(r.state, pick(w.r, "second", "second", "authority", "liaison"))
	did := fmt.Sprintf("%s and %s lift the reservation of %s", first.Caller.Officer.Ref(), then.Caller.Officer.Ref(), w.name(r))
	propose := first.Lift(w.t, r.id, "")
	if err := first.Try(w.t, propose); err != nil {
		return did, err
	}
	err := then.Try(w.t, then.Lift(w.t, r.id, propose.Proposed))
	if err == nil {
		if then.Caller.Officer.Pseudonym != "second-1" {
			w.t.Errorf("%s lifted as the second (Article 4)", then.Caller.Officer.Ref())
		}
		r.reserved = false
	}
	return did, err
}

func mark(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	o := w.officer(r.owner)
	m := comity.DefaultMarking
	if !r.red {
		m.TLP = comity.TLPRed
	}
	err := o.Try(w.t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: r.id, ExpectedVersion: w.version(o, r), Marking: &m})
	if err == nil {
		r.red = !r.red
	}
	return fmt.Sprintf("%s marks %s TLP:%s", r.owner, w.name(r), m.TLP), err
}

func reserveCategory(w *world) (string, error) {
	if !w.chance(3) {
		return "no category is reserved", nil
	}
	o := w.anyone("authority", "authority", "liaison", "auditor")
	state, c := o.Caller.Officer.State, pick(w.r, categories...)
	a := o.ReserveCategory(w.t, c)
	err := o.Try(w.t, a)
	if err == nil {
		w.union.reserved[state][c] = true
		w.reservations[string(state)+string(c)] = a.ID
		for _, r := range w.records {
			if r.state == state && r.category == c {
				w.end(r)
			}
		}
	}
	return fmt.Sprintf("%s reserves %s", o.Caller.Officer.Ref(), c), err
}

func liftCategory(w *world) (string, error) {
	s, c := pick(w.r, w.Directory.States()...), pick(w.r, categories...)
	id := w.reservations[string(s)+string(c)]
	if !w.union.reserved[s][c] {
		return "no category to lift", nil
	}
	first, then := w.at(s, "authority"), w.at(s, "second")
	propose := first.LiftCategory(w.t, id, c, "")
	err := first.Try(w.t, propose)
	if err == nil {
		err = then.Try(w.t, then.LiftCategory(w.t, id, c, propose.Proposed))
	}
	if err == nil {
		w.union.reserved[s][c] = false
	}
	return fmt.Sprintf("%s lifts %s", s, c), err
}

// mandate ends the mandate of a state's liaisons, or gives it anew.
func mandate(w *world) (string, error) {
	s := pick(w.r, w.Directory.States()...)
	o := w.at(s, "authority")
	if id := w.mandates[s]; w.mandated[s] {
		if !w.chance(6) {
			return "the mandate stays", nil
		}
		err := o.Try(w.t, &exchange.EndMandate{Key: exchangetest.Key(), Mandate: id})
		w.mandated[s] = err != nil
		return fmt.Sprintf("%s ends the mandate", s), err
	}
	return fmt.Sprintf("%s gives a mandate", s), w.give(s)
}

func (w *world) give(s comity.State) error {
	now := w.Clock.Now()
	m := &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: w.at(s, "liaison").Caller.Officer.Ref(),
		Deputies: []comity.OfficerRef{w.at(s, "deputy").Caller.Officer.Ref()}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(300 * 24 * time.Hour)}
	err := w.at(s, "authority").Try(w.t, m)
	if err == nil {
		w.mandated[s], w.mandates[s] = true, m.ID
	}
	return err
}

func advance(w *world) (string, error) {
	by := time.Duration(1+w.r.IntN(200)) * step
	if w.chance(4) {
		by += alone
	}
	w.Clock.Advance(by)
	return fmt.Sprintf("%v pass", by), nil
}
