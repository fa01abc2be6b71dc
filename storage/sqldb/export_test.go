package sqldb

import (
	"regexp"
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
// engine's word for it. The plan stands in each row's last column.
func ExplainListCases(tx storage.ReadTx, prefix string, v storage.Viewer, f storage.CaseFilter, p storage.Page) (string, error) {
	r := inner(tx)
	from, a := r.visible(v, f, p)
	rows, err := r.tx.QueryContext(r.ctx, prefix+r.db.text(`SELECT c.id`+from+shown+` ORDER BY m.updated_at DESC, m.case_id DESC`), a...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var plan strings.Builder
	for rows.Next() {
		var line string
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		into[len(into)-1] = &line
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
	literal("the record of acts is the state's", "o.state = $1", "$1 <> ''"),
	literal("mandates are the state's", "m.state = $1", "$1 <> ''"),
	literal("officers are the state's", "o.state = $1 ORDER", "$1 <> '' ORDER"),
	literal("reservations are the state's", "r.state = $1 ORDER", "$1 <> '' ORDER"),
	literal("standing grants are the state's", "FROM standings d WHERE d.state = $1", "FROM standings d WHERE $1 <> ''"),
	literal("contributions are the state's", "FROM releases r WHERE r.state = $1", "FROM releases r WHERE $1 <> ''"),
	literal("what a state was granted is to it", "g.state <> $1 AND g.grantee_state = $1", "$1 <> ''"),
	literal("a notice is borne out by what one read oneself", " AND x.officer = ", " AND '' < "),
	literal("shifts are the state's", "s.state = $1", "$1 <> ''"),
	literal("who is on duty is so now", onDuty, "$2 > 0"),
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
