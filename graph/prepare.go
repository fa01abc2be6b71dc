package graph

import (
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/graphql-go/graphql/language/ast"

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

// document gives the checked document of a query text.
func (h *handler) document(query string) (*document, []*fault) {
	if d, ok := h.prepared.documents.Get(query); ok {
		return d, nil
	}
	d, faults := h.check(query)
	if len(faults) > 0 {
		return nil, faults
	}
	d.conditions = execute.Conditions(d.Document)
	slices.Sort(d.conditions)
	h.prepared.documents.Add(query, d)
	return d, nil
}

// plan gives the plan of an operation of a document.
func (h *handler) plan(query string, d *document, op *ast.OperationDefinition, variables map[string]any) (*execute.Plan, error) {
	var on []string
	for _, name := range d.conditions {
		if variables[name] == true {
			on = append(on, name)
		}
	}
	key := planKey{text: query, on: strings.Join(on, " ")}
	if op.Name != nil {
		key.operation = op.Name.Value
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
