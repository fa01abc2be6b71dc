package graph

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/execute"
)

// What is kept of the queries that were asked last: checking a query takes longer
// than answering it, and clients ask the same ones.
const (
	keptDocuments = 256
	keptPlans     = 256
)

// prepared keeps checked documents by their text, and plans by text, operation
// and the way in which @skip and @include turn out.
type prepared struct {
	documents *lru.Cache[string, *document]
	plans     *lru.Cache[planKey, *execute.Plan]
}

type planKey struct {
	text, operation string
	on              string // variables that are true, of those that conditions name
}

func newPrepared() (*prepared, error) {
	documents, err := lru.New[string, *document](keptDocuments)
	if err != nil {
		return nil, err
	}
	plans, err := lru.New[planKey, *execute.Plan](keptPlans)
	return &prepared{documents, plans}, err
}

// document gives the checked document of a request: one that is known by its
// id, or a text, unless this server answers known ones alone.
func (h *handler) document(q wire) (*document, []*fault) {
	if q.checked != nil {
		return q.checked, nil
	}
	if q.Document != "" {
		d, f := h.trusted.document(q.Document)
		if f != nil {
			return nil, []*fault{f}
		}
		return d, nil
	}
	if h.trustedOnly {
		return nil, []*fault{{code: comity.CodeInvalid, argument: []string{"query"},
			message: "this server answers the documents that it knows alone: send the id of one as documentId"}}
	}
	if d, ok := h.prepared.documents.Get(q.Query); ok {
		return d, nil
	}
	d, faults := h.check(q.Query, h.limits)
	if len(faults) > 0 {
		return nil, faults
	}
	d.text = q.Query
	h.prepared.documents.Add(q.Query, d)
	return d, nil
}

func planKeyOf(d *document, op *ast.OperationDefinition, variables map[string]any) planKey {
	var on []string
	for _, name := range d.conditions {
		if variables[name] == true {
			on = append(on, name)
		}
	}
	key := planKey{text: d.text, on: strings.Join(on, " ")}
	if op.Name != nil {
		key.operation = op.Name.Value
	}
	return key
}

// plan gives the plan of an operation of a document.
func (h *handler) plan(q wire, d *document, op *ast.OperationDefinition, variables map[string]any) (*execute.Plan, error) {
	key := planKeyOf(d, op, variables)
	if q.Document != "" {
		return h.trusted.plan(h, key, d, op, variables)
	}
	if q.checked != nil {
		return h.bound.engine.Compile(d.Document, op, variables)
	}
	if p, ok := h.prepared.plans.Get(key); ok {
		return p, nil
	}
	p, err := h.bound.engine.Compile(d.Document, op, variables)
	if err == nil {
		h.prepared.plans.Add(key, p)
	}
	return p, err
}
