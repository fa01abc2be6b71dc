package graph

import (
	"errors"
	"net/http"
	"net/netip"
	"sync"

	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph/subscribe"
)

// seats are the places of sockets, so that neither an officer nor an agency, a state
// or a stranger takes those of others: a socket without a stream takes one too. Of
// officers there are as many as they may have streams.
type seats struct {
	officers *subscribe.Places

	mu        sync.Mutex
	strangers int
	networks  subscribe.Count[netip.Prefix] // strangers, by where they come from
}

func newSeats(l subscribe.Limits) *seats {
	return &seats{officers: subscribe.NewPlaces(l), networks: subscribe.Count[netip.Prefix]{}}
}

// seat takes a place for a socket, and says how to give it back.
func (h *handler) seat(r *http.Request, who exchange.Caller) (release func(), f *fault) {
	if who.Token == "" {
		return h.strangersSeat(r)
	}
	release, err := h.seats.officers.Take(who.Officer)
	if full, ok := errors.AsType[*subscribe.FullError](err); ok {
		return nil, noPlace(full, "sockets")
	}
	return release, nil
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
		return nil, noPlace(&subscribe.FullError{Limit: "addressStreams", Most: maxGreetingOfOne}, "sockets")
	}
	if s.strangers >= maxGreeting {
		return nil, noPlace(&subscribe.FullError{Limit: "streams", Most: maxGreeting, Server: true}, "sockets")
	}
	s.networks[network]++
	s.strangers++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.networks.Less(network)
		s.strangers--
	}), nil
}

// noPlace says that there is none, and when to come again.
func noPlace(full *subscribe.FullError, of string) *fault {
	f := passed(full.Limit, full.Most, of+" at once: end one, or try again later")
	f.after, f.status = comeAgain, http.StatusTooManyRequests
	if full.Server {
		f.status = http.StatusServiceUnavailable
	}
	return f
}
