package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// learns says who of the own state learns at a place of the schema that a case,
// or something that hangs on it, is there.
type learns struct {
	assigned bool          // an investigator who is assigned to the case
	offices  []comity.Role // who is not, by an office that an Article names
}

var nobody, assigned = learns{}, learns{assigned: true}

// offices are those who learn of it by their office, beside whoever is assigned.
func (l learns) by(offices ...comity.Role) learns { return learns{l.assigned, offices} }

// needToKnow has every place where an id is asked for, every list, and every type
// of a node. By their office, states are told of what leaves the state or waits
// for a second officer, and of what was done; none reads what is said in a case.
var needToKnow = map[string]learns{
	"Node.Case":        assigned,
	"Node.Entry":       assigned,
	"Node.Subject":     assigned,
	"Node.Observable":  assigned,
	"Node.Evidence":    assigned,
	"Node.Grant":       assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // Article 1
	"Node.Request":     nobody,                                                                    // hangs on no case
	"Query.node.id":    assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // of a grant
	"Query.nodes.ids":  assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor),
	"Query.states":     nobody,
	"Query.categories": nobody,
	"Query.union":      nobody,

	"Subscription.events.case": assigned,

	"Viewer.officer":   nobody,
	"Viewer.officers":  nobody,
	"Viewer.mandates":  nobody,
	"Viewer.requests":  nobody,
	"Viewer.manifests": nobody,

	"Viewer.cases":                              assigned,
	"Viewer.grants":                             assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor),
	"Viewer.grants.filter.case":                 assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor),
	"Viewer.reservations":                       nobody, // of categories
	"Viewer.logErasures":                        nobody, // of no record
	"Viewer.holds":                              assigned,
	"Viewer.holds.filter.case":                  assigned,
	"Viewer.holds.filter.request":               nobody, // this one answers none
	"Viewer.withdrawals":                        assigned,
	"Viewer.withdrawals.case":                   assigned,
	"Viewer.annotations":                        assigned,
	"Viewer.annotations.filter.case":            assigned,
	"Viewer.annotations.filter.record":          assigned,
	"Viewer.notices":                            assigned,
	"Viewer.notices.filter.case":                assigned,
	"Viewer.notices.filter.record":              assigned,
	"Viewer.referrals":                          nobody.by(comity.RoleLiaison, comity.RoleAuthority), // Article 3
	"Viewer.referrals.filter.case":              nobody.by(comity.RoleLiaison, comity.RoleAuthority),
	"Viewer.referrals.filter.record":            nobody,                                              // a referral is of the case as a whole
	"Viewer.undertakings":                       nobody.by(comity.RoleLiaison, comity.RoleAuthority), // Article 7
	"Viewer.undertakings.filter.case":           nobody,
	"Viewer.undertakings.filter.record":         nobody,
	"Viewer.dispatch.id":                        assigned.by(comity.RoleLiaison, comity.RoleAuthority), // of any of these
	"Viewer.compelledDisclosures":               assigned.by(comity.RoleLiaison, comity.RoleAuthority), // Article 10
	"Viewer.compelledDisclosures.filter.case":   assigned.by(comity.RoleLiaison, comity.RoleAuthority),
	"Viewer.compelledDisclosures.filter.record": assigned.by(comity.RoleLiaison, comity.RoleAuthority),
	"Viewer.proposals":                          nobody.by(comity.RoleLiaison, comity.RoleAuthority), // Article 8
	"Viewer.proposals.filter.record":            nobody.by(comity.RoleLiaison, comity.RoleAuthority),
	"Viewer.proposal.id":                        nobody.by(comity.RoleLiaison),                                           // who carry this one
	"Viewer.log":                                nobody.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // Article 14
	"Viewer.log.filter.record":                  nobody.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor),

	"Viewer.explain":                 nobody,
	"Viewer.explain.record":          assigned.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // of a grant
	"Viewer.grantTry":                nobody,
	"Viewer.grantTry.input.case":     assigned,
	"Viewer.grantTry.input.release":  nobody, // of a case that never was
	"Viewer.grantTry.input.request":  nobody,
	"Viewer.grantTry.input.exhibits": nobody,
	"Viewer.grantTry.input.subjects": nobody,

	"Viewer.dutyContact": nobody,
	"Viewer.standings":   nobody.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // likewise
	"Viewer.standing.id": nobody.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor),
	"Viewer.roster":      nobody.by(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor), // Article 8; of no case
}

// selection asks for all that an object of the schema has, down to any depth; of
// a list for the nodes, which the edges repeat.
func selection(typ graphql.Output, above ...string) string {
	object, ok := graphql.GetNamed(typ).(*graphql.Object)
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(object.Fields())) {
		f := object.Fields()[name]
		of := graphql.GetNamed(f.Type)
		if name == "edges" || of.String() == object.Name() || slices.Contains(above, of.String()) {
			continue
		}
		inner := selection(f.Type, append(slices.Clone(above), object.Name())...)
		if _, composite := of.(*graphql.Object); !composite || inner != "" {
			b.WriteString(" " + name + first(f, 10) + inner)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return " {" + b.String() + " }"
}

// first is how many are asked for of a field that is a list with pages.
func first(f *graphql.FieldDefinition, n int) string {
	if slices.ContainsFunc(f.Args, func(a *graphql.Argument) bool { return a.Name() == "first" }) {
		return fmt.Sprintf("(first: %d)", n)
	}
	return ""
}

// asking gives the operations of every place: those that are driven, and those
// that ask for all that a list or a node has.
func asking(t *testing.T) map[string][]string {
	t.Helper()
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	asked := maps.Clone(places)
	viewer := s.TypeMap()["Viewer"].(*graphql.Object).Fields()
	for place, operation := range lists {
		asked[place] = []string{operation}
		if f := viewer[strings.TrimPrefix(place, "Viewer.")]; f != nil && first(f, 1) != "" {
			asked[place] = []string{"{ viewer { " + f.Name + first(f, 100) + selection(f.Type) + " } }"}
		}
	}
	for _, object := range s.PossibleTypes(s.TypeMap()["Node"].(*graphql.Interface)) {
		asked["Node."+object.Name()] = []string{`query($id: ID!) { node(id: $id) { ... on ` + object.Name() + selection(object) + ` } }`}
	}
	return asked
}

// TestNeedToKnow asks at every place of the schema for a case of the own state
// and all that hangs on it, in every role, in the case's agency and in another.
// Who is not assigned learns nothing, but what an Article gives the office. A
// place that the table does not have fails.
func TestNeedToKnow(t *testing.T) {
	asked := asking(t)
	for place := range asked {
		if _, ok := needToKnow[place]; !ok {
			t.Errorf("%s is not in the table: who of the own state learns of a case there?", place)
		}
	}
	for place := range needToKnow {
		if asked[place] == nil {
			t.Errorf("the schema has no place %s", place)
		}
	}
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // while one waits for its database
			w := exchangetest.NewWith(t, exchangetest.Options{DB: open})
			a := (&api{World: w, log: &logBuffer{}}).serve(t, w.Exchange, func(o *Options) {
				o.Limits = DefaultLimits
				o.Limits.Bytes, o.Limits.Tokens, o.Limits.Fields, o.Limits.Cost = 1<<20, 1<<20, 1<<20, 1<<30
			})
			r, nowhere := hidden(t, a), absent()
			owner, authority := a.as(t, "investigator@KZ"), a.as(t, "authority@KZ")
			authority.Do(t, authority.Cancel(t, r[comity.KindWithdrawal], r[comity.KindCase])) // which would keep the case with the authority
			for _, office := range []string{"LIAISON", "AUTHORITY"} {
				owner.done(t, "caseAssign", "case { id }", map[string]any{"id": r[comity.KindCase], "office": office, "remove": true})
			}
			for _, kind := range []comity.Kind{comity.KindReservation, comity.KindMandate, comity.KindRequest} { // hang on no case
				delete(r, kind)
			}
			check := func(t *testing.T, name string, isAssigned bool) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c := a.as(t, name)
					for place, operations := range asked {
						want := needToKnow[place]
						shows, said := c.shows(t, place, operations, r, nowhere)
						if learns := want.assigned && isAssigned || slices.Contains(want.offices, c.Caller.Officer.Role); shows != learns {
							t.Errorf("%s learns of it: %t, wanted %t", place, shows, learns)
						}
						if said != "" && !isAssigned {
							t.Errorf("%s says %q to who is not assigned", place, said)
						}
					}
				})
			}
			t.Run("unassigned", func(t *testing.T) {
				for _, name := range []string{"colleague@KZ", "ct@KZ", "deputy@KZ", "ct-liaison@KZ", "second@KZ", "ct-authority@KZ", "auditor@KZ", "ct-auditor@KZ"} {
					check(t, name, false)
				}
			})
			t.Run("assigned", func(t *testing.T) {
				check(t, "investigator@KZ", true)
				for _, name := range []string{"colleague", "ct"} {
					owner.done(t, "caseAssign", "case { id }", map[string]any{"id": r[comity.KindCase], "officer": "KZ:" + name + "-1"})
					check(t, name+"@KZ", true)
				}
			})
		})
	}
}

// shows reports whether any of the operations tells that there is something of
// the records: asked for an id, by any difference from one that never was; else
// by naming one of them. A node of a type is asked for by an id of that type. It
// also gives a secret that is told.
func (c *client) shows(t *testing.T, place string, operations []string, r, nowhere records) (shows bool, said string) {
	t.Helper()
	answer := func(operation string, id comity.ID) string {
		var got result
		if variables := map[string]any{"id": id}; strings.HasPrefix(operation, "subscription") {
			got = do(t, c.asksStream(t, operation, variables)) // no stream is given here, which is said after all else
		} else {
			got = c.call(t, operation, variables)
		}
		for _, e := range got.Errors {
			if strings.Contains(e.Message, "Cannot query") || e.Extensions.Limit != "" {
				t.Fatalf("%s: %s", operation, got.raw)
			}
		}
		for _, s := range secrets {
			if strings.Contains(got.raw, s) {
				said = s
			}
		}
		if id == "" {
			return got.raw
		}
		return strings.NewReplacer(string(id), "<id>", got.header.Get("X-Request-Id"), "").Replace(got.raw)
	}
	for _, operation := range operations {
		if !strings.Contains(operation, "$id") {
			list := answer(operation, "")
			for _, id := range r {
				shows = shows || strings.Contains(list, string(id))
			}
			continue
		}
		for kind, id := range r {
			if of, typed := strings.CutPrefix(place, "Node."); typed && strings.ToLower(of) != string(kind) {
				continue
			}
			if answer(operation, id) != answer(operation, nowhere[kind]) {
				shows = true
			}
		}
	}
	return shows, said
}
