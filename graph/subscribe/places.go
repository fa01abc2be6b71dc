package subscribe

import (
	"fmt"
	"sync"

	"github.com/comity-platform/comity"
)

// Count counts by some key; what is not there is 0.
type Count[K comparable] map[K]int

// Less takes one away, and what came to nothing out of memory.
func (c Count[K]) Less(k K) {
	if c[k]--; c[k] <= 0 {
		delete(c, k)
	}
}

// FullError is for who asks for a place where there is none.
type FullError struct {
	Limit string // "streams", "stateStreams", "agencyStreams" or "officerStreams"
	Most  int
	// Server tells that it is the server that is full, whoever asks.
	Server bool
}

func (e *FullError) Error() string {
	return fmt.Sprintf("subscribe: the limit %s of %d is reached", e.Limit, e.Most)
}

// Places are those of a server's streams, or of its sockets: none of an officer, an
// agency or a state takes those of all others. A state names its own agencies, so
// that the limit of each does not bound it.
type Places struct {
	limits Limits

	mu       sync.Mutex
	all      int
	states   Count[comity.State]
	agencies Count[comity.AgencyID]
	officers Count[comity.OfficerRef]
}

// NewPlaces makes as many as the limits say.
func NewPlaces(l Limits) *Places {
	return &Places{limits: l, states: Count[comity.State]{}, agencies: Count[comity.AgencyID]{}, officers: Count[comity.OfficerRef]{}}
}

// Take takes a place, and says how to give it back, which is done once however often
// it is called; a [FullError] where there is none.
func (p *Places) Take(o comity.Officer) (release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.officers[o.Ref()] >= p.limits.Officer:
		return nil, &FullError{Limit: "officerStreams", Most: p.limits.Officer}
	case p.agencies[o.Agency] >= p.limits.Agency:
		return nil, &FullError{Limit: "agencyStreams", Most: p.limits.Agency}
	case p.states[o.State] >= p.limits.State:
		return nil, &FullError{Limit: "stateStreams", Most: p.limits.State}
	case p.all >= p.limits.Server:
		return nil, &FullError{Limit: "streams", Most: p.limits.Server, Server: true}
	}
	p.all++
	p.states[o.State]++
	p.agencies[o.Agency]++
	p.officers[o.Ref()]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		p.states.Less(o.State)
		p.agencies.Less(o.Agency)
		p.officers.Less(o.Ref())
	}), nil
}
