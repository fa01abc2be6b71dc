package graph

import (
	"net/http"
	"net/netip"
	"sync"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/pace"
)

// seats are the places of sockets, so that neither an officer nor an agency nor a
// stranger takes those of others: a socket without a stream takes one too. Of an
// officer and an agency there are as many as they may have streams.
type seats struct {
	mu        sync.Mutex
	strangers int
	networks  map[netip.Prefix]int // strangers, by where they come from
	officers  map[comity.OfficerRef]int
	agencies  map[comity.AgencyID]int
	all       int // of officers
}

func newSeats() *seats {
	return &seats{networks: map[netip.Prefix]int{}, officers: map[comity.OfficerRef]int{}, agencies: map[comity.AgencyID]int{}}
}

// seat takes a place for a socket, and says how to give it back.
func (h *handler) seat(r *http.Request, who exchange.Caller) (release func(), f *fault) {
	if who.Token == "" {
		return h.strangersSeat(r)
	}
	s, limits, o := h.seats, h.hub.Limits, who.Officer
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.officers[o.Ref()] >= limits.Officer:
		return nil, noSeat("officerStreams", limits.Officer, http.StatusTooManyRequests)
	case s.agencies[o.Agency] >= limits.Agency:
		return nil, noSeat("agencyStreams", limits.Agency, http.StatusTooManyRequests)
	case s.all >= limits.Server:
		return nil, noSeat("streams", limits.Server, http.StatusServiceUnavailable)
	}
	s.officers[o.Ref()]++
	s.agencies[o.Agency]++
	s.all++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		less(s.officers, o.Ref())
		less(s.agencies, o.Agency)
		s.all--
	}), nil
}

// strangersSeat is for who has not said who it is: a request without a token.
func (h *handler) strangersSeat(r *http.Request) (release func(), f *fault) {
	if f := h.strangerTooFast(r); f != nil {
		return nil, f
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	network := pace.Network(at.Addr())
	s := h.seats
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.networks[network] >= maxGreetingOfOne {
		return nil, noSeat("addressStreams", maxGreetingOfOne, http.StatusTooManyRequests)
	}
	if s.strangers >= maxGreeting {
		return nil, noSeat("streams", maxGreeting, http.StatusServiceUnavailable)
	}
	s.networks[network]++
	s.strangers++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		less(s.networks, network)
		s.strangers--
	}), nil
}

func noSeat(limit string, most, status int) *fault {
	f := passed(limit, most, "sockets at once: end one, or try again later")
	f.after, f.status = comeAgain, status
	return f
}

func less[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}
