package worlds_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tally is how often each kind of act was done, and refused.
type tally map[string]*[2]int

// kinds must each have been done and refused so often for the worlds to mean
// anything; where the Articles leave one of both, of the other nothing is asked.
var kinds = map[string][2]int{
	"undertakings": {1, 1}, "answers to undertakings": {1, 1}, "grants on undertakings": {1, 1},
	"motions for onward sharing": {1, 1}, "grants upon motions": {1, 1},
	"grants in danger to life": {1, 1}, "grants in danger to life again": {1, 1}, "confirmations": {1, 1}, "confirmations too late": {0, 1},
	"manifests":                              {3, 3},
	"looks at a grant whose agreement ended": {0, 1}, "looks at a grant that runs out after its agreement": {1, 0},
	"looks at a grant on an undertaking": {1, 0}, "looks at a grant that is confirmed": {1, 0},
	"looks at a grant that lapsed": {0, 1}, "looks at a grant whose key is retired": {0, 1},
}

func (t tally) count(kind string, err error) { t.add(kind, err == nil) }

func (t tally) add(kind string, done bool) {
	if t[kind] == nil {
		t[kind] = &[2]int{}
	}
	if done {
		t[kind][0]++
	} else {
		t[kind][1]++
	}
}

// lacks are the kinds that did not occur often enough.
func (t tally) lacks() (all []string) {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		want, got := kinds[kind], t[kind]
		if got == nil {
			got = &[2]int{}
		}
		if got[0] < want[0] || got[1] < want[1] {
			all = append(all, fmt.Sprintf("%s: %d done and %d refused, of %d and %d", kind, got[0], got[1], want[0], want[1]))
		}
	}
	return all
}

func (t tally) String() string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(t)) {
		all = append(all, fmt.Sprintf("%s %d/%d", kind, t[kind][0], t[kind][1]))
	}
	return strings.Join(all, ", ")
}
