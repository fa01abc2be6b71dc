package sqldb

import (
	"regexp"
	"slices"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// Exec runs any statement on a transaction.
func Exec(r storage.ReadTx, text string) error {
	_, err := inner(r).exec(text)
	return err
}

func inner(r storage.ReadTx) *reader {
	if w, ok := r.(*writer); ok {
		return w.reader
	}
	return r.(*reader)
}

// ExplainListCases gives the engine's plan of ListCases's list; prefix is the
// engine's word for it, after which the plan stands in the last of each row's
// columns.
func ExplainListCases(tx storage.ReadTx, prefix string, columns int, v storage.Viewer, f storage.CaseFilter, p storage.Page) (string, error) {
	r := inner(tx)
	from, a := r.visible(v, f, p)
	rows, err := r.tx.Query(r.ctx, prefix+r.db.text(`SELECT c.id`+from+shown+` ORDER BY m.updated_at DESC, m.case_id DESC`), a)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		into := []any{&line}
		for range columns - 1 { // before it
			into = append([]any{new(any)}, into...)
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		plan.WriteString(line + "\n")
	}
	return plan.String(), rows.Err()
}

// Predicate is one condition of visibility, as it stands in statements.
type Predicate struct {
	Name    string
	text    *regexp.Regexp
	without string
}

// In reports whether it is part of a statement.
func (p Predicate) In(text string) bool { return p.text.MatchString(text) }

func predicate(name, text, without string) Predicate {
	return Predicate{name, regexp.MustCompile(text), without}
}

// literal is a predicate by its very text.
func literal(name, text, without string) Predicate {
	return predicate(name, regexp.QuoteMeta(text), strings.ReplaceAll(without, "$", "$$"))
}

// Predicates are all by which statements keep from a viewer what is not the
// viewer's. Those of [Repeated] are beside them.
var Predicates = []Predicate{
	literal("a grant was active", "g.was_active AND ", ""),
	literal("a grant is to the state", "g.grantee_state = $1 AND ", ""),
	literal("a grant is to the agency", "g.grantee_agency IN ('', $2)", "1 = 1"),
	literal("a grant is to the officer", "g.grantee_officer IN ('', $3)", "1 = 1"),
	literal("a listed case is under a key of the viewer", "FROM visibility WHERE viewer = ", "FROM visibility WHERE '' < "),
	literal("what is withheld never filters, by purpose", "purpose = ", "'' < "),
	predicate("what is withheld never filters, by marking", `\(tlp <> 'RED' OR seconded\)`, "1 = 1"),
	predicate("what is withheld never filters, by agreement", `\(orig_state \|\| ' ' \|\| agreement_hash \|\| ' ' \|\| category\) = ANY\((\$\d+)\)`, "NOT '' = ANY($1)"),
	literal("full scope leaves out what is red", "OR tlp <> 'RED')", "OR 1 = 1)"),
	literal("full scope leaves out the protected", "OR NOT protected OR", "OR 1 = 1 OR"),
	literal("persons are those named", "protected OR (case_id || '/' || id) = ANY($6)", "protected OR NOT '' = ANY($6)"),
	literal("exhibits are those named", "$5)) OR (case_id || '/' || id) = ANY($6)", "$5)) OR NOT '' = ANY($6)"),
	literal("custody is the originator's and one's own", "(e.state = $2 OR c.state = e.state OR c.state = $2)", "$2 <> ''"),
	predicate("a grant made is of a case that one is assigned to", `g\.state = \$1 AND g\.case_id IN \(SELECT a\.case_id FROM assignments a WHERE a\.viewer = ANY\((\$\d+)\)\)`, "g.state = $$1 AND NOT '' = ANY($1)"),
	literal("a grant made is of the state", "g.state = $1", "$1 <> ''"),
	predicate("a request put is one's own", `r\.officer = (\$\d+)`, "$1 <> ''"),
	predicate("a request is put by the state", `r\.state = (\$\d+)`, "$1 <> ''"),
	predicate("a request is put to the state", `r\.to_state = (\$\d+)`, "$1 <> ''"),
	predicate("a request is routed to the agency", `r\.routed_to = (\$\d+)`, "$1 <> ''"),
	predicate("a proposal is of the state", `p\.state = (\$\d+)`, "$1 <> ''"),
	predicate("a proposal is for the role", `p\.role = (\$\d+)`, "$1 <> ''"),
	literal("what is domestic is of a case assigned", domestic, "d.state = $1 AND NOT '' = ANY($2)"),
	literal("the record of acts is the state's", "FROM openings o WHERE o.state = $1", "FROM openings o WHERE $1 <> ''"),
	literal("the record of acts is searched by the state's openings", "FROM log_facets o WHERE o.state = $1", "FROM log_facets o WHERE $1 <> ''"),
	literal("what waits for its place is searched by the state's openings", "FROM facets_waiting o WHERE o.state = $1", "FROM facets_waiting o WHERE $1 <> ''"),
	literal("of what is searched the state's openings are given", "WHERE o.leaf_id = f.leaf_id AND o.state = $1", "WHERE o.leaf_id = f.leaf_id"),
	literal("the record of acts is narrowed by the state's openings", "x.state = $1 AND x.facet", "x.facet"),
	literal("erasures are the state's", "FROM erasures e WHERE e.state = $1", "FROM erasures e WHERE $1 <> ''"),
	literal("a hold that keeps what would be erased is the state's", "h.case_id = x.case_id AND h.state = $1", "h.case_id = x.case_id AND $1 <> ''"),
	literal("mandates are the state's", "FROM mandates m WHERE m.state = $1", "FROM mandates m WHERE $1 <> ''"),
	literal("officers are the state's", "o.state = $1 ORDER", "$1 <> '' ORDER"),
	literal("reservations are the state's", "r.state = $1 ORDER", "$1 <> '' ORDER"),
	literal("standing grants are the state's", "FROM standings d WHERE d.state = $1", "FROM standings d WHERE $1 <> ''"),
	literal("contributions are the state's", "FROM releases r WHERE r.state = $1", "FROM releases r WHERE $1 <> ''"),
	literal("what a state was granted is to it", "g.state <> $1 AND g.grantee_state = $1", "$1 <> ''"),
	literal("a notice is borne out by what one read oneself", " AND x.officer = ", " AND '' < "),
	literal("shifts are the state's", "s.state = $1", "$1 <> ''"),
	literal("who is on duty is so now", onDuty, "$2 > 0"),
	literal("shifts that overlap are the state's", "FROM shifts WHERE state = $1", "FROM shifts WHERE $1 <> ''"),
	literal("a reserved category is the state's", "FROM reservations WHERE state = $1", "FROM reservations WHERE $1 <> ''"),

	literal("a case abroad is not reserved", "c.state <> $1 AND NOT c.reserved AND", "c.state <> $1 AND"),
	literal("a grant that opens is active", "AND g.status = 'ACTIVE' AND g.not_before <= $5", "AND g.not_before <= $5"),
	literal("a grant that opens has begun", "AND g.not_before <= $5 AND g.not_after > $5", "AND g.not_after > $5"),
	literal("a grant that opens has not ended", "AND g.not_before <= $5 AND g.not_after > $5", "AND g.not_before <= $5"),
	literal("what is found not to be shareable is in no list", "AND c.assessed_finding IN ('', 'ORDINARY')", ""),
	literal("entries counted abroad are not red", "FROM entries WHERE case_id = $1 AND tlp <> 'RED'", "FROM entries WHERE case_id = $1"),
	literal("observables counted abroad are not red", "FROM observables WHERE case_id = $1 AND tlp <> 'RED'", "FROM observables WHERE case_id = $1"),
	literal("subjects counted abroad are not red", "FROM subjects WHERE case_id = $1 AND tlp <> 'RED'", "FROM subjects WHERE case_id = $1"),
	literal("subjects counted abroad are not protected", "AND tlp <> 'RED' AND NOT protected)", "AND tlp <> 'RED')"),

	literal("a dispatch is of a case assigned", dispatchAssigned, "NOT '' = ANY($4)"),
	literal("a dispatch that is no notice is made by the state", "(d.kind <> 'NOTICE' AND d.state = $1 AND", "(d.kind <> 'NOTICE' AND"),
	literal("a dispatch is made by the officer", "OR d.officer = $3", "OR $3 <> ''"),
	literal("a dispatch is put to the state", "OR d.to_state = $1 AND (d.kind", "OR (d.kind"),
	literal("the offices are told of what is put to a state", "(d.kind IN ('REFERRAL', 'UNDERTAKING', 'COMPELLED') AND", "("),
	literal("who is assigned is told of what is of the case", "OR d.kind IN ('ANNOTATION', 'COMPELLED') AND", "OR"),
	literal("a notice reached the state", dispatchReached, "$1 <> ''"),
	literal("a notice is for who read of it", "x.officer = $3", "$3 <> ''"),
	literal("a notice is for who read its record", "x.record_id = d.record_id AND", ""),
	literal("a notice is for who read what it is about", "AND (d.through = 0 OR x.version <= d.through)", ""),
	literal("a notice reaches who read its record", "ON x.record_id = n.record_id AND", "ON"),
	literal("a notice reaches who read what it is about", "(n.through = 0 OR x.version <= n.through)", "1 = 1"),
	literal("the readers of a notice are the state's", "AND x.state = $2", "AND $2 <> ''"),
	literal("whom a notice reached its author's state alone sees", "FROM deliveries y WHERE y.state = $1", "FROM deliveries y WHERE $1 <> ''"),
	literal("how a notice reached a state that state alone sees", "y.notice = ANY($1) AND y.to_state = $2", "y.notice = ANY($1) AND $2 <> ''"),
	literal("whom a notice reached narrows no list of another", "OR d.kind = 'NOTICE' AND d.state = $1 AND EXISTS", "OR d.kind = 'NOTICE' AND EXISTS"),
	literal("how others answer a notice narrows no list", "AND (y.to_state = $1 OR d.state = $1) AND", "AND"),
	predicate("of whose case a referral is narrows no list abroad", `(d\.case_id = \$\d+) AND d\.state = \$1`, "$1"),
	literal("an annotation that is shown is accepted", "d.kind = 'ANNOTATION' AND d.status = 'ACCEPTED' AND", "d.kind = 'ANNOTATION' AND"),
	literal("an annotation goes no further than its label", "d.tlp NOT IN ('RED', 'AMBER_STRICT') AND ", ""),
	literal("an annotation goes no further than its handling code", "AND d.handling NOT IN ('H2', 'H3')", ""),
	literal("an annotation that is shown is of no exhibit", "d.record_id NOT LIKE 'evidence%' AND ", ""),
	literal("an annotation that is shown is of nobody protected", "AND NOT s.protected ", ""),
	literal("an annotation that is shown is of nobody marked red", "AND s.tlp <> 'RED'))", "))"),
	literal("an annotation is shown with its own case", "g.case_id = d.case_id AND ", ""),
	literal("an annotation is shown with no reserved case", "AND NOT c.reserved AND g.scope", "AND g.scope"),
	literal("an annotation is shown at full scope", "AND g.scope = 'FULL' AND", "AND"),
}

// Unregistered are conditions on the same columns that hide nothing from a viewer, or
// nothing that another does not, and why.
var Unregistered = []struct {
	text *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`g\.state <> \$1 AND g\.grantee_state`), "no grant is to its own state"},
	{regexp.MustCompile(`r\.routed_to <> ''`), "no officer is of no agency"},
	{regexp.MustCompile(`d\.kind = 'NOTICE' AND d\.state = \$1 AND EXISTS \(SELECT 1 FROM assignments|d\.kind = 'NOTICE' AND d\.state <> \$1`), "cases are assigned at home alone, and notices reach other states alone"},
	{regexp.MustCompile(`AND d\.kind = \$6(?: AND d\.(?:case_id|record_id) = \$\d+)* AND d\.state (?:=|<>) \$1`), "it narrows to what was made or received"},
	{regexp.MustCompile(`\(d\.state = \$\d+ AND d\.state <> \$1 OR d\.to_state = \$\d+ AND d\.state = \$1|y\.notice = d\.id AND y\.to_state = \$\d+\)\)`), "it narrows to what is of another state"},
	{regexp.MustCompile(`g\.(?:grantee_)?state = \$(?:[2-9]|\d\d)`), "it narrows to grants of or to another state"},
	{regexp.MustCompile(`AND orig_state = \$\d+`), "it narrows to cases of a state"},
	{regexp.MustCompile(`AND via_agency IN \('', \$2\)`), "seen decides; the list only skips what it would drop"},
	{regexp.MustCompile(`g\.viewer = (?:ANY\()?\$\d+`), "covers decides; the key is for the index"},
	{regexp.MustCompile(`FROM seen_assignments a WHERE a\.case_id = c\.id AND a\.viewer = ANY\(\$4\)\), 0\)`), "seen decides; of what was found it tells how"},
	{regexp.MustCompile(`c\.id = \$1 AND a\.viewer = \$2 ON CONFLICT|CASE WHEN g\.grantee_officer = '' THEN`), "it writes the row of one assignment or grant"},
	{regexp.MustCompile(`g\.grantee_state <> g\.state AND NOT c\.reserved`), "seen decides; the list only skips what it would drop"},
	{regexp.MustCompile(`FROM grants WHERE case_id = \$1 AND grantee_state = \$2`), "acts ask it of a case that was found"},
	{regexp.MustCompile(`FROM disclosures x WHERE x\.officer = \$1`), "the act of reading asks it, and shows nothing"},
	{regexp.MustCompile(`JOIN granted g ON g\.id = x\.grant_id AND g\.case_id = n\.case_id AND g\.state = n\.state`), "the exchange holds each grant's statement to it; a notice of an own state is of no grant to it"},
	{regexp.MustCompile(`WHERE n\.kind = 'NOTICE' AND x\.state = \$1 AND g\.state <>`), "what a grant to the state showed was shown to the state"},
	{regexp.MustCompile(`FROM manifests m WHERE m\.state = \$1`), "manifests are for all"},
}

// Repeated are the predicates that are asked once more of what was found (in
// views), so that no answer shows when one is missing.
var Repeated = []Predicate{
	literal("a case at home is assigned", assigned, "c.state = $1"),
	literal("a case is found at all", seen, "($1 <> '' AND $2 <> '' AND $3 <> '' AND NOT '' = ANY($4) AND $5 > 9000000000)"),
	literal("a grant that opens reaches a key of the viewer", "g.viewer = ANY($4) AND ", ""),
}

// Counted is what a count asks of each place. No suite misses it while the places are
// right: see TestCountOfWrongPlaces.
var Counted = literal("a case is counted at all", counted, "($1 <> '' AND $2 <> '' AND $3 <> '' AND NOT '' = ANY($4) AND $5 > 9000000000)")

// Known gives, for a statement, whether a condition from one place of it to another is
// part of what is registered or listed; used notes what of the list was.
func Known(text string, used map[string]bool) func(from, to int) bool {
	var spans [][]int
	for _, p := range slices.Concat(Predicates, Repeated, []Predicate{Counted, OfItsState}) {
		spans = append(spans, p.text.FindAllStringIndex(text, -1)...)
	}
	for _, u := range Unregistered {
		found := u.text.FindAllStringIndex(text, -1)
		used[u.text.String()] = used[u.text.String()] || len(found) > 0
		spans = append(spans, found...)
	}
	return func(from, to int) bool {
		return slices.ContainsFunc(spans, func(s []int) bool { return s[0] < to && from < s[1] })
	}
}

// Unused are the reasons of the list that no statement has needed.
func Unused(used map[string]bool) (whys []string) {
	for _, u := range Unregistered {
		if !used[u.text.String()] {
			whys = append(whys, u.why)
		}
	}
	return whys
}

// OfItsState is that a grant opens a case of its own state alone. No suite misses it
// while the schema holds rows to it: see TestGrantOfAnotherState.
var OfItsState = literal("a grant that opens is of the case's state", "g.state = c.state AND ", "")

// Places is how many rows of the visibility table show a case under a key.
func Places(tx storage.ReadTx, c comity.ID, key string) (n int, err error) {
	err = inner(tx).scanOne(`SELECT count(*) FROM visibility WHERE case_id = $1 AND viewer = $2`, []any{c, key}, &n)
	return n, err
}

// Found is how many of the cases the predicate alone finds.
func Found(tx storage.ReadTx, v storage.Viewer, ids ...comity.ID) (int, error) {
	r := inner(tx)
	a := viewerArgs(v)
	a.add(set(r, storage.ViewerKeys(v.Officer)))
	a.add(micros(v.At))
	found, err := cases.query(r, `SELECT `+cases.cols("c")+` FROM cases c WHERE `+seen+` AND c.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	return len(found), err
}

// Statements tells f of every statement that a database is about to run for the
// first time, whatever comes of it.
func Statements(db storage.DB, f func(text string)) {
	d := db.(*DB)
	translate := d.engine.Translate
	d.engine.Translate = func(text string) string {
		f(text)
		return translate(text)
	}
	d.texts.Clear()
}

// Without takes a predicate out of every statement that a database runs, until
// what it returns puts it back.
func Without(db storage.DB, p Predicate) (restore func()) {
	d := db.(*DB)
	translate := d.engine.Translate
	d.engine.Translate = func(text string) string { return translate(p.text.ReplaceAllString(text, p.without)) }
	d.texts.Clear()
	return func() {
		d.engine.Translate = translate
		d.texts.Clear()
	}
}
