package report

import "slices"

// Threshold is the least count that is shown where a report is published: fewer
// could be told to be of one officer or one matter.
const Threshold = 5

// Mark says how a count is shown.
type Mark int

// The marks.
const (
	Shown    Mark = iota
	Small         // 1 to 4: as <5
	Withheld      // 5 or more, since with the total it would tell a small one
)

// Marks are those of a report that is published: of the totals, and of the lines of
// each breakdown.
type Marks struct {
	Total [measures]Mark
	Lines [][][measures]Mark // by breakdown and line
}

// Publish leaves out of a report what names single records, and says which of the
// counts are shown. What is hidden cannot be computed from what is shown: the lines
// of every breakdown add up to the total, and agencies and functions to their state.
// Nor does the order of the lines tell it: they are ordered by what is shown of them.
func (r Report) Publish() (Report, Marks) {
	r.Breakdowns = slices.DeleteFunc(slices.Clone(r.Breakdowns), func(b Breakdown) bool { return b.named })
	marks := Marks{Lines: make([][][measures]Mark, len(r.Breakdowns))}
	for i, b := range r.Breakdowns {
		marks.Lines[i] = make([][measures]Mark, len(b.Lines))
	}
	for m := range measures {
		r.publish(m, &marks)
	}
	for i, b := range r.Breakdowns {
		r.Breakdowns[i].Lines, marks.Lines[i] = ordered(b, marks.Lines[i])
	}
	return r, marks
}

// ordered sorts the lines of a breakdown that is published, with their marks.
func ordered(b Breakdown, marks [][measures]Mark) ([]Line, [][measures]Mark) {
	type marked struct {
		line  Line
		marks [measures]Mark
		known Counts
	}
	all := make([]marked, len(b.Lines))
	for k, l := range b.Lines {
		all[k] = marked{line: l, marks: marks[k]}
		for m, mark := range marks[k] {
			if mark == Shown && Measure(m) != Records { // which is not published
				all[k].known[m] = l.Counts[m]
			}
		}
	}
	slices.SortFunc(all, func(x, y marked) int { return b.compare(x.line.Of, y.line.Of, x.known, y.known) })
	lines, sorted := make([]Line, len(all)), make([][measures]Mark, len(all))
	for k, l := range all {
		lines[k], sorted[k] = l.line, l.marks
	}
	return lines, sorted
}

// publish marks one measure in all breakdowns, which share its total.
func (r Report) publish(m Measure, marks *Marks) {
	hidden := false // no breakdown shows anything
	if t := r.Total[m]; t > 0 && t < Threshold {
		marks.Total[m], hidden = Small, true
	}
	for i, b := range r.Breakdowns {
		if hidden {
			break
		}
		if b.within {
			continue
		}
		hidden = !r.mark(m, i, marks)
	}
	if hidden {
		r.hide(m, marks)
	}
}

// mark marks a breakdown and those that are within it, and reports whether small
// counts stay hidden so.
func (r Report) mark(m Measure, i int, marks *Marks) bool {
	cells := column(r.Breakdowns[i].Lines, m)
	kept := make([]Mark, len(cells)) // that parts have to be hidden with
	for {
		own, ok := suppress(cells, kept)
		if !ok {
			return false
		}
		again := false
		if r.Breakdowns[i].Name == "state" {
			for k, l := range r.Breakdowns[i].Lines {
				if own[k] == Shown && !r.within(m, l.Of[0], Shown, marks) {
					kept[k], again = Withheld, true
				}
			}
		}
		if again {
			continue
		}
		for k, l := range r.Breakdowns[i].Lines {
			marks.Lines[i][k][m] = own[k]
			if own[k] != Shown {
				r.within(m, l.Of[0], own[k], marks)
			}
		}
		return true
	}
}

// within marks the parts of a state's line, which is shown or not, and reports
// whether small counts stay hidden so.
func (r Report) within(m Measure, state string, line Mark, marks *Marks) bool {
	for i, b := range r.Breakdowns {
		if !b.within {
			continue
		}
		var parts []Line
		var places []int
		for k, l := range b.Lines {
			if l.Of[0] == state {
				parts, places = append(parts, l), append(places, k)
			}
		}
		cells := column(parts, m)
		own, ok := suppress(cells, make([]Mark, len(cells)))
		if line != Shown {
			own, ok = all(cells), true
		}
		if !ok {
			return false
		}
		for k, place := range places {
			marks.Lines[i][place][m] = own[k]
		}
	}
	return true
}

// hide shows nothing of a measure.
func (r Report) hide(m Measure, marks *Marks) {
	if marks.Total[m] == Shown && r.Total[m] > 0 {
		marks.Total[m] = Withheld
	}
	for i, b := range r.Breakdowns {
		for k, mark := range all(column(b.Lines, m)) {
			marks.Lines[i][k][m] = mark
		}
	}
}

func column(lines []Line, m Measure) []int64 {
	cells := make([]int64, len(lines))
	for k, l := range lines {
		cells[k] = l.Counts[m]
	}
	return cells
}

// all hides every count that is not zero.
func all(cells []int64) []Mark {
	marks := make([]Mark, len(cells))
	for k, n := range cells {
		switch {
		case n >= Threshold:
			marks[k] = Withheld
		case n > 0:
			marks[k] = Small
		}
	}
	return marks
}

// suppress marks the small counts among cells whose total is known, and withholds
// others, the least first, until no small one follows from what is shown. It fails
// where none is left to withhold.
func suppress(cells []int64, kept []Mark) ([]Mark, bool) {
	marks := slices.Clone(kept)
	for k, n := range cells {
		if n > 0 && n < Threshold {
			marks[k] = Small
		}
	}
	for !safe(cells, marks) {
		least := -1
		for k, n := range cells {
			if marks[k] == Shown && n > 0 && (least < 0 || n < cells[least]) {
				least = k
			}
		}
		if least < 0 {
			return nil, false
		}
		marks[least] = Withheld
	}
	return marks, true
}

// safe reports whether every hidden count could be one of several, for somebody who
// knows the total, what is shown, and what the marks mean.
func safe(cells []int64, marks []Mark) bool {
	var hidden, least, most int64 // of the hidden together: what they are, and could be
	unbounded := 0
	for k, n := range cells {
		switch marks[k] {
		case Small:
			hidden, least, most = hidden+n, least+1, most+Threshold-1
		case Withheld:
			hidden, least = hidden+n, least+Threshold
			unbounded++
		}
	}
	for k := range cells {
		var low, high int64
		switch marks[k] {
		case Small:
			low, high = 1, min(Threshold-1, hidden-(least-1))
			if unbounded == 0 {
				low = max(low, hidden-(most-(Threshold-1)))
			}
		case Withheld:
			low, high = Threshold, hidden-(least-Threshold)
			if unbounded == 1 {
				low = max(low, hidden-most)
			}
		default:
			continue
		}
		if high <= low {
			return false
		}
	}
	return true
}
