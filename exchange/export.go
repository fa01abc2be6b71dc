package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ExportCase gives out what the officer may read of a case, for a declared use
// that its grade and markings allow (Article 9). A record whose own marking
// forbids the use is left out and named. The content is read before it is known
// whether the act stands, and shown only once it does: of what changed or was
// revoked meanwhile nothing is shown.
type ExportCase struct {
	Key     string         `json:"-"`
	Case    comity.ID      `json:"case"`
	Purpose comity.Purpose `json:"purpose"`
	Use     comity.Use     `json:"use"`

	Export  *comity.Export `json:"-"` // on success
	Content []byte         `json:"-"` // its canonical JSON
	SHA256  string         `json:"-"` // of Content, hex

	row       storage.CaseView          // as the content was read
	records   []audit.Record            // that were seen
	disclosed []comity.DisclosureRecord // of another state, which notices follow
}

func (e *ExportCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseExport, e.Key, e
}

func (e *ExportCase) judge(tx storage.ReadTx, a *attempt) error {
	a.purpose, a.use = e.Purpose, e.Use
	view, record, visible, err := a.findCase(tx, e.Case)
	if err != nil {
		return err
	}
	a.records = []audit.Record{{ID: string(e.Case)}}
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible}}
	var grant *comity.Grant
	switch {
	case visible && !view.Own:
		o := (&Reader{x: a.x, who: a.who, now: a.now, answers: newAnswers()}).offer(view, e.Purpose)
		switch {
		case len(o.usable) > 0:
			grant, q.Circumstances.Agreement = &o.usable[0], true
		case len(o.others) > 0:
			grant, q.Circumstances.Agreement = &o.others[0].Grant, o.others[0].inForce
		default:
			return o.fault
		}
		a.records[0].Grant = grant.ID
	case !visible && view.Ended != nil: // a former grantee may know that the grant ended
		q.Record.State, q.Circumstances.Visible = view.State, true
	}
	q.Circumstances = e.circumstances(view, q.Circumstances, grant, view.Marking)
	if !visible && view.Ended != nil {
		q.Circumstances.Grant = sovereignty.GrantFacts{Present: true, Ended: true, Purpose: view.Ended.Purpose}
	}
	if q.Circumstances.Visible {
		a.origin = q.Record.State
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if !e.Use.Valid() {
		return comity.Invalid("use", "the uses are ANALYSIS, OPERATIONAL, COURT and DISSEMINATION")
	}
	if e.Export == nil {
		e.row = view
		return nil
	}
	a.records = e.records
	if !reflect.DeepEqual(e.row.Case.Case, view.Case.Case) || !reflect.DeepEqual(e.row.Grants, view.Grants) {
		return comity.Conflict("the case changed while it was exported; export it again")
	}
	a.concerned, a.digest = []comity.State{view.State}, e.SHA256
	e.authors(a)
	return nil
}

// circumstances adds to c what binds the use of the case under a grant (nil at
// home), or of one of its records with all the markings that lie on it.
func (e *ExportCase) circumstances(view storage.CaseView, c sovereignty.Circumstances, g *comity.Grant, markings ...comity.Marking) sovereignty.Circumstances {
	c.Purpose, c.Use = e.Purpose, e.Use
	c.Assessed, c.Adverse = view.Assessed.Shareable(view.Category), view.Assessed.Adverse()
	if g != nil {
		c.Grant, c.Grade = grantFacts(g, ""), g.Grade
		markings = append(markings, g.Caveats.Marking)
	}
	strictest, codes := comity.Binding(markings...)
	c.TLP, c.PAP = strictest.TLP, strictest.PAP
	c.H1, c.H2 = slices.Contains(codes, comity.H1), slices.Contains(codes, comity.H2)
	return c
}

func (e *ExportCase) prepare(ctx context.Context, a *attempt) error {
	r, err := a.x.read(ctx, a.who, func(r *Reader) error { return e.read(r, a) })
	if err != nil {
		return err
	}
	e.keep(r)
	if e.Content, err = statement.Canonical(e.Export); err != nil {
		return err
	}
	sum := sha256.Sum256(e.Content)
	e.SHA256 = hex.EncodeToString(sum[:])
	return nil
}

// keep notes which of the records that were read are in the export.
func (e *ExportCase) keep(r *Reader) {
	held, added := map[comity.ID]bool{}, map[comity.ID]bool{}
	for _, w := range e.Export.Withheld {
		held[w.ID] = true
	}
	for _, n := range e.Export.Annotations {
		added[n.ID] = true
	}
	out := func(id comity.ID) bool { return !held[id] && (id.Kind() != comity.KindAnnotation || added[id]) }
	e.records, e.disclosed = nil, nil
	for _, s := range r.order {
		if out(comity.ID(s.record.ID)) {
			e.records = append(e.records, s.record)
		}
	}
	for _, d := range r.disclosed {
		if out(d.Record) {
			e.disclosed = append(e.disclosed, d)
		}
	}
}

func (e *ExportCase) commit(tx storage.Tx, _ *attempt) error { return tx.Disclose(e.disclosed) }

func (e *ExportCase) finish(context.Context, *attempt) error { return nil }

// repeat exports anew, as a first time: exports are kept nowhere, and each
// stands in the log.
func (e *ExportCase) repeat(context.Context, *attempt, []comity.ID) error { return errAnew }

// read makes the export on one snapshot.
func (e *ExportCase) read(r *Reader, a *attempt) error {
	found, err := r.Cases([]comity.ID{e.Case}, e.Purpose)
	if err != nil {
		return err
	}
	c := found[e.Case]
	switch {
	case c == nil:
		return comity.NotFound()
	case !c.shown():
		why := c.Access.Redactions[0]
		return comity.Denied(why.Article, why.Reason, why.Cure)
	}
	x := &comity.Export{At: r.now, Officer: a.who.Officer.Ref(), Function: a.who.Officer.Function, Purpose: e.Purpose, Use: e.Use,
		Level: string(c.Access.Level),
		Case: comity.ExportedCase{ID: c.ID, State: c.State, Agency: c.Agency, Category: c.Category, Status: c.Status, Marking: c.Marking,
			Nexus: c.Nexus, Version: c.Version, CreatedAt: c.CreatedAt, Text: c.Text, Obligations: c.Obligations()}}
	for _, g := range c.grants {
		x.Grants = append(x.Grants, comity.ExportedGrant{ID: g.ID, Scope: g.Scope, Grade: g.Grade, Assistance: g.Assistance, Agreement: g.Agreement,
			NotAfter: g.NotAfter, Statement: g.Statement, Narrowing: g.Narrowing, Confirmation: g.Confirmation})
	}
	// As the register leaves the grant by now, which may bind more than the database says.
	if d := e.allows(a, c, c.Access.Grant); !d.Permit {
		return d.Err()
	}
	if err := e.fill(r, a, c, x); err != nil {
		return err
	}
	if slices.ContainsFunc(c.Access.Redactions, func(r Redaction) bool { return r.Field == "text" }) {
		return custodianAway(c.State, nil)
	}
	e.Export = x
	return nil
}
