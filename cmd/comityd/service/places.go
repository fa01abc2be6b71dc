package service

import (
	"sync"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/subscribe"
)

// places are those of requests. Who asks is known once the token is verified: until
// then a request stands in the entrance, which has as many places again, a quarter of
// them for requests without a token, so that strangers take no officer's place. Inside,
// an agency may take as many as it leaves free, a state twice and an officer half as
// many (the dynamic thresholds of Choudhury and Hahne, by which switches share memory):
// whoever is alone has a part, and to whoever else comes there is a place left, of the
// same agency too, without any set aside.
type places struct {
	most int

	mu        sync.Mutex
	entrance  int
	strangers int // in the entrance, without a token
	inside    int
	agencies  subscribe.Count[comity.AgencyID]
	states    subscribe.Count[comity.State]
	officers  subscribe.Count[comity.OfficerRef]
}

func newPlaces(most int) *places {
	return &places{most: most, agencies: subscribe.Count[comity.AgencyID]{}, states: subscribe.Count[comity.State]{}, officers: subscribe.Count[comity.OfficerRef]{}}
}

// place is that of one request.
type place struct {
	all      *places
	stranger bool
	left     bool
	officer  *comity.Officer // nil in the entrance
}

// enter takes a place in the entrance, nil where there is none.
func (p *places) enter(stranger bool) *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entrance >= p.most || stranger && p.strangers >= max(1, p.most/4) {
		return nil
	}
	p.entrance++
	if stranger {
		p.strangers++
	}
	return &place{all: p, stranger: stranger}
}

// Of takes the request inside, as an officer's; false where there is no place for it.
func (x *place) Of(o comity.Officer) bool {
	p := x.all
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.left || x.officer != nil { // a stream, which has a place of its own
		return true
	}
	if free := p.most - p.inside; free <= 0 || p.agencies[o.Agency] >= free || p.states[o.State] >= 2*free || p.officers[o.Ref()] >= max(1, free/2) {
		return false
	}
	x.goOn()
	x.officer = &o
	p.inside++
	p.agencies[o.Agency]++
	p.states[o.State]++
	p.officers[o.Ref()]++
	return true
}

// Leave gives the place back, once.
func (x *place) Leave() {
	p := x.all
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case x.left:
	case x.officer == nil:
		x.goOn()
	default:
		p.inside--
		p.agencies.Less(x.officer.Agency)
		p.states.Less(x.officer.State)
		p.officers.Less(x.officer.Ref())
	}
	x.left = true
}

// goOn leaves the entrance. The lock is held.
func (x *place) goOn() {
	x.all.entrance--
	if x.stranger {
		x.all.strangers--
	}
}
