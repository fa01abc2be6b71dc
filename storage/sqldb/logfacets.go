package sqldb

import (
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// facets names what is set of a filter, or of an opening, that which finds the
// fewest first.
func facets(records []string, o comity.OfficerRef, act, outcome string, s comity.State) (all []string) {
	for _, r := range records {
		all = append(all, "record:"+r)
	}
	for _, f := range []struct{ name, value string }{{"officer:", string(o)}, {"act:", act}, {"outcome:", outcome}, {"state:", string(s)}} {
		if f.value != "" {
			all = append(all, f.name+f.value)
		}
	}
	return all
}

// waitingFacets are what an opening is found by until its leaf has a place.
type waitingFacets struct {
	leaf   comity.ID
	state  comity.State
	at     time.Time
	facets any // a set
}

var facetsWaiting = newTable("facets_waiting", "leaf_id state at facets",
	func(f *waitingFacets) []any { return []any{&f.leaf, &f.state, instant(&f.at), f.facets} })

// facetsOf gives what an opening is found by: the name of each facet, a colon and
// its value.
func facetsOf(o storage.Opening) []string {
	f := o.Facets
	names := facets(f.Records, f.Officer, f.Act, f.Outcome, f.State)
	slices.Sort(names)
	return slices.Compact(names) // a record can be named twice
}

// writeFacets takes over what leaves are found by, row by row.
func (w *writer) writeFacets(of []storage.Leaf) error {
	ids := make([]comity.ID, len(of))
	for i, l := range of {
		ids[i] = l.ID
	}
	err := w.later(w.db.engine.Facets, args{set(w.reader, ids)})
	if err == nil {
		err = w.later(`DELETE FROM facets_waiting WHERE leaf_id = ANY($1)`, args{set(w.reader, ids)})
	}
	if err != nil {
		return fmt.Errorf("by what leaves are found: %w", err)
	}
	return nil
}

// logPage is the FROM of a page of openings o of a state. One facet is walked by
// its index, and the others are looked up for each of what it finds; beside them
// stand the few leaves that wait for their place. CROSS JOIN has SQLite look for
// openings of what was found, and not the other way round.
func logPage(s comity.State, f storage.LogFilter, p storage.Page) (string, args) {
	a := args{s}
	var records []string
	if f.Record != "" {
		records = []string{f.Record}
	}
	afterAt, afterID := before(p.After)
	term := ""
	if !f.From.IsZero() {
		term += ` AND o.at >= ` + a.add(micros(f.From))
	}
	if !f.Until.IsZero() {
		term += ` AND o.at < ` + a.add(micros(f.Until))
	}
	term += ` AND (o.at, o.leaf_id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `) ORDER BY o.at DESC, o.leaf_id DESC LIMIT ` + a.add(max(p.Limit, 0))
	names := facets(records, f.Officer, f.Act, f.Outcome, f.State)
	if len(names) == 0 {
		return ` FROM openings o WHERE o.state = $1` + term, a
	}
	placed, waiting := `SELECT o.at, o.leaf_id FROM log_facets o WHERE o.state = $1 AND o.facet = `, `SELECT o.at, o.leaf_id FROM facets_waiting o WHERE o.state = $1`
	for i, name := range names {
		facet := a.add(name)
		if i == 0 {
			placed += facet
		} else {
			placed += ` AND EXISTS (SELECT 1 FROM log_facets x WHERE x.state = $1 AND x.facet = ` + facet + ` AND x.at = o.at AND x.leaf_id = o.leaf_id)`
		}
		waiting += ` AND ` + facet + ` = ANY(o.facets)`
	}
	return ` FROM (SELECT * FROM (` + placed + term + `) p UNION ALL SELECT * FROM (` + waiting + term + `) w) f
		CROSS JOIN openings o WHERE o.leaf_id = f.leaf_id AND o.state = $1 ORDER BY f.at DESC, f.leaf_id DESC LIMIT ` + a.add(max(p.Limit, 0)), a
}
