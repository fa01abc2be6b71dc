package graph

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// mutation is how an act is made of its input.
type mutation struct {
	// make gives the act, and what fills in the payload once it was performed.
	make func(input any) (exchange.Act, func(*payload), error)
	// renamed are the input fields that the gate knows under another name.
	renamed map[string]string
}

// payload is what came of an act: the errors, or what its fields are read by.
type payload struct {
	errors []*comity.Error
	id     comity.ID   // the record made or changed
	of     comity.ID   // the record that it is found through, where it is found so
	ids    []comity.ID // the records made, where there are many
	// statement is what the state signed, where no record shows it.
	statement string
	result    any // what is given out once and is no record
}

// act binds a mutation: build makes the act of the decoded input, done tells
// what came of it.
func act[I any, A exchange.Act](b *binding, name string, renamed map[string]string, build func(I) (A, error), done func(A, *payload)) {
	b.acts[name] = mutation{renamed: renamed, make: func(input any) (exchange.Act, func(*payload), error) {
		var in I
		raw, err := json.Marshal(input)
		if err != nil {
			return nil, nil, err
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields() // schema and code have drifted apart
		if err := d.Decode(&in); err != nil {
			return nil, nil, err
		}
		a, err := build(in)
		return a, func(p *payload) { done(a, p) }, err
	}}
}

// place puts the path of an error below the argument, in the input's own words.
func (m mutation) place(e *comity.Error) *comity.Error {
	placed := *e
	if e.Code == comity.CodeUnauthenticated && !slices.Contains(e.Path, "act") { // the token was verified before: this is of the signed act
		placed.Path = append(slices.Clone(e.Path), "act")
	}
	if len(placed.Path) == 0 {
		return &placed
	}
	path := []string{"input"}
	for _, p := range placed.Path {
		if name, ok := m.renamed[p]; ok {
			p = name
		}
		path = append(path, p)
	}
	placed.Path = path
	return &placed
}

func (b *binding) payloads() {
	get(b, "*Payload", fields[*payload]{
		"errors":      objects(func(_ *request, p *payload) []*comity.Error { return p.errors }),
		"endedGrants": texts(func(_ *request, p *payload) []comity.ID { return p.ids }),
		"statement":   text(func(_ *request, p *payload) string { return p.statement }),
	})
	get(b, "*Error", fields[*comity.Error]{
		"code":        text(func(_ *request, e *comity.Error) comity.Code { return e.Code }),
		"message":     text(func(_ *request, e *comity.Error) string { return e.Message }),
		"path":        texts(func(_ *request, e *comity.Error) []string { return e.Path }),
		"article":     number(func(_ *request, e *comity.Error) int { return int(e.Article) }),
		"articleName": text(func(_ *request, e *comity.Error) string { return e.Article.Name() }),
		"reason":      text(func(_ *request, e *comity.Error) string { return e.Message }),
		"cure":        text(func(_ *request, e *comity.Error) string { return e.Cure }),
	})
	batch(b, "*Payload.case", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.CaseView, error) {
		found, err := q.reader.Cases(idsOf(all), "")
		return each(all, func(p *payload) *exchange.CaseView { return found[p.id] }), err
	})
	batch(b, "*Payload.request", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.RequestView, error) {
		found, err := q.reader.Requests(idsOf(all))
		return each(all, func(p *payload) *exchange.RequestView { return found[p.id] }), err
	})
	batch(b, "*Payload.grant", execute.Object, func(q *request, all []*payload, _ args) ([]*comity.Grant, error) {
		found, err := q.reader.Grants(idsOf(all))
		return each(all, func(p *payload) *comity.Grant { return found[p.id] }), err
	})
	for _, name := range []string{"entries", "subjects", "observables"} {
		batch(b, "*Payload."+name, anys, func(q *request, all []*payload, _ args) ([][]any, error) {
			out := make([][]any, len(all))
			for i, p := range all {
				if len(p.errors) > 0 {
					continue
				}
				found, err := q.reader.Nodes(p.ids, "")
				if err != nil {
					return nil, err
				}
				out[i] = each(p.ids, func(id comity.ID) any { return nodeOf(found[id]) })
			}
			return out, nil
		})
	}
	batch(b, "*Payload.message", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.MessageView, error) {
		return through(all, func(p *payload) (*exchange.MessageView, error) {
			requests, err := q.reader.Requests([]comity.ID{p.of})
			if err != nil {
				return nil, err
			}
			found, err := q.reader.MessagesOf(requests, []comity.ID{p.id})
			if m, ok := found[p.id]; ok {
				return &m, err
			}
			return nil, err
		})
	})
	batch(b, "*Payload.release", execute.Object, func(q *request, all []*payload, _ args) ([]*comity.Release, error) {
		return through(all, func(p *payload) (*comity.Release, error) {
			cases, err := q.reader.Cases([]comity.ID{p.of}, "")
			if err != nil || cases[p.of] == nil {
				return nil, err
			}
			found, err := q.reader.Releases([]*exchange.CaseView{cases[p.of]})
			return find(found[p.of], func(r comity.Release) bool { return r.ID == p.id }), err
		})
	})
	batch(b, "*Payload.mandate", execute.Object, func(q *request, all []*payload, _ args) ([]*comity.Mandate, error) {
		return through(all, func(p *payload) (*comity.Mandate, error) {
			found, err := q.reader.Mandates()
			return find(found, func(m comity.Mandate) bool { return m.ID == p.id }), err
		})
	})
}

// idsOf lists the records of acts that were performed.
func idsOf(all []*payload) []comity.ID {
	var ids []comity.ID
	for _, p := range all {
		if p.id != "" {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// through reads what is found through another record, for acts that were performed.
func through[V any](all []*payload, read func(*payload) (*V, error)) ([]*V, error) {
	out := make([]*V, len(all))
	for i, p := range all {
		if p.id == "" {
			continue
		}
		v, err := read(p)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func find[T any](all []T, is func(T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}
