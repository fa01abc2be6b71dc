package service

import (
	"fmt"
	"testing"

	"github.com/comity-platform/comity"
)

// fill takes places for officers of an agency until there is none, and gives them.
func (p *places) fill(agency string) (all []*place) {
	for name := 0; ; name++ {
		some := p.fillFor(agency, fmt.Sprint("in-", name))
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
	}
}

// fillFor is fill for one officer.
func (p *places) fillFor(agency, name string) (all []*place) {
	for {
		x := p.enter(false)
		if x == nil {
			return all
		}
		if !x.Of(comity.Officer{State: comity.State(agency[:2]), Agency: comity.AgencyID(agency), Pseudonym: name}) {
			x.Leave()
			return all
		}
		all = append(all, x)
	}
}

// TestPlaces: whoever floods leaves places to others, who leave some in turn; a state
// does not get more by naming agencies; and strangers keep nobody out.
func TestPlaces(t *testing.T) {
	p := newPlaces(256)
	strangers := 0
	for p.enter(true) != nil {
		strangers++
	}
	if strangers != 64 {
		t.Errorf("strangers have %d places", strangers)
	}
	first := p.fillFor("KZ/cyber", "in-0")
	if len(first) != 85 {
		t.Errorf("an officer alone has %d of 256 places", len(first))
	}
	if second := p.fillFor("KZ/cyber", "in-1"); len(second) < 20 {
		t.Errorf("another of the agency has %d places beside it", len(second))
	} else {
		first = append(first, second...)
	}
	if first = append(first, p.fill("KZ/cyber")...); len(first) < 125 || len(first) > 128 {
		t.Errorf("an agency alone has %d of 256 places", len(first))
	}
	state := len(first)
	for i := range 50 {
		state += len(p.fill(fmt.Sprint("KZ/made-up-", i)))
	}
	if state > 171 {
		t.Errorf("a state of many agencies has %d of 256 places", state)
	}
	other := p.fill("AM/cyber")
	if len(other) < 40 {
		t.Errorf("another state has %d places beside it", len(other))
	}
	if third := p.fill("BY/cyber"); len(third) < 20 {
		t.Errorf("a third has %d", len(third))
	}
	for _, x := range append(first, other...) {
		x.Leave()
		x.Leave() // again does nothing
		if !x.Of(comity.Officer{State: "KZ", Agency: "KZ/cyber"}) {
			t.Error("a request that became a stream wants a place")
		}
	}
	if again := p.fill("TJ/cyber"); len(again) < 50 {
		t.Errorf("what was given back is not there: %d", len(again))
	}
	if p.entrance != strangers {
		t.Errorf("%d are in the entrance, of whom %d strangers", p.entrance, strangers)
	}
}
