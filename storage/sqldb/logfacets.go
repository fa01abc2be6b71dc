package sqldb

import (
	"slices"

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

// facetsOf gives what the openings of a leaf are found by: for each the state, and
// the name of the facet, a colon and its value.
func facetsOf(l storage.Leaf) (states []comity.State, all []string) {
	for _, o := range l.Openings {
		f := o.Facets
		names := facets(f.Records, f.Officer, f.Act, f.Outcome, f.State)
		slices.Sort(names)
		for _, name := range slices.Compact(names) { // a record can be named twice
			states, all = append(states, o.State), append(all, name)
		}
	}
	return states, all
}

// logPage is the FROM of a page of openings o of a state. One facet is walked by
// its index, and the others are looked up for each of what it finds.
func logPage(s comity.State, f storage.LogFilter, p storage.Page) (string, args) {
	a := args{s}
	var records []string
	if f.Record != "" {
		records = []string{f.Record}
	}
	from, cond := ` FROM openings o WHERE o.state = $1`, ""
	place := "o"
	for i, name := range facets(records, f.Officer, f.Act, f.Outcome, f.State) {
		if i == 0 {
			from = ` FROM log_facets f JOIN openings o ON o.leaf_id = f.leaf_id AND o.state = f.state WHERE f.state = $1 AND f.facet = ` + a.add(name)
			place = "f"
			continue
		}
		cond += ` AND EXISTS (SELECT 1 FROM log_facets x WHERE x.state = $1 AND x.facet = ` + a.add(name) + ` AND x.at = f.at AND x.leaf_id = f.leaf_id)`
	}
	if !f.From.IsZero() {
		cond += ` AND ` + place + `.at >= ` + a.add(micros(f.From))
	}
	if !f.Until.IsZero() {
		cond += ` AND ` + place + `.at < ` + a.add(micros(f.Until))
	}
	afterAt, afterID := before(p.After)
	cond += ` AND (` + place + `.at, ` + place + `.leaf_id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `)`
	return from + cond + ` ORDER BY ` + place + `.at DESC, ` + place + `.leaf_id DESC LIMIT ` + a.add(max(p.Limit, 0)), a
}
