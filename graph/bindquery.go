package graph

import (
	"cmp"
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/sovereignty"
)

// maxNodes bounds the ids of one `nodes`.
const maxNodes = 100

func (b *binding) query() {
	b.connections()
	get(b, "Query", fields[query]{
		"viewer":     func(*request, query) any { return viewer{} },
		"categories": func(*request, query) any { return sovereignty.Categories() },
		"union":      func(q *request, _ query) any { return q.x },
		"states": func(q *request, _ query) any {
			var all []statement.Manifest
			for _, s := range q.x.Directory().States() {
				if m, err := q.x.Directory().State(s); err == nil { // an expired manifest speaks for nobody
					all = append(all, m)
				}
			}
			return all
		},
	})
	batch(b, "Query.node", func(q *request, parents []query, a args) ([]any, error) {
		found, err := q.nodes([]string{a.text("id")}, a.purpose())
		return []any{found[0]}, err
	})
	batch(b, "Query.nodes", func(q *request, parents []query, a args) ([]any, error) {
		given, _ := a["ids"].([]any)
		if len(given) > maxNodes {
			return nil, comity.Invalid("ids", fmt.Sprintf("at most %d records are found at once", maxNodes))
		}
		ids := make([]string, len(given))
		for i, g := range given {
			ids[i], _ = g.(string)
		}
		found, err := q.nodes(ids, a.purpose())
		return []any{found}, err
	})
	get(b, "Viewer", fields[viewer]{
		"officer": func(q *request, _ viewer) any { return q.reader.Officer() },
	})
	batch(b, "Viewer.officers", func(q *request, parents []viewer, _ args) ([]any, error) {
		all, err := q.reader.Officers()
		return []any{all}, err
	})
	get(b, "Officer", fields[comity.Officer]{
		"ref":      func(_ *request, o comity.Officer) any { return o.Ref() },
		"state":    func(_ *request, o comity.Officer) any { return o.State },
		"agency":   func(_ *request, o comity.Officer) any { return o.Agency },
		"role":     func(_ *request, o comity.Officer) any { return o.Role },
		"function": func(_ *request, o comity.Officer) any { return o.Function },
	})
	batch(b, "Viewer.cases", func(q *request, parents []viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.ListCases(exchange.CaseFilter{State: comity.State(f.text("state")), Agency: comity.AgencyID(f.text("agency")),
			Category: comity.Category(f.text("category")), Status: comity.CaseStatus(f.text("status")),
			Own: f.flag("own"), Granted: f.flag("granted")}, a.purpose(), a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(c **exchange.CaseView) any { return *c }), err)
	})
	batch(b, "Viewer.requests", func(q *request, parents []viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.ListRequests(exchange.RequestFilter{Incoming: f.flag("incoming"), Outgoing: f.flag("outgoing"),
			Status: comity.RequestStatus(f.text("status")), State: comity.State(f.text("state")), Kind: comity.RequestKind(f.text("kind")),
			Urgency: comity.Urgency(f.text("urgency")), Open: f.flag("open"), Overdue: f.flag("overdue"), Escalated: f.flag("escalated"), ByDue: a.text("order") == "DUE"},
			a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(r **exchange.RequestView) any { return *r }), err)
	})
	batch(b, "Viewer.grants", func(q *request, parents []viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		of, err := f.id("case", comity.KindCase)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListGrants(exchange.GrantFilter{Case: of, Made: f.flag("made"), Received: f.flag("received"),
			State: comity.State(f.text("state")), Status: comity.GrantStatus(f.text("status")), Live: f.flag("live"), Emergency: f.flag("emergency")},
			a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(g **comity.Grant) any { return *g }), err)
	})
	batch(b, "Viewer.log", func(q *request, parents []viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.Log(exchange.LogFilter{Act: f.text("act"), Outcome: f.text("outcome"), State: comity.State(f.text("state")),
			Officer: comity.OfficerRef(f.text("officer")), Record: f.text("record"), From: f.instant("from"), Until: f.instant("until")},
			a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(e *exchange.LogView) any { return e }), err)
	})
	batch(b, "Viewer.logChain", func(q *request, parents []viewer, a args) ([]exchange.Stretch, error) {
		from, _ := a["from"].(int64)
		s, err := q.reader.LogChain(from, a.number("first"))
		return one(s, err)
	})
	batch(b, "Viewer.mandates", func(q *request, parents []viewer, _ args) ([][]comity.Mandate, error) {
		all, err := q.reader.Mandates()
		return one(all, err)
	})
}

// one is the result for the single parent of a root's field.
func one[R any](r R, err error) ([]R, error) {
	if err != nil {
		return nil, err
	}
	return []R{r}, nil
}

// nodes finds records of any kind by id; absent and hidden ones are nil.
func (q *request) nodes(ids []string, p comity.Purpose) ([]any, error) {
	out := make([]any, len(ids))
	wanted := make([]comity.ID, len(ids))
	for i, s := range ids {
		id, err := comity.ParseID(s)
		if err != nil {
			return out, err
		}
		switch id.Kind() {
		case comity.KindCase, comity.KindEntry, comity.KindSubject, comity.KindObservable, comity.KindEvidence, comity.KindRequest, comity.KindGrant:
		default:
			return out, comity.Invalid("id", fmt.Sprintf("this is the id of %s, which is found through other records only", id.Kind().Indefinite()))
		}
		wanted[i] = id
	}
	found, err := q.reader.Nodes(wanted, p)
	if err != nil {
		return out, err
	}
	for i, id := range wanted {
		out[i] = nodeOf(found[id])
	}
	return out, nil
}

func nodeOf(n exchange.Node) any {
	switch {
	case n.Case != nil:
		return n.Case
	case n.Entry != nil:
		return n.Entry
	case n.Subject != nil:
		return n.Subject
	case n.Observable != nil:
		return n.Observable
	case n.Evidence != nil:
		return n.Evidence
	case n.Request != nil:
		return n.Request
	case n.Grant != nil:
		return n.Grant
	}
	return nil
}

func (b *binding) directory() {
	get(b, "Union", fields[*exchange.Exchange]{
		"name":     func(_ *request, x *exchange.Exchange) any { return x.Directory().Union() },
		"policies": func(_ *request, x *exchange.Exchange) any { return x.Policies().Hash() },
	})
	get(b, "Category", fields[sovereignty.CategoryInfo]{
		"code":            func(_ *request, c sovereignty.CategoryInfo) any { return c.Code },
		"title":           func(_ *request, c sovereignty.CategoryInfo) any { return c.Title },
		"competence":      func(_ *request, c sovereignty.CategoryInfo) any { return c.Competence },
		"neutralityProne": func(_ *request, c sovereignty.CategoryInfo) any { return c.NeutralityProne },
	})
	get(b, "State", fields[statement.Manifest]{
		"code":            func(_ *request, m statement.Manifest) any { return m.State },
		"name":            func(_ *request, m statement.Manifest) any { return m.Name },
		"agencies":        func(_ *request, m statement.Manifest) any { return m.Agencies },
		"contact":         func(_ *request, m statement.Manifest) any { return m.Contact },
		"contactPoint":    func(_ *request, m statement.Manifest) any { return m.ContactPoint },
		"manifest":        func(q *request, m statement.Manifest) any { return q.x.Directory().JWS(m.State) },
		"manifestNumber":  func(_ *request, m statement.Manifest) any { return m.Number },
		"manifestExpires": func(_ *request, m statement.Manifest) any { return m.Expires },
		"agreements":      func(_ *request, m statement.Manifest) any { return m.Agreements },
		"store":           func(_ *request, m statement.Manifest) any { return m.Store },
		"offers":          func(_ *request, m statement.Manifest) any { return append([]statement.Measure{}, m.Offers...) },
	})
	get(b, "Agency", fields[statement.Agency]{
		"id":          func(_ *request, a statement.Agency) any { return a.ID },
		"name":        func(_ *request, a statement.Agency) any { return a.Name },
		"competences": func(_ *request, a statement.Agency) any { return a.Competences },
	})
	get(b, "Agreement", fields[statement.Agreement]{
		"id":         func(_ *request, a statement.Agreement) any { return a.ID },
		"title":      func(_ *request, a statement.Agreement) any { return a.Title },
		"parties":    func(_ *request, a statement.Agreement) any { return a.Parties },
		"categories": func(_ *request, a statement.Agreement) any { return a.Categories },
		"measures":   func(_ *request, a statement.Agreement) any { return a.Measures },
		"inForce":    func(_ *request, a statement.Agreement) any { return a.InForce },
		"until":      func(_ *request, a statement.Agreement) any { return a.Until },
		"noticeDays": func(_ *request, a statement.Agreement) any { return a.NoticeDays },
		"onDenunciation": func(_ *request, a statement.Agreement) any {
			return cmp.Or(a.OnDenunciation, statement.DenunciationEnds)
		},
		"reciprocal":    func(_ *request, a statement.Agreement) any { return append([]statement.Measure{}, a.Reciprocal...) },
		"ratified":      func(_ *request, a statement.Agreement) any { return a.Ratified },
		"denounced":     func(_ *request, a statement.Agreement) any { return a.Denounced },
		"denouncedFrom": func(_ *request, a statement.Agreement) any { return a.DenouncedFrom() },
		"hash":          func(_ *request, a statement.Agreement) any { return a.Hash() },
		"team":          func(_ *request, a statement.Agreement) any { return a.Team },
	})
}
