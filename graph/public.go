package graph

import (
	"net/http"

	"github.com/graphql-go/graphql/language/ast"
)

// public are the root fields that are answered without a token: what the
// manifests say, each signed by its state's root. An officer's software needs
// them before it can log in, since only the manifest says where.
var public = map[string]bool{"union": true, "categories": true, "states": true, "__typename": true}

// anonymous reports whether a request shows no token at all. One with a token
// that is not taken is refused, whatever it asks.
func anonymous(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.Header.Get("DPoP") == ""
}

// asksPublic reports whether a query asks for public root fields and nothing
// else, each written out at the root. What was checked for it is not kept for
// later requests: what strangers ask takes no places.
func (h *handler) asksPublic(q *wire) bool {
	doc, faults := h.documentOf(*q)
	if len(faults) > 0 {
		return false
	}
	q.checked = doc
	op, err := doc.operation(q.Operation)
	if err != nil || op.Operation != ast.OperationTypeQuery {
		return false
	}
	for _, s := range op.SelectionSet.Selections {
		if f, ok := s.(*ast.Field); !ok || !public[f.Name.Value] {
			return false
		}
	}
	return true
}

// documentOf is document without keeping it.
func (h *handler) documentOf(q wire) (*document, []*fault) {
	if q.Document != "" || h.trustedOnly {
		return h.document(q)
	}
	return h.check(q.Query, h.limits)
}
