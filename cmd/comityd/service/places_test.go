package service

import (
	"fmt"
	"testing"

	"github.com/comity-platform/comity"
)

// fill takes places for officers of an agency until there is none, and gives them.
func (p *places) fill(agency string) (all []*place) {
	for {
		x := p.enter(false)
		if x == nil {
			return all
		}
		if !x.Of(comity.Officer{State: comity.State(agency[:2]), Agency: comity.AgencyID(agency)}) {
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
	first := p.fill("KZ/cyber")
	if len(first) != 128 {
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
