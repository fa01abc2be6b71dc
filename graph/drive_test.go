package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// engines are the databases that an exchange can have.
var engines = map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres}

// serveOn is the API over an exchange on an engine.
func serveOn(t *testing.T, open func(testing.TB, func() time.Time) storage.DB) *api {
	t.Helper()
	log := &logBuffer{}
	w := exchangetest.NewWith(t, exchangetest.Options{DB: open, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	return (&api{World: w, log: log}).serve(t, w.Exchange, nil)
}

// drive is one world in which hidden records and absent ones are asked for.
type drive struct {
	*api
	hidden, absent records
	names          *strings.Replacer // of both, one for each kind
}

func newDrive(a *api, hidden, absent records) *drive {
	var names []string
	for kind, id := range hidden {
		names = append(names, string(id), "<"+string(kind)+">")
	}
	for kind, id := range absent {
		names = append(names, string(id), "<"+string(kind)+">")
	}
	return &drive{a, hidden, absent, strings.NewReplacer(names...)}
}

// told is all that an asker, or who watches the asker's state or the database,
// can tell two answers apart by: status, headers, body, and the statements with
// the rows that each gave. Left out is what is never twice the same: the date,
// the request's id, and the ids themselves.
func (d *drive) told(t *testing.T, c *client, query string, variables map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	var res result
	r := c.request(t, http.MethodPost, c.url+"/graphql", bytes.NewReader(raw))
	if strings.HasPrefix(query, "subscription") {
		r = c.asksStream(t, query, variables)
	}
	ran := d.Statements(t, func() { res = do(t, r) })
	id := res.header.Get("X-Request-Id")
	res.header.Del("Date")
	res.header.Del("X-Request-Id")
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(res.header)) {
		fmt.Fprintf(&b, "%s: %s\n", n, strings.Join(res.header[n], ", "))
	}
	return fmt.Sprintf("%d\n%s%s\n%s", res.status, &b, d.names.Replace(strings.ReplaceAll(res.raw, id, "<request>")), forgotten.ReplaceAllString(strings.Join(ran, "\n"), "$1"))
}

// forgotten are nonces whose time is over, as many as there are just then.
var forgotten = regexp.MustCompile(`(?m)^\d+ rows: (DELETE FROM nonces )`)

// same wants two answers alike, and shows the first line in which they differ.
func same(t *testing.T, what, hidden, absent string) {
	t.Helper()
	if hidden == absent {
		return
	}
	a, b := strings.Split(hidden, "\n"), strings.Split(absent, "\n")
	line := func(l []string, i int) string {
		if i < len(l) {
			return l[i]
		}
		return "(nothing more)"
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	t.Errorf("%s differs in line %d of %d and %d\nhidden: %s\nabsent: %s", what, i+1, len(a), len(b), line(a, i), line(b, i))
}

// whyOf asks why an act upon a record is permitted or denied.
func whyOf(act string) string {
	return `query($id: ID!) { viewer { explain(action: "` + act + `", record: $id, purpose: INVESTIGATION, state: "AM") { permit article text reason cure who further { reason } basis { agreement grant } } } }`
}

// tryOf tries a grant of a case.
func tryOf(of string) string {
	return `query($id: ID!) { viewer { grantTry(input: {` + of + `, category: "RANSOMWARE", granteeState: "AM", scope: FULL, grade: LEAD, purpose: INVESTIGATION, agreement: "a",
		caveats: {marking: {tlp: AMBER, pap: AMBER, handling: H0}}, notBefore: "2026-11-22T00:00:00Z", notAfter: "2030-11-22T00:00:00Z"}) { alone denials { reason } faults { message } level entries { open closed } } } }`
}

// aCase names a case that never was.
var aCase = `case: "` + string(comity.NewID(comity.KindCase)) + `"`

// places are where an id can be asked for, each with an operation that does.
var places = map[string][]string{
	"Query.node.id": {
		`query($id: ID!) { node(id: $id) { __typename id } }`,
		`query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { __typename id ... on Case { title access { level } } ... on Evidence { name } ... on Request { title } ... on Grant { status } } }`,
	},
	"Query.nodes.ids":           {`query($id: ID!) { nodes(ids: [$id, $id], purpose: INVESTIGATION) { __typename id } }`},
	"Viewer.grants.filter.case": {`query($id: ID!) { viewer { grants(first: 5, filter: {case: $id}) { nodes { id } totalCount ` + pageInfo + `} } }`},
	"Viewer.explain.record": {whyOf("caseRead"), whyOf("caseExport"), whyOf("grantMake"), whyOf("evidenceOpen"), whyOf("requestRead"), whyOf("grantRevoke"), whyOf("mandateEnd"),
		whyOf("holdRelease"), whyOf("caseWithdrawCancel"), whyOf("dutyWithdraw"), whyOf("standingEnd"), whyOf("contributionWithdraw"), whyOf("caseContribute")},
	"Viewer.grantTry.input.case":                {tryOf(`case: $id`)},
	"Viewer.grantTry.input.release":             {tryOf(aCase + `, release: $id`)},
	"Viewer.grantTry.input.request":             {tryOf(aCase + `, request: $id`)},
	"Viewer.grantTry.input.exhibits":            {tryOf(aCase + `, exhibits: [$id]`)},
	"Viewer.grantTry.input.subjects":            {tryOf(aCase + `, subjects: [$id]`)},
	"Viewer.standing.id":                        {`query($id: ID!) { viewer { standing(id: $id) { id team grantees { state } live statement } } }`},
	"Viewer.proposal.id":                        {`query($id: ID!) { viewer { proposal(id: $id) { id } } }`},
	"Viewer.proposals.filter.record":            {`query($id: ID!) { viewer { proposals(first: 5, filter: {record: $id}) { nodes { id } totalCount ` + pageInfo + `} } }`},
	"Viewer.withdrawals.case":                   {`query($id: ID!) { viewer { withdrawals(first: 5, case: $id) { nodes { id } ` + pageInfo + `} } }`},
	"Viewer.holds.filter.case":                  {`query($id: ID!) { viewer { holds(first: 5, filter: {case: $id}) { nodes { id } ` + pageInfo + `} } }`},
	"Viewer.holds.filter.request":               {`query($id: ID!) { viewer { holds(first: 5, filter: {request: $id}) { nodes { id } ` + pageInfo + `} } }`},
	"Viewer.dispatch.id":                        {`query($id: ID!) { viewer { dispatch(id: $id) { id kind status text statement deliveries { to } readers { officer } } } }`},
	"Viewer.annotations.filter.case":            {dispatchesOf("annotations", "case")},
	"Viewer.annotations.filter.record":          {dispatchesOf("annotations", "record")},
	"Viewer.referrals.filter.case":              {dispatchesOf("referrals", "case")},
	"Viewer.referrals.filter.record":            {dispatchesOf("referrals", "record")},
	"Viewer.undertakings.filter.case":           {dispatchesOf("undertakings", "case")},
	"Viewer.undertakings.filter.record":         {dispatchesOf("undertakings", "record")},
	"Viewer.notices.filter.case":                {dispatchesOf("notices", "case")},
	"Viewer.notices.filter.record":              {dispatchesOf("notices", "record")},
	"Viewer.compelledDisclosures.filter.case":   {dispatchesOf("compelledDisclosures", "case")},
	"Viewer.compelledDisclosures.filter.record": {dispatchesOf("compelledDisclosures", "record")},
	"Subscription.events.case":                  {`subscription($id: ID!) { events(case: $id, purpose: INVESTIGATION) { id } }`, `subscription($id: ID!) { events(case: $id) { id } }`},
	"Viewer.log.filter.record":                  {`query($id: ID!) { viewer { log(first: 5, filter: {record: $id, state: "AM"}) { nodes { id } ` + pageInfo + `} } }`},
}

// queries asks for records of some kinds at every place.
func (d *drive) queries(t *testing.T, c *client, kinds []comity.Kind) {
	t.Helper()
	for place, operations := range places {
		for _, operation := range operations {
			for _, kind := range kinds {
				same(t, place+" of a "+string(kind), d.told(t, c, operation, map[string]any{"id": d.hidden[kind]}), d.told(t, c, operation, map[string]any{"id": d.absent[kind]}))
			}
		}
	}
}

// lastOfLog is the newest leaf that concerns the asker's state, as its auditor
// reads it.
const lastOfLog = `{ viewer { log(first: 1) { nodes { act outcome state agency function ref purpose use digest article articleName reason policies records { id level grant purpose } commitments } } } }`

var hexes = regexp.MustCompile(`[0-9a-f]{64}`)

// logged is that leaf without what is never twice the same.
func (d *drive) logged(t *testing.T, auditor *client) string {
	t.Helper()
	raw, err := json.Marshal(auditor.get(t, lastOfLog, nil))
	if err != nil {
		t.Fatal(err)
	}
	return hexes.ReplaceAllString(d.names.Replace(string(raw)), "<hash>")
}

// actOf is an operation of one act that asks for all that its errors can say.
func actOf(name string) string {
	return "mutation($input: " + strings.ToUpper(name[:1]) + name[1:] + "Input!) { " + name + "(input: $input) { errors { __typename ... on UserError { code message path } ... on DeniedError { article articleName reason cure } } } }"
}

// act tries an act, and gives what is told and what the record of acts then says.
func (d *drive) act(t *testing.T, c, auditor *client, act string, input map[string]any) (told, logged string) {
	t.Helper()
	input["idempotencyKey"] = exchangetest.Key()
	told = d.told(t, c, actOf(act), map[string]any{"input": input})
	return told, d.logged(t, auditor)
}

// acts tries every act upon what is hidden and what is absent, and wants none
// performed.
func (d *drive) acts(t *testing.T, c, auditor *client) {
	t.Helper()
	x, y := c.naming(t, d.hidden), c.naming(t, d.absent)
	for _, act := range slices.Sorted(maps.Keys(x)) {
		told, logged := d.act(t, c, auditor, act, x[act])
		toldOf, loggedOf := d.act(t, c, auditor, act, y[act])
		same(t, act, told, toldOf)
		same(t, act+" in the record of acts", logged, loggedOf)
		if strings.Contains(told, `"errors":[]`) {
			t.Errorf("%s upon a hidden record was performed: %s", act, told)
		}
	}
}

// TestNoOracle asks, by every query and act of the schema, for records that are
// hidden and records that never were: nothing tells them apart (Article 12).
func TestNoOracle(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // while one waits for its database
			a := serveOn(t, open)
			d := newDrive(a, hidden(t, a), absent())
			for _, name := range []string{"investigator@BY", "colleague@BY", "ct@BY", "liaison@BY", "deputy@BY", "authority@BY", "auditor@BY", "colleague@KZ", "ct@KZ"} {
				t.Run(name, func(t *testing.T) {
					c := a.as(t, name)
					auditor := a.as(t, "auditor@"+string(c.Caller.Officer.State))
					c.get(t, `{ viewer { officer { ref } } }`, nil) // what is done once for a session is done
					d.queries(t, c, slices.Collect(maps.Keys(d.absent)))
					d.acts(t, c, auditor)
				})
			}
		})
	}
}

// unassigned are the kinds of records that go with a case: who of its own state
// is not assigned to it sees none of them.
var unassigned = []comity.Kind{comity.KindCase, comity.KindEntry, comity.KindSubject, comity.KindObservable, comity.KindEvidence}

// TestNoOracleAtHome asks as every office of the own state for a case that was
// laid before none of them.
func TestNoOracleAtHome(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // while one waits for its database
			a := serveOn(t, open)
			nowhere := absent()
			there := maps.Clone(nowhere) // of the other kinds nothing is asked
			maps.Copy(there, caseAlone(t, a, "KZ"))
			d := newDrive(a, there, nowhere)
			for _, name := range []string{"colleague@KZ", "ct@KZ", "liaison@KZ", "deputy@KZ", "authority@KZ", "auditor@KZ"} {
				t.Run(name, func(t *testing.T) {
					c, auditor := a.as(t, name), a.as(t, "auditor@KZ")
					c.get(t, `{ viewer { officer { ref } } }`, nil)
					d.queries(t, c, unassigned)
					d.acts(t, c, auditor)
				})
			}
		})
	}
}

// TestNoOracleOfWhatIsNamed has officers act upon records of their own and name,
// beside them, one record that is hidden or absent.
func TestNoOracleOfWhatIsNamed(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // while one waits for its database
			a := serveOn(t, open)
			own := made(t, a, "BY")
			d := newDrive(a, hidden(t, a), absent())
			auditor := a.as(t, "auditor@BY")
			for _, name := range []string{"investigator@BY", "liaison@BY", "authority@BY"} {
				t.Run(name, func(t *testing.T) {
					c := a.as(t, name)
					c.get(t, `{ viewer { officer { ref } } }`, nil)
					for kind := range d.absent {
						with := func(r records) map[string]map[string]any {
							one := maps.Clone(own)
							one[kind] = r[kind]
							return c.naming(t, one)
						}
						x, y := with(d.hidden), with(d.absent)
						for _, act := range slices.Sorted(maps.Keys(x)) {
							if !strings.Contains(fmt.Sprint(x[act]), string(d.hidden[kind])) {
								continue
							}
							told, logged := d.act(t, c, auditor, act, x[act])
							toldOf, loggedOf := d.act(t, c, auditor, act, y[act])
							what := fmt.Sprintf("%s that names a %s", act, kind)
							same(t, what, told, toldOf)
							same(t, what+", in the record of acts,", logged, loggedOf)
							if strings.Contains(told, `"errors":[]`) {
								t.Errorf("%s that is hidden was performed: %s", what, told)
							}
						}
					}
				})
			}
		})
	}
}

// TestEveryPlaceIsDriven walks the schema: a query that takes an id, a list and
// an act that is not in the tables of these tests fails here.
func TestEveryPlaceIsDriven(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	c := serveAPI(t, nil).as(t, "liaison@BY")
	named := c.naming(t, absent())
	for act := range s.MutationType().Fields() {
		if named[act] == nil && !slices.Contains(notNaming, act) {
			t.Errorf("the act %s is not driven: give naming an input of it", act)
		}
	}
	seen := map[string]bool{}
	var inputs func(path string, in graphql.Input, above []string)
	inputs = func(path string, in graphql.Input, above []string) {
		switch typ := graphql.GetNamed(in).(type) {
		case *graphql.Scalar:
			if typ.Name() == "ID" {
				seen[path] = true
			}
		case *graphql.InputObject:
			if slices.Contains(above, typ.Name()) {
				return
			}
			for name, f := range typ.Fields() {
				inputs(path+"."+name, f.Type, append(above, typ.Name()))
			}
		}
	}
	for name, typ := range s.TypeMap() {
		object, ok := typ.(*graphql.Object)
		if !ok || typ == graphql.Type(s.MutationType()) || strings.HasPrefix(name, "__") {
			continue
		}
		for _, f := range object.Fields() {
			for _, arg := range f.Args {
				inputs(name+"."+f.Name+"."+arg.Name(), arg.Type, nil)
			}
		}
	}
	for path := range seen {
		if places[path] == nil {
			t.Errorf("an id can be asked for at %s, which is not driven: give places an operation that does", path)
		}
	}
	for path := range places {
		if !seen[path] {
			t.Errorf("the schema has no place %s", path)
		}
	}
	// What is no operation of the schema would be refused for that, hidden or absent.
	for _, operation := range slices.Concat(slices.Concat(slices.Collect(maps.Values(places))...), slices.Collect(maps.Values(lists)),
		[]string{lastOfLog}, slices.Collect(func(yield func(string) bool) {
			for act := range s.MutationType().Fields() {
				if !yield(actOf(act)) {
					return
				}
			}
		})) {
		tree, err := parser.Parse(parser.ParseParams{Source: operation})
		if err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		if is := graphql.ValidateDocument(&s.Schema, tree, nil); !is.IsValid {
			t.Errorf("%s: %v", operation, is.Errors)
		}
	}
	for _, object := range []string{"Query", "Viewer"} {
		for name := range s.TypeMap()[object].(*graphql.Object).Fields() {
			if of := object + "." + name; lists[of] == "" && places[of+".id"] == nil && places[of+".ids"] == nil && of != "Query.viewer" {
				t.Errorf("%s is not driven: give lists an operation of it", of)
			}
		}
	}
}

const pageInfo = ` pageInfo { hasNextPage hasPreviousPage startCursor endCursor } `

// lists are the fields that need no id.
var lists = map[string]string{
	"Query.states":                `{ states { code } }`,
	"Query.categories":            `{ categories { code } }`,
	"Query.union":                 `{ union { name policies } }`,
	"Viewer.officer":              `{ viewer { officer { ref } } }`,
	"Viewer.officers":             `{ viewer { officers { ref state } } }`,
	"Viewer.manifests":            `{ viewer { manifests { number signed } } }`,
	"Viewer.mandates":             `{ viewer { mandates { id liaison } } }`,
	"Viewer.explain":              `{ viewer { explain(action: "caseFile", category: "RANSOMWARE") { permit reason } } }`,
	"Viewer.grantTry":             "{ viewer { grantTry(input: {" + aCase + `, category: "RANSOMWARE", granteeState: "AM", scope: FULL, grade: LEAD, purpose: INVESTIGATION, agreement: "a", caveats: {marking: {tlp: AMBER, pap: AMBER, handling: H0}}, notBefore: "2026-11-22T00:00:00Z", notAfter: "2030-11-22T00:00:00Z"}) { alone } } }`,
	"Viewer.cases":                `query($after: String) { viewer { cases(first: 1, purpose: INVESTIGATION, after: $after) { nodes { id title access { level } }` + pageInfo + `totalCount } } }`,
	"Viewer.requests":             `query($after: String) { viewer { requests(first: 1, after: $after) { nodes { id title }` + pageInfo + `totalCount } } }`,
	"Viewer.grants":               `query($after: String) { viewer { grants(first: 1, after: $after) { nodes { id case }` + pageInfo + `totalCount } } }`,
	"Viewer.standings":            `query($after: String) { viewer { standings(first: 1, all: true, after: $after) { nodes { id team live }` + pageInfo + `totalCount } } }`,
	"Viewer.roster":               `query($after: String) { viewer { roster(first: 1, all: true, after: $after) { nodes { id officer contact }` + pageInfo + `totalCount } } }`,
	"Viewer.dutyContact":          `{ viewer { dutyContact(state: "AM") { contactPoint contact shift officer function until } } }`, // a state's present shift is told to all that an agreement binds
	"Viewer.reservations":         `{ viewer { reservations { id } } }`,
	"Viewer.holds":                `query($after: String) { viewer { holds(first: 1, after: $after) { nodes { id }` + pageInfo + ` } } }`,
	"Viewer.withdrawals":          `query($after: String) { viewer { withdrawals(first: 1, after: $after) { nodes { id }` + pageInfo + ` } } }`,
	"Viewer.logErasures":          `{ viewer { logErasures { id before status erased kept proposedBy reason } } }`,
	"Viewer.proposals":            `query($after: String) { viewer { proposals(first: 1, after: $after) { nodes { id }` + pageInfo + `totalCount } } }`,
	"Viewer.annotations":          listOf("annotations"),
	"Viewer.referrals":            listOf("referrals"),
	"Viewer.undertakings":         listOf("undertakings"),
	"Viewer.notices":              listOf("notices"),
	"Viewer.compelledDisclosures": listOf("compelledDisclosures"),
	"Viewer.log":                  `query($after: String) { viewer { log(first: 2, after: $after, filter: {act: "requestSend"}) { nodes { act at ref records { id } }` + pageInfo + ` } } }`,
}

var cursors = regexp.MustCompile(`"(startCursor|endCursor)":"[^"]+"`)

// listed walks a list page by page and gives all that was told.
func (d *drive) listed(t *testing.T, c *client, query string) string {
	t.Helper()
	var all strings.Builder
	variables := map[string]any{}
	for range 20 {
		told := d.told(t, c, query, variables)
		all.WriteString(cursors.ReplaceAllStringFunc(told, func(s string) string { return fmt.Sprintf("<cursor of %d>", len(s)) }) + "\n")
		_, after, ok := strings.Cut(told, `"endCursor":"`)
		if !ok || !strings.Contains(query, "$after") || !strings.Contains(told, `"hasNextPage":true`) {
			return all.String()
		}
		variables["after"], _, _ = strings.Cut(after, `"`)
	}
	t.Fatalf("%s has no end", query)
	return ""
}

// TestHiddenLeavesListsAlone reads every list before and after others made
// records that the asker may not know: pages, counts, order, the statements and
// what they gave are the same.
func TestHiddenLeavesListsAlone(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // while one waits for its database
			a := serveOn(t, open)
			owner := a.as(t, "investigator@BY")
			for _, title := range []string{"a", "b", "c"} { // so that there are pages
				id := owner.fileCase(t, title)
				owner.done(t, "caseAssign", "case { id }", map[string]any{"id": id, "office": "LIAISON"})
				owner.done(t, "caseAssign", "case { id }", map[string]any{"id": id, "office": "AUTHORITY"})
			}
			a.Mandate(t, "BY")
			a.joined(t)
			d := newDrive(a, nil, nil)
			askers := map[string]*client{}
			for _, role := range []string{"investigator", "colleague", "ct", "liaison", "deputy", "authority", "auditor"} {
				askers[role] = a.as(t, role+"@BY")
			}
			before := map[string]string{}
			read := func(f func(what, told string)) {
				for role, c := range askers {
					for of, query := range lists {
						f(role+": "+of, d.listed(t, c, query))
					}
				}
			}
			read(func(what, told string) { before[what] = told })
			hidden(t, a)
			read(func(what, told string) { same(t, what, told, before[what]) })
			if !strings.Contains(before["investigator: Viewer.cases"], `"totalCount":3`) || !strings.Contains(before["liaison: Viewer.cases"], `"hasNextPage":true`) {
				t.Errorf("the lists are empty: %s", before["investigator: Viewer.cases"])
			}
		})
	}
}
