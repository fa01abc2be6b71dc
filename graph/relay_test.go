package graph

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity"
)

// TestRelaySchema holds the schema to the forms of Relay's Cursor Connections
// Specification and of Global Object Identification. graphql-eslint's rules
// look at some of them too (TestSchemaLint).
func TestRelaySchema(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	node := s.Type("Node").(*graphql.Interface)
	if f := node.Fields(); len(f) != 1 || f["id"].Type.String() != "ID!" {
		t.Errorf("Node has %v", f)
	}
	signature := func(f *graphql.FieldDefinition) string {
		args := make([]string, 0, len(f.Args))
		for _, a := range f.Args {
			if !strings.HasSuffix(a.Type.String(), "!") && a.Name() != "after" {
				continue // of our own
			}
			args = append(args, a.Name()+": "+a.Type.String())
		}
		slices.Sort(args)
		return f.Name + "(" + strings.Join(args, ", ") + "): " + f.Type.String()
	}
	query := s.QueryType().Fields()
	for field, want := range map[string]string{"node": "node(id: ID!): Node", "nodes": "nodes(ids: [ID!]!): [Node]!"} {
		if got := signature(query[field]); got != want {
			t.Errorf("%s, wanted %s", got, want)
		}
	}
	page := s.Type("PageInfo").(*graphql.Object).Fields()
	for field, want := range map[string]string{"hasNextPage": "Boolean!", "hasPreviousPage": "Boolean!", "startCursor": "String", "endCursor": "String"} {
		if page[field] == nil || page[field].Type.String() != want {
			t.Errorf("PageInfo.%s is %v", field, page[field])
		}
	}
	connections := 0
	for name, typ := range s.TypeMap() {
		object, ok := typ.(*graphql.Object)
		if !ok {
			if strings.HasSuffix(name, "Connection") || strings.HasSuffix(name, "Edge") {
				t.Errorf("%s is no object", name)
			}
			continue
		}
		fields := object.Fields()
		if stem, ok := strings.CutSuffix(name, "Connection"); ok {
			connections++
			for field, want := range map[string]string{"edges": "[" + stem + "Edge!]!", "pageInfo": "PageInfo!"} {
				if fields[field] == nil || fields[field].Type.String() != want {
					t.Errorf("%s.%s is not %s", name, field, want)
				}
			}
			edge, ok := s.Type(stem + "Edge").(*graphql.Object)
			if !ok {
				t.Errorf("%s has no edges", name)
				continue
			}
			of := edge.Fields()
			if of["cursor"] == nil || of["cursor"].Type.String() != "String!" || of["node"] == nil {
				t.Errorf("the edges of %s have %v", name, of)
			} else if _, list := graphql.GetNullable(of["node"].Type).(*graphql.List); list {
				t.Errorf("the node of an edge of %s is a list", name)
			}
		}
		if stem, ok := strings.CutSuffix(name, "Edge"); ok && s.Type(stem+"Connection") == nil {
			t.Errorf("%s is of no connection", name)
		}
		for field, f := range fields {
			if of := graphql.GetNamed(f.Type); strings.HasSuffix(of.String(), "Connection") {
				if got, want := signature(f), fmt.Sprintf("%s(after: String, first: Int!): %s", field, f.Type); got != want {
					t.Errorf("%s.%s, wanted %s", name, got, want)
				}
			}
		}
		if id := fields["id"]; slices.Contains(object.Interfaces(), node) && id.Type.String() != "ID!" {
			t.Errorf("%s has the id %v", name, id)
		}
	}
	if connections < 10 {
		t.Errorf("there are %d connections", connections)
	}
}

// TestRelayPages walks a list forward, as clients built on Relay do.
func TestRelayPages(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	var want []string
	for i := range 5 {
		want = append(want, string(c.fileCase(t, fmt.Sprintf("Case %d", i))))
		a.Clock.Advance(time.Second)
	}
	slices.Reverse(want)
	const q = `query($first: Int!, $after: String, $filter: CaseFilter) { viewer { cases(first: $first, after: $after, filter: $filter) {
		nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } } }`
	type read struct {
		ids, cursors []string
		next, prev   bool
		start, end   any
	}
	page := func(first int, after any) read {
		t.Helper()
		list := dig(t, c.get(t, q, map[string]any{"first": first, "after": after}), "viewer", "cases")
		var r read
		for i, e := range dig(t, list, "edges").([]any) {
			r.ids = append(r.ids, dig(t, e, "node", "id").(string))
			r.cursors = append(r.cursors, dig(t, e, "cursor").(string))
			if dig(t, list, "nodes", i, "id") != r.ids[i] {
				t.Errorf("node %d is another than that of its edge", i)
			}
		}
		if n := len(dig(t, list, "nodes").([]any)); n != len(r.ids) || dig(t, list, "totalCount") != float64(5) {
			t.Errorf("%d nodes for %d edges", n, len(r.ids))
		}
		info := dig(t, list, "pageInfo").(map[string]any)
		r.next, r.prev, r.start, r.end = info["hasNextPage"].(bool), info["hasPreviousPage"].(bool), info["startCursor"], info["endCursor"]
		if len(r.ids) > 0 && (r.start != r.cursors[0] || r.end != r.cursors[len(r.cursors)-1]) {
			t.Errorf("the page from %v to %v has the cursors %v", r.start, r.end, r.cursors)
		}
		return r
	}
	var after any
	var walked []string
	for i, w := range []struct {
		n          int
		next, prev bool
	}{{2, true, false}, {2, true, true}, {1, false, true}} {
		r := page(2, after)
		if len(r.ids) != w.n || r.next != w.next || r.prev != w.prev {
			t.Fatalf("page %d is %+v", i, r)
		}
		walked = append(walked, r.ids...)
		after = r.end
	}
	if !slices.Equal(walked, want) {
		t.Errorf("the pages hold %v, wanted %v", walked, want)
	}
	if r := page(2, after); len(r.ids) != 0 || r.next || r.start != nil || r.end != nil {
		t.Errorf("after the last one comes %+v", r)
	}
	// Every edge's cursor is one to go on from, and the page may have another length.
	whole := page(5, nil)
	if whole.next || !slices.Equal(whole.ids, want) {
		t.Errorf("the whole list is %+v", whole)
	}
	for i, cursor := range whole.cursors {
		if r := page(3, cursor); !slices.Equal(r.ids, want[i+1:min(i+4, len(want))]) || r.next != (i+4 < len(want)) {
			t.Errorf("after item %d comes %+v", i, r)
		}
	}
	// What is no length, and a cursor of another viewer or list.
	other := a.as(t, "colleague@KZ")
	for name, x := range map[string]struct {
		who       *client
		variables map[string]any
	}{
		"no items":                 {c, map[string]any{"first": 0}},
		"fewer than none":          {c, map[string]any{"first": -1}},
		"more than a page":         {c, map[string]any{"first": 101}},
		"no cursor":                {c, map[string]any{"first": 2, "after": "abc"}},
		"another viewer's cursor":  {other, map[string]any{"first": 2, "after": whole.cursors[0]}},
		"a cursor of another list": {c, map[string]any{"first": 2, "after": whole.cursors[0], "filter": map[string]any{"status": "OPEN"}}},
	} {
		if r := x.who.call(t, q, x.variables); len(r.Errors) != 1 || r.Errors[0].Extensions.Code != string(comity.CodeInvalid) {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
}

// TestRelayNodes finds every kind of object again by its id alone.
func TestRelayNodes(t *testing.T) {
	a := serveAPI(t, nil)
	owner, liaison, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM")
	a.World.Mandate(t, "KZ")
	c := owner.fileCase(t, "Found again")
	ids := map[string]string{"Case": string(c)}
	id := func(v any) string { return v.(string) }
	ids["Entry"] = id(dig(t, owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": c, "items": []any{map[string]any{"text": "Seen"}}}), "entries", 0, "id"))
	ids["Subject"] = id(dig(t, owner.done(t, "subjectAdd", "subjects { id }", map[string]any{"case": c, "items": []any{map[string]any{"kind": "PERSON", "role": "SUSPECT", "identifier": "s-1"}}}), "subjects", 0, "id"))
	ids["Observable"] = id(dig(t, owner.done(t, "observableAdd", "observables { id }", map[string]any{"case": c, "items": []any{map[string]any{"type": "cryptocurrency-wallet", "value": "bc1qexample"}}}), "observables", 0, "id"))
	ids["Evidence"] = string(owner.upload(t, c, "disk.img", []byte("bytes")))
	release := comity.ID(id(dig(t, owner.done(t, "releaseDecide", "release { id }", map[string]any{"case": c, "decider": "OWNER", "grantee": "AM", "scope": "FULL",
		"exhibits": []any{ids["Evidence"]}, "purpose": "INVESTIGATION", "notAfter": stamp(a.Clock.Now().Add(30 * 24 * time.Hour))}), "release", "id")))
	ids["Request"] = id(dig(t, foreign.done(t, "requestSend", "request { id }", map[string]any{"to": "KZ", "kind": "INFORMATION", "urgency": "PROMPT", "category": "RANSOMWARE",
		"purpose": "INVESTIGATION", "title": "Wallet", "facts": "Seen"}), "request", "id"))
	ids["Grant"] = id(dig(t, liaison.done(t, "grantMake", "grant { id }", liaison.grantInput(t, c, liaison.GrantBody("AM", release, comity.ID(ids["Evidence"])))), "grant", "id"))

	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range s.PossibleTypes(s.Type("Node").(*graphql.Interface)) {
		who := owner
		if o.Name() == "Request" || o.Name() == "Grant" {
			who = liaison
		}
		if ids[o.Name()] == "" {
			t.Errorf("no %s is looked for", o.Name())
			continue
		}
		got := who.get(t, "query($id: ID!, $ids: [ID!]!) { node(id: $id) { __typename id } nodes(ids: $ids) { __typename id } }",
			map[string]any{"id": ids[o.Name()], "ids": []any{ids[o.Name()], comity.NewID(comity.KindCase), ids[o.Name()]}})
		found := map[string]any{"__typename": o.Name(), "id": ids[o.Name()]}
		if want := map[string]any{"node": found, "nodes": []any{found, nil, found}}; !reflect.DeepEqual(got, want) {
			t.Errorf("%v, wanted %v", got, want)
		}
	}
}
