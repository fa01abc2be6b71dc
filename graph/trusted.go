package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"sync"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/execute"
)

// trusted are the documents of the project's own clients, by their ids. They
// were checked and compiled when the server started, and nothing that others
// ask takes their places.
type trusted struct {
	documents map[string]*document
	plans     sync.Map // of planKey, *execute.Plan: of each document as many as its conditions have outcomes
}

// documentID is the form of an id: GraphQL over HTTP, appendix A.
var documentID = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func idOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// trust checks and compiles documents, by whatever name each has.
func (h *handler) trust(texts map[string]string) error {
	h.trusted = &trusted{documents: map[string]*document{}}
	for name, text := range texts {
		d, faults := h.check(text, DefaultLimits)
		if len(faults) > 0 {
			return fmt.Errorf("graph: the trusted document %s: %w", name, faults[0])
		}
		d.text = text
		h.trusted.documents[idOf(text)] = d
		for _, op := range d.operations {
			if len(d.conditions) > 0 {
				continue // the variables of a request decide which plan is needed
			}
			if _, err := h.trusted.plan(h, planKeyOf(d, op, nil), d, op, nil); err != nil {
				return fmt.Errorf("graph: the trusted document %s: %w", name, err)
			}
		}
	}
	return nil
}

// document finds a trusted document.
func (t *trusted) document(id string) (*document, *fault) {
	if d := t.documents[id]; d != nil {
		return d, nil
	}
	if !documentID.MatchString(id) {
		return nil, &fault{code: comity.CodeInvalid, argument: []string{"documentId"}, message: "the id of a document is sha256: and 64 hexadecimal digits in lower case"}
	}
	return nil, &fault{code: comity.CodeNotFound, argument: []string{"documentId"}, message: "this server does not know the document " + id + ": send its text as query"}
}

func (t *trusted) plan(h *handler, key planKey, d *document, op *ast.OperationDefinition, variables map[string]any) (*execute.Plan, error) {
	if p, ok := t.plans.Load(key); ok {
		return p.(*execute.Plan), nil
	}
	p, err := h.bound.engine.Compile(d.Document, op, variables)
	if err == nil {
		t.plans.Store(key, p)
	}
	return p, err
}
