package main

import (
	"encoding/json"
	"strings"

	"github.com/comity-platform/comity"
)

// The cells: what is asked.
const (
	cellPoint  = "point"  // one case by its id
	cellList   = "list50" // fifty cases with agency and three exhibits each
	cellNest   = "nest"   // ten cases with log lines, exhibits and their custody
	cellAdd    = "mutation"
	cellDenied = "denied" // a case that the viewer may not see
)

var allCells = []string{cellPoint, cellList, cellNest, cellAdd, cellDenied}

const caseFields = `id state agency owner category status title`

// queries are those of Comity and of all who serve its schema.
var queries = map[string]string{
	cellPoint: `query Point($id: ID!) { node(id: $id) { ... on Case { ` + caseFields + ` summary reserved version } } }`,
	cellList: `query List { viewer { cases(first: 50) { nodes { ` + caseFields + ` reserved version
		evidence(first: 3) { nodes { id name mediaType size status } } } } } }`,
	cellNest: `query Nest { viewer { cases(first: 10) { nodes { id title entries(first: 3) { nodes { id author text } }
		evidence(first: 3) { nodes { id name custody { id kind function state } } } } } } }`,
	cellAdd: `mutation Add($input: EntryAddInput!) { entryAdd(input: $input) { entries { author text } } }`,
}

// ofPostGraphile are the same questions in the schema that PostGraphile makes.
var ofPostGraphile = map[string]string{
	cellPoint: `query Point($id: String!) { node: caseById(id: $id) { ` + caseFields + ` summary reserved version } }`,
	cellList: `query List { viewer: query { cases: allCases(first: 50, orderBy: [UPDATED_AT_DESC, ID_DESC]) { nodes { ` + caseFields + ` reserved version
		evidence(first: 3, orderBy: [CREATED_AT_ASC, ID_ASC]) { nodes { id name mediaType size status } } } } } }`,
	cellNest: `query Nest { viewer: query { cases: allCases(first: 10, orderBy: [UPDATED_AT_DESC, ID_DESC]) { nodes { id title
		entries(first: 3, orderBy: [CREATED_AT_ASC, ID_ASC]) { nodes { id author text } }
		evidence(first: 3, orderBy: [CREATED_AT_ASC, ID_ASC]) { nodes { id name custody(orderBy: [SEQ_ASC]) { id kind function state } } } } } } }`,
	cellAdd: `mutation Add($input: EntryAddInput!) { entryAdd(input: $input) { entries { author text } } }`,
}

// bodies are the requests of each cell.
func bodies(of map[string]string, shown, hidden comity.ID, postGraphile bool) map[string][]byte {
	input := map[string]any{"idempotencyKey": anew, "case": shown, "items": []any{map[string]any{"text": lineAdded}}}
	if postGraphile {
		input = map[string]any{"key": anew, "of": shown, "text": lineAdded}
	}
	all := map[string][]byte{}
	for _, cell := range allCells {
		q := map[string]any{"query": of[cell]}
		switch cell {
		case cellPoint:
			q["variables"] = map[string]any{"id": shown}
		case cellDenied:
			q["query"], q["variables"] = of[cellPoint], map[string]any{"id": hidden}
		case cellAdd:
			q["variables"] = map[string]any{"input": input}
		}
		raw, err := json.Marshal(q)
		if err != nil { // strings alone
			panic(err)
		}
		all[cell] = []byte(strings.ReplaceAll(string(raw), `\u003c`, "<"))
	}
	return all
}

const lineAdded = "A copy of the disk was taken in the presence of two witnesses."
