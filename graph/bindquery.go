package graph

import (
	"cmp"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/sovereignty"
)

// maxNodes bounds the ids of one `nodes`.
const maxNodes = 100

func (b *binding) query() {
	b.connections()
	get(b, "Query", fields[query]{
		"viewer":     object(func(*request, query) *viewer { return &viewer{} }),
		"categories": items(func(*request, query) []sovereignty.CategoryInfo { return sovereignty.Categories() }),
		"union":      object(func(q *request, _ query) *exchange.Exchange { return q.x }),
		"states": items(func(q *request, _ query) []statement.Manifest {
			var all []statement.Manifest
			for _, s := range q.x.Directory().States() {
				if m, err := q.x.Directory().State(s); err == nil { // an expired manifest speaks for nobody
					all = append(all, m)
				}
			}
			return all
		}),
	})
	batch(b, "Query.node", execute.Any, func(q *request, parents []query, a args) ([]any, error) {
		found, err := q.nodes([]string{a.text("id")}, a.purpose())
		return []any{found[0]}, err
	})
	batch(b, "Query.nodes", anys, func(q *request, parents []query, a args) ([][]any, error) {
		given, _ := a["ids"].([]any)
		if len(given) > maxNodes {
			return nil, comity.Invalid("ids", fmt.Sprintf("at most %d records are found at once", maxNodes))
		}
		ids := make([]string, len(given))
		for i, g := range given {
			ids[i], _ = g.(string)
		}
		found, err := q.nodes(ids, a.purpose())
		return [][]any{found}, err
	})
	get(b, "Viewer", fields[*viewer]{
		"officer": object(func(q *request, _ *viewer) *comity.Officer {
			o := q.reader.Officer()
			return &o
		}),
	})
	batch(b, "Viewer.officers", execute.Items, func(q *request, parents []*viewer, _ args) ([][]comity.Officer, error) {
		all, err := q.reader.Officers()
		return one(all, err)
	})
	get(b, "Officer", fields[*comity.Officer]{
		"ref":      text(func(_ *request, o *comity.Officer) comity.OfficerRef { return o.Ref() }),
		"state":    text(func(_ *request, o *comity.Officer) comity.State { return o.State }),
		"agency":   text(func(_ *request, o *comity.Officer) comity.AgencyID { return o.Agency }),
		"role":     text(func(_ *request, o *comity.Officer) comity.Role { return o.Role }),
		"function": text(func(_ *request, o *comity.Officer) string { return o.Function }),
	})
	batch(b, "Viewer.cases", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.ListCases(exchange.CaseFilter{State: comity.State(f.text("state")), Agency: comity.AgencyID(f.text("agency")),
			Category: comity.Category(f.text("category")), Status: comity.CaseStatus(f.text("status")),
			Own: f.flag("own"), Granted: f.flag("granted")}, a.purpose(), a.number("first"), a.text("after"))
		return one(connectTo(page, a.text("after")), err)
	})
	batch(b, "Viewer.requests", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.ListRequests(exchange.RequestFilter{Incoming: f.flag("incoming"), Outgoing: f.flag("outgoing"),
			Status: comity.RequestStatus(f.text("status")), State: comity.State(f.text("state")), Kind: comity.RequestKind(f.text("kind")),
			Urgency: comity.Urgency(f.text("urgency")), Open: f.flag("open"), Overdue: f.flag("overdue"), Escalated: f.flag("escalated"), ByDue: a.text("order") == "DUE"},
			a.number("first"), a.text("after"))
		return one(connectTo(page, a.text("after")), err)
	})
	batch(b, "Viewer.grants", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		of, err := f.id("case", comity.KindCase)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListGrants(exchange.GrantFilter{Case: of, Made: f.flag("made"), Received: f.flag("received"),
			State: comity.State(f.text("state")), Status: comity.GrantStatus(f.text("status")), Live: f.flag("live"), Emergency: f.flag("emergency")},
			a.number("first"), a.text("after"))
		return one(connectTo(page, a.text("after")), err)
	})
	batch(b, "Viewer.log", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		page, err := q.reader.Log(exchange.LogFilter{Act: f.text("act"), Outcome: f.text("outcome"), State: comity.State(f.text("state")),
			Officer: comity.OfficerRef(f.text("officer")), Record: f.text("record"), From: f.instant("from"), Until: f.instant("until")},
			a.number("first"), a.text("after"))
		return one(connect(page, a.text("after")), err)
	})
	batch(b, "Viewer.mandates", execute.Items, func(q *request, parents []*viewer, _ args) ([][]comity.Mandate, error) {
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
		"name":     text(func(_ *request, x *exchange.Exchange) string { return x.Directory().Union() }),
		"policies": text(func(_ *request, x *exchange.Exchange) string { return x.Policies().Hash() }),
	})
	get(b, "Category", fields[*sovereignty.CategoryInfo]{
		"code":            text(func(_ *request, c *sovereignty.CategoryInfo) comity.Category { return c.Code }),
		"title":           text(func(_ *request, c *sovereignty.CategoryInfo) string { return c.Title }),
		"competence":      text(func(_ *request, c *sovereignty.CategoryInfo) comity.Competence { return c.Competence }),
		"neutralityProne": boolean(func(_ *request, c *sovereignty.CategoryInfo) bool { return c.NeutralityProne }),
	})
	get(b, "State", fields[*statement.Manifest]{
		"code":            text(func(_ *request, m *statement.Manifest) comity.State { return m.State }),
		"name":            text(func(_ *request, m *statement.Manifest) string { return m.Name }),
		"agencies":        items(func(_ *request, m *statement.Manifest) []statement.Agency { return m.Agencies }),
		"contact":         text(func(_ *request, m *statement.Manifest) string { return m.Contact }),
		"contactPoint":    text(func(_ *request, m *statement.Manifest) comity.AgencyID { return m.ContactPoint }),
		"manifest":        text(func(q *request, m *statement.Manifest) string { return q.x.Directory().JWS(m.State) }),
		"manifestNumber":  number(func(_ *request, m *statement.Manifest) int64 { return m.Number }),
		"manifestExpires": instant(func(_ *request, m *statement.Manifest) time.Time { return m.Expires }),
		"agreements":      items(func(_ *request, m *statement.Manifest) []statement.Agreement { return m.Agreements }),
		"store":           text(func(_ *request, m *statement.Manifest) string { return m.Store }),
		"offers":          texts(func(_ *request, m *statement.Manifest) []statement.Measure { return orEmpty(m.Offers) }),
	})
	get(b, "Agency", fields[*statement.Agency]{
		"id":          text(func(_ *request, a *statement.Agency) comity.AgencyID { return a.ID }),
		"name":        text(func(_ *request, a *statement.Agency) string { return a.Name }),
		"competences": texts(func(_ *request, a *statement.Agency) []comity.Competence { return a.Competences }),
	})
	get(b, "Agreement", fields[*statement.Agreement]{
		"id":         text(func(_ *request, a *statement.Agreement) string { return a.ID }),
		"title":      text(func(_ *request, a *statement.Agreement) string { return a.Title }),
		"parties":    texts(func(_ *request, a *statement.Agreement) []comity.State { return a.Parties }),
		"categories": texts(func(_ *request, a *statement.Agreement) []comity.Category { return a.Categories }),
		"measures":   texts(func(_ *request, a *statement.Agreement) []comity.RequestKind { return a.Measures }),
		"inForce":    instant(func(_ *request, a *statement.Agreement) time.Time { return a.InForce }),
		"until":      instant(func(_ *request, a *statement.Agreement) time.Time { return a.Until }),
		"noticeDays": number(func(_ *request, a *statement.Agreement) int { return a.NoticeDays }),
		"onDenunciation": text(func(_ *request, a *statement.Agreement) statement.Denunciation {
			return cmp.Or(a.OnDenunciation, statement.DenunciationEnds)
		}),
		"reciprocal":    texts(func(_ *request, a *statement.Agreement) []statement.Measure { return orEmpty(a.Reciprocal) }),
		"ratified":      instant(func(_ *request, a *statement.Agreement) time.Time { return a.Ratified }),
		"denounced":     instant(func(_ *request, a *statement.Agreement) time.Time { return a.Denounced }),
		"denouncedFrom": instant(func(_ *request, a *statement.Agreement) time.Time { return a.DenouncedFrom() }),
		"hash":          text(func(_ *request, a *statement.Agreement) string { return a.Hash() }),
		"team":          boolean(func(_ *request, a *statement.Agreement) bool { return a.Team }),
	})
}
